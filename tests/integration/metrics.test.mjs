// GET /metrics: what a Prometheus reads, and who may.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, cleanUp } from './support/processes.mjs';
import { startServer } from './support/hubport.mjs';
import { fill, migrate } from './support/data.mjs';
import { startPostgres } from './support/servers.mjs';

const TOKEN = 'token of the metrics tests';
let postgres, env, server, temporary;

before(async () => {
  postgres = await startPostgres();
  await postgres.createDatabase('hub');
  await migrate(postgres, 'hub');
  await fill(postgres, 'hub');
  temporary = makeDirectory('metrics-temp');
  env = { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN, HUBPORT_TMP_DIR: temporary };
  server = await startServer({ env });
});
after(() => cleanUp());

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;

/** Strict: {samples: Map from `name{labels}` to number, types}; every family once, with help, type, and its samples together. */
function parse(text) {
  assert.ok(text.endsWith('\n'));
  const samples = new Map();
  const types = new Map();
  let family, helped;
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment?.[1] === 'HELP') {
      helped = comment[2];
      assert.ok(!types.has(helped), `${helped} is there twice`);
      continue;
    }
    if (comment?.[1] === 'TYPE') {
      assert.equal(comment[2], helped);
      assert.match(comment[3], /^(counter|gauge|histogram)$/);
      types.set(family = comment[2], comment[3]);
      continue;
    }
    const sample = SAMPLE.exec(line);
    assert.ok(sample, `no sample: ${line}`);
    const [, name, labels = '', value] = sample;
    const base = types.get(family) === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
    assert.equal(base, family, line);
    assert.match(value, /^\d+(\.\d+)?$/, line);
    const key = labels === '' ? name : `${name}{${labels}}`;
    assert.ok(!samples.has(key), `${key} is there twice`);
    samples.set(key, Number(value));
  }
  return { samples, types };
}

async function read(of = server) {
  const answer = await of.client({}).get('/metrics');
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  return parse(answer.text);
}

test('requests are counted by route and status, with their times and bytes', async () => {
  const first = (await read()).samples;
  for (let i = 0; i < 3; i++) await server.client().get('/api/v1/users?pageSize=1');
  await server.client({}).get('/api/v1/users');
  await server.client().get('/api/v1/users/1');
  await server.client({}).get('/nothing/of/the/kind');
  const body = JSON.stringify({ key: 'no such key' });
  await server.client({}).send('POST', '/api/auth/login', { body, headers: { 'content-type': 'application/json' } });
  const { samples, types } = await read();
  const route = 'method="GET",route="/api/v1/users"';
  assert.equal(types.get('hubport_http_requests_total'), 'counter');
  assert.equal(samples.get(`hubport_http_requests_total{${route},status="200"}`), 3);
  assert.equal(samples.get(`hubport_http_requests_total{${route},status="401"}`), 1);
  assert.equal(samples.get('hubport_http_requests_total{method="GET",route="/api/v1/users/{id}",status="200"}'), 1);
  assert.equal(samples.get('hubport_http_requests_total{method="none",route="none",status="404"}'), 1);
  assert.equal(samples.get(`hubport_http_request_duration_seconds_count{${route}}`), 4);
  assert.equal(samples.get(`hubport_http_request_duration_seconds_bucket{${route},le="+Inf"}`), 4);
  assert.ok(samples.get(`hubport_http_sent_bytes_total{${route}}`) > 100);
  assert.equal(samples.get('hubport_http_received_bytes_total{method="POST",route="/api/auth/login"}'), body.length);
  const buckets = [...samples].filter(([key]) => key.includes('_bucket{' + route)).map(([, value]) => value);
  assert.ok(buckets.length > 5);
  assert.deepEqual(buckets, buckets.toSorted((a, b) => a - b));
  const own = 'hubport_http_requests_total{method="GET",route="/metrics",status="200"}';
  assert.equal(samples.get(own), (first.get(own) ?? 0) + 1);
});

test('the state of the moment: version, memory, pool, lock, temporary bytes, the last export', async () => {
  const success = 'hubport_last_success_timestamp_seconds{operation="export"}';
  const before = (await read()).samples;
  assert.ok([...before.keys()].some((key) => /^hubport_build_info\{version="\d+\.\d+\.\d+"\}$/.test(key)));
  assert.ok(before.get('process_resident_memory_bytes') > 1e6);
  assert.equal(before.get('hubport_database_up'), 1);
  assert.equal(before.get('hubport_backup_lock_held'), 0);
  assert.equal(before.get('hubport_temp_bytes'), 0);
  assert.equal(before.get(success), undefined);
  assert.ok(before.has('hubport_database_pool_connections{state="used"}'));
  assert.ok(before.get('hubport_database_pool_connections{state="idle"}') >= 1);

  const file = join(temporary, 'database_import_1_hp0123456789.dump');
  writeFileSync(file, 'x'.repeat(1234));
  const started = Math.floor(Date.now() / 1000);
  assert.equal((await server.client().get('/api/admin/database/export')).status, 200);
  const { samples } = await read();
  assert.equal(samples.get('hubport_temp_bytes'), 1234);
  assert.ok(samples.get(success) >= started - 1 && samples.get(success) <= Date.now() / 1000 + 1);
  rmSync(file);
});

test('this machine reads it without a credential, but not through a proxy; an administrator always', async () => {
  const forwarded = { headers: { 'x-forwarded-for': '198.51.100.7' } };
  assert.equal((await server.client({}).get('/metrics', forwarded)).status, 401);
  assert.equal((await server.client({ token: 'wrong' }).get('/metrics', forwarded)).status, 401);
  assert.equal((await server.client().get('/metrics', forwarded)).status, 200);
});

test('HUBPORT_METRICS=admin asks this machine too, off hides it, another word is refused at start', async () => {
  const strict = await startServer({ env: { ...env, HUBPORT_METRICS: 'admin' } });
  assert.equal((await strict.client({}).get('/metrics')).status, 401);
  assert.equal((await strict.client().get('/metrics')).status, 200);
  const closed = await startServer({ env: { ...env, HUBPORT_METRICS: 'off' } });
  assert.equal((await closed.client().get('/metrics')).status, 404);
  await assert.rejects(startServer({ env: { ...env, HUBPORT_METRICS: 'everybody' } }));
});

test('without the database the rest is told', async () => {
  await postgres.stop?.('immediate');
  const { samples } = await read();
  assert.equal(samples.get('hubport_database_up'), 0);
  assert.ok(samples.get('process_resident_memory_bytes') > 0);
});
