// POST /api/admin/database/import with cleanFirst: the database becomes what the archive holds.
import { strict as assert } from 'node:assert';
import { after, before, beforeEach, test } from 'node:test';
import { assertNoLeftovers, startServer } from './support/hubport.mjs';
import { catalogue, checksum, fill, restore, sequences } from './support/data.mjs';
import { cleanUp } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const EXPORT = '/api/admin/database/export';
const IMPORT = '/api/admin/database/import';
const TOKEN = 'token of the import tests';
const OVERWRITE = { cleanFirst: 'true' };
let postgres, redis, env, server, client, archive, original;

const live = async () => ({
  rows: await checksum(postgres, 'hub'),
  sequences: await sequences(postgres, 'hub'),
  catalogue: await catalogue(postgres, 'hub'),
});

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB; CREATE ROLE reader' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  await postgres.sql('postgres', `ALTER DATABASE hub SET timezone TO 'Asia/Shanghai'; GRANT CONNECT ON DATABASE hub TO reader;
    ALTER DATABASE hub SET search_path TO "$user", public; REVOKE TEMPORARY ON DATABASE hub FROM PUBLIC;
    COMMENT ON DATABASE hub IS 'the user''s own words'`);
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN };
  server = await startServer({ env });
  client = server.client();
  await fill(postgres, 'hub', { others: true, user: 'hub' });
  archive = { bytes: (await client.get(EXPORT)).body, name: 'hub.dump' };
  original = await live();
});
after(() => cleanUp());

/** Change what the archive would bring back. */
async function change() {
  await postgres.sql('hub', `UPDATE users SET name = 'changed' WHERE id % 2 = 0; DELETE FROM keys WHERE id > 100;
    DROP VIEW IF EXISTS others.spending; INSERT INTO provider_groups (name) VALUES ('added ' || random());
    SELECT setval('users_id_seq', 999999)`, { user: 'hub' });
}

async function importing(fields = OVERWRITE, file = archive) {
  const stream = await client.uploadForEvents(IMPORT, fields, file);
  return stream.collect();
}

beforeEach(change);

test('a round trip gives back every row, sequence, index, constraint, trigger, function and view', async () => {
  const { events, last } = await importing();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal(last.message, '数据导入和迁移全部完成！');
  assert.equal(last.exitCode, 0);
  assert.equal(last.sealed, true);
  assert.deepEqual(await live(), original);
  const messages = events.map(({ message }) => message);
  for (const text of ['数据导入成功！', '正在执行数据库迁移以同步 schema...', '数据库迁移完成！'])
    assert.ok(messages.includes(text), text);
  await assertNoLeftovers({ server, postgres, redis });
});

test('lists among the settings of the database are carried over, whatever they name', async () => {
  const settings = () => postgres.value('hub', `SELECT setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'hub'`);
  for (const list of [`''`, `'', public`, `"a, b", public, "c""d"`]) {
    await postgres.sql('hub', `ALTER DATABASE hub SET search_path = ${list}; ALTER DATABASE hub SET temp_tablespaces = ''`);
    const before = await settings();
    const { last } = await importing();
    assert.equal(last.type, 'complete', `${list}: ${JSON.stringify(last)}`);
    assert.equal(last.way, 'switch');
    assert.equal(await settings(), before);
    assert.deepEqual((await live()).rows, original.rows);
  }
  await postgres.sql('postgres', `ALTER DATABASE hub RESET temp_tablespaces; ALTER DATABASE hub SET search_path TO "$user", public`);
});

test('what somebody has set for the database\'s sessions changes nothing of what is exported and imported', async () => {
  const settings = { datestyle: 'German, DMY', intervalstyle: 'sql_standard', bytea_output: 'escape', extra_float_digits: '-15',
    standard_conforming_strings: 'off', client_encoding: 'LATIN1', quote_all_identifiers: 'on', array_nulls: 'off', transform_null_equals: 'on',
    xmloption: 'document', default_transaction_isolation: 'serializable', idle_in_transaction_session_timeout: '300ms' };
  for (const [name, value] of Object.entries(settings)) await postgres.sql('hub', `ALTER DATABASE hub SET ${name} = '${value}'`);
  const other = await startServer({ env });
  const { rows } = await live();
  const exported = await other.client().get(`${EXPORT}?parallel=2`);
  await change();
  for (const fields of [{ dryRun: 'true' }, { onConflict: 'update' }, OVERWRITE]) {
    const stream = await other.client().uploadForEvents(IMPORT, fields, { bytes: exported.body, name: 'set.dump' });
    const { last } = await stream.collect();
    assert.equal(last.type, 'complete', JSON.stringify(last));
  }
  assert.deepEqual((await live()).rows, rows);
  assert.equal((await other.client().get('/api/v1/audit-logs?search=import')).status, 200);
  await other.stop();
  for (const name of Object.keys(settings)) await postgres.sql('postgres', `ALTER DATABASE hub RESET ${name}`);
});

test('progress events name their phase, in order, and percents never fall', async () => {
  const { events } = await importing();
  const phases = events.filter(({ type }) => type === 'progress').map(({ phase }) => phase);
  const order = phases.filter((phase, i) => phase !== phases[i - 1]);
  assert.deepEqual(order, ['verify', 'restore', 'check', 'migrate', 'switch']);
  for (const phase of ['verify', 'restore']) {
    const percents = events.filter((event) => event.phase === phase && event.percent >= 0).map(({ percent }) => percent);
    assert.ok(percents.length > 1);
    assert.deepEqual(percents, [...percents].sort((a, b) => a - b));
    assert.equal(percents.at(-1), 100);
  }
});

test('each event is one piece of the stream, and the answer is not buffered by proxies', async () => {
  const stream = await client.uploadForEvents(IMPORT, OVERWRITE, archive);
  const { events } = await stream.collect();
  assert.equal(stream.headers['content-type'], 'text/event-stream');
  assert.equal(stream.headers['x-accel-buffering'], 'no');
  assert.ok(stream.chunks.every(({ bytes }) => /\n\n$/.test(bytes.toString())));
  assert.ok(events.length > 10);
});

test('the previous database is kept, with what was in it, and rollback goes back and forth', async () => {
  const changed = await live();
  const { last } = await importing();
  assert.match(last.previous, /^hub_before_\d{8}T\d{6}/);
  const { previous } = await client.json('/api/admin/database/status');
  assert.equal(previous[0].name, last.previous);

  const back = await client.post('/api/admin/database/rollback', {});
  assert.equal(back.status, 200, back.text);
  assert.equal(back.json.restored, last.previous);
  assert.deepEqual(await live(), changed);
  const forth = await client.post('/api/admin/database/rollback', { name: back.json.previous });
  assert.equal(forth.status, 200, forth.text);
  assert.deepEqual(await live(), original);
  assert.equal((await client.post('/api/admin/database/rollback', { name: 'postgres' })).json.code, 'NO_PREVIOUS');
  await assertNoLeftovers({ server, postgres, redis });
});

test('the database keeps its settings, grants, owner and comment', async () => {
  const properties = () => postgres.rows('postgres', `SELECT datname, datdba::regrole::text AS owner, datacl::text, datcollate,
    pg_encoding_to_char(encoding) AS encoding, datconnlimit, shobj_description(oid, 'pg_database') AS comment,
    (SELECT array_agg(setconfig::text) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings
    FROM pg_database d WHERE datname = 'hub'`);
  const first = await properties();
  await importing();
  assert.deepEqual(await properties(), first);
  await client.post('/api/admin/database/rollback', {});
  assert.deepEqual(await properties(), first);
});

test('the audit row of an import stands in the new database, with its options and digest', async () => {
  await importing({ cleanFirst: 'true', skipLogs: 'false' });
  const [row] = await postgres.rows('hub', `SELECT * FROM audit_log WHERE action_type = 'database.import' ORDER BY id DESC LIMIT 1`);
  assert.equal(row.success, true);
  assert.equal(row.after_value.cleanFirst, true);
  assert.equal(row.after_value.file, 'hub.dump');
  assert.match(row.after_value.sha256, /^[0-9a-f]{64}$/);
  assert.ok(row.after_value.rows > 3000);
});

test('skipLogs brings everything but the rows of the log table', async () => {
  const { last } = await importing({ cleanFirst: 'true', skipLogs: 'true' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  const after = await live();
  assert.equal(after.rows['public.message_request'].rows, 0);
  assert.ok(last.rows > 1000 && last.rows < 6000, `${last.rows} rows`);
  const log = ['public.message_request', 'others.busy'];
  const but = (rows) => Object.fromEntries(Object.entries(rows).filter(([name]) => !log.includes(name)));
  assert.deepEqual(but(after.rows), but(original.rows));
  assert.deepEqual(after.catalogue, original.catalogue);
});

test('an archive without logs keeps the log table\'s structure', async () => {
  const bytes = (await client.get(`${EXPORT}?excludeLogs=true`)).body;
  const { last } = await importing(OVERWRITE, { bytes, name: 'x.dump' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal((await checksum(postgres, 'hub'))['public.message_request'].rows, 0);
  await importing();
});

test('a ledger-only archive gets the log table\'s structure from the live database', async () => {
  const { last: first } = await importing();
  assert.equal(first.type, 'complete');
  await postgres.sql('hub', 'DROP SCHEMA others CASCADE', { user: 'hub' });
  const structure = (list) => list.filter((line) => /message_request/.test(line));
  const before = structure(await catalogue(postgres, 'hub'));
  const bytes = (await client.get(`${EXPORT}?mode=ledgerOnly`)).body;
  const { last } = await importing(OVERWRITE, { bytes, name: 'x.dump' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal((await checksum(postgres, 'hub'))['public.message_request'].rows, 0);
  assert.deepEqual(structure(await catalogue(postgres, 'hub')), before);
  // New requests go on counting where the old ones ended: the ledger still has their numbers.
  const next = await postgres.value('hub', `SELECT nextval('message_request_id_seq') > (SELECT max(request_id) FROM usage_ledger
    WHERE request_id < 1000000000)`);
  assert.equal(next, 't');
  await importing();
});

test('the hub is told: caches are dropped and channels published', async () => {
  await redis.cli('SET', 'api_key_auth:v1:key:abc', '{}');
  await redis.cli('HSET', 'circuit_breaker:config:7', 'failureThreshold', '5');
  const heard = await redis.subscribe('cch:cache:*');
  await importing();
  assert.equal(await redis.cli('EXISTS', 'api_key_auth:v1:key:abc', 'circuit_breaker:config:7'), '0');
  const channels = (await heard.stop()).map(({ channel }) => channel);
  for (const name of ['providers', 'api_keys', 'circuit_breaker_config', 'error_rules', 'request_filters', 'sensitive_words'])
    assert.ok(channels.includes(`cch:cache:${name}:updated`), name);
});

// ---- Refused before anything is touched --------------------------------------------------------------------------------

async function refused(fields, file, status, code, options) {
  const before = await live();
  const answer = await client.upload(IMPORT, fields, file, options);
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.code, code);
  assert.deepEqual(await live(), before);
  await assertNoLeftovers({ server, postgres, redis });
  return answer.json;
}

test('a form without a file, with another name or other bytes is refused with its own code', async () => {
  assert.equal((await refused(OVERWRITE, null, 400, 'FILE_MISSING')).error, '缺少备份文件');
  assert.equal((await refused(OVERWRITE, { ...archive, name: 'hub.sql' }, 400, 'FILE_NOT_DUMP')).error,
    '文件格式错误，仅支持 .dump 格式的备份文件');
  await refused(OVERWRITE, { bytes: Buffer.from('-- PostgreSQL database dump\n'), name: 'x.dump' }, 400, 'FILE_NOT_ARCHIVE');
  await refused(OVERWRITE, { bytes: Buffer.alloc(0), name: 'x.dump' }, 400, 'FILE_NOT_ARCHIVE');
  await refused(OVERWRITE, { bytes: Buffer.from('PGDMP'), name: 'x.dump' }, 400, 'FILE_NOT_ARCHIVE');
  await refused({ cleanFirst: 'yes' }, archive, 400, 'VALIDATION_FAILED');
});

test('a body that is no form is 415', async () => {
  const answer = await client.post(IMPORT, { cleanFirst: true });
  assert.deepEqual([answer.status, answer.json.code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
});

test('the fields may come after the file', async () => {
  const boundary = 'x-boundary-x';
  const part = (head, value) => Buffer.concat([Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`), value,
    Buffer.from('\r\n')]);
  const body = Buffer.concat([part('name="file"; filename="x.dump"', archive.bytes), part('name="cleanFirst"', Buffer.from('true')),
    Buffer.from(`--${boundary}--\r\n`)]);
  const answer = await client.send('POST', IMPORT, { body,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': body.length } });
  assert.equal(answer.status, 200);
  assert.match(answer.text, /"type":"complete"/);
});

