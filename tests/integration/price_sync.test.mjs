// The price table and the cloud's: sync by hand and on the schedule, and everything that a cloud can do wrong.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeWorkplace, run, startServer } from './support/hubport.mjs';
import { model, selfSigned, startCloud } from './support/cloud.mjs';
import { cleanUp, cleanUpAfter, waitFor } from './support/processes.mjs';
import { startPostgres } from './support/servers.mjs';

let postgres, cloud, server, client, env;
const ok = { a: model(1e-6), b: model(2e-6), c: model(3e-6) };
const sync = (body = {}) => client.post('/api/v1/model-prices:syncLitellm', body);
const state = () => client.json('/api/v1/model-prices/sync');
const prices = (database = 'hub') => postgres.sql(
  database, `SELECT model_name, price_data->>'input_cost_per_token', source FROM model_prices ORDER BY model_name COLLATE "C"`);
const names = async (database) => (await prices(database)).map(([name]) => name);

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  await postgres.createDatabase('hub', { owner: 'hub' });
  cloud = await startCloud();
  env = {
    DSN: postgres.dsn('hub', { user: 'hub' }),
    ADMIN_TOKEN: 'a token for the sync',
    PRICE_TABLE_TIMEOUT: '1500ms',
    PRICE_TABLE_MAX: '1MB',
    ...cloud.env,
  };
  server = await startServer({ env });
  client = server.client();
});
after(() => cleanUp());

