// Whatever goes wrong in an overwrite: the live database is wholly as before or wholly as the archive, nothing is left behind.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoLeftovers, startServer } from './support/hubport.mjs';
import { catalogue, checksum, fill, restore } from './support/data.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const EXPORT = '/api/admin/database/export';
const IMPORT = '/api/admin/database/import';
const OVERWRITE = { cleanFirst: 'true' };
const TOKEN = 'token of the fault tests';
let postgres, redis, env, server, client, archive, older, newer;

const state = async () => JSON.stringify([await checksum(postgres, 'hub'), await catalogue(postgres, 'hub')]);

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB; CREATE ROLE plain LOGIN; CREATE ROLE reader',
    settings: { wal_level: 'logical', max_prepared_transactions: '1' } });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN, HUBPORT_DB_LOCK_TIMEOUT: '1s' };
  server = await startServer({ env });
  client = server.client();
  await fill(postgres, 'hub', { user: 'hub', requests: 6000 });
  archive = { bytes: (await client.get(EXPORT)).body, name: 'hub.dump' };
  newer = await state();
  await postgres.sql('hub', `UPDATE users SET name = 'old ' || id; DELETE FROM message_request WHERE id % 3 = 0`, { user: 'hub' });
  older = await state();
});
after(() => cleanUp());

/** The answer or the last event, whichever came. */
async function attempt(file, using = client) {
  const answer = await using.upload(IMPORT, OVERWRITE, file);
  if (answer.status !== 200) return { status: answer.status, ...answer.json };
  const events = answer.text.split('\n\n').filter((block) => block.startsWith('data: ')).map((block) => JSON.parse(block.slice(6)));
  return { status: 200, ...events.at(-1) };
}

async function assertOld(places = { server, postgres, redis }, within = 0) {
  assert.ok((await state()) === older, 'the live database is as before');
  await assertNoLeftovers(places, within);
}

test('a file cut at any of 20 places changes nothing', async () => {
  for (let i = 0; i < 20; i++) {
    const bytes = archive.bytes.subarray(0, Math.floor((archive.bytes.length * i) / 20));
    const outcome = await attempt({ bytes, name: 'cut.dump' });
    assert.ok(['FILE_NOT_ARCHIVE', 'ARCHIVE_DAMAGED'].includes(outcome.code), `cut ${i}: ${JSON.stringify(outcome)}`);
  }
  const last = await attempt({ bytes: archive.bytes.subarray(0, archive.bytes.length - 1), name: 'cut.dump' });
  assert.equal(last.code, 'ARCHIVE_DAMAGED');
  await assertOld();
});

test('a file with a flipped bit changes nothing, wherever the bit is', async () => {
  for (let i = 0; i < 40; i++) {
    const bytes = Buffer.from(archive.bytes);
    const place = Math.floor(((i + 0.5) * bytes.length) / 40);
    bytes[place] ^= 1 << (i % 8);
    const outcome = await attempt({ bytes, name: 'flipped.dump' });
    assert.notEqual(outcome.type, 'complete', `bit ${i % 8} of byte ${place} of ${bytes.length}`);
  }
  await assertOld();
});

test('a restore that meets an error in the data changes nothing', async () => {
  await restore(postgres, 'bad', archive.bytes);
  // A check that the rows break but that counts as valid: the dump creates it before the data, and the rows do not pass.
  await postgres.sql('bad', `ALTER TABLE users ADD CONSTRAINT lies CHECK (id < 10) NOT VALID;
    UPDATE pg_constraint SET convalidated = true WHERE conname = 'lies'`);
  const other = await startServer({ env: { ...env, DSN: postgres.dsn('bad'), REDIS_URL: undefined } });
  const bytes = (await other.client().get(EXPORT)).body;
  await other.stop();
  const outcome = await attempt({ bytes, name: 'bad.dump' });
  assert.equal(outcome.type, 'error', JSON.stringify(outcome));
  assert.equal(outcome.code, 'RESTORE_FATAL');
  assert.match(outcome.message, /^发现 \d+ 个致命错误：.*lies/);
  assert.equal(outcome.changed, false);
  await assertOld();
});

/** Starts an import and waits until it is in the given phase; gives the stream. */
async function importUntil(phase, using = client) {
  const stream = await using.uploadForEvents(IMPORT, OVERWRITE, archive);
  await stream.until((event) => event.phase === phase);
  return stream;
}

