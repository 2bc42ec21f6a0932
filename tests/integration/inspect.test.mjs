// hubport verify, POST /api/admin/database/inspect, and imports of files that were inspected.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertNoLeftovers, makeWorkplace, run, startServer } from './support/hubport.mjs';
import { fill, sha256 } from './support/data.mjs';
import { cleanUp, runProgram, waitFor } from './support/processes.mjs';
import { PG_BIN, startPostgres, startRedis } from './support/servers.mjs';

const INSPECT = '/api/admin/database/inspect';
const IMPORT = '/api/admin/database/import';
const TOKEN = 'token of the inspect tests';
let postgres, redis, server, client, archive, env, temporary;

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  temporary = makeWorkplace();
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN, HUBPORT_TMP_DIR: temporary };
  server = await startServer({ env });
  client = server.client();
  await fill(postgres, 'hub', { requests: 500, user: 'hub' });
  archive = { bytes: (await client.get('/api/admin/database/export')).body, name: 'hub.dump' };
});
after(() => cleanUp());

const inspect = (fields = {}, file = archive, from = client) => from.upload(INSPECT, fields, file);
const kept = () => readdirSync(temporary).filter((name) => name.startsWith('database_import_'));
const count = async (table) => Number(await postgres.value('hub', `SELECT count(*) FROM ${table}`));
const importing = async (fields, from = client) => (await from.uploadForEvents(IMPORT, fields)).collect();

function saved(bytes, name = 'x.dump') {
  const path = join(makeWorkplace(), name);
  writeFileSync(path, bytes);
  return path;
}

