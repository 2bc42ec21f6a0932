// Price tables: upload, preview, export, and the same by commands.
import { strict as assert } from 'node:assert';
import { after, before, beforeEach, test } from 'node:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertNoLeftovers, makeWorkplace, mustRun, run, startServer } from './support/hubport.mjs';
import { cleanUp } from './support/processes.mjs';
import { quoteLiteral, startPostgres } from './support/servers.mjs';
import { Digits, LITELLM, parseExact, plainNumbers, storedPrices, writeJson, writeToml } from './support/prices.mjs';

const { sample_spec: _, ...TABLE } = parseExact(LITELLM);
const USABLE = Object.fromEntries(Object.entries(TABLE).filter(([, price]) => 'mode' in price));
const NO_MODE = Object.keys(TABLE).filter((name) => !(name in USABLE)).sort();
const names = (table) => Object.keys(table).sort();

let postgres, server, client, env;
const sql = (text) => postgres.sql('hub', text);
const value = (text) => postgres.value('hub', text);
const stored = () => storedPrices(postgres, 'hub');
const counts = ({ added, updated, unchanged, failed, skippedConflicts, total }) =>
  [added.length, updated.length, unchanged.length, failed.length, skippedConflicts.length, total];

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub' }) };
  server = await startServer({ env: {...env, ADMIN_TOKEN: 'a token for prices' } });
  client = server.client();
});
beforeEach(() => sql('TRUNCATE model_prices; TRUNCATE hubport.price_history; TRUNCATE audit_log'));
after(() => cleanUp());

const post = (path, body) => client.post(`/api/v1/model-prices:${path}`, body);

