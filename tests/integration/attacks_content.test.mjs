// What people put into fields, and what they look for in files and processes: SQL, formulas, links planted in temporary
// directories, secrets.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE, TOP, assertNoLeftovers, makeWorkplace, run, startServer } from './support/hubport.mjs';
import { startCloud, model } from './support/cloud.mjs';
import { checksum } from './support/data.mjs';
import { cleanUp, cleanUpAfter, makeDirectory, runProgram, sessionOf } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';
import { proves } from '../torture/support/record.mjs';

const SECRETS = { token: 'xT0ken-of-admin', dsn: 'xPassw0rd-of-dsn', redis: 'xPassw0rd-of-redis', csrf: 'xSecret-of-csrf-tokens',
  key: 'sk-xKey-of-boss', provider: 'sk-xKey-of-provider', proxy: 'xPassw0rd-of-proxy', cloud: 'xKey-of-the-cloud' };
let postgres, redis, server, client, env, cloud;

before(async () => {
  postgres = await startPostgres({
    roles: `CREATE ROLE hub LOGIN CREATEDB PASSWORD '${SECRETS.dsn}'`, hba: ['host all hub 127.0.0.1/32 scram-sha-256'],
    settings: { log_min_error_statement: 'error' },
  });
  redis = await startRedis({ password: SECRETS.redis });
  cloud = await startCloud();
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub', password: SECRETS.dsn }), REDIS_URL: redis.url, ADMIN_TOKEN: SECRETS.token,
    CSRF_SECRET: SECRETS.csrf, ...cloud.env, PRICE_TABLE_URL: `${cloud.url}?key=${SECRETS.cloud}`, HUBPORT_LOG_LEVEL: 'debug' };
  server = await startServer({ env });
  client = server.client();
  await postgres.sql('hub', `
    INSERT INTO provider_vendors (website_domain) VALUES ('example.org');
    INSERT INTO users (id, name, role) VALUES (101, 'boss', 'admin');
    INSERT INTO keys (id, user_id, key, name, can_login_web_ui) VALUES (101, 101, '${SECRETS.key}', 'k', true);
    INSERT INTO providers (id, name, url, key, provider_vendor_id, provider_type, proxy_url)
      VALUES (101, 'p', 'https://example.org', '${SECRETS.provider}', 1, 'claude', 'http://u:${SECRETS.proxy}@proxy:1/?x=${SECRETS.proxy}');
    INSERT INTO model_prices (model_name, price_data, source) VALUES ('m', '{"mode": "chat"}', 'manual')`);
});
after(() => cleanUp());

// ---- SQL ------------------------------------------------------------------------------------------------------------

const SQL = [`'`, `''; DROP TABLE users; --`, `' OR '1'='1`, `1; SELECT pg_sleep(9)`, `") OR 1=1 --`, `\\'; DROP TABLE keys; --`, `$$; DROP TABLE x; $$`, `%' --`,
  `_%`, `id); DELETE FROM users; --`, `name desc, (select pg_sleep(9))`, `{"a'b`, `'||(SELECT key FROM keys)||'`, `1e309`, `NaN`, `-1`, `99999999999999999999`, `\u00a7\u2019 OR 1=1`, `E'\\x27'`, `{1,2}`, `[]`];
const document = JSON.parse(readFileSync(join(TOP, 'docs/openapi.json'), 'utf8'));
const lists = Object.entries(document.paths).filter(([path, { get }]) => get && path.startsWith('/api/') && !path.includes('database/export') && !path.includes('/events'))
  .map(([path, { get }]) => ({ path, parameters: (get.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name),
    named: /\{\w+\}/.test(path) }));

const everything = () => checksum(postgres, 'hub', { except: ['public.audit_log'] });
/** What PostgreSQL could not read: text that came to stand in a statement. (A value that is no timestamp is another matter.) */
const sqlFaults = () => postgres.log().split('\n').filter((line) => /ERROR: +(syntax error|unterminated|column|function|operator|cannot insert multiple)/.test(line));
/** All of it takes a minute: `make torture`. Else each place gets some, by turns. */
const AT_ONCE = process.env.HUBPORT_MATRIX === 'all' ? SQL.length : 3;
let turn = 0;
const someSql = () => Array.from({ length: AT_ONCE }, () => SQL[turn++ % SQL.length]);

