// Bulk changes of users, keys and providers: all or nothing, checked field by field, told to the hub through Redis.
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { assertNoLeftovers, startServer } from './support/hubport.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const TOKEN = 'token of the batch tests';
const ROUNDS = Number(process.env.LAST_KEY_ROUNDS ?? 60);
let postgres, redis, server, client, fields;

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  server = await startServer({ env: { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN } });
  client = server.client();
  fields = await client.json('/api/v1/batch-fields');
});
after(() => cleanUp());

beforeEach(() => postgres.sql('hub', `
  TRUNCATE users, keys, providers, provider_groups, provider_endpoints, provider_vendors, audit_log RESTART IDENTITY CASCADE;
  INSERT INTO provider_vendors (website_domain) VALUES ('example.org');
  INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, 600) n;
  INSERT INTO keys (user_id, key, name) SELECT 1 + (n - 1) % 600, 'sk-secret-' || n, 'key ' || n FROM generate_series(1, 1200) n;
  INSERT INTO providers (name, url, key, provider_vendor_id, provider_type)
    SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-provider-' || n, 1, 'claude' FROM generate_series(1, 600) n`));

const IDS = { users: 'userIds', keys: 'keyIds', providers: 'providerIds' };
const KINDS = Object.keys(IDS);
const range = (first, count) => Array.from({ length: count }, (_, i) => first + i);
const update = (kind, ids, updates, more = {}) =>
  client.post(`/api/v1/${kind}:batchUpdate`, { [IDS[kind]]: ids, updates, ...more });
const value = (sql) => postgres.value('hub', sql);
const state = (kind) => value(`SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM ${kind} t`);

/** Values of a field: [those that are taken, with the text that PostgreSQL then has], [those that are refused]. */
function edges({ type, name, min, max, scale, maxLength, maxItems, choices, nullable }) {
  const long = (length) => 'é'.repeat(length);
  const taken = [], refused = [{}];
  switch (type) {
    case 'bool':
      taken.push([true, 'true'], [false, 'false']);
      refused.push('true', 1, []);
      break;
    case 'integer':
      taken.push([Number(min), min], [Number(max), max]);
      refused.push(Number(min) - 1, Number(max) + 1, 1.5, '5', true);
      break;
    case 'decimal': {
      const shown = (text) => (text.includes('.') ? text : `${text}.${'0'.repeat(scale)}`);
      taken.push([Number(min), shown(min)], [max, shown(max)], ['1.5', `1.5${'0'.repeat(scale - 1)}`], [0.25, `0.25${'0'.repeat(scale - 2)}`]);
      refused.push(-0.01, `${Number(max) + 1}`, `1.${'0'.repeat(scale)}1`, '1e2', 'NaN', '', true);
      break;
    }
    case 'text':
      taken.push([long(maxLength), long(maxLength)], ['', '']);
      refused.push(long(maxLength + 1), 5, []);
      break;
    case 'choice':
      taken.push(...choices.map((one) => [one, one]));
      refused.push('no such choice', '', 5);
      break;
    case 'texts':
      taken.push([[], '[]'], [['b', 'a'], '["b", "a"]'], [[long(maxLength)], JSON.stringify([long(maxLength)])]);
      refused.push(Array(maxItems + 1).fill('a'), [long(maxLength + 1)], [5], 'a');
      break;
    case 'groups':
      taken.push(name === 'groupTag' ? [' b,a，b\nc', 'b,a,c'] : [' b,a，b\nc', 'a,b,c'], name === 'groupTag' ? [`${long(200)},${long(54)}`, `${long(200)},${long(54)}`] : [long(192), long(192)]);
      refused.push(long(201), `${long(200)},${'x'.repeat(100)}`, 5);
      break;
    case 'time':
      taken.push(['00:00', '00:00'], ['23:59', '23:59']);
      refused.push('24:00', '12:60', '1:00', 'noon');
      break;
    case 'numeral':
      taken.push(['inherit', 'inherit'], [min, min], [max, max]);
      refused.push(String(Number(min) - 1), String(Number(max) + 1), 5);
      break;
    case 'rules':
      taken.push(name === 'modelRedirects' ? [[{ matchType: 'exact', source: 'a', target: 'b' }], '[{"source": "a", "target": "b", "matchType": "exact"}]']
        : [['a', { matchType: 'regex', pattern: '^claude-.*$' }], '["a", {"pattern": "^claude-.*$", "matchType": "regex"}]']);
      refused.push([{ matchType: 'sometimes', source: 'a', target: 'b', pattern: 'a' }], [5], 'a', [{ matchType: 'regex', pattern: '(a+)+' }],
        [{ matchType: 'regex', source: '(', target: 'b' }], name === 'allowedModels' ? ['a', 'a'] : [{ matchType: 'exact', source: 'a' }]);
      break;
    case 'object':
      taken.push([{ type: 'adaptive' }, '{"type": "adaptive"}']);
      refused.pop();
      refused.push([], 'a', 5);
      break;
    default:
      assert.fail(`a type without edges: ${type}`);
  }
  (nullable ? taken : refused).push(nullable ? [null, ''] : null);
  return { taken, refused };
}