async function upload(content, more = {}) {
  const answer = await post('upload', { content, ...more });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

async function preview(content, more = {}) {
  const answer = await post('preview', { content, ...more });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

const chat = (price) => ({ mode: 'chat', ...price });
const table = (models) => JSON.stringify(models);

test('a real table goes in digit for digit, and is unchanged the second time', async () => {
  const first = await upload(LITELLM);
  assert.deepEqual(counts(first), [names(USABLE).length, 0, 0, NO_MODE.length, 0, names(TABLE).length]);
  assert.deepEqual(first.added, names(USABLE));
  assert.deepEqual(first.failed.map(({ model }) => model), NO_MODE);
  assert.match(first.failed[0].reason, /mode/);
  const expected = Object.entries(USABLE).map(([name, data]) => [name, { source: 'litellm', data: plainNumbers(data) }]);
  assert.deepEqual(await stored(), Object.fromEntries(expected));
  assert.deepEqual(await sql(`SELECT count(*), count(DISTINCT batch), count(before), min(action), min(user_name), min(source_after)
    FROM hubport.price_history`), [[String(first.added.length), '1', '0', 'upload', 'Admin Token', 'litellm']]);

  const ids = await value('SELECT sum(id) FROM model_prices');
  const second = await upload(LITELLM);
  assert.deepEqual(counts(second), [0, 0, names(USABLE).length, NO_MODE.length, 0, names(TABLE).length]);
  assert.equal(await value('SELECT sum(id) FROM model_prices'), ids);
  assert.equal(await value('SELECT count(*) FROM hubport.price_history'), String(first.added.length));
  assert.deepEqual(await sql(`SELECT action_category, action_type, success, operator_user_name,
      (after_value->'added')::text || '/' || (after_value->'unchanged')::text FROM audit_log ORDER BY id`),
    [['model_price', 'model_price.bulk_upload', 't', 'Admin Token', `${first.added.length}/0`],
      ['model_price', 'model_price.bulk_upload', 't', 'Admin Token', `0/${first.added.length}`]]);
});

test('of a table with a tenth changed only the tenth is written, and preview tells which before', async () => {
  await upload(LITELLM);
  const raised = names(USABLE).filter((_, i) => i % 10 === 0);
  const changed = {...TABLE };
  for (const name of raised) changed[name] = {...TABLE[name], output_cost_per_token: new Digits('1.2500000000000000001e-05') };
  const before = await stored();

  const seen = await preview(writeJson(changed));
  assert.deepEqual(seen.updated, raised);
  assert.deepEqual([...new Set(seen.changes.map(({ model }) => model))], raised);
  const example = seen.changes.find(({ model }) => model === 'azure/gpt-5-mini') ?? seen.changes.find(({ old }) => old !== null);
  assert.equal(example.field, 'output_cost_per_token');
  assert.equal(example.new, '0.000012500000000000000001');
  assert.deepEqual(await stored(), before);
  assert.equal(await value(`SELECT count(*) FROM audit_log`), '1');

  const result = await upload(writeJson(changed));
  assert.deepEqual(result.updated, raised);
  assert.equal(result.unchanged.length, names(USABLE).length - raised.length);
  const now = await stored();
  for (const name of names(USABLE))
    if (raised.includes(name)) assert.equal(now[name].data.output_cost_per_token, 'number 0.000012500000000000000001');
    else assert.deepEqual(now[name], before[name]);
});

test('the old value, the new one and the change in percent are exact', async () => {
  await upload(table({ m: chat({ input_cost_per_token: 0.000003, notes: 'a', pricing: { acme: { output_cost_per_token: 0 } } }) }));
  const { changes, counts: totals, missing } = await preview(
    '{"m": {"mode": "chat", "input_cost_per_token": 3.0000000000000000001e-6, "pricing": {"acme": {"output_cost_per_token": 1e-6}}},' +
    ' "n": {"mode": "chat"}}');
  assert.deepEqual(changes, [
    { model: 'm', field: 'input_cost_per_token', old: '0.000003', new: '0.0000030000000000000000001', percent: '0' },
    { model: 'm', field: 'notes', old: 'a', new: null, percent: null },
    { model: 'm', field: 'pricing.acme.output_cost_per_token', old: '0', new: '0.000001', percent: null },
  ]);
  assert.deepEqual(totals, { added: 1, updated: 1, unchanged: 0, failed: 0, skippedConflicts: 0, heldBack: 0, missing: 0 });
  assert.deepEqual(missing, []);
  assert.deepEqual((await preview(table({ x: chat({}) }))).missing, ['m']);
});

test('prices set by hand are kept, listed, and overwritten only by name', async () => {
  await upload(LITELLM);
  const byHand = names(USABLE).filter((_, i) => i % 44 === 0).slice(0, 50);
  const list = byHand.map(quoteLiteral).join(', ');
  // An older row of the same model besides: the one set by hand is in force.
  await sql(`INSERT INTO model_prices (model_name, price_data, source, created_at)
    SELECT model_name, '{"mode": "chat", "input_cost_per_token": 0.5}', 'manual', now() - interval '1 year' FROM model_prices
    WHERE model_name IN (${list})`);
  const kept = await upload(LITELLM);
  assert.equal(byHand.length, 50);
  assert.deepEqual(kept.skippedConflicts, byHand);
  assert.deepEqual(counts(kept), [0, 0, names(USABLE).length, NO_MODE.length, 50, names(TABLE).length]);

  const overwritten = await upload(LITELLM, { overwriteManual: byHand.slice(0, 2) });
  assert.deepEqual(overwritten.updated, byHand.slice(0, 2));
  assert.deepEqual(overwritten.skippedConflicts, byHand.slice(2));
  assert.deepEqual(await sql(`SELECT DISTINCT source FROM model_prices WHERE model_name IN (
    ${byHand.slice(0, 2).map(quoteLiteral).join(', ')})`), [['litellm']]);
  assert.equal(await value(`SELECT count(*) FROM model_prices WHERE source = 'manual'`), '48');
  assert.deepEqual(await sql(`SELECT model_name, source_before, source_after, before->>'input_cost_per_token', after ? 'mode'
    FROM hubport.price_history WHERE before IS NOT NULL ORDER BY 1`),
    byHand.slice(0, 2).map((name) => [name, 'manual', 'litellm', '0.5', 't']));
});

test('a table may be stored as set by hand or as the cloud\'s, and a changed source is a change', async () => {
  const one = table({ m: chat({ input_cost_per_token: 1e-6 }) });
  await upload(one, { source: 'cloud' });
  assert.equal((await stored()).m.source, 'cloud');
  assert.deepEqual((await upload(one)).updated, ['m']);
  assert.deepEqual((await upload(one, { source: 'manual' })).updated, ['m']);
  assert.deepEqual((await upload(one, { source: 'manual' })).unchanged, ['m']);
  assert.deepEqual((await upload(one)).skippedConflicts, ['m']);
  assert.equal((await stored()).m.source, 'manual');
});

test('the same table in TOML gives the same prices', async () => {
  const first = await upload(writeToml(TABLE));
  assert.deepEqual(counts(first), [names(USABLE).length, 0, 0, NO_MODE.length, 0, names(TABLE).length]);
  const withoutNull = (price) => Object.fromEntries(Object.entries(price).filter(([, member]) => member !== null));
  const expected =
    Object.entries(USABLE).map(([name, data]) => [name, { source: 'litellm', data: plainNumbers(withoutNull(data)) }]);
  assert.deepEqual(await stored(), Object.fromEntries(expected));
});

for (const format of ['json', 'toml']) {
  test(`what is exported as ${format} imports back unchanged`, async () => {
    await upload(LITELLM);
    await upload('{"odd \\"name\\"\\u007f\\u0007 \u6a21\u578b": {"mode": "chat", "a b": [1, -0.50, {"x": 12345678901234567890.0}],' +
      ' "t": "\\u001b\\u007f\\\\", "n": null, "big": 9223372036854775807, "e": {}, "u": "\ud83d\ude00"}}');
    const before = await stored();
    const exported = await client.get(`/api/v1/model-prices:export?format=${format}`);
    assert.equal(exported.status, 200);
    assert.ok(exported.complete);
    assert.match(exported.headers['content-disposition'], new RegExp(`^attachment; filename="model-prices_[-0-9T]+\\.${format}"$`));
    const again = await upload(exported.text);
    assert.deepEqual(counts(again), [0, 0, names(before).length, 0, 0, names(before).length]);
    // Into an empty table it gives what was there, but for the null that TOML cannot say.
    await sql('TRUNCATE model_prices');
    await upload(exported.text);
    const withoutNull = (models) => JSON.parse(JSON.stringify(models, (_, member) => member ?? undefined));
    assert.deepEqual(await stored(), format === 'json' ? before : withoutNull(before));
  });
}

test('an export may be of one source, and of nothing', async () => {
  for (const format of ['json', 'toml']) {
    const empty = await client.get(`/api/v1/model-prices:export?format=${format}`);
    assert.equal(empty.text.replace(/\s/g, ''), format === 'json' ? '{}' : '[models]');
  }
  await upload(table({ a: chat({}), b: chat({}) }));
  await upload(table({ b: chat({}) }), { source: 'manual' });
  assert.deepEqual(names(await client.json('/api/v1/model-prices:export?source=manual')), ['b']);
  assert.deepEqual(names(await client.json('/api/v1/model-prices:export?source=litellm')), ['a']);
  assert.deepEqual(names(await client.json('/api/v1/model-prices:export')), ['a', 'b']);
  for (const query of ['format=xml', 'source=mine']) {
    const refused = await client.get(`/api/v1/model-prices:export?${query}`);
    assert.deepEqual([refused.status, refused.json.errorCode], [400, 'request.validation_failed']);
  }
});

// ---- The cloud's format ----

const million = (price, more) => ({ price, unit: 'per_M_tokens', ...more });
const cpt = (models, more = {}) => table({
  schema: 'cchp.pricing-table/v1', version: '2026.08.01', currency: 'USD', refreshed_at: '2026-08-01T00:00:00Z',
  providers: { acme: { name: 'Acme', icon: '/acme.svg', icon_mono: '/mono.svg' }, cloudy: { name: 'Cloudy' } }, models, ...more
});
const model = (name, pricing, more = {}) => ({ model_name: name, slug: `acme/${name}`, vendor: 'acme', pricing, ...more });
const simple = (price, more) => [{ provider: 'acme', official: true, charges: { prompt: million(price) }, ...more }];
const data = async (name) => (await stored())[name]?.data;

test('a table of the cloud with tiers, priority, two providers and other currencies is converted', async () => {
  const body = (pattern) => ({ kind: 'body_matches', field: 'service_tier', pattern });
  const above = (threshold) => ({ kind: 'input_tokens_above', threshold });
  await upload(cpt([model('m', [
    { provider: 'cloudy', region: 'eu', charges: { prompt: million('4'), completion: million('1', { currency: 'CNY' }) } },
    {
      provider: 'acme', official: true,
      charges: {
        prompt: million('0.1234567890125'), completion: million('15'), cache_read: million('0.3'), cache_write: million('3.75'),
        cache_write_1h: million('6'), image_output: { price: '0.04', unit: 'per_image' }, image_input: million('5'),
        request: { price: '0.01', unit: 'per_request' }, web_search: { price: '10', unit: 'per_k_calls', currency: 'CNY' },
        file_search_call: { price: '2.5', unit: 'per_k_calls' }, odd: { price: '1', unit: 'per_second' },
      },
      tracks: [
        { label: 'standard', factor: '1', triggers: [] },
        { label: 'long', factor: '2', charge_factors: { completion: '1.5' }, triggers: [above(200000), { kind: 'header_matches', header: 'b' }] },
        { label: 'longer', factor: '3', triggers: [above(272001)] },
        { label: 'priority', factor: '1.75', triggers: [body('^(priority)$')] },
        { label: 'long priority', factor: '4', triggers: [above(200001), body('priority')] },
        { label: 'flex', factor: '0.5', triggers: [body('flex')] },
        { label: 'odd', factor: '9', triggers: [above(128000)] },
        { label: 'endpoint', factor: '9', triggers: [{ kind: 'endpoint_matches', pattern: 'x' }] },
        { label: 'header', factor: '9', triggers: [{ kind: 'header_matches', header: 'x' }] },
      ],
    },
  ], {
    display_name: 'M', family: 'ms', model_type: 'chat', deprecated: false, knowledge_cutoff: '2025-03', max_input_tokens: 200000,
    max_output_tokens: 64000, capabilities: { function_calling: true, structured_output: true, vision: false }, aliases: ['m-latest', 'n'],
  }), model('n', simple('1'))]));
  const acme = {
    input_cost_per_token: '0.000000123456789013', input_cost_per_token_above_200k_tokens: '0.000000246913578025',
    input_cost_per_token_above_272k_tokens: '0.000000370370367038', input_cost_per_token_priority: '0.000000216049380772',
    input_cost_per_token_above_200k_tokens_priority: '0.00000049382715605',
    output_cost_per_token: '0.000015', output_cost_per_token_above_200k_tokens: '0.0000225',
    output_cost_per_token_above_272k_tokens: '0.000045', output_cost_per_token_priority: '0.00002625',
    output_cost_per_token_above_200k_tokens_priority: '0.00006',
    cache_read_input_token_cost: '0.0000003', cache_read_input_token_cost_above_200k_tokens: '0.0000006',
    cache_read_input_token_cost_above_272k_tokens: '0.0000009', cache_read_input_token_cost_priority: '0.000000525',
    cache_read_input_token_cost_above_200k_tokens_priority: '0.0000012',
    cache_creation_input_token_cost: '0.00000375', cache_creation_input_token_cost_above_200k_tokens: '0.0000075',
    cache_creation_input_token_cost_above_272k_tokens: '0.00001125',
    cache_creation_input_token_cost_above_200k_tokens_priority: '0.000015',
    cache_creation_input_token_cost_above_1hr: '0.000006',
    cache_creation_input_token_cost_above_1hr_above_200k_tokens: '0.000012',
    cache_creation_input_token_cost_above_1hr_above_272k_tokens: '0.000018',
    cache_creation_input_token_cost_above_1hr_above_200k_tokens_priority: '0.000024',
    output_cost_per_image: '0.04', input_cost_per_image_token: '0.000005', input_cost_per_request: '0.01',
    file_search_cost_per_1k_calls: '2.5',
  };
  const prices = {
    ...Object.fromEntries(Object.entries(acme).map(([field, price]) => [field, `number ${price}`])),
    search_context_cost_per_query: Object.fromEntries(['low', 'medium', 'high'].map((size) => [`search_context_size_${size}`, 'number 0.01'])),
  };
  assert.deepEqual(await data('m'), {
    ...prices, pricing: { 'cloudy@eu': { input_cost_per_token: 'number 0.000004' }, acme: prices }, mode: 'chat', display_name: 'M',
    slug: 'acme/m', vendor: 'acme', vendor_icon: '/acme.svg', vendor_icon_mono: '/mono.svg', model_family: 'ms', deprecated: false,
    knowledge_cutoff: '2025-03', aliases: ['m-latest', 'n'], litellm_provider: 'acme', official_pricing_provider: 'acme',
    providers: ['cloudy', 'acme'], max_input_tokens: 'number 200000', max_output_tokens: 'number 64000', max_tokens: 'number 64000',
    supports_function_calling: true, supports_tool_choice: true, supports_response_schema: true, supports_vision: false,
  });
  assert.deepEqual(await data('m-latest'), await data('m'));
  assert.deepEqual((await data('n')).aliases, undefined);
  assert.deepEqual(names(await stored()), ['m', 'm-latest', 'n']);
});

test('models of the cloud\'s table that cannot be billed by are left out, and of two of a name the better one counts', async () => {
  const result = await upload(cpt([
    model('yuan', simple('1'), { pricing: [{ provider: 'a', charges: { prompt: million('1', { currency: 'CNY' }) } }] }),
    model('negative', simple('-1')), model('words', simple('many')), model('search only', [{ provider: 'a', charges: { file_search: { price: '1', unit: 'per_k_calls' } } }]),
    { model_name: 'no slug', vendor: 'v', pricing: simple('1') }, model(' ', simple('1')), { ...model('no pricing'), pricing: {} },
    model('twice', simple('1', { official: false })), model('twice', simple('2')), model('twice', simple('3', { official: false })),
    model('other', simple('1'), { vendor: 'other' }), model('other', simple('2')),
    model('more', simple('1')), model('more', [...simple('2'), { provider: 'x', charges: { prompt: million('9') } }]),
    model('first', simple('5', { official: false })),
    model('many', simple('1'), { aliases: Array.from({ length: 70 }, (_, i) => `alias-${i}`) }),
  ]));
  assert.equal(result.failed.length, 0);
  const prices = await stored();
  const input = (name) => prices[name].data.input_cost_per_token;
  assert.deepEqual(names(prices).filter((name) => !name.startsWith('alias')), ['first', 'many', 'more', 'other', 'twice']);
  assert.deepEqual(['first', 'twice', 'other', 'more'].map(input), [5, 2, 2, 2].map((price) => `number 0.00000${price}`));
  assert.equal(names(prices).filter((name) => name.startsWith('alias')).length, 64);
});

test('a table of the cloud in another currency has no prices but those said to be in dollars', async () => {
  await upload(cpt([model('m', simple('1')), model('d', [{ provider: 'a', charges: { prompt: million('2', { currency: 'USD' }) } }])],
    { currency: 'CNY' }));
  assert.deepEqual(names(await stored()), ['d']);
});

test('a cloud\'s table that is stored as the cloud\'s brings its catalogue', async () => {
  await sql(`CREATE TABLE cloud_pricing_catalog (id serial PRIMARY KEY, version varchar(64) NOT NULL, currency varchar(16) NOT NULL DEFAULT 'USD',
    refreshed_at timestamptz, providers jsonb NOT NULL, vendors jsonb NOT NULL, model_count integer NOT NULL DEFAULT 0, synced_at timestamptz DEFAULT now());
    ALTER TABLE cloud_pricing_catalog OWNER TO hub`);
  try {
    const content = cpt([model('m', simple('1')), model('n', simple('1'))]);
    await upload(content);
    assert.equal(await value('SELECT count(*) FROM cloud_pricing_catalog'), '0');
    await upload(content, { source: 'cloud' });
    await upload(content, { source: 'cloud' });
    assert.deepEqual(await sql(`SELECT version, currency, model_count, vendors->0->>'vendor', vendors->0->>'name', vendors->0->>'modelCount'
      FROM cloud_pricing_catalog`), [['2026.08.01+cvt1', 'USD', '2', 'acme', 'Acme', '2']]);
  } finally {
    await sql('DROP TABLE cloud_pricing_catalog');
  }
});

// ---- What is refused ----

const single = (text) => `{"m": {"mode": "chat", ${text}}}`;
const BAD = [
  // [what, bytes, code, what the answer says]
  ['nothing', '', 'PRICE_TABLE_EMPTY'], ['blanks', ' \r\n\t', 'PRICE_TABLE_EMPTY'],
  ['a list', '[]', 'PRICE_TABLE_NOT_OBJECT', '价格表必须是一个JSON对象'], ['a string', '"x"', 'PRICE_TABLE_NOT_OBJECT'],
  ['a number', '3', 'PRICE_TABLE_NOT_OBJECT'], ['null', 'null', 'PRICE_TABLE_NOT_OBJECT'], ['true', 'true', 'PRICE_TABLE_NOT_OBJECT'],
  ['an empty object', '{}', 'PRICE_TABLE_NOTHING_USABLE'],
  ['only the sample', '{"sample_spec": {"mode": "chat"}}', 'PRICE_TABLE_NOTHING_USABLE'],
  ['only a blank name', '{" \u3000\u00a0": {"mode": "chat"}}', 'PRICE_TABLE_NOTHING_USABLE'],
  ['half a file', LITELLM.slice(0, LITELLM.length / 2), 'PRICE_TABLE_UNREADABLE', /第 \d+ 行第 \d+ 列/],
  ['all but the last byte', LITELLM.trimEnd().slice(0, -1), 'PRICE_TABLE_UNREADABLE'],
  ['HTML', '<!DOCTYPE html><html><body>404</body></html>', 'PRICE_TABLE_UNREADABLE', /JSON.*TOML/],
  ['YAML', 'models:\n  m:\n    mode: chat\n', 'PRICE_TABLE_UNREADABLE'], ['CSV', 'model,price\nm,1\n', 'PRICE_TABLE_UNREADABLE'],
  ['JSON lines', '{"m": {}}\n{"n": {}}\n', 'PRICE_TABLE_UNREADABLE'], ['a comment', '{"m": {} /* x */}', 'PRICE_TABLE_UNREADABLE'],
  ['a comma too many', '{"m": {"mode": "chat"},}', 'PRICE_TABLE_UNREADABLE'], ['single quotes', "{'m': {}}", 'PRICE_TABLE_UNREADABLE'],
  ['no quotes', '{m: {}}', 'PRICE_TABLE_UNREADABLE'], ['a lone brace', '{', 'PRICE_TABLE_UNREADABLE'],
  ['depth 100000', `${'['.repeat(1e5)}${']'.repeat(1e5)}`, 'PRICE_TABLE_UNREADABLE', /deep/],
  ['depth 100000 in a model', `{"m": ${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}}`, 'PRICE_TABLE_UNREADABLE', /deep/],
  ['depth 100000 in TOML', `a = ${'['.repeat(1e5)}${']'.repeat(1e5)}`, 'PRICE_TABLE_UNREADABLE'],
  ['a key of 100000 parts in TOML', `[${'a.'.repeat(1e5)}a]`, 'PRICE_TABLE_UNREADABLE', /too many parts/],
  ['100000 tables in TOML, inline', `a = ${'{a='.repeat(1e5)}`, 'PRICE_TABLE_UNREADABLE'],
  ['a million models', `{${Array.from({ length: 1e6 }, (_, i) => `"${i}":1`).join()}}`, 'PRICE_TABLE_TOO_LARGE'],
  ['a million members', `{"m":{"mode":"",${Array.from({ length: 1e6 }, (_, i) => `"${i}":1`).join()}}}`, 'PRICE_TABLE_NOTHING_USABLE', '字段过多'],
  ['bytes that are not UTF-8', Buffer.from('{"m": "\xff"}', 'latin1'), 'PRICE_TABLE_UNREADABLE', /UTF-8/],
  ['an overlong byte sequence', Buffer.from('{"\xc0\xaf": {}}', 'latin1'), 'PRICE_TABLE_UNREADABLE', /UTF-8/],
  ['UTF-16', Buffer.from('\ufeff{"m": {"mode": "chat"}}', 'utf16le'), 'PRICE_TABLE_UNREADABLE'],
  ['a compressed file', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]), 'PRICE_TABLE_UNREADABLE'],
  ['zero bytes', Buffer.alloc(100), 'PRICE_TABLE_UNREADABLE'], ['a zero byte at the end', '{"m": {"mode": "chat"}}\0', 'PRICE_TABLE_UNREADABLE'],
  ['a zero byte in a name', '{"m\0": {"mode": "chat"}}', 'PRICE_TABLE_UNREADABLE'],
  ['a mark and nothing', '\ufeff', 'PRICE_TABLE_EMPTY'], ['two marks', '\ufeff\ufeff{"m": {"mode": "chat"}}', 'PRICE_TABLE_UNREADABLE'],
  ...['NaN', 'Infinity', '-Infinity', '.5', '5.', '+1', '01', '0x10', '1e', '1_000', 'undefined', 'True', '1,5', '--1', '1e+'].map(
    (text) => [`the value ${text}`, single(`"input_cost_per_token": ${text}`), 'PRICE_TABLE_UNREADABLE']),
  ...[['"3"', '不是数字'], ['null', '不是数字'], ['true', '不是数字'], ['["1"]', '不是数字'], ['"free"', '不是数字'], ['-1', '为负数'], ['-1e-30', '为负数'],
    ['1e309', '不是有限的数'], ['-1e309', '不是有限的数'], ['1e999999999999', '不是有限的数'], ['1e-999999', '位数过多'], ['2', '高于上限 1'], ['1.0000001', '高于上限'],
    [`0.${'1'.repeat(200)}`, '位数过多'], ['{"a": -1}', '为负数'], ['[[-1]]', '为负数']].flatMap(([text, words]) => [
    [`an input price of ${text}`, single(`"input_cost_per_token": ${text}`), 'PRICE_TABLE_NOTHING_USABLE', words],
    [`a price of ${text} of a provider`, single(`"pricing": {"a": {"cache_read_input_token_cost_above_200k_tokens": ${text}}}`), 'PRICE_TABLE_NOTHING_USABLE', words]]),
  ['a search price that is a word', single('"search_context_cost_per_query": {"search_context_size_low": "0.1"}'), 'PRICE_TABLE_NOTHING_USABLE', '不是数字'],
  ['a negative price in a list', single('"tiered_pricing": [{"input_cost_per_token": -1}]'), 'PRICE_TABLE_NOTHING_USABLE', '为负数'],
  ['a negative factor', single('"long_context_pricing": {"input_multiplier": -2}'), 'PRICE_TABLE_NOTHING_USABLE', '为负数'],
  ['a price of an image of a million', single('"output_cost_per_image": 1e6'), 'PRICE_TABLE_NOTHING_USABLE', '高于上限 10000'],
  ['a limit beyond all numbers', single('"max_tokens": 1e400'), 'PRICE_TABLE_NOTHING_USABLE', '不是有限的数'],
  ...['1', 'null', '"x"', '[]', 'true', '[{"mode": "chat"}]'].map((text) => [`a model that is ${text}`, `{"m": ${text}}`, 'PRICE_TABLE_NOTHING_USABLE', '不是对象']),
  ['no mode', '{"m": {"input_cost_per_token": 1e-6}}', 'PRICE_TABLE_NOTHING_USABLE', '缺少 mode'],
  ['a member twice', single('"a": 1, "a": 1'), 'PRICE_TABLE_NOTHING_USABLE', '字段 a 重复'],
  ['a member twice by an escape', single('"a": 1, "\\u0061": 1'), 'PRICE_TABLE_NOTHING_USABLE', '字段 a 重复'],
  ['a member twice, deep', single('"x": [{"y": {"a": 1, "a": 2}}]'), 'PRICE_TABLE_NOTHING_USABLE', '字段 a 重复'],
  ['a model twice', '{"m": {"mode": "chat"}, " m": {"mode": "chat"}}', 'PRICE_TABLE_NOTHING_USABLE', '模型名称重复'],
  ...['__proto__', 'constructor', 'prototype'].flatMap((name) => [
    [`a model named ${name}`, `{"${name}": {"mode": "chat"}}`, 'PRICE_TABLE_NOTHING_USABLE', '不允许的名称'],
    [`a member named ${name}`, single(`"x": {"${name}": 1}`), 'PRICE_TABLE_NOTHING_USABLE', '不允许的名称']]),
  ['an escaped zero byte', single('"x": "a\\u0000"'), 'PRICE_TABLE_NOTHING_USABLE', '无法存储'],
  ['an escaped zero byte in the name', '{"m\\u0000": {"mode": "chat"}}', 'PRICE_TABLE_NOTHING_USABLE', '无法存储'],
  ['half a pair', single('"x": "\\ud83d"'), 'PRICE_TABLE_NOTHING_USABLE', '无法存储'],
  ['a name of 300 bytes', `{"${'m'.repeat(300)}": {"mode": "chat"}}`, 'PRICE_TABLE_NOTHING_USABLE', '过长'],
  ['a vendor of 3000 bytes', single(`"vendor": "${'v'.repeat(3000)}"`), 'PRICE_TABLE_NOTHING_USABLE', '过长'],
  ['TOML without models', 'a = 1', 'PRICE_TABLE_NO_MODELS', '价格表格式无效：缺少 models 表'],
  ['TOML with models that are a list', 'models = []', 'PRICE_TABLE_NO_MODELS'], ['TOML with no model', '[models]', 'PRICE_TABLE_MODELS_EMPTY', '价格表格式无效：models 为空'],
  ['TOML with a name twice', '[models.a]\nmode = "chat"\n[models.a]\nmode = "chat"', 'PRICE_TABLE_UNREADABLE', /TOML.*第 3 行/],
  ['TOML that breaks off', '[models.a]\nmode = "chat', 'PRICE_TABLE_UNREADABLE'], ['TOML with nan', '[models.a]\nmode = "x"\ninput_cost_per_token = nan', 'PRICE_TABLE_NOTHING_USABLE', '不是有限的数'],
  ['TOML with inf', '[models.a]\nmode = "x"\ninput_cost_per_token = inf', 'PRICE_TABLE_NOTHING_USABLE', '不是有限的数'],
  ['TOML with a negative price', '[models.a]\nmode = "x"\ninput_cost_per_token = -1e-6', 'PRICE_TABLE_NOTHING_USABLE', '为负数'],
  ['TOML with a price that is a word', '[models.a]\nmode = "x"\ninput_cost_per_token = "1"', 'PRICE_TABLE_NOTHING_USABLE', '不是数字'],
  ['TOML with a model that is a number', '[models]\na = 1', 'PRICE_TABLE_NOTHING_USABLE', '不是对象'],
  ['TOML with dots in a bare name', '[models.gpt-4.5]\nmode = "chat"', 'PRICE_TABLE_NOTHING_USABLE', '缺少 mode'],
  ['another schema', cpt([], { schema: 'cchp.pricing-table/v2' }), 'PRICE_TABLE_SCHEMA', '价格表格式无效：schema 不是 cchp.pricing-table/v1（实际为 cchp.pricing-table/v2）'],
  ['the cloud\'s without models', cpt(undefined), 'PRICE_TABLE_NO_MODEL_LIST', '价格表格式无效：缺少 models 数组'],
  ['the cloud\'s with models that are an object', cpt({}), 'PRICE_TABLE_NO_MODEL_LIST'], ['the cloud\'s with no model', cpt([]), 'PRICE_TABLE_MODELS_EMPTY'],
  ['the cloud\'s without providers', cpt([1], { providers: [] }), 'PRICE_TABLE_NO_PROVIDERS', '价格表格式无效：缺少 providers 字典'],
  ['the cloud\'s with nothing but rubbish', cpt([1, null, 'x', {}, []]), 'PRICE_TABLE_NOTHING_USABLE'],
];