/** A test that is a row of docs/reliability.md; `act` calls `round` once for each attack. */
const attack = (what, act) => proves('Attacks: contents', what, { promise: 'Stored and shown as text, or refused; nothing of it is run, no secret is seen' }, act);

attack('SQL in any search, sort, filter or path is text: refused or found nowhere, never run', async (round) => {
  const before = await everything();
  const faults = sqlFaults();
  assert.ok(lists.length > 20);
  for (const { path, parameters, named } of lists)
    for (const name of named ? ['', ...parameters] : parameters)
      for (const text of someSql()) {
        const at = path.replaceAll(/\{\w+\}/g, encodeURIComponent(text));
        const query = name === '' ? '' : `${name}=${encodeURIComponent(text)}`;
        round();
        const answer = await client.get(`${at}?${query}`);
        assert.ok(answer.status < 500, `${at}?${query}: ${answer.status} ${answer.text}`);
        assert.ok(!answer.text.includes(SECRETS.key), `${at}?${query}`);
        assert.ok(!/syntax error|SQLSTATE|ERROR: /.test(answer.text), `${at}?${query}: ${answer.text}`);
      }
  assert.deepEqual(await everything(), before);
  assert.deepEqual(sqlFaults(), faults);
});

attack('SQL in every text field of a bulk change is stored as it is', async (round) => {
  const fields = await client.json('/api/v1/batch-fields');
  const faults = sqlFaults();
  for (const [kind, member] of [['users', 'userIds'], ['keys', 'keyIds'], ['providers', 'providerIds']])
    for (const { name, column, type, maxLength, patchOnly } of fields[kind].filter((field) => ['text', 'texts', 'groups'].includes(field.type)))
      for (const text of someSql().filter((one) => !one.includes(',') && (!maxLength || one.length <= maxLength))) {
        if (patchOnly) continue;
        round();
        const answer = await client.post(`/api/v1/${kind}:batchUpdate`, { [member]: [101], updates: { [name]: type === 'texts' ? [text] : text } });
        assert.ok([200, 400, 404, 422].includes(answer.status), `${kind}.${name} = ${text}: ${answer.status} ${answer.text}`);
        if (answer.status !== 200) continue;
        const stored = await postgres.value('hub', `SELECT to_jsonb(${column}) #>> '{}' FROM ${kind} WHERE id = 101`);
        assert.equal(type === 'texts' ? JSON.parse(stored)[0] : stored, text.trim() === '' ? stored : text, `${kind}.${name}`);
      }
  assert.deepEqual(sqlFaults(), faults);
  await client.post('/api/v1/users:batchUpdate', { userIds: [101], updates: { name: 'boss' } });
});

attack('SQL in the names of models and of their members is stored as it is', async (round) => {
  const names = SQL.filter((name) => name.trim() === name);
  const table = Object.fromEntries(names.map((name) => [name, { mode: name, [name]: name, input_cost_per_token: 1e-6 }]));
  const answer = await client.post('/api/v1/model-prices:upload', { content: JSON.stringify(table) });
  assert.equal(answer.status, 200, answer.text);
  const stored = await postgres.sql('hub', `SELECT model_name FROM model_prices WHERE model_name <> 'm'`);
  assert.deepEqual(stored.flat().sort(), [...names].sort());
  for (const name of names) round();
  for (const name of names) assert.ok((await client.send('DELETE', `/api/v1/model-prices/${encodeURIComponent(name)}`)).status < 300, name);
  assert.equal(await postgres.value('hub', 'SELECT count(*) FROM model_prices'), '1');
});

