// Single prices, lists, history and what is used without a price: over HTTP and by commands.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { run, startServer } from './support/hubport.mjs';
import { model, startCloud } from './support/cloud.mjs';
import { cleanUp } from './support/processes.mjs';
import { startPostgres } from './support/servers.mjs';

let postgres, server, client, env, cloud;
const sql = (text) => postgres.sql('hub', text);
const stored = async (name) => (await sql(`SELECT price_data::text, source FROM model_prices WHERE model_name = '${name}'`));
const put = (name, body, more = {}) => client.send('PUT', `/api/v1/model-prices/${encodeURIComponent(name)}`, {
  headers: { 'content-type': 'application/json', ...more },
  body: typeof body === 'string' ? body : JSON.stringify({ modelName: name, mode: 'chat', ...body }),
});
const upload = async (table) => {
  const answer = await client.post('/api/v1/model-prices:upload', { content: JSON.stringify(table) });
  assert.equal(answer.status, 200, answer.text);
};
const history = async (name) => (await client.json(`/api/v1/model-prices/${encodeURIComponent(name)}/history`)).items;
const action = (name, body = {}) => client.post(`/api/actions/model-prices/${name}`, body);
const names = (items) => items.map((one) => one.modelName).sort();

/** The two providers' nodes of a price as the cloud's tables have it. */
const many = {
  mode: 'chat',
  vendor: 'acme',
  input_cost_per_token: 1e-6,
  pricing: {
    acme: { input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
    'resale@eu': { input_cost_per_token: 3e-6, output_cost_per_token: 4e-6 },
  },
};

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  await postgres.createDatabase('hub', { owner: 'hub' });
  cloud = await startCloud();
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), ADMIN_TOKEN: 'a token for models', ...cloud.env };
  server = await startServer({ env });
  client = server.client();
});
after(() => cleanUp());

test('a price set by hand keeps every digit, replaces the one that was there, and is told in the audit log', async () => {
  await upload({ 'openai/gpt 5/量': model(1e-6) });
  const name = 'openai/gpt 5/量';
  const answer = await put(name, `{"modelName": "${name}", "mode": "chat", "displayName": "G\\u0035",
    "litellmProvider": "openai", "supportsPromptCaching": true, "inputCostPerToken": 0.00000123456789012345678901,
    "outputCostPerToken": 1.50e-6, "outputCostPerImage": 0, "inputCostPerRequest": 12e-3, "cacheReadInputTokenCost": 1E-7,
    "cacheCreationInputTokenCost": 2e-7, "cacheCreationInputTokenCostAbove1hr": 3e-7,
    "extraFieldsJson": "{\\"mode\\": \\"other\\", \\"input_cost_per_token\\": 9, \\"note\\": \\"3\\", \\"max_tokens\\": 10, \\"input_cost_per_token_above_200k_tokens\\": \\"0.000000300\\", \\"search_context_cost_per_query\\": {\\"search_context_size_low\\": \\"0.01\\"}}"}`);
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.text, /"input_cost_per_token" ?: *0\.00000123456789012345678901[,}]/);
  const { modelName, source, priceData, createdAt, updatedAt, id } = answer.json;
  assert.deepEqual([modelName, source, priceData.display_name, priceData.mode], [name, 'manual', 'G5', 'chat']);
  assert.ok(Number.isInteger(id) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(createdAt) && createdAt === updatedAt);
  const rows = await stored(name);
  assert.equal(rows.length, 1);
  assert.match(rows[0][0], /"output_cost_per_token": 0\.00000150,/);
  assert.match(rows[0][0], /"input_cost_per_token_above_200k_tokens": 0\.000000300[,}]/);
  assert.match(rows[0][0], /"search_context_size_low": 0\.01}/);
  assert.match(rows[0][0], /"note": "3"/);
  const [row] = await sql(`SELECT target_name, before_value->>'source', after_value->'priceData'->>'display_name', operator_user_name
    FROM audit_log WHERE action_type = 'model_price.upsert' AND success`);
  assert.deepEqual(row, [name, 'litellm', 'G5', 'Admin Token']);
});