test(`${BAD.length} bad files have a clear error each, and change nothing`, async () => {
  assert.ok(BAD.length >= 100);
  await upload(table({ m: chat({ input_cost_per_token: 1e-6 }) }));
  const before = await stored();
  const rows = await value('SELECT count(*) FROM hubport.price_history');
  for (const [what, bytes, code, words] of BAD) {
    const answer = await client.send('POST', '/api/v1/model-prices:upload',
      { body: bytes, headers: { 'content-type': 'application/octet-stream' } });
    assert.deepEqual([answer.status, answer.json.errorCode], [code === 'PRICE_TABLE_TOO_LARGE' ? 413 : 400, code], `${what}: ${answer.text}`);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
    const said = [answer.json.detail, ...(answer.json.failed ?? []).map(({ reason }) => reason)].join('\n');
    if (words !== undefined) assert.ok(words instanceof RegExp ? words.test(said) : said.includes(words), `${what}: ${said}`);
  }
  assert.deepEqual(await stored(), before);
  assert.equal(await value('SELECT count(*) FROM hubport.price_history'), rows);
});

test('a bad model does not stop the others', async () => {
  const result = await upload(`{"good": {"mode": "chat"}, "bad": {"mode": "chat", "input_cost_per_token": "3"}, "twice": {"mode": 1},
    "none": 3, "twice": {"mode": 2}, "sample_spec": {}, "": {}, " trimmed\u00a0": {"mode": null}}`);
  assert.deepEqual(result.added, ['good', 'trimmed']);
  assert.deepEqual(result.failed.map(({ model }) => model), ['bad', 'none', 'twice']);
  assert.equal(result.total, 5);
});

