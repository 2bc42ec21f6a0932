// Who may: sign-in, sessions, cross-site requests.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { createHmac } from 'node:crypto';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { startServer } from './support/hubport.mjs';
import { Client, cookieOf } from './support/client.mjs';
import { cleanUp } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const TOKEN = 'token of the auth tests';
const STATUS = '/api/admin/database/status';
let postgres, redis, server, withoutRedis;

before(async () => {
  postgres = await startPostgres();
  redis = await startRedis();
  await postgres.createDatabase('hub');
  server = await startServer({ env: { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN } });
  withoutRedis = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN } });
  await postgres.sql('hub', `
    INSERT INTO users (id, name, role) VALUES (101, 'boss', 'admin'), (102, 'worker', 'user');
    INSERT INTO users (id, name, role, is_enabled) VALUES (103, 'former boss', 'admin', false);
    INSERT INTO keys (user_id, key, name, can_login_web_ui) VALUES
      (101, 'sk-boss', 'k', true), (101, 'sk-boss-api', 'k', false), (102, 'sk-worker', 'k', true), (103, 'sk-former', 'k', true)`);
});
after(() => cleanUp());

test('nobody gets 401 and no data, on every admin address', async () => {
  const nobody = server.client({});
  const requests = [['GET', STATUS], ['GET', '/api/admin/database/export'], ['POST', '/api/admin/database/import'],
    ['POST', '/api/admin/database/rollback'], ['POST', '/api/admin/database/export-ticket']];
  for (const [method, path] of requests) {
    const answer = await nobody.send(method, path);
    assert.equal(answer.status, 401, path);
    assert.equal(answer.json.code, 'CREDENTIAL_MISSING');
  }
});

test('a wrong token and a raw API key are 401 as Bearer', async () => {
  for (const token of ['wrong', '', 'sk-boss', `${TOKEN}x`, TOKEN.slice(1)])
    assert.equal((await server.client({ token }).get(STATUS)).status, 401, token);
});

test('ADMIN_TOKEN works as Bearer, as cookie and to sign in', async () => {
  assert.equal((await server.client({ token: TOKEN }).get(STATUS)).status, 200);
  assert.equal((await server.client({ cookie: encodeURIComponent(TOKEN).replaceAll('%20', ' ') }).get(STATUS)).status, 200);
  const signedIn = await server.client({}).login(TOKEN);
  assert.match(signedIn.cookie, /^cch_admin_session_v1\./);
  assert.equal((await signedIn.get(STATUS)).status, 200);
});

test('the cookie is the hub\'s: a session that the hub signed serves here, and ours has its form', async () => {
  const payload = Buffer.from(JSON.stringify({ v: 1, typ: 'admin-session', iat: Date.now(), exp: Date.now() + 60000,
    nonce: '0b5e9d5e-6f0c-4d4e-9d63-0d1f5f3c0a11' })).toString('base64url');
  const text = `cch_admin_session_v1.${payload}`;
  const sign = (token) => createHmac('sha256', `cch-admin-session-token-v1:${token}`).update(text).digest('base64url');
  assert.equal((await server.client({ cookie: `${text}.${sign(TOKEN)}` }).get(STATUS)).status, 200);
  assert.equal((await server.client({ cookie: `${text}.${sign('another token')}` }).get(STATUS)).status, 401);

  const [prefix, ours, signature] = (await server.client({}).login(TOKEN)).cookie.split('.');
  const mac = createHmac('sha256', `cch-admin-session-token-v1:${TOKEN}`).update(`${prefix}.${ours}`);
  assert.equal(signature, mac.digest('base64url'));
  assert.equal(JSON.parse(Buffer.from(ours, 'base64url')).typ, 'admin-session');
});