test('a price that is wrong is refused with the reason, and nothing is written', async () => {
  const before = await sql('SELECT * FROM model_prices ORDER BY id');
  const cases = [
    [{ modelName: ' ' }, 400, 'PRICE_NAME_EMPTY', '模型名称不能为空'],
    [{ modelName: 'sample_spec' }, 400, 'PRICE_NAME_DIFFERS', /sample_spec/],
    [{ modelName: 'other' }, 400, 'PRICE_NAME_DIFFERS', /other/],
    [{ mode: 'song' }, 400, 'request.validation_failed', /mode/],
    [{ inputCostPerToken: -1e-6 }, 400, 'PRICE_NOT_POSITIVE', '输入价格必须为非负数'],
    [{ outputCostPerToken: '3' }, 400, 'PRICE_NOT_POSITIVE', '输出价格必须为非负数'],
    [{ outputCostPerImage: null }, 400, 'PRICE_NOT_POSITIVE', '图片价格必须为非负数'],
    [{ inputCostPerRequest: [] }, 400, 'PRICE_NOT_POSITIVE', '按次调用价格必须为非负数'],
    [{ cacheReadInputTokenCost: {} }, 400, 'PRICE_NOT_POSITIVE', '缓存读取价格必须为非负数'],
    [{ cacheCreationInputTokenCost: -1 }, 400, 'PRICE_NOT_POSITIVE', '缓存创建价格必须为非负数'],
    [{ cacheCreationInputTokenCostAbove1hr: true }, 400, 'PRICE_NOT_POSITIVE', '缓存创建(1h)价格必须为非负数'],
    [{ inputCostPerToken: 2 }, 400, 'PRICE_REFUSED', /高于上限/],
    [{ extraFieldsJson: '[1]' }, 400, 'PRICE_EXTRA_NOT_OBJECT', '高级字段必须是 JSON 对象'],
    [{ extraFieldsJson: 7 }, 400, 'PRICE_EXTRA_NOT_OBJECT', '高级字段必须是 JSON 对象'],
    [{ extraFieldsJson: '{"a":' }, 400, 'PRICE_EXTRA_UNREADABLE', /^高级字段 JSON 解析失败: /],
    [{ extraFieldsJson: { input_cost_per_image: -1 } }, 400, 'PRICE_REFUSED', /input_cost_per_image/],
    [{ extraFieldsJson: { __proto__2: 1, pricing: { a: { input_cost_per_token: '-3' } } } }, 400, 'PRICE_REFUSED', /负数/],
    [{ price: 3 }, 400, 'request.validation_failed', /price/],
    [{ displayName: 5 }, 400, 'request.validation_failed', /displayName/],
    [{ supportsPromptCaching: 'yes' }, 400, 'request.validation_failed', /supportsPromptCaching/],
    ['{"modelName": "m", "mode": "chat", "mode": "chat"}', 400, 'request.malformed_json', /./],
    ['{"modelName": "m", "mode": "chat", "inputCostPerToken": 1e309}', 400, 'request.malformed_json', /./],
    ['{"modelName": "m", "mode": "chat", "inputCostPerToken": NaN}', 400, 'request.malformed_json', /./],
    ['{"modelName": "m", "mode": "chat", "displayName": "a\\u0000b"}', 400, 'request.malformed_json', /./],
    ['[]', 400, 'request.malformed_json', /./],
    ['', 400, 'request.malformed_json', /./],
  ];
  for (const [body, status, code, text] of cases) {
    const answer = await put('m', body);
    assert.deepEqual([answer.status, answer.json.errorCode], [status, code], `${JSON.stringify(body)}: ${answer.text}`);
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
    if (typeof text === 'string') assert.equal(answer.json.detail, text);
    else assert.match(answer.json.detail, text);
  }
  for (const name of ['sample_spec', '__proto__', 'constructor']) {
    const answer = await put(name, {});
    assert.deepEqual([answer.status, answer.json.detail], [400, `价格无效：不允许的名称 ${name}`]);
  }
  const spaced = await put(' spaced ', {});
  assert.deepEqual([spaced.status, spaced.json.errorCode], [400, 'PRICE_NAME_DIFFERS']);
  assert.equal((await put('m', {}, { 'content-type': 'text/plain' })).status, 415);
  assert.equal((await client.send('PUT', '/api/v1/model-prices/m', { headers: { authorization: 'Bearer x' } })).status, 401);
  assert.deepEqual(await sql('SELECT * FROM model_prices ORDER BY id'), before);
});