test('a byte order mark and carriage returns are no fault', async () => {
  assert.deepEqual((await upload('\ufeff{\r\n"m": {"mode": "chat"}\r\n}\r\n')).added, ['m']);
  assert.deepEqual((await upload('\ufeff[models.n]\r\nmode = "chat"\r\ninput_cost_per_token = 1.50e-6\r\n')).added, ['n']);
  assert.equal((await stored()).n.data.input_cost_per_token, 'number 0.00000150');
});

// ---- Ways to send it ----

test('a table comes as JSON, as a file of a form or as the body, with the same options', async () => {
  const one = table({ m: chat({}) });
  const form = await client.upload('/api/v1/model-prices:upload', { source: 'cloud' }, { bytes: Buffer.from(one), name: 'prices.json' });
  assert.deepEqual([form.status, form.json.added], [200, ['m']]);
  const body = await client.send('POST', '/api/v1/model-prices:upload?source=manual&overwriteManual=a,b',
    { body: '[models.m]\nmode = "chat"', headers: { 'content-type': 'application/toml' } });
  assert.deepEqual([body.status, body.json.updated], [200, ['m']]);
  assert.equal((await stored()).m.source, 'manual');
  const refusals = [
    [{ content: one, overwrite: [] }, 'request.validation_failed'], [{}, 'request.validation_failed'],
    [{ content: JSON.parse(one) }, 'request.validation_failed'], [{ content: one, source: 'mine' }, 'request.validation_failed'],
    [{ content: one, overwriteManual: 'm' }, 'request.validation_failed'], [{ content: one, overwriteManual: [1] }, 'request.validation_failed'],
    [[], 'request.malformed_json'],
  ];
  for (const [wrong, code] of refusals) {
    const answer = await post('upload', wrong);
    assert.deepEqual([answer.status, answer.json.errorCode], [400, code], JSON.stringify(wrong));
  }
  const type = await client.send('POST', '/api/v1/model-prices:upload', { body: one, headers: { 'content-type': 'image/png' } });
  assert.equal(type.status, 415);
  const nobody = await server.client({}).post('/api/v1/model-prices:upload', { content: one });
  assert.equal(nobody.status, 401);
});