test('sign-in answers as the hub does', async () => {
  const answer = await server.client({}).post('/api/auth/login', { key: 'sk-boss' });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json.user, { id: 101, name: 'boss', description: '', role: 'admin' });
  assert.equal(answer.json.ok, true);
  assert.match(answer.headers['set-cookie'][0], /^auth-token=sid_[0-9a-f-]{36}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/);
  const session = JSON.parse(await redis.cli('GET', `cch:session:${cookieOf(answer)}`));
  assert.equal(session.userId, 101);
  assert.equal((await new Client(server.url, { cookie: cookieOf(answer) }).get(STATUS)).status, 200);
});

test('without Redis an API key signs in by a session of ours', async () => {
  const signedIn = await withoutRedis.client({}).login('sk-boss');
  assert.match(signedIn.cookie, /^hps1\./);
  assert.equal((await signedIn.get(STATUS)).status, 200);
});

test('a key that is disabled ends its sessions at the next request', async () => {
  await postgres.sql('hub', `INSERT INTO keys (user_id, key, name, can_login_web_ui) VALUES (101, 'sk-short', 'k', true)`);
  const sessions = [await server.client({}).login('sk-short'), await withoutRedis.client({}).login('sk-short')];
  for (const session of sessions) assert.equal((await session.get(STATUS)).status, 200);
  await postgres.sql('hub', `UPDATE keys SET is_enabled = false WHERE key = 'sk-short'`);
  for (const session of sessions) assert.equal((await session.get(STATUS)).status, 401);
});

test('who is no administrator, or may not use pages, is refused', async () => {
  const post = (key) => server.client({}).post('/api/auth/login', { key });
  assert.equal((await post('sk-worker')).status, 403);
  assert.equal((await post('sk-worker')).json.code, 'FORBIDDEN');
  assert.equal((await post('sk-boss-api')).status, 403);
  assert.equal((await post('sk-former')).status, 401);
  assert.equal((await post('sk-nobody')).status, 401);
  assert.equal((await post('\' OR 1=1 --')).json.error, 'API Key 无效或已过期');
});

test('a hub\'s session of a user who is no administrator is 403', async () => {
  const sid = 'sid_11111111-2222-4333-8444-555555555555';
  const { createHash } = await import('node:crypto');
  const fingerprint = `sha256:${createHash('sha256').update('sk-worker').digest('hex')}`;
  await redis.cli('SET', `cch:session:${sid}`, JSON.stringify({ sessionId: sid, keyFingerprint: fingerprint,
    credentialType: 'session', userId: 102, userRole: 'user', createdAt: Date.now(), expiresAt: Date.now() + 60000 }));
  const answer = await server.client({ cookie: sid }).get(STATUS);
  assert.equal(answer.status, 403);
  assert.equal(answer.json.code, 'FORBIDDEN');
});

test('signing out ends the session', async () => {
  for (const key of [TOKEN, 'sk-boss']) {
    const signedIn = await server.client({}).login(key);
    const answer = await signedIn.post('/api/auth/logout', undefined, { headers: { 'sec-fetch-site': 'same-origin' } });
    assert.deepEqual([answer.status, answer.json], [200, { ok: true }]);
    assert.match(answer.headers['set-cookie'][0], /^auth-token=; .*Max-Age=0/);
    assert.equal((await signedIn.get(STATUS)).status, 401);
  }
});

test('bad sign-in requests have their own codes', async () => {
  const nobody = server.client({});
  assert.equal((await nobody.post('/api/auth/login', {})).json.error, '请输入 API Key');
  assert.equal((await nobody.post('/api/auth/login', { key: 7 })).json.code, 'KEY_REQUIRED');
  const malformed = await nobody.send('POST', '/api/auth/login', { body: '{', headers: { 'content-type': 'application/json' } });
  assert.deepEqual([malformed.status, malformed.json.code], [400, 'MALFORMED_BODY']);
  const text = await nobody.send('POST', '/api/auth/login', { body: 'key=x', headers: { 'content-type': 'text/plain' } });
  assert.deepEqual([text.status, text.json.code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
});

test('ten wrong tries lock an address, also for the right key', async () => {
  const other = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN } });
  const nobody = other.client({});
  for (let i = 0; i < 10; i++) assert.equal((await nobody.post('/api/auth/login', { key: `wrong ${i}` })).status, 401);
  const answer = await nobody.post('/api/auth/login', { key: TOKEN });
  assert.equal(answer.status, 429);
  assert.equal(answer.json.errorCode, 'RATE_LIMITED');
  assert.ok(Number(answer.headers['retry-after']) > 890);
  assert.equal((await nobody.post('/api/auth/login', { key: TOKEN }, { headers: { 'x-real-ip': '10.1.1.1' } })).status, 429);
});

