// GET /api/admin/database/export: the whole database as an archive that stock tools read.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAnswer } from './support/client.mjs';
import { assertNoLeftovers, makeWorkplace, startServer } from './support/hubport.mjs';
import { checksum, fill, restore, sha256 } from './support/data.mjs';
import { cleanUp, isAlive, makeDirectory, runProgram, waitFor } from './support/processes.mjs';
import { PG_BIN, startPostgres, startRedis } from './support/servers.mjs';

const EXPORT = '/api/admin/database/export';
const TOKEN = 'token of the export tests';
let postgres, redis, server, client;

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  const env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN };
  server = await startServer({ env });
  await fill(postgres, 'hub', { others: true, user: 'hub' });
  client = server.client();
});
after(() => cleanUp());

function save(bytes) {
  const path = join(makeDirectory('dump'), 'x.dump');
  writeFileSync(path, bytes);
  return path;
}

async function contents(bytes) {
  const { status, stdout, stderr } = await runProgram(join(PG_BIN, 'pg_restore'), ['-l', save(bytes)]);
  assert.equal(status, 0, stderr);
  return stdout;
}

test('an export is a whole archive under the name and headers that the hub gives', async () => {
  const answer = await client.get(EXPORT);
  assert.equal(answer.status, 200);
  assert.ok(answer.complete);
  assert.equal(answer.headers['content-type'], 'application/octet-stream');
  assert.match(answer.headers['content-disposition'],
    /^attachment; filename="backup_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.dump"$/);
  assert.equal(answer.headers['cache-control'], 'no-cache');
  assert.equal(answer.headers['content-length'], undefined);
  assert.match(await contents(answer.body), /TABLE DATA public message_request/);
  await assertNoLeftovers({ server, postgres, redis });
});

test('the trailer, the log and the audit row name the SHA-256 of the body', async () => {
  const answer = await client.get(EXPORT);
  const digest = sha256(answer.body);
  assert.equal(answer.trailers['x-checksum-sha256'], digest);
  await server.logged('export.finished', (line) => line.sha256 === digest && line.bytes === answer.body.length);
  const [row] = await postgres.rows('hub', `SELECT * FROM audit_log WHERE action_type = 'database.export'
    ORDER BY id DESC LIMIT 1`);
  assert.deepEqual([row.success, row.operator_user_id, row.operator_user_name, row.after_value.sha256],
    [true, -1, 'Admin Token', digest]);
});

test('a stock restore of an export gives every row', async () => {
  const answer = await client.get(EXPORT);
  await restore(postgres, 'restored', answer.body);
  assert.deepEqual(await checksum(postgres, 'restored'), await checksum(postgres, 'hub'));
  assert.equal(await postgres.value('restored', `SELECT to_regnamespace('hubport') IS NULL`), 't');
});