attack('what a client says of itself is text in the audit log and the log', async (round) => {
  round();
  const agent = `'); DELETE FROM audit_log; -- <script>alert(1)</script>`;
  const before = Number(await postgres.value('hub', 'SELECT count(*) FROM audit_log'));
  await client.post('/api/v1/users:batchUpdate', { userIds: [101], updates: { note: '=HYPERLINK("x")' } }, { headers: { 'user-agent': agent, 'x-request-id': 'x.y' } });
  assert.equal(Number(await postgres.value('hub', 'SELECT count(*) FROM audit_log')), before + 1);
  assert.equal(await postgres.value('hub', 'SELECT user_agent FROM audit_log ORDER BY id DESC LIMIT 1'), agent);
  assert.deepEqual(server.noise(), [], 'every line of the log is JSON');
});

attack('no cell of a file is a formula', async (round) => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', `'=1`, '=cmd|\' /C calc\'!A0', '"\n=1', ';=1']) {
    round();
    assert.equal((await client.post('/api/v1/users:batchUpdate', { userIds: [101], updates: { note: text } })).status, 200, text);
    const csv = (await client.get('/api/v1/users:export?format=csv')).text;
    const cells = csv.replace(/^\ufeff/, '').match(/"(?:[^"]|"")*"|[^",\r\n]+/g);
    assert.deepEqual(cells.filter((cell) => /^"?[=+@\t\r]/.test(cell)), [], JSON.stringify(text));
  }
});

// ---- Files ----------------------------------------------------------------------------------------------------------

attack('links planted in the directory of temporary files are neither followed nor removed, and files are the owner\'s alone', async (round, t) => {
  cleanUpAfter(t);
  const directory = makeWorkplace(), tmp = join(directory, 'tmp');
  const victim = join(makeDirectory('victim'), 'precious');
  writeFileSync(victim, 'precious', { mode: 0o600 });
  const links = ['database_import_1_hpabcdefghij.dump', `database_import_${Date.now() - 9e7}_hp0123456789.dump`, 'database_export_0_hpaaaaaaaaaa.dump'];
  for (const name of links) round();
  for (const name of links) symlinkSync(victim, join(tmp, name));
  mkdirSync(join(tmp, 'database_import_2_hpabcdefghij.dump'));
  const own = await startServer({ env: {...env, HUBPORT_TMP_MAX_AGE: '0', HUBPORT_TMP_SWEEP_INTERVAL: '1s' }, directory });
  const boundary = 'b';
  const { request } = await Promise.race([own.client().open('POST', '/api/admin/database/import', {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': 100_000 },
    body: Buffer.from(`--b\r\nContent-Disposition: form-data; name="file"; filename="${links[0]}"\r\n\r\nPGDMP${'x'.repeat(50_000)}`), timeout: 1500,
  }).catch(() => ({})), new Promise((resolve) => setTimeout(resolve, 700, {}))]);
  const files = readdirSync(tmp).filter((name) => !links.includes(name) && statSync(join(tmp, name)).isFile());
  for (const name of files) assert.equal(statSync(join(tmp, name)).mode & 0o777, 0o600, name);
  request?.destroy();
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
  for (const name of links) assert.equal(readlinkSync(join(tmp, name)), victim, 'still there');
  await own.stop();
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
});

attack('a command writes into no link, into no file that stood there, and replaces no pipe', async (round) => {
  const directory = makeDirectory('output'), path = join(directory, 'x.dump'), victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  round();
  symlinkSync(victim, `${path}.partial`);
  assert.equal((await run(['export', '--output', path], { env })).status, 0);
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
  assert.deepEqual([statSync(path).mode & 0o777, existsSync(`${path}.partial`)], [0o600, false]);
  writeFileSync(`${path}.partial`, 'somebody has it open');
  const held = openSync(`${path}.partial`, 'r');
  assert.equal((await run(['export', '--output', path], { env })).status, 0);
  assert.equal(readFileSync(held, 'utf8'), 'somebody has it open');
  closeSync(held);
  const pipe = join(directory, 'pipe');
  assert.equal((await runProgram('mkfifo', [pipe])).status, 0);
  const [read, exported] = await Promise.all([runProgram('cat', [pipe], { encoding: 'latin1' }), run(['export', '--output', pipe], { env })]);
  assert.equal(exported.status, 0, exported.stderr);
  assert.ok(read.stdout.startsWith('PGDMP') && read.stdout.length > 10_000);
  assert.ok(statSync(pipe).isFIFO(), 'the pipe is still one');
});

// ---- Secrets --------------------------------------------------------------------------------------------------------

const secretsIn = (text, but = []) => Object.entries(SECRETS).filter(([name, secret]) => !but.includes(name)
  && [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')].some((form) => text.includes(form))).map(([name]) => name);

attack('no secret is in an answer, the audit log, the log, a process\'s arguments or a temporary file', async (round) => {
  cloud.answer = { m: model(1e-6) };
  const seen = [];
  const watch = setInterval(() => {
    for (const { pid, command } of sessionOf(server.pid)) {
      const found = secretsIn(command);
      if (found.length > 0) seen.push(`process ${pid} ${command}: ${found}`);
    }
  }, 10);
  const session = await client.login(SECRETS.token);
  await server.client({}).login(SECRETS.key);
  await server.client({}).post('/api/auth/login', { key: `${SECRETS.provider} as a key` });
  const answers = [];
  for (const { path } of lists) answers.push([path, await client.get(path.replaceAll(/\{\w+\}/g, path.includes('model-prices') ? 'm' : '101'))]);
  const keep = async (what, answer) => answers.push([what, await answer]);
  await keep('providers:batchUpdate', client.post('/api/v1/providers:batchUpdate', { providerIds: [101], updates: { priority: 5 } }));
  await keep('preview', client.post('/api/v1/providers:batchPatch:preview', { providerIds: [101], patch: { proxy_url: { set: `http://v:${SECRETS.proxy}@other:1` } } }));
  await keep('dry run', client.post('/api/v1/keys:batchUpdate', { keyIds: [101], updates: { name: 'other' }, dryRun: true }));
  await keep('sync', client.post('/api/v1/model-prices:syncLitellm', {}));
  cloud.answer = (request, response) => response.writeHead(500).end();
  await keep('failed sync', client.post('/api/v1/model-prices:syncLitellm', {}));
  await keep('export', client.get('/api/admin/database/export?mode=full'));
  const archive = answers.at(-1)[1].body;
  await keep('import', client.upload('/api/admin/database/import', { cleanFirst: 'true', allowForeign: 'true' }, { bytes: archive }));
  await keep('bad import', client.upload('/api/admin/database/import', { cleanFirst: 'true' }, { bytes: archive.subarray(0, 2000) }));
  await keep('bad JSON', client.send('POST', '/api/v1/users:batchUpdate', { body: `{"x": "${SECRETS.token}`, headers: { 'content-type': 'application/json' } }));
  await keep('a sign-in that is no JSON', client.send('POST', '/api/auth/login', { body: `{"key": "${SECRETS.key}`, headers: { 'content-type': 'application/json' } }));
  await keep('signed in', session.get('/api/admin/database/status'));
  clearInterval(watch);
  assert.deepEqual(seen, []);
  for (const [what, { status, text }] of answers.filter(([what]) => what !== 'export' && round()))
    assert.deepEqual(secretsIn(text), [], `${what}: ${status} ${text.slice(0, 3000)}`);
  const audit = (await postgres.sql('hub', 'SELECT a::text FROM audit_log a')).flat().join('\n');
  assert.deepEqual(secretsIn(audit), []);
  const operations = (await postgres.sql('hub', 'SELECT b::text FROM hubport.batch_operations b')).flat().join('\n');
  assert.deepEqual(secretsIn(operations, ['proxy']), [], 'what an undo needs is the database\'s own');
  await assertNoLeftovers({ server, postgres }, 3000);
  await server.stop();
  assert.deepEqual(secretsIn(server.stderr + server.stdout), []);
  const data = server.env.HUBPORT_DATA_DIR;
  for (const name of existsSync(data) ? readdirSync(data, { recursive: true }) : []) {
    const path = join(data, String(name));
    if (statSync(path).isFile()) assert.deepEqual(secretsIn(readFileSync(path, 'latin1')), [], path);
  }
});

