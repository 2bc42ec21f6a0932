// POST /api/admin/database/import without cleanFirst, `hubport import FILE`: the archive's rows into what is there.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertNoLeftovers, mustRun, run, startServer } from './support/hubport.mjs';
import { checksum, catalogue, fill, fingerprint, sequences } from './support/data.mjs';
import { PAIRS } from './support/merge_pairs.mjs';
import { cleanUp, makeDirectory, runProgram, waitFor } from './support/processes.mjs';
import { PG_BIN, startPostgres, startRedis } from './support/servers.mjs';

const IMPORT = '/api/admin/database/import';
const TOKEN = 'token of the merge tests';
let postgres, directory, count = 0;
const hub = {}; // a filled one: its database, its archive, a Redis

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  directory = makeDirectory('merge');
  hub.redis = await startRedis();
  hub.original = await make();
  await mustRun(['migrate'], { env: { DSN: postgres.dsn(hub.original, { user: 'hub' }) } });
  await fill(postgres, hub.original, { requests: 1500, user: 'hub' });
  hub.path = await dump(hub.original);
  hub.file = { bytes: readFileSync(hub.path), name: 'hub.dump' };
});
after(() => cleanUp());

/** A database of these statements; they may hold transactions of their own. */
async function make(...statements) {
  const name = `d${++count}`;
  await postgres.createDatabase(name, { owner: 'hub' });
  for (const text of statements) await postgres.sql(name, `SET client_min_messages = error; ${text}`, { user: 'hub' });
  return name;
}

async function dump(database, ...options) {
  const path = join(directory, `${database}.dump`);
  const { status, stderr } = await runProgram(join(PG_BIN, 'pg_dump'),
    ['-Fc', ...options, '-f', path, '-d', postgres.socketDsn(database, 'hub')]);
  assert.equal(status, 0, stderr);
  return path;
}

const environment = (database) => ({ DSN: postgres.dsn(database, { user: 'hub' }), HUBPORT_CREATE_SCHEMA: '0', HUBPORT_LANG: 'en' });

function options({ onConflict, acceptForeignParents } = {}) {
  return [...(onConflict ? ['--on-conflict', onConflict] : []), ...(acceptForeignParents ? ['--accept-foreign-parents'] : [])];
}

async function merge(database, path, ...more) {
  return JSON.parse(await mustRun(['import', path, '--json', ...more], { env: environment(database) }));
}

/** {table: its counts that are not 0} of tables that have rows. */
function figures({ tableResults }) {
  const said = tableResults.map(({ table, ...counts }) => [table, Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== 0))]);
  return Object.fromEntries(said.filter(([, counts]) => Object.keys(counts).length > 0));
}

// ---- Pairs of databases: the preview, the merge, and the merge again ---------------------------------------------------

for (const pair of PAIRS) {
  test(pair.name, async () => {
    const path = await dump(await make(pair.schema, pair.there));
    const live = await make(pair.schema, pair.here);
    const before = await fingerprint(postgres, live, { all: true });
    const more = options(pair.options);

    const preview = await merge(live, path, '--dry-run', ...more);
    assert.deepEqual(await fingerprint(postgres, live, { all: true }), before, 'the preview left a trace');
    assert.deepEqual(figures(preview), pair.expect);
    assert.deepEqual({...preview.schema, ...pair.schemaDifferences }, preview.schema);
    assert.equal(preview.dryRun, true);
    assert.ok(preview.estimateMs > 0 && preview.estimateBasis);

    const real = await merge(live, path, ...more);
    assert.deepEqual(real.tableResults, preview.tableResults);
    assert.deepEqual(real.schema, preview.schema);
    assert.deepEqual((await postgres.sql(live, pair.check)).flat(), pair.is);

    const rows = await checksum(postgres, live);
    const again = figures(await merge(live, path, ...more));
    for (const [table, counts] of Object.entries(again)) assert.ok(!counts.added && !counts.updated, `${table} again`);
    if (pair.again) assert.deepEqual({...again, ...pair.again }, again);
    assert.deepEqual(await checksum(postgres, live), rows);
    await assertNoLeftovers({ postgres });
    assert.equal(await postgres.value(live, `SELECT count(*) FROM pg_class WHERE relname LIKE 'hubport stage%'`), '0');
  });
}