async function synced(body) {
  const answer = await sync(body);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

/** An empty table, and nothing known of the cloud's. */
async function startAnew() {
  await postgres.sql('hub', 'TRUNCATE model_prices, hubport.price_history');
  cloud.requests.length = 0;
  cloud.answer = ok;
}

/** A server of its own, with a database of its own. */
async function another(t, name, more = {}) {
  cleanUpAfter(t);
  await postgres.createDatabase(name, { owner: 'hub' });
  const own = {...env, DSN: postgres.dsn(name, { user: 'hub' }), ...more };
  return { own, server: await startServer({ env: own }) };
}

test('what the cloud has comes into the table, and a copy that is still good is not sent again', async () => {
  await startAnew();
  cloud.answer = (request, response) => {
    response.setHeader('etag', '"one"');
    if (request.headers['if-none-match'] === '"one"') return response.writeHead(304).end();
    return response.end(JSON.stringify(ok));
  };
  const first = await synced();
  assert.deepEqual([first.added, first.updated, first.missing, first.heldBack], [['a', 'b', 'c'], [], [], []]);
  assert.deepEqual(await prices(), [['a', '0.000001', 'litellm'], ['b', '0.000002', 'litellm'], ['c', '0.000003', 'litellm']]);
  const second = await synced();
  assert.deepEqual([second.unchanged, second.version], [['a', 'b', 'c'], first.version]);
  assert.equal(cloud.requests[0]['if-none-match'], undefined);
  assert.equal(cloud.requests[1]['if-none-match'], '"one"');
  assert.equal(cloud.requests[1]['accept-encoding'], 'gzip');
  // What was lost from the database comes back, though the cloud says that nothing is new.
  await postgres.sql('hub', 'DELETE FROM model_prices');
  assert.deepEqual((await synced()).added, ['a', 'b', 'c']);
  const now = await state();
  assert.deepEqual(
    [now.running, now.lastOutcome, now.lastError, now.lastTriedBy, now.version, now.result.added, now.enabled, now.nextAt],
    [false, 'applied', null, 'Admin Token', first.version, 3, false, null]);
  assert.equal(now.fromCache, false, 'the cloud said that the copy is good');
  assert.equal(
    await postgres.value('hub', `SELECT count(*) FROM audit_log WHERE action_type = 'model_price.sync_litellm'
      AND success AND operator_user_name = 'Admin Token'`), '3');
});

test('a cloud that fails changes nothing, and is told as it is', async () => {
  await startAnew();
  await synced();
  const before = await prices();
  const redirect = (to) => (request, response) => response.writeHead(302, { location: to }).end();
  const stream = (head, bytes, every) => (request, response) => {
    response.writeHead(200, head);
    const timer = setInterval(() => response.write(bytes), every);
    response.on('close', () => clearInterval(timer));
  };
  const cases = [
    ['FETCH_STATUS', (request, response) => response.writeHead(404).end('{}'), /^云端价格表拉取失败：HTTP 404$/],
    ['FETCH_STATUS', (request, response) => response.writeHead(500).end(JSON.stringify(ok)), /HTTP 500/],
    ['FETCH_REDIRECT', redirect(`http://localhost:${cloud.port}/pricing/v1/models.json`),
     /^云端价格表拉取失败：重定向到非预期地址$/],
    ['FETCH_REDIRECT', redirect('http://169.254.169.254/latest/meta-data'), /重定向到非预期地址/],
    ['FETCH_REDIRECT', redirect('/login'), /重定向到非预期地址/],
    ['FETCH_REDIRECT', redirect('file:///etc/passwd'), /重定向到非预期地址/],
    ['FETCH_TOO_LARGE', stream({}, Buffer.alloc(256 * 1024, 32), 1), /超过 1MB/],
    ['FETCH_TOO_LARGE', (request, response) => response.writeHead(200, { 'content-encoding': 'gzip' })
                                                 .end(gzipSync(Buffer.alloc(50 << 20, 32))), /超过 1MB/],
    ['FETCH_TIMEOUT', stream({ 'content-length': 50 }, ' ', 1000), /超时/],
    ['FETCH_TIMEOUT', () => {}, /超时/],
    ['FETCH_NOT_TABLE', '<!doctype html><html><body>Sign in</body></html>', /价格表/],
    ['FETCH_NOT_TABLE', '{}', /没有可用的模型价格|models 为空/],
    ['FETCH_NOT_TABLE', '[1, 2]', /必须是一个JSON对象/],
    ['FETCH_EMPTY', '', /^云端价格表拉取失败：内容为空$/],
    ['FETCH_EMPTY', ' \n', /内容为空/],
    ['FETCH_FAILED', (request, response) => response.writeHead(200, { 'content-length': 500 }).write('{"a":', () => response.destroy()),
     /云端价格表拉取失败/],
  ];
  for (const [code, answer, text] of cases) {
    cloud.answer = answer;
    const failed = await sync();
    assert.deepEqual([failed.status, failed.json.errorCode], [502, code], failed.text);
    assert.match(failed.json.detail, text);
    const now = await state();
    assert.deepEqual([now.lastOutcome, now.lastError.code, now.running], ['failed', code, false]);
    assert.deepEqual(now.version !== null, true);
  }
  assert.deepEqual(await prices(), before);
  assert.equal(await postgres.value('hub', 'SELECT count(*) FROM hubport.price_history'), '3');
  const count = await client.get('/api/prices/cloud-model-count');
  assert.deepEqual([count.status, count.json.ok], [502, false]);
  cloud.answer = (request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(ok)));
  assert.deepEqual((await client.json('/api/prices/cloud-model-count')).data.count, 3);
  assert.deepEqual((await synced()).unchanged, ['a', 'b', 'c']);
});

test('only https to public addresses, unless the settings allow more, and with a certificate that is trusted', async (t) => {
  cleanUpAfter(t);
  const tls = await selfSigned();
  const safe = await startCloud({ tls });
  safe.answer = ok;
  const ask = async (more) => {
    const { status, stdout } =
      await run(['prices', 'sync', '--check', '--json'], { env: {...env, ...safe.env, PRICE_TABLE_ALLOW_HTTP: '0', ...more } });
    return [status, JSON.parse(stdout).code];
  };
  assert.deepEqual(await ask({}), [8, 'FETCH_TLS']);
  assert.deepEqual(await ask({ PRICE_TABLE_CA_FILE: tls.certFile }), [0, undefined]);
  assert.deepEqual(await ask({ PRICE_TABLE_CA_FILE: tls.certFile, PRICE_TABLE_ALLOW_PRIVATE: '0' }), [8, 'FETCH_ADDRESS']);
  assert.deepEqual(await ask({ PRICE_TABLE_URL: cloud.url }), [3, 'FETCH_URL']);
  const secret = `https://user:geheim@127.0.0.1:${safe.port}/x`;
  const { status, stdout, stderr } =
    await run(['prices', 'sync', '--json'], { env: {...env, PRICE_TABLE_URL: secret } });
  assert.equal(status, 3);
  assert.ok(!`${stdout}${stderr}`.includes('geheim'));
});

