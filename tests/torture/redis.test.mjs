// Redis away, wrong, hung or forgetful: backups go on by PostgreSQL's lock alone, and one at a time.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoLeftovers, startServer } from '../integration/support/hubport.mjs';
import { fill } from '../integration/support/data.mjs';
import { cleanUp, freePort, waitFor } from '../integration/support/processes.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';
import { PROMISE, proves } from './support/record.mjs';

const GROUP = 'Redis';
const EXPORT = '/api/admin/database/export';
const KEY = 'database:backup:lock';
const ONE_AT_A_TIME = 'One operation at a time, the holder is named, and the lock is free afterwards';
let postgres;

before(async () => {
  postgres = await startPostgres();
  await postgres.createDatabase('hub');
  const server = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: 'torture' } });
  await fill(postgres, 'hub', { requests: 300 });
  await server.stop();
});
after(() => cleanUp());

const serve = (url) => startServer({ env: { DSN: postgres.dsn('hub'), REDIS_URL: url, ADMIN_TOKEN: 'torture', HUBPORT_LOCK_TTL: '2s' } });
const batch = (server) => server.client().post('/api/v1/users:batchUpdate', { userIds: [1, 2], updates: { rpm: 5 } });

/** An export that waits until finish(). */
async function heldExport(server) {
  const session = postgres.session('hub');
  await session.run('BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE');
  const answer = server.client().get(EXPORT);
  answer.catch(() => {}); // of a server that is killed; who calls finish() is told
  await waitFor(() => server.children().some(({ command }) => /pg_dump/.test(command)), { what: 'pg_dump' });
  return async () => (await session.close(), answer);
}

/** Both servers work, exclude each other, and a bulk change goes through. */
async function assertUsable(first, second) {
  const finish = await heldExport(first);
  const refused = await second.client().get(EXPORT);
  assert.equal(refused.status, 409);
  assert.equal(refused.json.holder.operation, 'export');
  assert.equal((await finish()).status, 200);
  assert.equal((await batch(second)).status, 200);
  assert.equal((await second.client().get(EXPORT)).status, 200);
  await assertNoLeftovers({ server: first, postgres }, 2000);
}

async function usableBy(url) {
  const [first, second] = [await serve(url), await serve(url)];
  await assertUsable(first, second);
  return { first, second, stop: () => Promise.all([first.stop(), second.stop()]) };
}

proves(GROUP, 'Not there when the server starts, and there later', { promise: ONE_AT_A_TIME }, async (round) => {
  round();
  const port = await freePort();
  const { first, second, stop } = await usableBy(`redis://127.0.0.1:${port}`);
  const redis = await startRedis({ port });
  await assertUsable(first, second);
  const finish = await heldExport(first);
  await waitFor(async () => (await redis.cli('EXISTS', KEY)) === '1', { what: 'the key, which the hub sees' });
  await finish();
  assert.equal(await redis.cli('EXISTS', KEY), '0');
  await stop();
});

proves(GROUP, 'A wrong password', { promise: ONE_AT_A_TIME }, async (round) => {
  round();
  const redis = await startRedis({ password: 'right' });
  const { stop, first } = await usableBy(redis.url.replace('right', 'wrong'));
  assert.ok(!first.stderr.includes('wrong@') && !first.stderr.includes(':wrong'), 'no password in the log');
  await stop();
});

proves(GROUP, 'A replica that takes no writes', { promise: ONE_AT_A_TIME }, async (round) => {
  round();
  const [main, replica] = [await startRedis(), await startRedis()];
  await replica.cli('REPLICAOF', '127.0.0.1', main.port);
  await waitFor(async () => /master_link_status:up/.test(await replica.cli('INFO', 'replication')), { what: 'the replica' });
  await (await usableBy(replica.url)).stop();
});

proves(GROUP, 'Full (maxmemory, noeviction)', { promise: ONE_AT_A_TIME }, async (round) => {
  round();
  const redis = await startRedis();
  await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  await (await usableBy(redis.url)).stop();
});

proves(GROUP, 'Hung for 5 s (SIGSTOP) with the lock held, 5 rounds', { promise: ONE_AT_A_TIME }, async (round) => {
  const redis = await startRedis();
  const [first, second] = [await serve(redis.url), await serve(redis.url)];
  for (let i = 0; i < 5; i++) {
    round();
    const finish = await heldExport(first);
    process.kill(redis.process.pid, 'SIGSTOP');
    const refusing = second.client().get(EXPORT);
    await sleep(5000);
    process.kill(redis.process.pid, 'SIGCONT');
    assert.equal((await refusing).status, 409);
    assert.equal((await finish()).status, 200);
    await waitFor(async () => (await redis.cli('EXISTS', KEY)) === '0', { within: 5000, what: 'the end of the key' });
  }
  await assertUsable(first, second);
  await Promise.all([first.stop(), second.stop()]);
});

proves(GROUP, 'Killed, or restarted empty, while the lock is held, 10 rounds', { promise: ONE_AT_A_TIME }, async (round) => {
  const redis = await startRedis();
  const [first, second] = [await serve(redis.url), await serve(redis.url)];
  for (let i = 0; i < 10; i++) {
    round();
    const finish = await heldExport(first);
    await (i % 2 === 0 ? redis.kill() : redis.restartEmpty());
    assert.equal((await second.client().get(EXPORT)).status, 409);
    if (i % 4 === 0) await redis.launch();
    assert.equal((await finish()).status, 200);
    assert.equal((await batch(second)).status, 200, 'with Redis, or without');
    if (i % 4 === 2) await redis.launch();
    await waitFor(async () => (await redis.cli('EXISTS', KEY)) === '0', { within: 5000, what: 'the end of the key' });
  }
  await assertUsable(first, second);
  await Promise.all([first.stop(), second.stop()]);
});

proves(GROUP, 'The key of a hubport that was killed, after a restart', { promise: PROMISE.RECOVERS }, async (round) => {
  const redis = await startRedis();
  const env = { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: 'torture', HUBPORT_LOCK_TTL: '5m' };
  let server = await startServer({ env });
  for (let i = 0; i < 3; i++) {
    round();
    const finish = await heldExport(server);
    await server.kill('SIGKILL');
    assert.equal(await redis.cli('EXISTS', KEY), '1');
    await finish().catch(() => {});
    server = await startServer({ env, directory: server.directory });
    await assertNoLeftovers({ server, postgres, redis }, 20_000);
  }
  await server.stop();
});