// ---- A whole hub, over HTTP ----------------------------------------------------------------------------------------------

const live = async (database) => ({
  rows: await checksum(postgres, database),
  sequences: await sequences(postgres, database),
  catalogue: await catalogue(postgres, database),
});
/** A server on a database of its own. */
async function startOn(database, env = {}) {
  const server = await startServer({ env: { ...environment(database), REDIS_URL: hub.redis.url, ADMIN_TOKEN: TOKEN, ...env } });
  return { server, client: server.client(), database };
}

async function copyOf(database, ...statements) {
  const name = `d${++count}`;
  await postgres.createDatabase(name, { owner: 'hub', template: database });
  for (const text of statements) await postgres.sql(name, text, { user: 'hub' });
  return name;
}

async function importing({ client }, fields = {}, file = hub.file) {
  const stream = await client.uploadForEvents(IMPORT, fields, file);
  return stream.collect();
}

const LOSSES = `SET client_min_messages = error; DELETE FROM message_request WHERE id % 2 = 0; DELETE FROM usage_ledger WHERE
  request_id % 2 = 0 AND request_id < 1000000000; DELETE FROM keys WHERE id > 300; DELETE FROM audit_log;
  UPDATE users SET description = 'changed here' WHERE id = 7; INSERT INTO provider_groups (name) VALUES ('only here')`;