test('what looks wrong is held back until it is confirmed by name', async () => {
  await startAnew();
  await synced();
  cloud.answer = { a: model(2e-5), b: model(0), c: model(4e-6), d: model(9) };
  const guarded = await synced();
  assert.deepEqual([guarded.updated, guarded.added], [['c'], []]);
  assert.deepEqual(guarded.failed.map((one) => one.model), ['d']);
  assert.deepEqual(
    guarded.heldBack.filter(({ field }) => field === 'input_cost_per_token')
      .map((one) => [one.model, one.reason, one.old, one.new]),
    [['a', 'rose', '0.000001', '0.00002'], ['b', 'zero', '0.000002', '0']]);
  assert.deepEqual(new Set((await state()).result.heldBack.map((one) => one.model)), new Set(['a', 'b']));
  const confirmed = await synced({ confirm: ['a'] });
  assert.deepEqual([confirmed.updated, confirmed.heldBack[0].model], [['a'], 'b']);
  assert.deepEqual((await prices()).map((row) => row[1]), ['0.00002', '0.000002', '0.000004']);
});

test('wishes that make no sense are refused by name, and change nothing', async () => {
  await startAnew();
  const bad = [[{ overwriteManual: 'a' }, 'overwriteManual'], [{ confirm: [1] }, 'confirm'], [{ confirm: { a: true } }, 'confirm'],
    [{ confirmed: [] }, 'confirmed'], [[], ''], ['{"confirm":', '']];
  for (const [body, name] of bad) {
    const answer = await sync(body);
    assert.deepEqual([answer.status, answer.text.includes(name)], [400, true], answer.text);
  }
  assert.deepEqual(await prices(), []);
});

test('models that the new table lacks are listed and stay; one that lost more than half is held back whole', async () => {
  await startAnew();
  cloud.answer = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`m${i}`, model((i + 1) * 1e-6)]));
  await synced();
  const half = (count, factor) => Object.fromEntries(Object.entries(cloud.answer).slice(0, count).map(
    ([name]) => [name, model((Number(name.slice(1)) + factor) * 1e-6)]));
  const whole = cloud.answer;
  cloud.answer = half(6, 2);
  const six = await synced();
  assert.deepEqual([six.updated.length, six.missing], [6, ['m6', 'm7', 'm8', 'm9']]);
  cloud.answer = whole;
  cloud.answer = half(4, 3); // of the ten
  const four = await synced();
  assert.deepEqual([four.updated, four.heldBack.map((one) => [one.model, one.reason])], [[], [['*', 'shrank']]]);
  assert.equal((await names()).length, 10);
  // It is no good table: the copy on the disk stays the one before.
  const cached = () => readFileSync(join(server.env.HUBPORT_DATA_DIR, 'price-table.cache'), 'utf8').includes('"m5"');
  assert.equal(cached(), true);
  assert.equal((await synced({ confirm: ['*'] })).updated.length, 4);
  assert.equal((await names()).length, 10);
  assert.equal(cached(), false);
});

test('the check tells what a sync would do, and does nothing', async () => {
  await startAnew();
  await synced();
  await client.send('PUT', '/api/v1/model-prices/b', {
    headers: { 'content-type': 'application/json' },
    body: '{"modelName":"b","mode":"chat","inputCostPerToken":0.00000212345678901234567}',
  });
  cloud.answer = '{"b": {"mode": "chat", "input_cost_per_token": 0.0000021234567890123456789}, "new": {"mode": "chat"}}';
  const before = await postgres.sql('hub', 'SELECT * FROM model_prices ORDER BY id');
  const answer = await client.post('/api/v1/model-prices:syncLitellmCheck');
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.json.hasConflicts, answer.json.conflicts.map((one) => one.modelName)], [true, ['b']]);
  assert.match(answer.text, /"manualPrice" ?: *\{[^}]*0\.00000212345678901234567[^0-9]/);
  assert.match(answer.text, /"cloudPrice" ?: *\{[^}]*0\.0000021234567890123456789[^0-9]/);
  assert.deepEqual([answer.json.preview.added, answer.json.preview.missing], [['new'], ['a', 'c']]);
  assert.deepEqual(await postgres.sql('hub', 'SELECT * FROM model_prices ORDER BY id'), before);
});

