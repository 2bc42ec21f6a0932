// The backup lock: one operation at a time over all servers, whatever happens to Redis.
import { strict as assert } from 'node:assert';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoLeftovers, startServer } from './support/hubport.mjs';
import { fill } from './support/data.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const EXPORT = '/api/admin/database/export';
const KEY = 'database:backup:lock';
const TOKEN = 'token of the lock tests';
let postgres, redis, first, second;

before(async () => {
  postgres = await startPostgres();
  redis = await startRedis();
  await postgres.createDatabase('hub');
  const env = { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN, HUBPORT_LOCK_TTL: '2s' };
  first = await startServer({ env });
  second = await startServer({ env });
  await fill(postgres, 'hub');
});
after(() => cleanUp());

const sessions = [];
afterEach(() => Promise.all(sessions.splice(0).map((session) => session.close()))); // of a test that failed: others would wait for it

/** An export that cannot go on until finish() is called. */
async function heldExport(server) {
  const session = postgres.session('hub');
  sessions.push(session);
  await session.run('BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE');
  const answer = server.client().get(EXPORT);
  await waitFor(() => server.children().some(({ command }) => /pg_dump/.test(command)), { what: 'pg_dump' });
  return { answer, finish: async () => (await session.close(), answer) };
}

test('the second server is refused and told who holds the lock', async () => {
  const held = await heldExport(first);
  const requests = [() => second.client().get(EXPORT), () => second.client().post('/api/admin/database/rollback', {})];
  for (const send of requests) { // one after the other: at once they would name each other
    const answer = await send();
    assert.equal(answer.status, 409);
    assert.deepEqual([answer.json.holder.operation, answer.json.holder.user], ['export', 'Admin Token']);
    assert.ok(Math.abs(Date.parse(answer.json.holder.since) - Date.now()) < 30_000);
  }
  assert.equal((await held.finish()).status, 200);
  assert.equal((await second.client().get(EXPORT)).status, 200);
  await assertNoLeftovers({ server: first, postgres, redis });
});

test('work that takes longer than the lock\'s life keeps the lock', async () => {
  const held = await heldExport(first);
  for (let i = 0; i < 10; i++) {
    await sleep(500);
    assert.equal(await redis.cli('EXISTS', KEY), '1');
    assert.equal((await second.client().get(EXPORT)).status, 409);
  }
  assert.equal((await held.finish()).status, 200);
  assert.equal(await redis.cli('EXISTS', KEY), '0');
});

test('Redis killed in the middle: still no second holder, and the holder is still named', async () => {
  const held = await heldExport(first);
  await redis.kill();
  const answer = await second.client().get(EXPORT);
  assert.equal(answer.status, 409);
  assert.deepEqual([answer.json.holder.operation, answer.json.holder.user], ['export', 'Admin Token']);
  await sleep(3000);
  assert.equal((await second.client().get(EXPORT)).status, 409);
  assert.equal((await held.finish()).status, 200);
  await redis.launch();
  await waitFor(async () => (await second.client().get(EXPORT)).status === 200, { what: 'an export again' });
});

test('a Redis that comes back empty gets the key again', async () => {
  const held = await heldExport(first);
  await redis.restartEmpty();
  await waitFor(async () => (await redis.cli('EXISTS', KEY)) === '1', { within: 5000, what: 'the key' });
  assert.equal((await second.client().get(EXPORT)).status, 409);
  assert.equal((await held.finish()).status, 200);
  assert.equal(await redis.cli('EXISTS', KEY), '0');
});

test('a hub that holds the key is named as the hub, and its key is left alone', async () => {
  await redis.cli('SET', KEY, `${Date.now()}-k3j4h5`, 'PX', '60000');
  const answer = await first.client().get(EXPORT);
  assert.equal(answer.status, 409);
  assert.equal(answer.json.holder.user, 'the hub');
  assert.equal(await redis.cli('EXISTS', KEY), '1');
  await redis.cli('DEL', KEY);
  assert.equal((await first.client().get(EXPORT)).status, 200);
});

test('a lock that another owner takes cancels the work, and the other\'s key stays', async () => {
  const held = await heldExport(first);
  await redis.cli('SET', KEY, 'stolen', 'PX', '60000');
  const answer = await held.answer;
  assert.equal(answer.status, 500);
  assert.equal(answer.json.code, 'LOCK_LOST');
  assert.equal(await redis.cli('GET', KEY), 'stolen');
  await redis.cli('DEL', KEY);
  await held.finish();
});

test('the end of the advisory lock\'s connection cancels the work', async () => {
  const held = await heldExport(first);
  await postgres.sql('postgres', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hubport:export:%'`);
  const answer = await held.answer;
  assert.equal(answer.json.code, 'LOCK_LOST');
  await held.finish();
  await assertNoLeftovers({ server: first, postgres, redis }, 2000);
});

test('without Redis two servers still exclude each other', async () => {
  const env = { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN };
  const [third, fourth] = [await startServer({ env }), await startServer({ env })];
  const held = await heldExport(third);
  const answer = await fourth.client().get(EXPORT);
  assert.equal(answer.status, 409);
  assert.equal(answer.json.holder.user, 'Admin Token');
  assert.equal((await fourth.client().json('/api/admin/database/status')).lock.operation, 'export');
  await held.finish();
});