test('ADMIN_TOKEN cannot be guessed through Authorization either, and sessions go on', async () => {
  const other = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN } });
  const signedIn = await other.client({}).login(TOKEN);
  for (let i = 0; i < 10; i++) assert.equal((await other.client({ token: `guess ${i}` }).get(STATUS)).status, 401);
  const answer = await other.client({ token: TOKEN }).get(STATUS);
  assert.deepEqual([answer.status, answer.json.code], [429, 'RATE_LIMITED']);
  assert.equal((await signedIn.get(STATUS)).status, 200);
});

test('a foreign page cannot use the cookie to change or export', async () => {
  const signedIn = await server.client({}).login(TOKEN);
  const foreign = [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' },
    { origin: 'null' }];
  for (const headers of foreign) {
    for (const path of ['/api/admin/database/rollback', '/api/admin/database/import', '/api/admin/database/export-ticket']) {
      const answer = await signedIn.post(path, {}, { headers });
      assert.deepEqual([answer.status, answer.json.code], [403, 'CSRF_REJECTED'], `${path} ${JSON.stringify(headers)}`);
    }
    const answer = await signedIn.get('/api/admin/database/export', { headers });
    assert.deepEqual([answer.status, answer.json.code], [403, 'CSRF_REJECTED']);
  }
  assert.equal((await signedIn.get('/api/admin/database/export', { headers: { referer: 'https://evil.example/x' } })).status, 403);
  assert.equal((await server.client({}).post('/api/auth/login', { key: TOKEN }, { headers: foreign[0] })).json.code, 'CSRF_REJECTED');
});

test('an unsafe request with a cookie and no word of its origin is refused; a Bearer needs none', async () => {
  const signedIn = await server.client({}).login(TOKEN);
  assert.equal((await signedIn.post('/api/admin/database/export-ticket', {})).json.code, 'CSRF_REJECTED');
  assert.equal((await server.client().post('/api/admin/database/export-ticket', {})).status, 200);
});

test('an export by cookie without a word of its origin needs a ticket, which works once', async () => {
  const signedIn = await server.client({}).login(TOKEN);
  const refused = await signedIn.get('/api/admin/database/export');
  assert.deepEqual([refused.status, refused.json.code], [403, 'TICKET_REQUIRED']);
  const host = new URL(server.url).host;
  const { ticket } = (await signedIn.post('/api/admin/database/export-ticket', {},
    { headers: { origin: `http://${host}` } })).json;
  assert.equal((await signedIn.get(`/api/admin/database/export?ticket=${ticket}`)).status, 200);
  assert.equal((await signedIn.get(`/api/admin/database/export?ticket=${ticket}`)).status, 403);
  assert.equal((await signedIn.get('/api/admin/database/export', { headers: { 'sec-fetch-site': 'same-origin' } })).status, 200);
});

test('sign-ins are in the audit log, wrong ones too, without the key', async () => {
  await server.client({}).post('/api/auth/login', { key: 'very wrong secret' });
  await server.client({}).login('sk-boss');
  const rows = await postgres.rows('hub', `SELECT action_type, success, error_message, operator_user_id, operator_ip::text,
    target_name FROM audit_log WHERE action_category = 'auth' ORDER BY id DESC LIMIT 2`);
  assert.deepEqual(rows.map(({ action_type, success }) => [action_type, success]),
    [['login.success', true], ['login.failure', false]]);
  assert.equal(rows[0].target_name, 'boss');
  assert.equal(rows[1].error_message, 'KEY_INVALID');
  const all = await postgres.value('hub', `SELECT count(*) FROM audit_log a WHERE a::text LIKE '%very wrong secret%'`);
  assert.equal(all, '0');
  assert.ok(!server.stderr.includes('very wrong secret'));
  assert.ok(!server.stderr.includes(TOKEN));
});