for (const query of ['excludeLogs=true', 'mode=excludeLogs', 'mode=excludeLogs&excludeLogs=true'])
  test(`${query} keeps the log table's structure and none of its rows`, async () => {
    const answer = await client.get(`${EXPORT}?${query}`);
    assert.match(answer.headers['content-disposition'], /_no-logs\.dump"$/);
    const list = await contents(answer.body);
    assert.match(list, /TABLE public message_request/);
    assert.match(list, /INDEX public idx_message_request_created_at/);
    assert.doesNotMatch(list, /TABLE DATA public message_request/);
    assert.match(list, /TABLE DATA public usage_ledger/);
  });

test('mode=ledgerOnly leaves the log table out', async () => {
  const answer = await client.get(`${EXPORT}?mode=ledgerOnly`);
  assert.match(answer.headers['content-disposition'], /_ledger-only\.dump"$/);
  assert.doesNotMatch(await contents(answer.body), /message_request\b(?!_)/);
});

for (const query of ['mode=everything', 'mode=', 'excludeLogs=yes', 'excludeLogs=', 'mode=full&excludeLogs=true'])
  test(`${query} is refused`, async () => {
    const answer = await client.get(`${EXPORT}?${query}`);
    assert.equal(answer.status, 400);
    assert.equal(answer.json.code, 'EXPORT_MODE_INVALID');
  });

for (const query of ['compression=best', 'compression=', 'parallel=1', 'parallel=9', 'parallel=', 'parallel=two'])
  test(`${query} is refused`, async () => {
    const answer = await client.get(`${EXPORT}?${query}`);
    assert.equal(answer.status, 400);
    assert.equal(answer.json.code, 'EXPORT_MODE_INVALID');
  });

test('HEAD and POST are refused and take no lock', async () => {
  for (const method of ['HEAD', 'POST']) {
    const answer = await client.send(method, EXPORT);
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.allow, 'GET');
  }
  await assertNoLeftovers({ server, postgres, redis });
});

/** Makes pg_dump wait: somebody holds a table. */
async function holdTable() {
  const session = postgres.session('hub');
  await session.run('BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE');
  return session;
}

const dumping = () => server.children().filter(({ command }) => /pg_dump/.test(command));

test('a second export is refused with 409 naming the holder, and works at once afterwards', async () => {
  const holder = await holdTable();
  const first = client.get(EXPORT);
  await waitFor(() => dumping().length === 1);
  const second = await client.get(EXPORT);
  assert.equal(second.status, 409);
  assert.equal(second.json.error, '其他管理员正在执行备份操作，请稍后重试');
  assert.equal(second.json.details, '为确保数据一致性，同一时间只能执行一个备份操作');
  assert.equal(second.json.code, 'BACKUP_BUSY');
  assert.equal(second.json.holder.operation, 'export');
  assert.equal(second.json.holder.user, 'Admin Token');
  const { lock } = await client.json('/api/admin/database/status');
  assert.equal(lock.operation, 'export');
  await holder.close();
  assert.equal((await first).status, 200);
  assert.equal((await client.get(EXPORT)).status, 200);
});

test('the 409 is in English for those who prefer it', async () => {
  const holder = await holdTable();
  const first = client.get(EXPORT);
  await waitFor(() => dumping().length === 1);
  const answer = await client.get(EXPORT, { headers: { 'accept-language': 'en-US,en;q=0.9,zh;q=0.1' } });
  assert.match(answer.json.error, /^Another administrator/);
  await holder.close();
  await first;
});

test('a client that leaves ends pg_dump within a second and frees the lock', async () => {
  const holder = await holdTable();
  const leaving = new AbortController();
  const gone = client.open('GET', EXPORT, { signal: leaving.signal }).catch(() => {});
  const [{ pid }] = await waitFor(() => dumping().length === 1 && dumping());
  leaving.abort();
  await gone;
  await waitFor(() => !isAlive(pid), { within: 1000, what: 'the end of pg_dump' });
  await assertNoLeftovers({ server, postgres, redis }, 2000);
  await holder.close();
});

test('a client that leaves in the middle of the body does too', async () => {
  const { request, response } = await client.open('GET', EXPORT);
  await new Promise((resolve) => response.once('data', resolve));
  request.destroy();
  await assertNoLeftovers({ server, postgres, redis }, 2000);
});

test('a dump that fails before its first byte is a clean error', async () => {
  await postgres.sql('hub', 'CREATE TABLE public.forbidden (a int); REVOKE ALL ON public.forbidden FROM hub');
  const answer = await client.get(EXPORT);
  await postgres.sql('hub', 'DROP TABLE public.forbidden');
  assert.equal(answer.status, 500);
  assert.equal(answer.json.error, '导出数据库失败');
  assert.match(answer.json.details, /permission denied for table forbidden/);
  await assertNoLeftovers({ server, postgres, redis });
});

test('a dump that fails midway breaks the transfer: curl exits with 18', async () => {
  await postgres.sql('hub', `CREATE TABLE public.wide (a text); ALTER TABLE public.wide OWNER TO hub;
    ALTER TABLE public.wide ALTER a SET STORAGE EXTERNAL;
    INSERT INTO public.wide SELECT repeat(md5(i::text), 40000) FROM generate_series(1, 60) i`);
  const path = join(makeWorkplace(), 'out.dump');
  const curl = runProgram('curl', ['-s', '--limit-rate', '5M', '-o', path, '-H', `Authorization: Bearer ${TOKEN}`,
    `${server.url}${EXPORT}`]);
  await waitFor(async () => (await postgres.sql('postgres', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'hubport' AND query LIKE 'COPY public.%'`)).length > 0, { what: 'a COPY to end' });
  const { status } = await curl;
  await postgres.sql('hub', 'DROP TABLE public.wide');
  assert.equal(status, 18);
  await assertNoLeftovers({ server, postgres, redis }, 2000);
  const [row] = await postgres.rows('hub', `SELECT * FROM audit_log WHERE action_type = 'database.export'
    ORDER BY id DESC LIMIT 1`);
  assert.equal(row.success, false);
});

/** A server whose parallel exports read every table by several connections. */
async function startParallel() {
  const env = { ...server.env, HUBPORT_EXPORT_PARALLEL_FROM: '8KB' };
  const other = await startServer({ env });
  return { other, get: () => other.client().open('GET', `${EXPORT}?parallel=2&compression=none`) };
}

test('a parallel export gives every row, in every mode', async () => {
  const { other } = await startParallel();
  const answer = await other.client().get(`${EXPORT}?parallel=2`);
  assert.equal(answer.trailers['x-checksum-sha256'], sha256(answer.body));
  await restore(postgres, 'restored_parallel', answer.body);
  assert.deepEqual(await checksum(postgres, 'restored_parallel'), await checksum(postgres, 'hub'));
  const without = await other.client().get(`${EXPORT}?parallel=2&excludeLogs=true`);
  assert.doesNotMatch(await contents(without.body), /TABLE DATA public message_request/);
  assert.ok(without.complete);
  await assertNoLeftovers({ server: other, postgres, redis });
  await other.stop();
});

test('a client that leaves a parallel export in the middle, or a connection of it that dies, leaves nothing', async () => {
  const { other, get } = await startParallel();
  await postgres.sql('hub', `CREATE TABLE public.wide (a text); ALTER TABLE public.wide OWNER TO hub;
    ALTER TABLE public.wide ALTER a SET STORAGE EXTERNAL;
    INSERT INTO public.wide SELECT repeat(md5(i::text), 40000) FROM generate_series(1, 60) i`);
  const leaving = await get();
  await new Promise((resolve) => leaving.response.once('data', resolve));
  leaving.request.destroy();
  await assertNoLeftovers({ server: other, postgres, redis }, 3000);

  const { response } = await get();
  await waitFor(async () => (await postgres.sql('postgres', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'hubport' AND query LIKE 'COPY (SELECT%' AND state = 'active' LIMIT 1`)).length > 0, { what: 'a COPY to end' });
  assert.equal((await readAnswer(response)).complete, false);
  await assertNoLeftovers({ server: other, postgres, redis }, 3000);
  await postgres.sql('hub', 'DROP TABLE public.wide');
  await other.stop();
});

test('a database that cannot be reached is 503 with the hub\'s text', async () => {
  const other = await startServer({ env: { DSN: 'postgresql://127.0.0.1:1/x', ADMIN_TOKEN: TOKEN } });
  const answer = await other.client().get(EXPORT);
  assert.equal(answer.status, 503);
  assert.equal(answer.json.error, '数据库连接不可用，请检查数据库服务状态');
  assert.equal(answer.json.code, 'DATABASE_UNAVAILABLE');
});