test('delete takes every row of the model and no other, and knows what is not there', async () => {
  await upload({ gone: model(1e-6), stays: model(1e-6) });
  await sql(`INSERT INTO model_prices (model_name, price_data, source) VALUES ('gone', '{"mode": "chat"}', 'manual')`);
  const first = await client.send('DELETE', '/api/v1/model-prices/gone');
  assert.deepEqual([first.status, first.text], [204, '']);
  assert.deepEqual([await stored('gone'), (await stored('stays')).length], [[], 1]);
  const second = await client.send('DELETE', '/api/v1/model-prices/gone');
  assert.deepEqual([second.status, second.json.errorCode], [404, 'model_price.not_found']);
  assert.deepEqual(await sql(`SELECT success, error_message FROM audit_log WHERE action_type = 'model_price.delete' ORDER BY id`),
    [['t', null], ['f', 'PRICE_NOT_FOUND']]);
  const [change] = await history('gone');
  assert.deepEqual([change.action, change.sourceBefore, change.sourceAfter, change.after], ['delete', 'manual', null, null]);
  const back = await client.post('/api/v1/model-prices/gone:revert');
  assert.deepEqual([back.status, back.json.source], [200, 'manual']);
});

test('going back goes to before the newest change, or to before any other; a model that was not there goes', async () => {
  await upload({ h: model(1e-6) });
  await put('h', { inputCostPerToken: 2e-6 });
  await put('h', { inputCostPerToken: 3e-6 });
  const changes = await history('h');
  assert.deepEqual(changes.map((one) => [one.action, one.after.input_cost_per_token]),
    [['set', 3e-6], ['set', 2e-6], ['upload', 1e-6]]);
  const revert = (body) => client.post('/api/v1/model-prices/h:revert', body);
  assert.equal((await revert()).json.priceData.input_cost_per_token, 2e-6);
  assert.equal((await revert()).json.priceData.input_cost_per_token, 3e-6, 'twice is nothing');
  const first = await revert({ id: changes[1].id });
  assert.deepEqual([first.json.source, first.json.priceData.input_cost_per_token], ['litellm', 1e-6]);
  assert.equal((await revert({ id: changes[2].id })).status, 204);
  assert.deepEqual(await stored('h'), []);
  assert.equal((await revert({ id: 1e15 })).status, 404);
  assert.equal((await revert({ id: 'x' })).status, 400);
  assert.equal((await client.post('/api/v1/model-prices/never:revert')).status, 404);
  const page = await client.json('/api/v1/model-prices/h/history?page=2&pageSize=2');
  assert.deepEqual([page.items.length, page.total, page.totalPages], [2, 7, 4]);
});

test('a price is pinned to one of its providers, also when it was pinned before', async () => {
  await upload({ multi: many });
  const pin = (pricingProviderKey, name = 'multi') =>
    client.post(`/api/v1/model-prices/${name}/pricing:pinManual`, { pricingProviderKey });
  for (const [key, input] of [['resale@eu', 3e-6], ['acme', 1e-6]]) {
    const answer = await pin(key);
    assert.equal(answer.status, 200, answer.text);
    const { priceData, source } = answer.json;
    assert.deepEqual(
      [source, priceData.input_cost_per_token, priceData.pricing, priceData.litellm_provider, priceData.vendor],
      ['manual', input, undefined, key, 'acme']);
    assert.deepEqual(
      [priceData.selected_pricing_provider, priceData.selected_pricing_source_model, priceData.selected_pricing_resolution],
      [key, 'multi', 'manual_pin']);
  }
  const refused = async (...args) => {
    const answer = await pin(...args);
    return [answer.status, answer.json.errorCode, answer.json.detail];
  };
  assert.deepEqual(await refused(' '), [400, 'PRICE_PROVIDER_EMPTY', '价格提供商不能为空']);
  assert.deepEqual(await refused('acme', 'nobody'), [404, 'model_price.not_found', '未找到云端模型价格']);
  assert.deepEqual(await refused('none'), [404, 'model_price.not_found', '未找到对应的多供应商价格节点']);
  assert.equal((await refused(5))[0], 400);
  assert.equal((await sql(`SELECT id FROM audit_log WHERE action_type = 'model_price.pin' AND success`)).length, 2);
});

