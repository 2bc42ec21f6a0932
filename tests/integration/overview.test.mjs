// GET /api/v1/overview and /api/v1/audit-logs: what needs attention, how much the hub was used, who did what.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { Client } from './support/client.mjs';
import { startServer } from './support/hubport.mjs';
import { cleanUp } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const TOKEN = 'token of the overview tests';
let postgres, redis, server, client;

before(async () => {
  postgres = await startPostgres();
  redis = await startRedis();
  await postgres.createDatabase('hub');
  server = await startServer({ env: { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN, PRICE_TABLE_URL: 'https://127.0.0.1:9/' } });
  client = server.client();
});
after(() => cleanUp());

const kinds = async (language = 'en') =>
  Object.fromEntries((await client.json('/api/v1/overview', { headers: { 'accept-language': language } })).attention.map((one) => [one.kind, one]));

test('it tells of a missing backup, models without a price, open circuits and a sync that failed, in the reader\'s language', async () => {
  await postgres.sql('hub', `
    INSERT INTO users (name) VALUES ('somebody');
    INSERT INTO providers (name, url, key) SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-' || n FROM generate_series(1, 3) n;
    INSERT INTO message_request (provider_id, user_id, key, model, created_at) VALUES (1, 1, 'k', 'nobody-knows-it', now())`);
  await redis.cli('HSET', 'circuit_breaker:state:2', 'circuitState', 'open');
  const { backup, unpriced, circuits, priceSync } = await kinds();
  assert.match(backup.text, /No backup has been made/);
  assert.deepEqual([unpriced.count, circuits.count, priceSync], [1, 1, undefined]);
  assert.notEqual((await client.post('/api/v1/model-prices:syncLitellm', {})).status, 200);
  assert.match((await kinds()).priceSync.text, /^The synchronisation of prices failed: ./);
  assert.match((await kinds('zh-CN')).circuits.text, /^1 个供应商的熔断器/);
  await client.get('/api/admin/database/export');
  await redis.cli('DEL', 'circuit_breaker:state:2');
  const later = await kinds();
  assert.deepEqual([later.backup, later.circuits], [undefined, undefined]);
});

test('usage has every day of the reader\'s zone, with exact amounts; a zone or number that is none is refused', async () => {
  await postgres.sql('hub', `
    INSERT INTO usage_ledger (request_id, user_id, provider_id, key, model, is_success, cost_usd, created_at, final_provider_id)
    SELECT 1000 + n, 1, 1, 'k', 'm', n <> 3, 0.000000000000001, now(), 1 FROM generate_series(1, 3) n`);
  const { usage, counts } = await client.json('/api/v1/overview?days=3&timeZone=Asia/Shanghai');
  assert.equal(usage.days.length, 3);
  const { requests, failures, costUsd } = usage.days.at(-1);
  assert.deepEqual([requests >= 3, failures >= 1, costUsd], [true, true, '0.000000000000003']);
  assert.deepEqual([counts.users, counts.providers], [1, 3]);
  for (const query of ['days=0', 'days=91', 'days=x', 'timeZone=Nowhere/At_All'])
    assert.equal((await client.get(`/api/v1/overview?${query}`)).status, 400, query);
  assert.equal((await new Client(server.url).get('/api/v1/overview')).status, 401);
});

test('the audit log is read in pages, filtered and searched, each row with before and after', async () => {
  for (const weight of [1, 2, 3]) await client.post('/api/v1/providers:batchUpdate', { providerIds: [1], updates: { weight } });
  await client.post('/api/v1/providers:batchUpdate', { providerIds: [999], updates: { weight: 1 } });
  const first = await client.json('/api/v1/audit-logs?category=provider&limit=2');
  assert.deepEqual([first.items.length, first.pageInfo.hasMore, first.items[0].success], [2, true, false]);
  const second = await client.json(`/api/v1/audit-logs?category=provider&limit=2&cursor=${encodeURIComponent(first.pageInfo.nextCursor)}`);
  assert.deepEqual([second.items.length, second.pageInfo.hasMore], [2, false]);
  assert.equal(new Set([...first.items, ...second.items].map(({ id }) => id)).size, 4, 'no row stands on two pages');
  const failed = await client.json('/api/v1/audit-logs?success=false&search=BATCH_UPDATE');
  assert.deepEqual(failed.items.map(({ actionType }) => actionType), ['providers.batch_update']);
  const one = await client.json(`/api/v1/audit-logs/${second.items[0].id}`);
  assert.deepEqual([one.beforeValue['1'], one.afterValue.rows['1']], [{ weight: 1 }, { weight: 2 }]);
  assert.equal((await client.get('/api/v1/audit-logs/99999999')).status, 404);
  for (const query of ['limit=0', 'limit=101', 'cursor=rubbish', 'success=perhaps', 'from=rubbish'])
    assert.equal((await client.get(`/api/v1/audit-logs?${query}`)).status, 400, query);
  assert.equal((await new Client(server.url).get('/api/v1/audit-logs')).status, 401);
});