attack('a server that crashes leaves no core dump, and no memory for who collects them', async (round) => {
  const wrapper = join(makeDirectory('cores'), 'hubport');
  writeFileSync(wrapper, `#!/bin/sh\nulimit -c unlimited\nexec ${RELEASE} "$@"\n`, { mode: 0o755 });
  const crashing = await startServer({ env, binary: wrapper });
  assert.equal((await crashing.client().get('/api/admin/database/status')).status, 200);
  assert.equal(readFileSync(`/proc/${crashing.pid}/coredump_filter`, 'utf8').trim(), '00000000');
  await crashing.kill('SIGABRT');
  round();
  assert.deepEqual(readdirSync(crashing.directory).filter((name) => name.startsWith('core')), []);
});

attack('no secret is in what commands print, also when it is mistyped', async (round) => {
  const wrong = [{ DSN: `postgresql://hub:${SECRETS.dsn}@127.0.0.1:1/hub` }, { DSN: `postgresql://hub:${SECRETS.dsn}@[::1/hub` }, { DSN: `postgresql://hub:${SECRETS.dsn}%zz@h/hub` },
    { REDIS_URL: `redis://${SECRETS.redis}@x:y` }, { REDIS_URL: `rediss://:${SECRETS.redis}@x` }, { REDIS_URL: `redis://:${SECRETS.redis}@127.0.0.1:1` },
    { PRICE_TABLE_URL: `https://u:${SECRETS.cloud}@127.0.0.1/x` }, { PRICE_TABLE_URL: `https://127.0.0.1:1/x?key=${SECRETS.cloud}` }];
  const file = join(makeDirectory('output'), 'x.dump');
  for (const more of wrong)
    for (const args of [['config'], ['doctor'], ['status'], ['prices', 'sync'], ['export', '--output', file]]) {
      round();
      const { stdout, stderr } = await run(args, { env: {...env, ...more }, timeout: 20_000 });
      assert.deepEqual(secretsIn(stdout + stderr), [], `${args.join(' ')} with ${JSON.stringify(more)}: ${stdout}${stderr}`);
    }
});