test('a file over the limit is 413 as soon as that is known, with and without a length', async () => {
  const other = await startServer({ env: { DSN: postgres.dsn('hub', { user: 'hub' }), ADMIN_TOKEN: TOKEN, HUBPORT_MAX_UPLOAD: '1MB' } });
  const bytes = Buffer.concat([archive.bytes, Buffer.alloc(3 * 1024 * 1024)]);
  for (const chunked of [false, true]) {
    const answer = await other.client().upload(IMPORT, OVERWRITE, { bytes, name: 'x.dump' }, { chunked });
    assert.equal(answer.status, 413);
    assert.equal(answer.json.error, '文件过大，最大支持 1MB');
    assert.match(answer.json.details, /^当前文件: [\d.]+MB，限制: 1MB$/);
  }
  await assertNoLeftovers({ server: other, postgres });
});

test('what only the live database has is listed, and goes only when that is said', async () => {
  await importing();
  await postgres.sql('hub', `CREATE TABLE public.notes (a int); CREATE VIEW public.mine AS SELECT * FROM users;
    CREATE FUNCTION public.f(integer, text) RETURNS int LANGUAGE sql AS 'SELECT 1'`, { user: 'hub' });
  const answer = await refused(OVERWRITE, archive, 422, 'OTHERS_WOULD_BE_LOST');
  assert.deepEqual(answer.others, ['function public.f', 'table public.notes', 'view public.mine']);
  const { last } = await importing({ ...OVERWRITE, dropOthers: 'true' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.deepEqual((await live()).rows, original.rows);
  const { previous } = await client.json('/api/admin/database/status');
  assert.equal(previous.find(({ name }) => name === last.previous).pinned, true);
});

test('a dump of another program is refused', async () => {
  await postgres.createDatabase('shop');
  await postgres.sql('shop', 'CREATE TABLE goods AS SELECT generate_series(1, 10) AS id');
  const other = await startServer({ env: { DSN: postgres.dsn('shop'), ADMIN_TOKEN: TOKEN, HUBPORT_CREATE_SCHEMA: '0' } });
  const bytes = (await other.client().get(EXPORT)).body;
  await refused(OVERWRITE, { bytes, name: 'shop.dump' }, 422, 'ARCHIVE_NOT_HUB');
});

test('beside a hub nothing of the hub\'s is created, and an older archive asks for the hub\'s restart', async () => {
  await restore(postgres, 'beside', archive.bytes, { user: 'hub' });
  await postgres.sql('beside', `DROP TABLE audit_log; CREATE SCHEMA drizzle;
    CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at numeric);
    INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('a', 1761057311271)`, { user: 'hub' });
  const other = await startServer({ env: { DSN: postgres.dsn('beside', { user: 'hub' }), ADMIN_TOKEN: TOKEN } });
  assert.equal(await postgres.value('beside', `SELECT to_regclass('public.audit_log') IS NULL`), 't');
  const older = { bytes: (await other.client().get(EXPORT)).body, name: 'older.dump' };
  await postgres.sql('beside', `INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('b', 1785688550789);
    CREATE TABLE public.audit_log (id serial)`, { user: 'hub' });
  const stream = await other.client().uploadForEvents(IMPORT, OVERWRITE, older);
  const { last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal(last.restartHub, true);
  assert.match(last.notice, /请重启 Claude Code Hub/);
  assert.equal(await postgres.value('beside', `SELECT to_regclass('public.audit_log') IS NULL`), 't');
});

test('an archive of a part of a hub, which no migration would complete, is refused by the missing table\'s name', async () => {
  await restore(postgres, 'part', archive.bytes, { user: 'hub' });
  await postgres.sql('part', `DROP TABLE audit_log; CREATE SCHEMA drizzle;
    CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at numeric);
    INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('a', 1785688550789)`, { user: 'hub' });
  const other = await startServer({ env: { DSN: postgres.dsn('part', { user: 'hub' }), ADMIN_TOKEN: TOKEN } });
  const part = { bytes: (await other.client().get(EXPORT)).body, name: 'part.dump' };
  await postgres.sql('part', 'CREATE TABLE public.audit_log (id serial, note text)', { user: 'hub' });
  const before = await checksum(postgres, 'part');
  const importing = async (fields) => (await other.client().uploadForEvents(IMPORT, fields, part)).collect();
  const { last } = await importing(OVERWRITE);
  assert.deepEqual([last.type, last.code, last.changed], ['error', 'ARCHIVE_PARTIAL', false], JSON.stringify(last));
  assert.match(last.message, /audit_log/);
  assert.deepEqual(await checksum(postgres, 'part'), before);
  await assertNoLeftovers({ server: other });
  const { last: again } = await importing({ ...OVERWRITE, dropOthers: 'true' });
  assert.equal(again.type, 'complete', JSON.stringify(again));
  assert.equal(await postgres.value('part', `SELECT to_regclass('public.audit_log') IS NULL`), 't');
});