for (const kind of KINDS)
  test(`every field of ${kind} takes its smallest, largest and null, and refuses what is one past`, async () => {
    const mine = fields[kind].filter(({ patchOnly }) => !patchOnly);
    assert.ok(mine.length >= 8);
    for (const field of mine) {
      const { taken, refused } = edges(field);
      for (const [sent, stored] of taken) {
        const answer = await update(kind, [1], { [field.name]: sent });
        assert.equal(answer.status, 200, `${field.name} = ${JSON.stringify(sent)}: ${answer.text}`);
        const groups = kind === 'keys' && field.type === 'groups' && sent === null;
        assert.equal(await value(`SELECT coalesce(${field.column}::text, '') FROM ${kind} WHERE id = 1`), groups ? '' : stored, field.name);
      }
      const before = await state(kind);
      for (const sent of refused) {
        const answer = await update(kind, [1], { [field.name]: sent });
        assert.equal(answer.status, 400, `${field.name} = ${JSON.stringify(sent)}`);
        assert.equal(answer.json.errorCode, 'request.validation_failed');
        assert.equal(answer.json.invalidParams[0].path, `updates.${field.name}`);
      }
      assert.equal(await state(kind), before, `${field.name}: what is refused changes nothing`);
      assert.equal((await update(kind, [2], { [field.column]: taken[0][0] })).status, 200, `by its other name: ${field.column}`);
    }
  });

for (const kind of KINDS)
  test(`500 ${kind} change in one request, 501 and whatever else is wrong change nothing`, async () => {
    const updates = { users: { rpm: 77 }, keys: { limitDailyUsd: '7.77' }, providers: { priority: 7 } }[kind];
    const answer = await update(kind, range(1, 500), updates);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json.updatedCount, 500);
    if (kind !== 'providers') assert.deepEqual(answer.json.updatedIds, range(1, 500));
    assert.equal(answer.headers['x-api-version'], '1.0.0');
    const before = await state(kind);
    await postgres.sql('hub', `UPDATE ${kind} SET deleted_at = now() WHERE id = 600`);
    const deleted = await state(kind);
    const wrong = [
      [range(1, 501), updates, 400], [[1, 1], updates, 400], [[0], updates, 400], [[-1], updates, 400], [[1.5], updates, 400], [['1'], updates, 400],
      [[2 ** 31], updates, 400], ['1', updates, 400], [[1], {}, 400], [[1], null, 400], [[1], { nothing: 1 }, 400], [[], updates, 400],
      [[1, 99999], updates, 404], [[1, 600], updates, 404],
    ];
    for (const [ids, changes, status] of wrong) {
      const refusal = await update(kind, ids, changes);
      assert.equal(refusal.status, status, JSON.stringify([ids, changes]).slice(0, 80));
      assert.match(refusal.headers['content-type'], /problem\+json/);
    }
    assert.deepEqual((await update(kind, [1, 99999, 600], updates)).json.errorParams.ids, [600, 99999]);
    assert.equal((await update(kind, [1], updates, { extra: 1 })).status, 400);
    assert.equal(await state(kind), deleted);
    assert.notEqual(before, '');
  });