// ---- The cloud's address --------------------------------------------------------------------------------------------

attack('no spelling of an inner address is fetched from, nor a redirect to one', async (round) => {
  const port = cloud.port;
  const own = {...env, PRICE_TABLE_ALLOW_PRIVATE: '0', PRICE_TABLE_ALLOW_HTTP: '1', PRICE_TABLE_TIMEOUT: '3s' };
  cloud.requests.length = 0;
  for (const host of ['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '127.0.1', '0', '0.0.0.0', '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]', 'localhost', 'LOCALHOST.', '169.254.169.254', '[fe80::1]', '[fd00::1]', '10.0.0.1', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '%31%32%37.0.0.1', '①②⑦.0.0.1']) {
    round();
    const { status, stdout } = await run(['prices', 'sync', '--check', '--json'], { env: {...own, PRICE_TABLE_URL: `http://${host}:${port}/x` }, timeout: 20_000 });
    assert.notEqual(status, 0, host);
    assert.match(JSON.parse(stdout).code, /^(FETCH_ADDRESS|FETCH_URL|FETCH_UNREACHABLE|FETCH_FAILED|FETCH_\w+)$/, host);
  }
  assert.equal(cloud.requests.length, 0, 'nobody was asked');
  cloud.answer = (request, response) => response.writeHead(302, { location: `http://localhost:${port}/inner` }).end();
  const { stdout } = await run(['prices', 'sync', '--check', '--json'], { env: {...env, PRICE_TABLE_URL: cloud.url }, timeout: 20_000 });
  assert.match(JSON.parse(stdout).code, /^FETCH_/);
  assert.equal(cloud.requests.length, 1, 'another host is not followed to');
});