test('a hub gets back what it lost; what it changed since stays; what it added stays', async () => {
  const place = await startOn(await copyOf(hub.original, LOSSES));
  const { database } = place;
  const original = await live(hub.original), start = await live(database);
  const [preview] = [await importing(place, { dryRun: 'true' })];
  assert.deepEqual(await live(database), start);
  const heard = await hub.redis.subscribe('cch:cache:*');
  const { events, last } = await importing(place, { cleanFirst: 'false' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal(last.message, '数据导入和迁移全部完成！');
  assert.deepEqual([last.exitCode, last.way, preview.last.dryRun], [0, 'merge', true]);
  assert.deepEqual(last.tableResults, preview.last.tableResults);
  const lost = original.rows['public.message_request'].rows - start.rows['public.message_request'].rows;
  const requests = last.tableResults.find(({ table }) => table === 'public.message_request');
  assert.deepEqual([requests.added, requests.identical, requests.conflicting], [lost, 1500 - lost, 0]);
  assert.equal(last.rows, last.totals.added);

  const end = await live(database);
  assert.deepEqual(end.catalogue, start.catalogue);
  const same = Object.keys(original.rows).filter((name) => !['public.users', 'public.provider_groups'].includes(name));
  for (const name of same) assert.deepEqual(end.rows[name], original.rows[name], name);
  assert.equal(end.rows['public.provider_groups'].rows, original.rows['public.provider_groups'].rows + 1);
  assert.equal(await postgres.value(database, 'SELECT description FROM users WHERE id = 7'), 'changed here');

  const phases = events.filter(({ type }) => type === 'progress').map(({ phase }) => phase);
  assert.deepEqual(phases.filter((phase, i) => phase !== phases[i - 1]), ['verify', 'stage', 'compare', 'merge', 'migrate']);
  assert.deepEqual(events.filter(({ table }) => table).map(({ table }) => table), last.tableResults);
  const messages = events.map(({ message }) => message);
  for (const text of ['数据导入成功！', '正在执行数据库迁移以同步 schema...', '数据库迁移完成！']) assert.ok(messages.includes(text), text);
  assert.ok((await heard.stop()).some(({ channel }) => channel === 'cch:cache:api_keys:updated'));
  const [audit] = await postgres.rows(database, `SELECT * FROM audit_log WHERE action_type = 'database.import' ORDER BY id DESC LIMIT 1`);
  assert.deepEqual([audit.success, audit.after_value.cleanFirst, audit.after_value.merged.added], [true, false, last.rows]);

  const again = (await importing(place)).last;
  assert.deepEqual([again.totals.added, again.totals.updated, again.totals.failed], [0, 0, 0]);
  assert.deepEqual((await live(database)).rows, end.rows);
  await assertNoLeftovers({ server: place.server, postgres, redis: hub.redis });
  await place.server.stop();
});

test('a preview leaves nothing: no audit row, no key in Redis, no file, nothing in the catalogs', async () => {
  const place = await startOn(await copyOf(hub.original, LOSSES));
  const before = await fingerprint(postgres, place.database, { all: true });
  const oids = () => postgres.value(place.database, `SELECT md5(string_agg(oid::text, ',' ORDER BY oid)) FROM pg_class`);
  const catalogs = await oids();
  for (const fields of [{ dryRun: 'true' }, { dryRun: 'true', cleanFirst: 'true' }, { dryRun: 'true', onConflict: 'update' }]) {
    const { last } = await importing(place, fields);
    assert.equal(last.type, 'complete', JSON.stringify(last));
  }
  assert.deepEqual(await fingerprint(postgres, place.database, { all: true }), before);
  assert.equal(await oids(), catalogs);
  assert.equal(await hub.redis.cli('KEYS', 'database:*'), '');
  await assertNoLeftovers({ server: place.server, postgres, redis: hub.redis });
  await place.server.stop();
});

test('rows that the archive writes in another time zone are the same rows', async () => {
  const database = await copyOf(hub.original);
  await postgres.sql('postgres', `ALTER DATABASE ${database} SET timezone = 'Asia/Shanghai'`);
  const { totals } = await merge(database, hub.path);
  assert.deepEqual([totals.added, totals.conflicting, totals.failed, totals.foreignParent], [0, 0, 0, 0]);
  assert.ok(totals.identical > 4000);
});

test('the preview of an overwrite tells what each table has and will have', async () => {
  const place = await startOn(await copyOf(hub.original, LOSSES, 'CREATE TABLE notes (a int); INSERT INTO notes VALUES (1), (2)'));
  const counts = async () => Object.fromEntries(Object.entries(await checksum(postgres, place.database)).map(([name, { rows }]) => [name, rows]));
  const before = await counts();
  const { last } = await importing(place, { dryRun: 'true', cleanFirst: 'true' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.deepEqual(last.schema.tablesOnlyHere, ['public.notes']);
  assert.deepEqual(await counts(), before);
  const told = (name) => Object.fromEntries(last.tableResults.filter(({ table }) => table !== 'public.audit_log').map((row) => [row.table, row[name]]));
  assert.deepEqual(told('oldRows'), before);
  assert.ok(last.estimateMs > 0 && last.estimateBasis);
  const real = await importing(place, { cleanFirst: 'true', dropOthers: 'true' });
  assert.equal(real.last.type, 'complete', JSON.stringify(real.last));
  assert.deepEqual({...(await counts()), 'public.notes': 0 }, told('newRows'));
  await place.server.stop();
});

test('skipLogs leaves the log table alone', async () => {
  const database = await copyOf(hub.original, LOSSES);
  const before = await checksum(postgres, database);
  const result = await merge(database, hub.path, '--skip-logs');
  assert.ok(!result.tableResults.some(({ table }) => table === 'public.message_request'));
  assert.deepEqual((await checksum(postgres, database))['public.message_request'], before['public.message_request']);
  // Ledger rows came back whose requests did not: a new request must not get their number.
  assert.ok(Number(await postgres.value(database, `SELECT nextval('message_request_id_seq')`)) >= 1500);
});

test('a hub that writes meanwhile loses nothing, and nothing is added twice', async () => {
  const database = await copyOf(hub.original, `SET client_min_messages = error; DELETE FROM usage_ledger; DELETE FROM message_request
    WHERE id > 200; SELECT setval('message_request_id_seq', 200)`);
  const writer = postgres.session(database);
  let stop = false, written = 0;
  const writing = (async () => {
    while (!stop) {
      const text = await writer.run(`INSERT INTO message_request (provider_id, user_id, key, endpoint) VALUES (1, 2, 'live', 'live')`);
      assert.equal(text, '');
      written++;
    }
  })();
  await waitFor(() => written > 5, { what: 'the first rows' });
  const result = await merge(database, hub.path);
  stop = true;
  await writing;
  await writer.close();
  const requests = result.tableResults.find(({ table }) => table === 'public.message_request');
  const count = Number(await postgres.value(database, 'SELECT count(*) FROM message_request'));
  assert.equal(count, 200 + written + requests.added);
  // Of a foreign parent: replays of a request whose number the writer took.
  assert.equal(requests.added + requests.identical + requests.conflicting + requests.foreignParent, 1500);
  assert.equal(Number(await postgres.value(database, `SELECT count(*) FROM message_request WHERE key = 'live'`)), written);
  assert.ok(requests.conflicting >= 5, `${requests.conflicting}`); // the writer took numbers of the archive's rows
});

// ---- Triggers ------------------------------------------------------------------------------------------------------------

test('triggers do not fire for merged rows, and each keeps its state; deferred ones too', async () => {
  const schema = `CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE fired (name text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.fired VALUES (TG_NAME); RETURN NULL; END';
    ${['o', 'a', 'r', 'd'].map((name) => `CREATE TRIGGER "${name} T" AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();`).join('\n')}
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER statement AFTER INSERT ON t EXECUTE FUNCTION note();
    ALTER TABLE t ENABLE ALWAYS TRIGGER "a T"; ALTER TABLE t ENABLE REPLICA TRIGGER "r T"; ALTER TABLE t DISABLE TRIGGER "d T"`;
  const path = await dump(await make(schema, 'ALTER TABLE t DISABLE TRIGGER USER; INSERT INTO t SELECT generate_series(1, 9)'));
  const database = await make(schema);
  const states = () => postgres.rows(database, `SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`);
  const before = await states();
  assert.equal(new Set(before.map(({ tgenabled }) => tgenabled)).size, 4);
  assert.equal((await merge(database, path)).rows, 9);
  assert.deepEqual(await states(), before);
  assert.equal(await postgres.value(database, 'SELECT count(*) FROM fired'), '0');
  await postgres.sql(database, 'INSERT INTO t VALUES (10)');
  assert.equal(await postgres.value(database, `SELECT string_agg(name, ',' ORDER BY name) FROM fired`), 'a T,late,o T,statement');
});

// ---- Ended in the middle -------------------------------------------------------------------------------------------------

/** A merge that waits for a table that `holder` has: triggers of other tables are off by then, rows are in. */
async function stuck(env) {
  const place = await startOn(await copyOf(hub.original, LOSSES), env);
  const holder = postgres.session(place.database);
  await holder.run('BEGIN; LOCK TABLE message_request IN ROW EXCLUSIVE MODE');
  const before = await fingerprint(postgres, place.database);
  const stream = await place.client.uploadForEvents(IMPORT, {}, hub.file);
  const waiting = await waitFor(() => postgres.value(place.database, `SELECT pid FROM pg_locks WHERE NOT granted
    AND relation = 'message_request'::regclass`), { what: 'the merge that waits' });
  return { ...place, holder, before, stream, waiting };
}

/** The holder lets go, and all is as it was. */
async function assertUntouched({ server, database, holder, before }) {
  await waitFor(async () => (await postgres.value(database, `SELECT count(*) FROM pg_stat_activity WHERE
    application_name LIKE 'hubport%' AND datname = current_database() AND state <> 'idle'`)) === '0', { what: 'the end' });
  await holder.run('ROLLBACK');
  await holder.close();
  assert.deepEqual(await fingerprint(postgres, database), before);
  assert.equal(await postgres.value(database, `SELECT count(*) FROM pg_class WHERE relname LIKE 'hubport stage%'`), '0');
  await assertNoLeftovers({ server, postgres, redis: hub.redis }, 5000);
}

test('a client that leaves in the middle: all is as it was', async () => {
  const place = await stuck();
  place.stream.leave();
  await assertUntouched(place);
  const [audit] = await postgres.rows(place.database, `SELECT success FROM audit_log WHERE action_type = 'database.import'`);
  assert.equal(audit.success, false);
  await place.server.stop();
});

test('a backend that is terminated in the middle: the error is told, all is as it was', async () => {
  const place = await stuck();
  await postgres.sql(place.database, `SELECT pg_terminate_backend(${place.waiting})`);
  const { last } = await place.stream.collect();
  assert.deepEqual([last.type, last.code, last.changed], ['error', 'DATABASE_UNAVAILABLE', false]);
  await assertUntouched(place);
  await place.server.stop();
});

test('kill -9 of the server in the middle: all is as it was', async () => {
  const place = await stuck();
  await place.server.kill();
  await postgres.sql(place.database, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted`); // or after lock_timeout
  await hub.redis.cli('DEL', 'database:backup:lock'); // the next hubport would take it over
  await assertUntouched({...place, server: undefined });
});

test('a lock that somebody else has is waited for, again and again; when it stays, nothing is changed', async () => {
  const place = await stuck({ HUBPORT_DB_LOCK_TIMEOUT: '150ms' });
  await place.server.logged('merge.again');
  await place.holder.run('COMMIT');
  const { last } = await place.stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  await place.holder.close();
  await place.server.stop();

  const other = await stuck({ HUBPORT_DB_LOCK_TIMEOUT: '100ms' });
  await other.server.logged('merge.again', ({ try: n }) => n === 2);
  other.stream.leave();
  await assertUntouched(other);
  await other.server.stop();
});

// ---- Refused -------------------------------------------------------------------------------------------------------------

test('a required column that the archive lacks is refused before anything is touched', async () => {
  const schema = 'CREATE TABLE t (id int PRIMARY KEY)';
  const path = await dump(await make(schema, 'INSERT INTO t VALUES (1)'));
  const place = await startOn(await make(`${schema}; CREATE TABLE audit_log (id int); ALTER TABLE t ADD needed text NOT NULL`));
  const before = await fingerprint(postgres, place.database, { all: true });
  const answer = await place.client.upload(IMPORT, {}, { path });
  assert.deepEqual([answer.status, answer.json.code], [422, 'MERGE_REFUSED']);
  assert.match(answer.json.error, /public\.t.*needed/);
  assert.deepEqual(await fingerprint(postgres, place.database, { all: true }), before);
  assert.equal((await place.client.upload(IMPORT, { onConflict: 'maybe' }, { path })).status, 400);
  await assertNoLeftovers({ server: place.server, postgres, redis: hub.redis });
  await place.server.stop();
});

test('a value that the column here does not take stops the merge, with the table\'s name', async () => {
  const path = await dump(await make(`CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'much too long')`));
  const database = await make('CREATE TABLE t (id int PRIMARY KEY, v varchar(3))');
  const { status, stdout } = await run(['import', path, '--json'], { env: environment(database) });
  const answer = JSON.parse(stdout);
  assert.deepEqual([status, answer.code], [6, 'MERGE_REFUSED']);
  assert.match(JSON.stringify(answer), /too long for type character varying/);
  assert.equal(await postgres.value(database, 'SELECT count(*) FROM t'), '0');
});

test('nothing of an archive is run that could be code: such a table is not created, the others are merged', async () => {
  const path = await dump(await make(`CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE evil (id int DEFAULT f()); INSERT INTO evil VALUES (1)`));
  const database = await make('CREATE TABLE t (id int PRIMARY KEY)');
  const result = await merge(database, path);
  assert.deepEqual(figures(result), { 'public.t': { added: 1 } });
  assert.match(result.schema.notCreated[0], /^public\.evil: /);
  assert.equal(await postgres.value(database, `SELECT to_regclass('evil') IS NULL AND to_regproc('f') IS NULL`), 't');
});

test('beside a hub its ledger is not written and none of its tables is made', async () => {
  const ledger = (level) => `CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT
    NULL, created_at numeric); INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('a', ${level});
    CREATE TABLE users (id int PRIMARY KEY)`;
  const path = await dump(await make(`${ledger(2000)}; INSERT INTO users VALUES (1); CREATE TABLE brand_new (id int);
    CREATE SCHEMA mine; CREATE TABLE mine.notes (id int); INSERT INTO mine.notes VALUES (3)`));
  const newer = await merge(await make(ledger(1000)), path);
  assert.deepEqual(figures(newer), { 'public.users': { added: 1 }, 'mine.notes': { added: 1, created: true } });
  assert.match(newer.schema.notCreated[0], /^public\.brand_new: /);
  assert.equal(newer.schema.newerArchive, true);
  const same = await make(ledger(2000));
  assert.ok(figures(await merge(same, path))['mine.notes']);
  assert.equal(await postgres.value(same, 'SELECT count(*) FROM drizzle.__drizzle_migrations'), '1');
});

// ---- Texts ---------------------------------------------------------------------------------------------------------------

test('an archive in another encoding is read in it', async () => {
  const name = `d${++count}`;
  await postgres.createDatabase(name, { owner: 'hub', rest: `ENCODING 'LATIN1' LOCALE 'C'` });
  await postgres.sql(name, `SET client_encoding = 'UTF8'; CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'é'), (2, 'ü')`,
    { user: 'hub' });
  const database = await make(`CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (2, 'ü')`);
  assert.deepEqual(figures(await merge(database, await dump(name))), { 'public.t': { added: 1, identical: 1 } });
  assert.equal(await postgres.value(database, 'SELECT v FROM t WHERE id = 1'), 'é');
});

test('people get a table; wrong use and bad values have their exit status', async () => {
  const path = await dump(await make('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)'));
  const database = await make('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (2)');
  const env = environment(database);
  const preview = await mustRun(['import', path, '--dry-run'], { env });
  assert.match(preview, /added +updated +identical +conflicting +failed +foreign\npublic\.t +1 +0 +1 +0 +0 +0\n/);
  assert.match(preview, /Estimated time: .*nothing was changed/s);
  assert.match(await mustRun(['import', path, '--merge'], { env }), /Merged, rows: 1/);
  const large = 'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p, v text CHECK (v <> $$bad$$))';
  const other = await dump(await make(`${large.replace(' CHECK (v <> $$bad$$)', '')}; INSERT INTO p VALUES (1), (2); INSERT INTO c VALUES (1, 1, 'a'), (2, 2, 'bad'), (3, 1, 'b');
    CREATE TABLE there (id int PRIMARY KEY); ALTER TABLE p ADD COLUMN more int`));
  const here = environment(await make(`${large}; INSERT INTO p VALUES (1); INSERT INTO c VALUES (3, 1, 'changed'); CREATE TABLE here (id int); ALTER TABLE p ADD COLUMN ours int`));
  const told = await mustRun(['import', other, '--dry-run'], { env: here });
  for (const line of [/first conflicting: .*3/, /first failed: .*2.* \(.*check.*\)/i, /only the archive has it/, /Tables only here:\n    public\.here/,
    /Tables only in the archive:\n    public\.there/, /Columns only here:\n    public\.p\.ours/, /Columns only in the archive \(left out\):\n    public\.p\.more/])
    assert.match(told, line);
  assert.match(await mustRun(['import', other, '--dry-run', '--overwrite', '--drop-others'], { env: here }), /rows here +archive\n/);
  for (const wrong of [['--merge', '--overwrite'], ['--on-conflict', 'maybe']])
    assert.equal((await run(['import', path, ...wrong], { env })).status, 2);
});