test('a price set by hand survives every sync but the one that names it; history shows it, revert brings it back', async (t) => {
  cloud.answer = ok;
  const { server: own } = await another(t, 'manual', { PRICE_SYNC_INTERVAL: '1s' });
  const admin = own.client();
  const b = () => postgres.sql('manual', `SELECT price_data->>'input_cost_per_token', source FROM model_prices WHERE model_name = 'b'`);
  await waitFor(async () => (await names('manual')).length === 3);
  await admin.send('PUT', '/api/v1/model-prices/b', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ modelName: 'b', mode: 'chat', inputCostPerToken: 0.5 }),
  });
  cloud.answer = { a: model(1e-6), b: model(2.5e-6), c: model(4e-6), d: model(1e-6) };
  await waitFor(async () => (await names('manual')).includes('d'), { what: 'the automatic sync' });
  assert.deepEqual(await b(), [['0.5', 'manual']]);
  const byHand = (await admin.post('/api/v1/model-prices:syncLitellm', {})).json;
  assert.deepEqual([byHand.skippedConflicts, byHand.unchanged.includes('b')], [['b'], true]);
  await admin.post('/api/v1/model-prices:upload', { content: JSON.stringify({ b: model(3e-6) }) });
  assert.deepEqual(await b(), [['0.5', 'manual']]);
  const named = await admin.post('/api/v1/model-prices:syncLitellm', { overwriteManual: ['b', 'nothing'], confirm: [] });
  assert.deepEqual([named.json.updated, await b()], [['b'], [['0.0000025', 'litellm']]]);
  const { items, total } = await admin.json('/api/v1/model-prices/b/history');
  assert.deepEqual(items.map((one) => [one.action, one.userName, one.sourceBefore, one.sourceAfter]), [
    ['sync', 'Admin Token', 'manual', 'litellm'], ['set', 'Admin Token', 'litellm', 'manual'],
    ['auto_sync', 'hubport', null, 'litellm']
  ]);
  assert.equal(total, 3);
  const back = await admin.post('/api/v1/model-prices/b:revert');
  assert.deepEqual([back.status, back.json.source, await b()], [200, 'manual', [['0.5', 'manual']]]);
  assert.deepEqual((await admin.json('/api/v1/model-prices/b/history')).items[0].action, 'revert');
  // The schedule tells in the audit log what it changed, and not that it looked.
  const rows = await postgres.sql('manual', `SELECT after_value->>'added', operator_user_id FROM audit_log
    WHERE action_type = 'model_price.sync_litellm' AND operator_user_name = 'hubport' ORDER BY id`);
  assert.deepEqual(rows, [['3', null], ['1', null]]);
});