for (const phase of ['verify', 'restore', 'check', 'migrate'])
  test(`a browser that closes during ${phase} cancels: nothing is changed and nothing left`, async () => {
    const stream = await importUntil(phase);
    stream.leave();
    await server.logged('import.failed');
    await assertOld({ server, postgres, redis }, 5000);
  });

test('a browser that closes at any moment while the shadow database is made leaves none', async () => {
  for (let i = 0; i < 20; i++) {
    const stream = await importUntil('restore');
    await sleep(i * 8);
    stream.leave();
    await assertNoLeftovers({ server, postgres, redis }, 3000);
  }
  await assertOld();
});

for (const [what, kill] of [
  ['pg_restore', () => server.children().filter(({ command }) => /pg_restore/.test(command)).forEach(({ pid }) => process.kill(pid, 'SIGKILL'))],
  ['the restoring backend', () => postgres.sql('postgres', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name LIKE 'hubport restore%'`)],
])
  test(`kill -9 of ${what} in the restore changes nothing`, async () => {
    const stream = await importUntil('restore');
    await waitFor(() => server.children().some(({ command }) => /pg_restore/.test(command)), { within: 3000, every: 1 });
    await kill();
    for await (const { data } of stream) stream.final = data;
    // It may have been quicker than the kill; then it is wholly new, and put back.
    if (stream.final.type === 'complete') {
      assert.ok((await state()) === newer);
      assert.equal((await client.post('/api/admin/database/rollback', {})).status, 200);
    }
    await assertOld();
  });

test('kill -9 of the server at twelve moments: old or new, and a restart leaves nothing', async () => {
  for (let i = 0; i < 12; i++) {
    const stream = await client.openUpload(IMPORT, OVERWRITE, archive).catch(() => null);
    stream?.response.resume();
    await sleep(20 + i * 120);
    await server.kill('SIGKILL');
    server = await startServer({ env, directory: server.directory });
    client = server.client();
    await server.logged('server.started');
    const now = await state();
    assert.ok(now === older || now === newer, `kill ${i}: neither old nor new`);
    await assertNoLeftovers({ server, postgres }, 15_000);
    if (now === newer) assert.equal((await client.post('/api/admin/database/rollback', {})).status, 200);
  }
  // The killed owner's key did not keep the next one out; what is left of the last one ends by its own life.
  assert.equal((await client.get(`${EXPORT}?excludeLogs=true`)).status, 200);
  await assertOld();
});

test('stopping the server in the middle cancels within 10 s and leaves nothing', async () => {
  const stream = await importUntil('restore');
  const started = Date.now();
  const { code } = await server.stop(10_000);
  assert.equal(code, 0);
  assert.ok(Date.now() - started < 10_000);
  stream.leave();
  await assertOld({ postgres, redis });
  server = await startServer({ env, directory: server.directory });
  client = server.client();
});

test('an open transaction that holds locks does not stop a switch, and its connection is ended', async () => {
  const session = postgres.session('hub', { user: 'hub' });
  await session.run('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
  const outcome = await attempt(archive);
  assert.equal(outcome.type, 'complete', JSON.stringify(outcome));
  assert.ok((await state()) === newer);
  assert.equal((await client.post('/api/admin/database/rollback', {})).status, 200);
  await assertOld();
});

test('clients that connect all the time during the switch find the old or the new database', async () => {
  let stop = false, answers = 0;
  const pester = (async () => {
    while (!stop) {
      const count = await postgres.value('hub', 'SELECT count(*) FROM users', { user: 'hub' }).catch((error) => error.message);
      assert.match(String(count), /^200$|terminating connection|server closed|does not exist/);
      answers++;
    }
  })();
  const outcome = await attempt(archive);
  stop = true;
  await pester;
  assert.equal(outcome.type, 'complete', JSON.stringify(outcome));
  assert.ok(answers > 5);
  assert.equal((await client.post('/api/admin/database/rollback', {})).status, 200);
  await assertOld();
});

test('without a maintenance database an import works in place, under a lock in the live database', async () => {
  const other = await startServer({ env: {...env, HUBPORT_LOCK_DATABASE: 'not there' } });
  const stream = await other.client().uploadForEvents(IMPORT, OVERWRITE, archive);
  const { events, last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.ok(events.some(({ message }) => /no maintenance database/.test(message)));
  assert.ok((await state()) === newer);
  await other.stop();
  await toOldInPlace();
  await assertOld();
});

/** What a rename of databases would lose or cannot do: [what, made by, undone by, what the import says]. By the superuser. */
const OBSTACLES = [
  ...['log_min_duration_statement', 'auto_explain.log_min_duration', 'no_module.knows_this'].map((name) =>
    [`the setting ${name}`, `ALTER DATABASE hub SET ${name} = '1000'`, `ALTER DATABASE hub RESET ${name}`,
      `setting ${name} of the database needs a superuser`]),
  ['another role\'s setting', `ALTER ROLE plain IN DATABASE hub SET work_mem = '1MB'`, 'ALTER ROLE plain IN DATABASE hub RESET work_mem',
    'setting work_mem of the database needs a superuser'],
  ['another owner', 'ALTER DATABASE hub OWNER TO postgres; GRANT CREATE ON DATABASE hub TO hub; GRANT ALL ON SCHEMA public TO hub',
    'REVOKE ALL ON SCHEMA public FROM hub; REVOKE CREATE ON DATABASE hub FROM hub; ALTER DATABASE hub OWNER TO hub', 'the role does not own the database'],
  ['a grant by somebody else', `GRANT CONNECT ON DATABASE hub TO reader WITH GRANT OPTION; SET ROLE reader; GRANT CONNECT ON DATABASE hub TO plain`,
    'REVOKE CONNECT ON DATABASE hub FROM reader CASCADE', 'a grant on the database was made by reader'],
  ['a replication slot', `SELECT pg_create_logical_replication_slot('follower', 'pgoutput')`, `SELECT pg_drop_replication_slot('follower')`,
    'replication slot follower'],
  ['a publication', 'CREATE PUBLICATION news', 'DROP PUBLICATION news', 'publication news'],
  ['a subscription', `CREATE SUBSCRIPTION paper CONNECTION 'host=/nonexistent' PUBLICATION news WITH (connect = false)`,
    'ALTER SUBSCRIPTION paper SET (slot_name = NONE); DROP SUBSCRIPTION paper', 'subscription paper'],
  ['default privileges of another role', 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM reader', 'default privileges of the role postgres'],
  ['a prepared transaction', `BEGIN; SELECT txid_current(); PREPARE TRANSACTION 'half'`, `ROLLBACK PREPARED 'half'`, 'prepared transaction half'],
];

for (const [what, make, undo, says] of OBSTACLES)
  test(`a database with ${what} is not switched, but overwritten in place, and keeps it`, async () => {
    await postgres.sql('hub', make);
    const described = () => postgres.rows('hub', `SELECT datdba, datacl::text, setconfig::text FROM pg_database d
      LEFT JOIN pg_db_role_setting ON setdatabase = d.oid WHERE datname = 'hub'`);
    const before = await described();
    const stream = await client.uploadForEvents(IMPORT, OVERWRITE, archive);
    const { events, last } = await stream.collect();
    assert.equal(last.type, 'complete', JSON.stringify(last));
    assert.ok(events.some(({ message }) => message.includes(`（${says}）`)), JSON.stringify(events));
    assert.deepEqual(await described(), before);
    await postgres.sql('hub', undo);
    assert.ok((await state()) === newer);
    await toOldInPlace();
    await assertOld();
  });

test('a database that another role is connected to is overwritten in place, and the connection lives', async () => {
  const session = postgres.session('hub', { user: 'plain' });
  assert.equal((await session.run('SELECT 1')).trim(), '1');
  const stream = await client.uploadForEvents(IMPORT, OVERWRITE, archive);
  const { events, last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.ok(events.some(({ message }) => message.includes('（connections of the role plain cannot be ended）')));
  assert.equal((await session.run('SELECT 2')).trim(), '2');
  await session.close();
  assert.ok((await state()) === newer);
  await toOldInPlace();
  await assertOld();
});

test('an archive with what only a superuser may make is restored in place, and that stays as it is', async () => {
  const make = (...names) => names.map((name) => `CREATE EXTENSION "${name}"`).join(';');
  await postgres.sql('hub', `${make('pg_stat_statements', 'pg_trgm', 'uuid-ossp')}; CREATE INDEX users_by_name ON users USING gin (name gin_trgm_ops);
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader;
    CREATE TYPE pair AS (a int, b int); CREATE FUNCTION first(pair) RETURNS int LANGUAGE sql AS 'SELECT $1.a';
    ALTER TYPE pair OWNER TO hub; ALTER FUNCTION first(pair) OWNER TO hub`);
  older = await state();
  const file = { bytes: (await client.get(EXPORT)).body, name: 'extended.dump' };
  await postgres.sql('hub', 'DELETE FROM keys', { user: 'hub' });
  const stream = await client.uploadForEvents(IMPORT, OVERWRITE, file);
  const { events, last } = await stream.collect();
  assert.deepEqual([last.type, last.way, last.warningCount], ['complete', 'in_place', 1], JSON.stringify(last));
  assert.ok(events.some(({ message }) => message.includes('（default privileges of the role postgres）')));
  await assertOld();
  await postgres.sql('hub', 'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM reader');
  older = await state();
  const again = await client.uploadForEvents(IMPORT, OVERWRITE, { bytes: (await client.get(EXPORT)).body, name: 'extended.dump' });
  const collected = await again.collect();
  assert.deepEqual([collected.last.type, collected.last.warningCount], ['complete', undefined], JSON.stringify(collected.last));
  assert.ok(collected.events.some(({ message }) => message.includes('（extension pg_stat_statements needs a superuser）')));
  await assertOld();
  await postgres.sql('hub', `DROP EXTENSION pg_stat_statements, pg_trgm, "uuid-ossp" CASCADE; DROP FUNCTION first(pair); DROP TYPE pair`);
  await toOldInPlace();
});

test('a database whose name has no room for that of a previous one is overwritten in place', async () => {
  const name = 'h'.repeat(41);
  await postgres.createDatabase(name, { owner: 'hub' });
  const other = await startServer({ env: {...env, DSN: postgres.dsn(name, { user: 'hub' }) } });
  const stream = await other.client().uploadForEvents(IMPORT, OVERWRITE, archive);
  const { events, last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.ok(events.some(({ message }) => message.includes('（the database\'s name is too long）')));
  assert.deepEqual(await checksum(postgres, name), JSON.parse(newer)[0]);
  await other.stop();
});

// ---- In place: a role that may not create databases ---------------------------------------------------------------------

test('without the right to create databases an import works in place, in one transaction', async () => {
  await postgres.sql('postgres', 'ALTER ROLE hub NOCREATEDB');
  const stream = await client.uploadForEvents(IMPORT, OVERWRITE, archive);
  const { events, last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.ok(events.some(({ message }) => /以单一事务恢复（the role may not create databases）/.test(message)));
  assert.equal(last.previous, undefined);
  assert.ok((await state()) === newer);
  await assertNoLeftovers({ server, postgres, redis });
});

async function toOldInPlace() {
  await postgres.sql('hub', `UPDATE users SET name = 'old ' || id; DELETE FROM message_request WHERE id % 3 = 0`, { user: 'hub' });
  older = await state();
}

test('in place, an open transaction that holds locks ends the import in time', async () => {
  await toOldInPlace();
  const session = postgres.session('hub', { user: 'hub' });
  await session.run('BEGIN; LOCK TABLE users IN ACCESS SHARE MODE');
  const outcome = await attempt(archive);
  assert.equal(outcome.type, 'error');
  assert.match(outcome.details, /locked by another transaction/);
  await session.close();
  await assertOld({ server, postgres, redis }, 2000);
});

test('in place, a view of the user\'s that depends on our tables makes it fail whole', async () => {
  await postgres.sql('hub', 'CREATE VIEW public.mine AS SELECT id, name FROM users', { user: 'hub' });
  older = await state();
  const outcome = await attempt(archive);
  assert.equal(outcome.type, 'error', JSON.stringify(outcome));
  assert.equal(outcome.code, 'RESTORE_FATAL');
  assert.match(outcome.message, /other objects depend on it|cannot drop/);
  await assertOld({ server, postgres, redis }, 2000);
  await postgres.sql('hub', 'DROP VIEW public.mine', { user: 'hub' });
  older = await state();
});

test('in place, a client that leaves and a killed pg_restore roll everything back', async () => {
  const stream = await importUntil('restore');
  stream.leave();
  await assertOld({ server, postgres, redis }, 5000);
  const second = await importUntil('restore');
  await waitFor(() => server.children().some(({ command }) => /pg_restore/.test(command)), { within: 3000, every: 1 });
  server.children().filter(({ command }) => /pg_restore/.test(command)).forEach(({ pid }) => process.kill(pid, 'SIGKILL'));
  await second.collect();
  await assertOld({ server, postgres, redis }, 5000);
});