test('the hub\'s old action takes jsonContent, and answers names of what failed', async () => {
  const action = (body) => client.post('/api/actions/model-prices/uploadPriceTable', body);
  const good = await action({ jsonContent: table({ m: chat({}), bad: 1 }) });
  assert.deepEqual([good.status, good.json], [200, { ok: true, data: { added: ['m'], updated: [], unchanged: [], failed: ['bad'], skippedConflicts: [], total: 2 } }]);
  const bad = await action({ jsonContent: '[]' });
  assert.deepEqual([bad.status, bad.json.ok, bad.json.error], [400, false, '价格表必须是一个JSON对象']);
});

test('what looks wrong is held back when asked for, with the reason, until it is confirmed', async () => {
  const old = Object.fromEntries(['rose', 'zero', 'gone', 'fine', 'other'].map((name) =>
    [name, chat({ litellm_provider: 'acme', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 })]));
  await upload(table(old));
  const next = structuredClone(old);
  next.rose.input_cost_per_token = 1.1e-5;
  next.zero.output_cost_per_token = 0;
  delete next.gone.input_cost_per_token;
  next.fine.input_cost_per_token = 1e-5;
  const seen = await preview(table(next), { guard: true });
  assert.deepEqual(seen.heldBack, [
    { model: 'gone', reason: 'removed', field: 'input_cost_per_token', old: '0.000001', new: null },
    { model: 'rose', reason: 'rose', field: 'input_cost_per_token', old: '0.000001', new: '0.000011' },
    { model: 'zero', reason: 'zero', field: 'output_cost_per_token', old: '0.000002', new: '0' },
  ]);
  assert.deepEqual([seen.updated, seen.counts.heldBack], [['fine'], 3]);
  const confirmed = await preview(table(next), { guard: true, confirm: ['rose', 'gone'] });
  assert.deepEqual([confirmed.updated, confirmed.heldBack.map(({ model }) => model)], [['fine', 'gone', 'rose'], ['zero']]);
  const shrunk = await preview(table({ fine: next.fine, rose: old.rose }), { guard: true });
  assert.deepEqual([shrunk.updated, shrunk.heldBack], [[], [{ model: '*', reason: 'shrank', field: null, old: '5', new: '2' }]]);
  const bare = await preview(table(Object.fromEntries(Object.keys(old).map((name) => [name, chat({ input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 })]))), { guard: true });
  assert.deepEqual(bare.heldBack.map(({ model, reason }) => [model, reason]), [['*', 'lost_metadata']]);
  assert.deepEqual((await preview(table({ fine: next.fine }), { guard: true, confirm: ['*'] })).updated, ['fine']);
});