test('the page and its files are there without signing in, and nothing else', async () => {
  const nobody = server.client({});
  const page = await nobody.get('/');
  assert.equal(page.status, 200);
  assert.match(page.headers['content-type'], /^text\/html/);
  const policy = page.headers['content-security-policy'];
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[a-z0-9]{24}';/);
  assert.ok(page.text.includes(`content="${/'nonce-([^']+)'/.exec(policy)[1]}"`), 'the page knows the nonce of its own answer');
  assert.notEqual((await nobody.get('/data')).headers['content-security-policy'], policy);
  const script = /src="\.(\/assets\/[^"]+\.js)"/.exec(page.text)[1];
  const plain = await nobody.get(script);
  assert.deepEqual([plain.status, plain.headers['content-encoding']], [200, undefined]);
  assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
  for (const [accept, coding, unpack] of [['gzip, br', 'br', brotliDecompressSync], ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync]]) {
    const packed = await nobody.get(script, { headers: { 'accept-encoding': accept } });
    assert.equal(packed.headers['content-encoding'], coding, accept);
    assert.equal(packed.headers.vary, 'Accept-Encoding');
    assert.deepEqual(unpack(packed.body), plain.body);
  }
  for (const path of ['/nothing', '/../etc/passwd', '/%2e%2e/etc/passwd', '/api', '/api/admin/nothing', '/assets/none.js', '/index.html'])
    assert.equal((await nobody.get(path)).status, 404, path);
});

test('/api/v1 takes Bearer, X-Api-Key or the cookie, in this order, and answers refusals as problems', async () => {
  const csrf = '/api/v1/auth/csrf';
  assert.equal((await server.client({ token: TOKEN }).get(csrf)).status, 200);
  assert.equal((await server.client({}).get(csrf, { headers: { 'x-api-key': TOKEN } })).status, 200);
  assert.equal((await server.client({ token: 'wrong', cookie: (await server.client({}).login(TOKEN)).cookie }).get(csrf)).status, 401);
  const nobody = await server.client({}).get(csrf);
  assert.equal(nobody.status, 401);
  assert.match(nobody.headers['content-type'], /^application\/problem\+json/);
  assert.equal(nobody.headers['x-api-version'], '1.0.0');
  assert.equal(nobody.json.errorCode, 'auth.missing');
  assert.equal(nobody.json.type, 'urn:claude-code-hub:problem:auth.missing');
  assert.equal((await server.client({ token: 'wrong' }).get(csrf)).json.errorCode, 'auth.invalid');
  assert.deepEqual((await server.client({}).get('/api/v1/health')).json, { status: 'ok', apiVersion: '1.0.0' });
});

test('a cookie with the hub\'s CSRF token is taken without Origin, and only with the right one', async () => {
  const signedIn = await server.client({}).login(TOKEN);
  const { csrfToken } = await signedIn.json('/api/v1/auth/csrf');
  assert.match(csrfToken, /^\d+\.[\w-]{43}$/);
  const ticket = (token) => signedIn.post('/api/admin/database/export-ticket', undefined, { headers: { 'x-cch-csrf': token } });
  assert.equal((await ticket(csrfToken)).status, 200);
  assert.equal((await ticket(`${csrfToken}x`)).json.code, 'CSRF_REJECTED');
  assert.equal((await ticket(undefined)).json.code, 'CSRF_REJECTED');
  const [bucket, signature] = csrfToken.split('.');
  assert.equal((await ticket(`${Number(bucket) - 1}.${signature}`)).status, 403, 'a signature is of its half hour');
});