test('lists show the price in force, the newest change first, by page, text, source, vendor, provider and mode', async () => {
  await sql('TRUNCATE model_prices');
  await upload(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`m${String(i).padStart(2, '0')}`, model(1e-6)])));
  await sql(`UPDATE model_prices SET updated_at = now() - interval '1 hour', created_at = now() - interval '1 hour'`);
  await sql(`INSERT INTO model_prices (model_name, price_data, source, created_at) VALUES
    ('m03', '{"mode": "chat", "display_name": "100%_Sure", "vendor": "acme"}', 'manual', now() - interval '9 days'),
    ('m04', '{"mode": "embedding", "litellm_provider": "other"}', 'cloud', now())`);
  const list = (query = '') => client.json(`/api/v1/model-prices${query}`);
  const all = await list();
  assert.deepEqual([all.items.length, all.page, all.pageSize, all.total, all.totalPages], [20, 1, 20, 30, 2]);
  assert.deepEqual(names(all.items.slice(0, 2)), ['m03', 'm04']);
  assert.equal((await list('?page=3')).items.length, 0);
  assert.deepEqual(names((await list('?search=M0&pageSize=100')).items), Array.from({ length: 10 }, (_, i) => `m0${i}`));
  assert.deepEqual(names((await list('?search=%25_s')).items), ['m03']);
  assert.deepEqual(names((await list('?source=manual')).items), ['m03']);
  assert.equal((await list('?source=cloud')).total, 29);
  assert.equal((await list('?source=litellm')).total, 28);
  assert.deepEqual(names((await list('?vendor=acme')).items), ['m03']);
  assert.deepEqual(names((await list('?litellmProvider=other')).items), ['m04']);
  assert.deepEqual(names((await list('?mode=embedding')).items), ['m04']);
  assert.equal((await client.get('/api/v1/model-prices?pageSize=101')).status, 400);
  assert.equal((await client.get('/api/v1/model-prices?source=x')).status, 400);

  const old = await client.json('/api/prices?size=200');
  assert.deepEqual([old.ok, old.data.data.length, old.data.pageSize, old.data.total], [true, 30, 200, 30]);
  const wrong = async (query) => {
    const { status, json } = await client.get(`/api/prices?${query}`);
    return [status, json.ok, json.error];
  };
  assert.deepEqual(await wrong('page=0'), [400, false, '页码必须大于0']);
  assert.deepEqual(await wrong('pageSize=201'), [400, false, '每页大小必须在1-200之间']);
  assert.deepEqual(await wrong('source=x'), [400, false, 'source 参数无效']);

  const catalog = await client.json('/api/v1/model-prices/catalog');
  assert.deepEqual([catalog.items.length, catalog.items[3].modelName, catalog.items[3].vendor], [29, 'm03', 'acme']);
  assert.equal((await client.json('/api/v1/model-prices/catalog?scope=all')).items.length, 30);
  assert.equal((await client.get('/api/v1/model-prices/catalog?scope=x')).status, 400);
  assert.deepEqual(await client.json('/api/v1/model-prices/exists'), { exists: true });
  assert.equal((await action('getModelPrices')).json.data.length, 30);
  assert.equal((await action('hasPriceTable')).json.data, true);
  assert.equal((await action('getAvailableModelsByProviderType')).json.data.length, 29);
  cloud.answer = { m00: model(1e-6) };
  const synced = await action('syncLiteLLMPrices');
  assert.deepEqual([synced.json.ok, synced.json.data.total, synced.json.data.failed], [true, 1, []]);
  for (const path of ['/api/v1/model-prices', '/api/prices', '/api/prices/vendors', '/api/v1/model-prices/sync'])
    assert.equal((await server.client({}).get(path)).status, 401, path);
});