test('uploads at the same time leave one price of each model, whole', async () => {
  const of = (price) => table(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`m${i}`, chat({ input_cost_per_token: price })])));
  const prices = [1e-6, 2e-6, 3e-6, 4e-6, 5e-6];
  await Promise.all(prices.map((price) => upload(of(price))));
  const now = await stored();
  assert.equal(names(now).length, 200);
  assert.equal(new Set(Object.values(now).map(({ data: { input_cost_per_token: price } }) => price)).size, 1);
  assert.equal(await value('SELECT count(*) FROM hubport.price_history WHERE before IS NULL'), '200');
});

test('a table that is too large is refused before it is read, and the limit is a setting', async () => {
  const small = await startServer({ env: {...env, ADMIN_TOKEN: 'a token for prices', PRICE_TABLE_MAX: '1MB', PRICE_MAX_PER_TOKEN: '0.001' } });
  const padded = (size) => table({ m: chat({ text: 'x'.repeat(size) }) });
  const answer = await small.client().post('/api/v1/model-prices:upload', { content: padded(1024 * 1024) });
  assert.deepEqual([answer.status, answer.json.errorCode, answer.json.detail], [413, 'PRICE_TABLE_TOO_LARGE', '价格表过大，最大支持 1MB']);
  assert.equal((await small.client().post('/api/v1/model-prices:upload', { content: padded(1024 * 1024 - 100) })).status, 200);
  const huge = await small.client().send('POST', '/api/v1/model-prices:upload', { headers: { 'content-type': 'application/octet-stream', 'content-length': 2 ** 40 }, body: 'x' })
    .catch((error) => ({ status: error.code }));
  assert.equal(huge.status, 413);
  const dear = await small.client().post('/api/v1/model-prices:upload', { content: table({ m: chat({ input_cost_per_token: 0.002 }), n: chat({}) }) });
  assert.match(dear.json.failed[0].reason, /高于上限 0.001/);
  await small.stop();
});