test('the report tells what the file is and what is in it', async () => {
  const { status, json } = await inspect();
  assert.equal(status, 200);
  assert.deepEqual([json.ok, json.sealed, json.checksummed, json.hub, json.logs, json.compression],
    [true, true, true, true, true, 'gzip']);
  assert.equal(json.sha256, sha256(archive.bytes));
  assert.equal(json.size, archive.bytes.length);
  assert.equal(json.database, 'hub');
  assert.match(json.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  assert.match(json.dumpVersion, /^1[5-9]/);
  const table = Object.fromEntries(json.tables.map((one) => [`${one.schema}.${one.name}`, one]));
  for (const name of ['users', 'keys', 'message_request'])
    assert.equal(table[`public.${name}`].rows, await count(name), name);
  assert.deepEqual([table['public.message_request'].log, table['public.users'].log], [true, false]);
  assert.ok(table['public.users'].bytes > 0);
  assert.equal(json.rows, json.tables.reduce((sum, { rows }) => sum + rows, 0));
  assert.deepEqual([json.schemas, json.extensions, json.eventTriggers, json.largeObjects], [[], [], [], 0]);
  assert.deepEqual([json.compared, json.foreign], [true, []]); // what the live database has is nothing new
});

test('hubport verify says the same without a database, as JSON and as a table', async () => {
  const path = saved(archive.bytes);
  const { status, stdout } = await run(['verify', path, '--json'], { env: { DSN: 'postgresql://127.0.0.1:1/none' } });
  assert.equal(status, 0);
  const report = JSON.parse(stdout);
  const { json } = await inspect();
  for (const name of ['sha256', 'rows', 'bytes', 'tables', 'sealed', 'migrations', 'database', 'createdAt'])
    assert.deepEqual(report[name], json[name], name);
  assert.equal(report.compared, false);
  const table = await run(['verify', path], { env: { LANG: 'en_US.UTF-8' } });
  assert.equal(table.status, 0);
  assert.match(table.stdout, /public\.users +\d+ +\d+/);
  assert.ok(table.stdout.includes(sha256(archive.bytes)));
});

test('a damaged file, and one that is none, are refused by the same codes as by an import', async () => {
  const damaged = Buffer.from(archive.bytes);
  damaged[damaged.length >> 1] ^= 4;
  const cases = [[damaged, 422, 'ARCHIVE_DAMAGED'], [archive.bytes.subarray(0, 5000), 422, 'ARCHIVE_DAMAGED'],
    [Buffer.from('-- a script'), 400, 'FILE_NOT_ARCHIVE'], [Buffer.alloc(0), 400, 'FILE_NOT_ARCHIVE']];
  for (const [bytes, status, code] of cases) {
    const answer = await inspect({}, { bytes, name: 'x.dump' });
    assert.deepEqual([answer.status, answer.json.code], [status, code]);
    const { status: exit, stderr, stdout } = await run(['verify', saved(bytes), '--json'], {});
    assert.equal(exit, 6);
    assert.match(stdout + stderr, new RegExp(code));
  }
  assert.equal((await run(['verify', '/nonexistent.dump'])).status, 6);
  assert.equal((await inspect({}, { bytes: archive.bytes, name: 'x.sql' })).json.code, 'FILE_NOT_DUMP');
  assert.equal((await inspect({}, null)).json.code, 'FILE_MISSING');
});

test('what is unusual for a hub is named', async () => {
  await postgres.createDatabase('odd');
  await postgres.sql('odd', `CREATE SCHEMA stranger; CREATE TABLE stranger.t (id int); INSERT INTO stranger.t VALUES (1);
    CREATE FUNCTION public.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION public.f(); SELECT lo_from_bytea(0, 'x');
    CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial, hash text, created_at bigint);
    INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('aa', 1700000000000), ('bb', 1700000100000)`);
  const path = join(makeWorkplace(), 'odd.dump');
  const dumped = await runProgram(join(PG_BIN, 'pg_dump'), ['-Fc', '-Z0', '-f', path, '-d', postgres.dsn('odd')]);
  assert.equal(dumped.status, 0, dumped.stderr);
  const { stdout } = await run(['verify', path, '--json']);
  const report = JSON.parse(stdout);
  assert.deepEqual([report.hub, report.sealed, report.checksummed, report.compression, report.logs], [false, false, false, 'none', false]);
  assert.deepEqual([report.schemas, report.eventTriggers, report.largeObjects], [['stranger'], ['watcher'], 1]);
  assert.deepEqual(report.migrations, { count: 2, lastCreatedMs: 1700000100000, lastCreatedAt: '2023-11-14T22:15:00.000Z', lastHash: 'bb' });
  assert.ok(report.foreign.some(({ name }) => name.includes('EVENT TRIGGER watcher')));
  assert.ok(report.foreignCount >= 2);
  const table = (await run(['verify', path], { env: { HUBPORT_LANG: 'en' } })).stdout;
  for (const line of [/^Integrity: not checksummed/m, /^It has not the hub's tables\.$/m, /^Another schema: stranger$/m, /^Event trigger: watcher$/m,
    /^Large objects: 1$/m, /^The hub's migrations: 2, 2023-11-14T22:15:00/m, /^Rows of logs: none$/m, /EVENT TRIGGER watcher: /])
    assert.match(table, line);
});

test('a file that unpacks to more than the settings allow is refused', async () => {
  const path = saved(archive.bytes);
  const { status, stdout, stderr } = await run(['verify', path], { env: { HUBPORT_MAX_UNPACKED: '16KB' } });
  assert.equal(status, 6, stdout);
  assert.match(stderr, /16384 bytes|FILE_TOO_LARGE|过大|too large/);
});

test('an inspected file is imported by its id, once', async () => {
  const { json: { fileId, fileUntil } } = await inspect();
  assert.match(fileId, /^[A-Za-z0-9_-]{32}$/);
  assert.ok(Date.parse(fileUntil) > Date.now() + 14 * 60_000);
  assert.equal((await inspect({ fileId }, null)).json.fileId, fileId);
  await postgres.sql('hub', `UPDATE users SET name = 'changed'`, { user: 'hub' });
  const preview = await importing({ cleanFirst: 'true', dryRun: 'true', fileId });
  assert.equal(preview.last.type, 'complete', JSON.stringify(preview.last));
  const done = await importing({ cleanFirst: 'true', fileId }); // a preview has not used it up
  assert.equal(done.last.type, 'complete', JSON.stringify(done.last));
  assert.equal(Number(await postgres.value('hub', `SELECT count(*) FROM users WHERE name = 'changed'`)), 0);
  const again = await client.upload(IMPORT, { cleanFirst: 'true', fileId });
  assert.deepEqual([again.status, again.json.code], [410, 'UPLOAD_GONE']);
  for (const nonsense of ['', 'x', 'a'.repeat(32), '../../etc/passwd'])
    assert.ok([400, 410].includes((await client.upload(IMPORT, { fileId: nonsense })).status), nonsense);
});

test('a refused import keeps the file for the next try', async () => {
  await postgres.sql('hub', 'CREATE TABLE only_here (id int)', { user: 'hub' });
  const { json: { fileId } } = await inspect();
  const refused = await client.upload(IMPORT, { cleanFirst: 'true', fileId });
  assert.equal(refused.json.code, 'OTHERS_WOULD_BE_LOST');
  const { last } = await importing({ cleanFirst: 'true', dropOthers: 'true', fileId });
  assert.equal(last.type, 'complete', JSON.stringify(last));
});

test('files are kept in bounds, for their time, and not beyond the server', async () => {
  const own = makeWorkplace();
  const short = await startServer({ env: { ...env, HUBPORT_TMP_DIR: own, HUBPORT_KEEP_UPLOADS: '2s',
    HUBPORT_KEEP_UPLOADS_SIZE: String(3 * archive.bytes.length) } });
  const files = () => readdirSync(own).filter((name) => name.startsWith('database_import_'));
  const ids = [];
  for (let i = 0; i < 4; i++) ids.push((await inspect({}, archive, short.client())).json.fileId);
  assert.equal(new Set(ids).size, 4);
  assert.equal(files().length, 3);
  assert.equal((await short.client().upload(INSPECT, { fileId: ids[0] })).json.code, 'UPLOAD_GONE'); // the oldest gave way
  await waitFor(() => files().length === 0, { what: 'the kept files to go' });
  assert.equal((await short.client().upload(INSPECT, { fileId: ids[3] })).json.code, 'UPLOAD_GONE');
  await inspect({}, archive, short.client());
  assert.equal(files().length, 1);
  await short.stop();
  assert.equal(files().length, 0);
});

test('only an administrator inspects, and nothing is left behind', async () => {
  const stranger = server.client({ token: 'wrong' });
  assert.equal((await stranger.upload(INSPECT, {}, archive)).status, 401);
  await server.stop();
  assert.deepEqual(kept(), []);
  await assertNoLeftovers({ postgres, redis });
});