test('vendors come from the prices, and where the hub has its catalogue from that, which a sync keeps', async () => {
  await sql('TRUNCATE model_prices');
  await upload({ a: model(1e-6, { vendor: 'acme' }), b: model(1e-6, { vendor: 'acme' }), c: model(1e-6, { vendor: 'beta' }) });
  assert.deepEqual((await client.json('/api/prices/vendors')).data, {
    vendors: [{ vendor: 'acme', name: 'acme', modelCount: 2 }, { vendor: 'beta', name: 'beta', modelCount: 1 }],
    version: null,
  });
  await sql(`CREATE TABLE cloud_pricing_catalog (id serial PRIMARY KEY, version varchar(64) NOT NULL, currency varchar(16) NOT NULL
    DEFAULT 'USD', refreshed_at timestamptz, providers jsonb NOT NULL, vendors jsonb NOT NULL, model_count int NOT NULL DEFAULT 0,
    synced_at timestamptz DEFAULT now()); ALTER TABLE cloud_pricing_catalog OWNER TO hub`);
  const charge = (price) => ({ price, unit: 'per_M_tokens' });
  const table = {
    schema: 'cchp.pricing-table/v1',
    version: '2026.02',
    currency: 'USD',
    refreshed_at: '2026-02-03T04:05:06Z',
    providers: { acme: { name: 'Acme Inc.', icon: 'acme.svg' } },
    models: ['x', 'y'].map((slug) => ({
      model_name: slug,
      slug,
      vendor: 'acme',
      pricing: [{ provider: 'acme', official: true, source: 's', charges: { prompt: charge('1'), completion: charge('2') } }],
    })),
  };
  cloud.answer = table;
  const synced = await client.post('/api/v1/model-prices:syncLitellm', { confirm: ['*'] });
  assert.deepEqual([synced.status, synced.json.version, synced.json.added], [200, '2026.02', ['x', 'y']], synced.text);
  const row = await postgres.rows('hub', 'SELECT version, currency, refreshed_at, providers, model_count FROM cloud_pricing_catalog');
  assert.deepEqual(row, [{
    version: '2026.02+cvt1', currency: 'USD', refreshed_at: '2026-02-03T04:05:06+00:00', providers: table.providers, model_count: 5
  }]);
  const { data } = await client.json('/api/prices/vendors');
  assert.deepEqual([data.version, data.vendors.map((one) => [one.vendor, one.name, one.modelCount])],
    ['2026.02+cvt1', [['acme', 'Acme Inc.', 4], ['beta', 'beta', 1]]]);
  assert.deepEqual((await client.json('/api/prices/cloud-model-count')).data, { count: 2, version: '2026.02' });
  // What cannot be written into the catalogue does not keep the prices from it.
  cloud.answer = {...table, version: '2026.03', refreshed_at: 'yesterday-ish' };
  assert.equal((await client.post('/api/v1/model-prices:syncLitellm', {})).status, 200);
  assert.equal(await postgres.value('hub', 'SELECT version FROM cloud_pricing_catalog'), '2026.02+cvt1');
  await sql('DROP TABLE cloud_pricing_catalog');
});