test('an empty table is filled at start, with no interval it never is; without a network the copy on the disk is used', async (t) => {
  const workplace = makeWorkplace();
  cleanUpAfter(t);
  await postgres.createDatabase('start', { owner: 'hub' });
  const own = {...env, DSN: postgres.dsn('start', { user: 'hub' }) };
  cloud.answer = ok;
  cloud.requests.length = 0;
  let one = await startServer({ env: own, directory: workplace });
  assert.equal((await one.client().json('/api/v1/model-prices/sync')).enabled, false);
  await one.stop();
  assert.equal(cloud.requests.length, 0);

  one = await startServer({ env: {...own, PRICE_SYNC_INTERVAL: '1h' }, directory: workplace });
  await one.logged('prices.synced');
  assert.equal((await names('start')).length, 3);
  const now = await one.client().json('/api/v1/model-prices/sync');
  const ahead = Date.parse(now.nextAt) - Date.now();
  assert.ok(ahead > 55 * 60_000 && ahead < 67 * 60_000, now.nextAt);
  assert.deepEqual([now.lastTriedBy, now.enabled, now.intervalSeconds, now.fromCache], [null, true, 3600, false]);
  await one.stop();

  await postgres.sql('start', 'DELETE FROM model_prices');
  cloud.answer = (request, response) => response.writeHead(503).end();
  one = await startServer({ env: {...own, PRICE_SYNC_INTERVAL: '1h' }, directory: workplace });
  await one.logged('prices.synced');
  assert.equal((await names('start')).length, 3);
  assert.equal((await one.client().json('/api/v1/model-prices/sync')).fromCache, true);
  await one.stop();

  // A copy that was damaged is none; then the state says what to do.
  const cache = join(workplace, 'data', 'price-table.cache');
  writeFileSync(cache, readFileSync(cache, 'utf8').replace('"a"', '"x"'));
  await postgres.sql('start', 'DELETE FROM model_prices');
  one = await startServer({ env: {...own, PRICE_SYNC_INTERVAL: '1h' }, directory: workplace });
  const failed = await one.logged('prices.sync_failed');
  assert.match(failed.error, /hubport prices import FILE/);
  assert.equal((await names('start')).length, 0);
});

test('of two servers one syncs, by hand and on the schedule', async (t) => {
  cleanUpAfter(t);
  await postgres.createDatabase('two', { owner: 'hub' });
  await run(['migrate'], { env: {...env, DSN: postgres.dsn('two', { user: 'hub' }) } });
  cloud.requests.length = 0;
  let release;
  const gate = new Promise((resolve) => (release = resolve));
  cloud.answer = async (request, response) => {
    await gate;
    response.end(JSON.stringify(ok));
  };
  const own = {...env, DSN: postgres.dsn('two', { user: 'hub' }), PRICE_SYNC_INTERVAL: '1h', PRICE_TABLE_TIMEOUT: '20s' };
  const both = await Promise.all([startServer({ env: own }), startServer({ env: own })]);
  await waitFor(() => cloud.requests.length > 0);
  const busy = await both[1].client().post('/api/v1/model-prices:syncLitellm', {});
  assert.deepEqual([busy.status, busy.json.errorCode], [409, 'PRICE_SYNC_BUSY']);
  assert.equal((await both[0].client().json('/api/v1/model-prices/sync')).running, true);
  release();
  await waitFor(async () => (await names('two')).length === 3);
  await waitFor(async () => !(await both[0].client().json('/api/v1/model-prices/sync')).running);
  assert.equal(cloud.requests.length, 1);
  assert.equal(both.flatMap((one) => one.log('prices.synced')).length, 1);
});

test('a server that is killed in the middle leaves nothing half-written, and no lock', async (t) => {
  const { own, server: victim } = await another(t, 'killed');
  cloud.answer = ok;
  await victim.client().post('/api/v1/model-prices:syncLitellm', {});
  cloud.answer = Object.fromEntries(Object.keys(ok).map((name) => [name, model(5e-6)]));
  // The import stands before its rows while a table lock is held.
  const holder = postgres.session('killed');
  await holder.run('BEGIN; LOCK TABLE model_prices IN EXCLUSIVE MODE');
  const pending = victim.client().post('/api/v1/model-prices:syncLitellm', {}).catch(() => {});
  await waitFor(async () => Number(await postgres.value('killed', 'SELECT count(*) FROM pg_locks WHERE NOT granted')) > 0);
  await victim.kill();
  await pending;
  await holder.run('ROLLBACK');
  await waitFor(async () => await postgres.value('killed', `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'`) === '0');
  const values = new Set((await prices('killed')).map((row) => row[1] === '0.000005'));
  assert.equal(values.size, 1, 'old or new, never between');
  const successor = await startServer({ env: own });
  const now = await successor.client().json('/api/v1/model-prices/sync');
  assert.equal(now.running, false);
  assert.equal((await successor.client().post('/api/v1/model-prices:syncLitellm', {})).status, 200);
  assert.deepEqual(readdirSync(victim.env.HUBPORT_DATA_DIR).filter((name) => name.endsWith('.new')), []);
  assert.ok(existsSync(join(victim.env.HUBPORT_DATA_DIR, 'price-table.cache')));
});