test('without the hub\'s table nothing is imported, and the answer names it', async () => {
  await postgres.createDatabase('bare', { owner: 'hub' });
  const bare = { DSN: postgres.dsn('bare', { user: 'hub' }), HUBPORT_CREATE_SCHEMA: 'false' };
  const path = join(makeWorkplace(), 'prices.json');
  writeFileSync(path, table({ m: chat({}) }));
  for (const args of [['prices', 'import', path], ['prices', 'export']]) {
    const { status, stdout } = await run([...args, '--json'], { env: bare });
    assert.deepEqual([status, JSON.parse(stdout).code], [4, 'FEATURE_UNAVAILABLE']);
    assert.match(JSON.parse(stdout).error, /model_prices/);
  }
});

// ---- Commands ----

test('the commands import, preview and export like the server', async () => {
  const path = join(makeWorkplace(), 'my prices.toml');
  writeFileSync(path, writeToml(parseExact(table({ a: chat({ input_cost_per_token: 1e-6 }), b: chat({}), c: { input_cost_per_token: 1 } }))));
  const json = async (args, options) => JSON.parse(await mustRun(['prices', ...args, '--json'], { env, ...options }));
  assert.deepEqual((await json(['import', path, '--dry-run'])).added, ['a', 'b']);
  assert.deepEqual(await stored(), {});
  assert.deepEqual(counts(await json(['import', path, '--source', 'manual'])), [2, 0, 0, 1, 0, 3]);
  assert.deepEqual((await json(['import', path, '--overwrite-manual', 'b,x'])).skippedConflicts, ['a']);
  assert.deepEqual((await json(['import', '-'], { input: table({ b: chat({ x: 1 }) }) })).updated, ['b']);
  assert.equal(await value(`SELECT count(*) FROM audit_log WHERE operator_user_name LIKE '%command line%'`), '3');
  const shown = await mustRun(['prices', 'import', path, '--dry-run'], { env });
  assert.match(shown, /^ +1 {2}Updated$/m);
  assert.match(shown, /^ {2}x +1 -> -$/m);
  assert.match(shown, /c +it has no mode/);
  const steering = await mustRun(['prices', 'import', '-', '--dry-run'], { env, input: '{"a\\u001b[2J": 1, "b": {"mode": "\\u001b]0;x"}}' });
  assert.ok(!steering.includes('\u001b'), steering);

  const out = join(makeWorkplace(), 'out.json');
  assert.deepEqual(await json(['export', '-o', out]), { ok: true, file: out, models: 2 });
  assert.deepEqual(JSON.parse(readFileSync(out, 'utf8')), JSON.parse(await mustRun(['prices', 'export'], { env })));
  assert.ok(!existsSync(`${out}.partial`));
  assert.match(await mustRun(['prices', 'export', '--format=toml', '--source=manual'], { env }), /^\[models\."a"\]$/m);
  const refusals = [
    [['import', '/nonexistent'], 6, /No such file/], [['import', path, '--source=mine'], 2, /litellm, cloud or manual/],
    [['import', '-'], 6, /PRICE_TABLE_EMPTY/], [['export', '--format=xml'], 2, /json or toml/], [['import'], 2, /argument is missing/],
  ];
  for (const [args, status, words] of refusals) {
    const result = await run(['prices', ...args], { env, input: '' });
    assert.equal(result.status, status, result.stderr);
    assert.match(result.stderr, words);
  }
});

test('nothing is left behind', () => assertNoLeftovers({ server, postgres }, 5000));