test('models in use without a price are listed with their requests and the nearest names', async () => {
  await sql('TRUNCATE model_prices');
  await upload({
    'claude-sonnet-4-5': model(3e-6),
    'claude-opus-4-1': model(15e-6, { aliases: ['opus-alias'] }),
    'gpt-5-mini': model(1e-6),
    free: { mode: 'chat', max_tokens: 5, input_cost_per_token: 0 },
  });
  const used = [['claude-sonnet-4-5', 5], ['claude-sonnet-4-5-20250929', 4], ['free', 3], ['opus-alias', 2], ['zzz', 1]];
  for (const [name, count] of used)
    await sql(`INSERT INTO message_request (provider_id, user_id, key, model, created_at)
      SELECT 1, 1, 'k', '${name}', now() - i * interval '1 hour' FROM generate_series(1, ${count}) i`);
  await sql(`INSERT INTO message_request (provider_id, user_id, key, model, created_at, deleted_at) VALUES
    (1, 1, 'k', 'long ago', now() - interval '20 days', NULL), (1, 1, 'k', 'deleted', now(), now()), (1, 1, 'k', NULL, now(), NULL)`);
  const { items, total, days } = await client.json('/api/v1/model-prices:unpriced');
  assert.deepEqual([total, days], [3, 7]);
  assert.deepEqual(items.map((one) => [one.model, one.requests, one.reason, one.nearest[0]]), [
    ['claude-sonnet-4-5-20250929', 4, 'missing', 'claude-sonnet-4-5'], ['free', 3, 'zero', undefined], ['zzz', 1, 'missing', undefined]
  ]);
  assert.deepEqual((await client.json('/api/v1/model-prices:unpriced?days=30')).total, 4);
  assert.equal((await client.get('/api/v1/model-prices:unpriced?days=0')).status, 400);
});

test('the commands do the same, for people and for scripts', async () => {
  await sql('TRUNCATE model_prices');
  const prices = async (...args) => {
    const { status, stdout, stderr } = await run(['prices', ...args], { env });
    return { status, stdout, stderr };
  };
  const json = async (...args) => JSON.parse((await prices(...args, '--json')).stdout);
  const set = await prices('set', 'my model', '--input', '3/M', '--output', '0.0000150', '--display-name', '我的', '--json');
  assert.equal(set.status, 0, set.stderr);
  assert.match((await stored('my model'))[0][0], /"input_cost_per_token": 0\.000003,.*"output_cost_per_token": 0\.0000150/s);
  const [change] = (await json('history', 'my model')).items;
  assert.match(change.userName, /command line/);
  assert.match((await prices('list', '--search', '我的')).stdout, /my model +manual +3 +15 +\d{4}-/);
  assert.deepEqual(names((await json('list')).items), ['my model']);
  assert.equal((await prices('set', 'my model', '--input', 'cheap')).status, 2);
  assert.equal((await prices('set', 'my model', '--input=-1')).status, 2);
  assert.equal((await prices('set', 'my model', '--input', '5')).status, 2);
  assert.equal((await prices('unset', 'my model')).status, 0);
  assert.equal((await prices('unset', 'my model')).status, 6);
  assert.equal((await prices('revert', 'my model')).status, 0);
  assert.equal((await stored('my model')).length, 1);
  assert.equal((await prices('revert', 'my model', '--id', 'x')).status, 2);
  assert.match((await prices('history', 'my model')).stdout, /revert .*\n.*delete .*\n.*set /);
  assert.match((await prices('unpriced')).stdout, /zzz +1 +missing/);
  assert.equal((await json('unpriced', '--days', '30')).days, 30);

  cloud.answer = { 'my model': model(1e-6), next: model(1e-6) };
  const check = await json('sync', '--check');
  assert.deepEqual([check.hasConflicts, check.preview.added], [true, ['next']]);
  assert.equal((await stored('next')).length, 0);
  assert.match((await prices('sync', '--check')).stdout, /next/);
  const synced = await json('sync');
  assert.deepEqual([synced.added, synced.skippedConflicts], [['next'], ['my model']]);
  assert.deepEqual((await json('sync', '--overwrite-manual', 'my model')).updated, ['my model']);
  cloud.answer = { 'my model': model(5e-5), next: model(1e-6) };
  assert.match((await prices('sync')).stdout, /my model {2}rose {2}input_cost_per_token 0\.000001 -> 0\.00005/);
  assert.deepEqual((await json('sync', '--confirm', 'my model')).updated, ['my model']);
  cloud.answer = (request, response) => response.writeHead(404).end();
  assert.deepEqual([(await prices('sync')).status, (await json('sync')).code], [1, 'FETCH_STATUS']);
});