test('a failure in the middle changes nothing: a constraint, a connection that is cut', async () => {
  await postgres.sql('hub', `ALTER TABLE users ADD CONSTRAINT not_250 CHECK (id <> 250 OR rpm_limit IS DISTINCT FROM 9)`);
  const before = await state('users');
  const answer = await update('users', range(1, 500), { rpm: 9 });
  assert.equal(answer.status, 500);
  assert.equal(await state('users'), before);
  await postgres.sql('hub', `ALTER TABLE users DROP CONSTRAINT not_250;
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 300 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END';
    CREATE TRIGGER cut BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION cut()`);
  assert.ok((await update('users', range(1, 500), { rpm: 9 })).status >= 500);
  await postgres.sql('hub', 'DROP TRIGGER cut ON users; DROP FUNCTION cut()');
  assert.equal(await state('users'), before);
  assert.equal((await update('users', range(1, 500), { rpm: 9 })).status, 200, 'the pool is well again');
});

test('a server that is killed in the middle of a batch changed nothing', async () => {
  const before = await state('users');
  const own = await startServer({ env: { DSN: postgres.dsn('hub', { user: 'hub' }), ADMIN_TOKEN: TOKEN } });
  await postgres.sql('hub', `
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 300 THEN PERFORM pg_sleep(20); END IF; RETURN NEW; END';
    CREATE TRIGGER linger BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION linger()`);
  const asked = own.client().post('/api/v1/users:batchUpdate', { userIds: range(1, 500), updates: { rpm: 9 } }).catch(() => 'gone');
  const lingers = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
  const pid = await waitFor(() => value(lingers), { what: 'the update' });
  await own.kill();
  assert.equal(await asked, 'gone');
  await postgres.sql('hub', `SELECT pg_cancel_backend(${pid})`); // it would see that nobody is there when its sleep ends
  await waitFor(async () => (await value(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`)) === '0', { what: 'its end' });
  await postgres.sql('hub', 'DROP TRIGGER linger ON users; DROP FUNCTION linger()');
  assert.equal(await state('users'), before);
  assert.equal(await value('SELECT count(*) FROM audit_log'), '0');
});

test('the hub\'s own actions answer with the hub\'s texts', async () => {
  const say = async (path, body) => {
    const { status, json } = await client.post(`/api/actions/${path}`, body, { headers: { 'accept-language': 'zh-CN' } });
    return [status, json.errorCode, json.error];
  };
  const many = range(1, 501);
  assert.deepEqual(await say('providers/batchUpdateProviders', { providerIds: [], updates: { weight: 1 } }), [400, 'NO_PROVIDERS_TO_UPDATE', '请选择要更新的供应商']);
  assert.deepEqual(await say('providers/batchDeleteProviders', { providerIds: [] }), [400, 'NO_PROVIDERS_TO_DELETE', '请选择要删除的供应商']);
  assert.deepEqual(await say('providers/batchResetProviderCircuits', { providerIds: [] }), [400, 'NO_PROVIDERS_TO_RESET', '请选择要重置的供应商']);
  assert.deepEqual(await say('providers/batchUpdateProviders', { providerIds: [1], updates: {} }), [400, 'NO_FIELDS_TO_UPDATE', '请指定要更新的字段']);
  assert.deepEqual(await say('providers/batchUpdateProviders', { providerIds: many, updates: { weight: 1 } }), [400, 'TOO_MANY_PROVIDERS', '单次批量操作最多支持 500 个供应商']);
  assert.deepEqual(await say('users/batchUpdateUsers', { userIds: many, updates: { rpm: 1 } }), [400, 'INVALID_FORMAT', '批量操作不能超过 500 个项目']);
  assert.deepEqual(await say('users/batchUpdateUsers', { userIds: [1], updates: {} }), [400, 'EMPTY_UPDATE', '更新内容为空']);
  assert.deepEqual(await say('keys/batchUpdateKeys', { keyIds: [1, 99999], updates: { isEnabled: true } }), [404, 'NOT_FOUND', '部分 Key 不存在: 99999']);
  assert.deepEqual(await say('keys/batchUpdateKeys', { keyIds: [1, 601], updates: { isEnabled: false } }),
    [400, 'CANNOT_DISABLE_LAST_KEY', '无法禁用最后一个可用密钥，用户至少需要保留一个启用的密钥']);
});

test('dryRun says before and after of every row and changes nothing', async () => {
  const before = await state('users');
  const answer = await update('users', [3, 1], { rpm: 5, limit5hUsd: 12.5 }, { dryRun: true });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json.rows[0], { id: 1, name: 'user 1', before: { rpm: null, limit5hUsd: null }, after: { rpm: 5, limit5hUsd: '12.50' } });
  assert.equal(await state('users'), before);
  assert.equal(await value('SELECT count(*) FROM audit_log'), '0');
});

test('a user\'s last usable key cannot be disabled; the refusal names the user', async () => {
  const last = (ids) => update('keys', ids, { isEnabled: false });
  const refusal = await last([1, 601]); // both keys of user 1
  assert.equal(refusal.status, 400);
  assert.equal(refusal.json.errorCode, 'CANNOT_DISABLE_LAST_KEY');
  assert.deepEqual(refusal.json.errorParams.users, [{ id: 1, name: 'user 1' }]);
  assert.equal((await last([1])).status, 200);
  assert.equal((await last([601])).status, 400);
  await postgres.sql('hub', `UPDATE keys SET expires_at = now() - interval '1 day' WHERE id = 602; UPDATE keys SET deleted_at = now() WHERE id = 603`);
  assert.equal((await last([2])).status, 400, 'an expired key is no key');
  assert.equal((await last([3])).status, 400, 'a deleted key is no key');
  assert.equal((await last([602])).status, 200, 'an expired one may go');
  await postgres.sql('hub', `UPDATE keys SET is_enabled = false WHERE user_id = 4`);
  assert.equal((await last([4])).status, 200, 'who had none is not worse off');
});

test(`two requests at once never leave a user without a key, in ${ROUNDS} rounds`, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await postgres.sql('hub', 'UPDATE keys SET is_enabled = true WHERE user_id = 5');
    const answers = await Promise.all([update('keys', [5], { isEnabled: false }), update('keys', [605], { isEnabled: false })]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400], `round ${round}`);
    assert.equal(await value('SELECT count(*) FROM keys WHERE user_id = 5 AND is_enabled'), '1');
  }
});

test('a user\'s groups follow his keys, a provider\'s groups exist, a provider that is switched on has an endpoint', async () => {
  await update('keys', [7], { providerGroup: 'gold' });
  assert.equal(await value('SELECT provider_group FROM users WHERE id = 7'), 'default,gold');
  await update('keys', [607], { providerGroup: 'silver,gold' });
  assert.equal(await value('SELECT provider_group FROM users WHERE id = 7'), 'gold,silver');
  const long = await update('keys', [7], { providerGroup: 'x'.repeat(195) });
  assert.deepEqual([long.status, long.json.errorCode], [400, 'GROUPS_TOO_LONG'], 'all groups of a user must fit');
  assert.match(long.json.detail, /user 7/);
  await update('providers', [1, 2], { groupTag: 'fast,cheap' });
  assert.equal(await value(`SELECT string_agg(name, ',' ORDER BY name) FROM provider_groups`), 'cheap,fast');
  await update('providers', [1, 2], { isEnabled: true });
  assert.equal(await value('SELECT count(*) FROM provider_endpoints WHERE deleted_at IS NULL'), '2');
});

test('the hub learns of it: caches are deleted, channels published, sessions of a disabled provider ended', async () => {
  const digest = createHash('sha256').update('sk-secret-8').digest('hex');
  await redis.cli('SET', `api_key_auth:v1:key:${digest}`, '{}');
  await redis.cli('SET', 'api_key_auth:v1:user:9', '{}');
  await redis.cli('SET', 'user:9:cost_5h_rolling', '1');
  await redis.cli('ZADD', 'provider:10:active_sessions', '1', 'abc');
  await redis.cli('SET', 'session:abc:provider', '10');
  const channels = await redis.subscribe('cch:cache:*');
  await update('keys', [8], { isEnabled: false });
  assert.equal(await redis.cli('EXISTS', `api_key_auth:v1:key:${digest}`), '0', 'a disabled key stops working at once');
  await update('users', [9], { limit5hResetMode: 'fixed' });
  assert.equal(await redis.cli('EXISTS', 'api_key_auth:v1:user:9', 'user:9:cost_5h_rolling'), '0');
  await update('providers', [10], { isEnabled: false });
  assert.equal(await redis.cli('EXISTS', 'session:abc:provider'), '0');
  assert.deepEqual((await channels.stop()).map(({ channel }) => channel), ['cch:cache:api_keys:updated', 'cch:cache:providers:updated']);
});

test('one audit row a batch, with before and after; also for a refusal', async () => {
  await update('users', [1, 2], { rpm: 5 });
  await update('users', [1, 99999], { rpm: 6 });
  const rows = await value(`SELECT json_agg(json_build_array(action_category, action_type, success, before_value -> '1' ->> 'rpm', after_value -> 'rows' -> '1' ->> 'rpm', after_value ->> 'ids', error_message) ORDER BY id) FROM audit_log`);
  assert.deepEqual(JSON.parse(rows), [
    ['user', 'users.batch_update', true, null, '5', '[1, 2]', null],
    ['user', 'users.batch_update', false, '5', null, '[1, 99999]', 'USERS_NOT_FOUND'],
  ]);
});

test('the old actions answer in their envelope', async () => {
  const done = await client.post('/api/actions/users/batchUpdateUsers', { userIds: [1], updates: { rpm: 3 } });
  assert.deepEqual([done.status, done.json.ok, done.json.data.updatedCount], [200, true, 1]);
  const refused = await client.post('/api/actions/keys/batchUpdateKeys', { keyIds: [99999], updates: { isEnabled: false } });
  assert.deepEqual([refused.status, refused.json.ok, refused.json.errorCode], [404, false, 'NOT_FOUND']);
  assert.equal((await client.post('/api/actions/providers/batchUpdateProviders', { providerIds: [1], updates: { weight: 3 } })).status, 200);
  await assertNoLeftovers({ server, postgres });
});

// ---- Lists and circuits ------------------------------------------------------------------------------------------------

test('lists are searched, filtered, sorted and cut into pages, and hold no secret', async () => {
  await update('users', [1, 2], { tags: ['vip'] });
  const first = await client.json('/api/v1/users?pageSize=500');
  assert.deepEqual([first.items.length, first.total, first.totalPages], [500, 600, 2]);
  assert.equal((await client.json('/api/v1/users?pageSize=500&page=2')).items.length, 100);
  assert.deepEqual((await client.json('/api/v1/users?tag=vip&sort=-id')).items.map(({ id }) => id), [2, 1]);
  await postgres.sql('hub', `UPDATE users SET name = '100%_sure\\' WHERE id = 5`);
  for (const search of ['100%', '%_s', 'e\\'])
    assert.deepEqual((await client.json(`/api/v1/users?search=${encodeURIComponent(search)}`)).items.map(({ id }) => id), [5], search);
  assert.deepEqual((await client.json(`/api/v1/users?search=${encodeURIComponent(`' OR 1=1 --`)}`)).items, []);
  const keys = await client.json('/api/v1/keys?user=1');
  assert.deepEqual(keys.items.map(({ id, userName, keyLast4 }) => [id, userName, keyLast4]), [[1, 'user 1', 'et-1'], [601, 'user 1', '-601']]);
  await postgres.sql('hub', `UPDATE providers SET proxy_url = 'http://me:secret-word@proxy:1' WHERE id = 1`);
  for (const path of ['/api/v1/keys?pageSize=500', '/api/v1/providers?pageSize=500', '/api/v1/providers/1', '/api/v1/keys/1'])
    assert.doesNotMatch((await client.get(path)).text, /sk-|secret-word/, path);
  assert.equal((await client.json('/api/v1/providers/1')).proxyUrl, 'http://***@proxy:1');
  assert.deepEqual((await client.json('/api/v1/providers:ids?type=claude')).total, 600);
  assert.deepEqual((await client.json('/api/v1/users:ids?tag=vip')).ids, [1, 2]);
  for (const query of ['sort=key', 'sort=id;drop', 'enabled=perhaps', 'user=x', 'pageSize=501', 'page=0'])
    assert.equal((await client.get(`/api/v1/keys?${query}`)).status, 400, query);
  assert.equal((await client.get('/api/v1/users/99999')).status, 404);
});

test('circuits are read from Redis and closed by one request, all of them or with those named that failed', async () => {
  await redis.cli('HSET', 'circuit_breaker:state:1', 'circuitState', 'open', 'failureCount', '5', 'circuitOpenUntil', '1900000000000');
  await redis.cli('HSET', 'circuit_breaker:state:2', 'circuitState', 'half-open', 'halfOpenSuccessCount', '1');
  await redis.cli('SET', 'circuit_breaker:state:3', 'no hash');
  const { items } = await client.json('/api/v1/providers/circuits');
  assert.deepEqual(items.slice(0, 4).map(({ state: one }) => one), ['open', 'half-open', 'closed', 'closed']);
  assert.deepEqual(items[0], { providerId: 1, state: 'open', failureCount: 5, openUntil: 1900000000000, lastFailureAt: null, halfOpenSuccessCount: 0 });
  const failed = await client.post('/api/v1/providers/circuits:batchReset', { providerIds: [1, 3] });
  assert.equal(failed.status, 503);
  assert.deepEqual(failed.json.errorParams.ids, [3]);
  await redis.cli('DEL', 'circuit_breaker:state:3');
  const all = await client.post('/api/v1/providers/circuits:batchReset', { providerIds: range(1, 500) });
  assert.deepEqual(all.json, { resetCount: 500 });
  assert.equal(await redis.cli('HGET', 'circuit_breaker:state:2', 'circuitState'), 'closed');
  assert.ok(Number(await redis.cli('TTL', 'circuit_breaker:state:2')) > 86000);
  assert.deepEqual((await client.post('/api/v1/providers/1/circuit:reset', {})).json, { ok: true });
  for (const [body, status] of [[{ providerIds: [] }, 400], [{ providerIds: range(1, 501) }, 400], [{ providerIds: [99999] }, 404], [{}, 400]])
    assert.equal((await client.post('/api/v1/providers/circuits:batchReset', body)).status, status);
  assert.equal((await client.post('/api/actions/providers/batchResetProviderCircuits', { providerIds: [1] })).json.data.resetCount, 1);
});

test('a Redis that hangs, or dies in the middle of what it is told, costs a warning and little time', async () => {
  await update('keys', [1], { limitDailyUsd: 1 }); // the connection is there
  process.kill(redis.process.pid, 'SIGSTOP');
  try {
    const hung = await update('keys', [1, 2], { limitDailyUsd: 5 });
    assert.deepEqual([hung.status, hung.json.warnings.length], [200, 1]);
  } finally {
    process.kill(redis.process.pid, 'SIGCONT');
  }
  assert.equal(await value('SELECT count(*) FROM keys WHERE limit_daily_usd = 5'), '2');
  // Between the server and Redis: it passes everything on until the caches are to be forgotten.
  const proxy = createServer((socket) => {
    const upstream = connect(redis.port, '127.0.0.1');
    socket.on('data', (bytes) => (bytes.includes('api_key_auth') ? socket.destroy() : upstream.write(bytes))).on('error', () => {});
    socket.on('close', () => upstream.destroy());
    upstream.on('data', (bytes) => socket.write(bytes)).on('error', () => socket.destroy());
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const own = await startServer({
    env: { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: `redis://127.0.0.1:${proxy.address().port}`, ADMIN_TOKEN: TOKEN } });
  const cut = await own.client().post('/api/v1/keys:batchUpdate', { keyIds: range(1, 500), updates: { limitDailyUsd: 6 } });
  assert.deepEqual([cut.status, cut.json.updatedCount, cut.json.warnings?.length], [200, 500, 1]);
  assert.equal(await value('SELECT count(*) FROM keys WHERE limit_daily_usd = 6'), '500');
  await own.stop();
  proxy.close();
});

test('without Redis a change is made and warned about, and circuits say why they cannot be reset', async () => {
  await redis.stop();
  const answer = await update('keys', [1], { limitDailyUsd: 5 });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.warnings.length, 1);
  const reset = await client.post('/api/v1/providers/circuits:batchReset', { providerIds: [1] });
  assert.equal(reset.status, 503);
  assert.equal(reset.json.errorCode, 'REDIS_UNAVAILABLE');
});
