// Nobody in who does not belong: guessing, forged and stolen sessions, other sites' pages. Every route of the table.
import { strict as assert } from 'node:assert';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { join } from 'node:path';
import { TOP, startServer } from './support/hubport.mjs';
import { checksum } from './support/data.mjs';
import { Client, cookieOf } from './support/client.mjs';
import { cleanUp } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';
import { proves } from '../torture/support/record.mjs';

const TOKEN = 'token of the access attacks';
const STATUS = '/api/admin/database/status';
let postgres, redis, server, env;

/** Every route: {method, path} with something in place of its parameters. tests/unit/test_openapi.py keeps it complete. */
const routes = Object.entries(JSON.parse(readFileSync(join(TOP, 'docs/openapi.json'), 'utf8')).paths)
  .flatMap(([path, methods]) => Object.keys(methods).map((method) =>
    ({ method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, '7') })));
const OPEN = ['/', '/7', '/assets/7', '/livez', '/readyz', '/metrics', '/api/v1/health', '/api/auth/login', '/api/auth/logout'];
const unsafe = routes.filter(({ method }) => method !== 'GET');

before(async () => {
  postgres = await startPostgres();
  redis = await startRedis();
  await postgres.createDatabase('hub');
  env = { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN };
  server = await startServer({ env: {...env, HUBPORT_TRUSTED_PROXIES: '127.0.0.1' } });
  await postgres.sql('hub', `
    INSERT INTO users (id, name, role) VALUES (101, 'boss', 'admin'), (102, 'worker', 'user');
    INSERT INTO keys (user_id, key, name, can_login_web_ui) VALUES (101, 'sk-boss', 'k', true), (102, 'sk-worker', 'k', true);
    INSERT INTO model_prices (model_name, price_data, source) VALUES ('7', '{"mode": "chat"}', 'manual')`);
});
after(() => cleanUp());

let addresses = 0;
/** As a client that was never here, whom no earlier guess has locked out. */
const stranger = () => ({ 'x-real-ip': `10.9.${++addresses >> 8}.${addresses & 255}` });

const everything = async () => [await checksum(postgres, 'hub', { except: ['public.audit_log'] }),
  await postgres.sql('postgres', 'SELECT datname FROM pg_database ORDER BY 1')];

/** A test that is a row of docs/reliability.md; `act` calls `round` once for each attack. */
const attack = (what, act) => proves('Attacks: access', what, { promise: 'Refused, nothing read and nothing changed' }, act);

attack(`of ${routes.length} routes only those that must be are open`, async (round) => {
  const before = await everything();
  for (const credentials of [{}, { token: 'sk-boss' }, { cookie: 'hps1.x.y' }, { cookie: '' }])
    for (const { method, path } of routes.filter((route) => !OPEN.includes(route.path))) {
      round();
      const answer = await server.client(credentials).send(method, path, { headers: stranger() });
      assert.equal(answer.status, 401, `${method} ${path}`);
      assert.ok(!answer.text.includes('boss'), path);
    }
  assert.deepEqual(await everything(), before);
});

const headersOf = (url) => {
  const { host, port } = new URL(url);
  return {
    'another site': { origin: 'https://evil.example' },
    'a page without an origin': { origin: 'null' },
    'another port of this machine': { origin: `http://127.0.0.1:${Number(port) + 1}` },
    'a name that begins as ours': { origin: `http://${host}.evil.example` },
    'a name that ends as ours': { origin: `http://evil.example.${host}` },
    'a user of our name': { origin: `http://${host}@evil.example` },
    'our name in the path': { origin: `http://evil.example/${host}` },
    'our name as the scheme': { origin: `${host}://evil.example` },
    'another origin of our domain': { 'sec-fetch-site': 'same-site', origin: `http://${host}` },
    'a browser that says so': { 'sec-fetch-site': 'cross-site' },
    'a referer': { referer: `https://evil.example/?${host}` },
    'a referer against an origin': { origin: `http://${host}`, referer: 'https://evil.example/' },
    'no word at all': {},
    'a token of another session': { 'x-cch-csrf': `1.${'A'.repeat(43)}` },
  };
};

attack(`no page of another site gets anything done by the cookie, on all ${unsafe.length} routes that change something`, async (round) => {
  const session = await server.client({}).login(TOKEN);
  const before = await everything();
  for (const [who, headers] of Object.entries(headersOf(server.url)))
    for (const { method, path } of unsafe.filter((route) => !OPEN.includes(route.path)))
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
        if (type !== 'text/plain' && who !== 'another site') continue;
        round();
        const answer = await session.send(method, path, { headers: {...headers, 'content-type': type }, body: '{}' });
        const code = answer.json.code ?? answer.json.errorCode;
        assert.ok(answer.status === 403 && /CSRF|csrf/.test(code), `${who}: ${method} ${path}: ${answer.status} ${code}`);
      }
  assert.deepEqual(await everything(), before);
});

attack('no page of another site starts an export, signs anybody in or out, or reads an answer', async (round) => {
  const session = await server.client({}).login(TOKEN);
  for (const [who, headers] of Object.entries(headersOf(server.url))) {
    round();
    const answer = await session.get('/api/admin/database/export', { headers });
    assert.equal(answer.status, 403, who);
    if (Object.keys(headers).length === 0 || headers['x-cch-csrf'] !== undefined) continue; // as a command of the user's
    assert.equal((await server.client({}).post('/api/auth/login', { key: TOKEN }, { headers })).status, 403, who);
    assert.equal((await session.post('/api/auth/logout', undefined, { headers })).status, 403, who);
  }
  for (const method of ['GET', 'OPTIONS']) {
    const answer = await session.send(method, STATUS, { headers: { origin: 'https://evil.example' } });
    const cors = Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'));
    assert.deepEqual(cors, []);
    assert.equal(answer.headers['cross-origin-resource-policy'] ?? 'same-origin', 'same-origin');
  }
  assert.equal((await session.get(STATUS)).status, 200, 'the session is still there');
});

attack('methods cannot be changed by a header, a query or a form', async (round) => {
  const session = await server.client({}).login(TOKEN);
  const before = await everything();
  const as = { 'x-http-method-override': 'DELETE', 'x-http-method': 'DELETE', 'x-method-override': 'DELETE' };
  round();
  await session.get('/api/v1/model-prices/7/history?_method=DELETE', { headers: as });
  assert.ok((await session.get('/api/v1/model-prices/7', { headers: as })).status >= 400);
  assert.equal((await session.send('HEAD', '/api/admin/database/export')).status, 405);
  assert.deepEqual(await everything(), before);
});

const sign = (prefix, payload, key) => {
  const text = `${prefix}.${Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)).toString('base64url')}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
};

attack('a session of the administrator is good as it was signed, for its time, and in no other form', async (round) => {
  const key = `cch-admin-session-token-v1:${TOKEN}`;
  const good = { v: 1, typ: 'admin-session', iat: Date.now(), exp: Date.now() + 60_000, nonce: 'n' };
  const status = async (cookie) => (await server.client({ cookie }).get(STATUS, { headers: stranger() })).status;
  const admin = (more) => sign('cch_admin_session_v1', {...good, ...more }, key);
  assert.equal(await status(admin({})), 200, 'else the rest says nothing');
  const past = { iat: Date.now() - 120_000, exp: Date.now() - 1 };
  const ages = 400 * 24 * 3600_000;
  const forged = {
    'expired': admin(past), 'longer than sessions live': admin({ iat: Date.now() - ages, exp: Date.now() + ages }),
    'from the future': admin({ iat: Date.now() + ages, exp: Date.now() + 2 * ages }), 'an end before the start': admin({ exp: 1 }),
    'of another version': admin({ v: 2 }), 'of another type': admin({ typ: 'session' }), 'without a nonce': admin({ nonce: undefined }),
    'times as texts': admin({ exp: String(good.exp) }), 'a time that overflows': sign('cch_admin_session_v1', JSON.stringify(good).replace(/"exp":\d+/, '"exp":1e30'), key),
    'members twice': sign('cch_admin_session_v1', `{"exp":1,${JSON.stringify({...good, ...past }).slice(1, -1)},"exp":${good.exp},"iat":${good.iat}}`, key),
    'no object': sign('cch_admin_session_v1', '[1]', key), 'no JSON': sign('cch_admin_session_v1', '{', key),
    'signed by the token itself': sign('cch_admin_session_v1', good, TOKEN), 'signed by nothing': sign('cch_admin_session_v1', good, ''),
    'signed as a session of a key': sign('cch_admin_session_v1', good, `hubport-session-v1:${TOKEN}`),
    'without a signature': admin({}).replace(/\.[^.]+$/, '.'), 'without its dot': admin({}).replace(/\.[^.]+$/, ''),
    'cut': admin({}).slice(0, -1), 'with more behind': `${admin({})}x`, 'with one more part': `${admin({})}.x`,
    'of another prefix': sign('cch_admin_session_v2', good, key), 'very long': `cch_admin_session_v1.${'A'.repeat(20_000)}.${'B'.repeat(43)}`,
  };
  const [prefix, payload, signature] = admin({}).split('.');
  const other = Buffer.from(signature, 'base64url');
  for (let i = 0; i < other.length; i += 5) {
    const changed = Buffer.from(other);
    changed[i] ^= 1;
    forged[`with byte ${i} of its signature changed`] = `${prefix}.${payload}.${changed.toString('base64url')}`;
  }
  for (const [what, cookie] of Object.entries(forged)) {
    round();
    assert.equal(await status(cookie), 401, what);
  }
});

attack('a session of a key is good only with its fingerprint, for its time, and from Redis only in the hub\'s form', async (round) => {
  const fingerprint = (key) => `sha256:${createHash('sha256').update(key).digest('hex')}`;
  const status = async (sid) => (await server.client({ cookie: sid }).get(STATUS, { headers: stranger() })).status;
  const put = async (value) => {
    round();
    const sid = `sid_${createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 36)}`;
    await redis.cli('SET', `cch:session:${sid}`, typeof value === 'string' ? value : JSON.stringify(value));
    return sid;
  };
  const good = { keyFingerprint: fingerprint('sk-boss'), credentialType: 'session', userId: 101, userRole: 'admin',
    createdAt: Date.now(), expiresAt: Date.now() + 60_000 };
  assert.equal(await status(await put(good)), 200, 'else the rest says nothing');
  for (const [more, expected] of [
    [{ expiresAt: Date.now() - 1 }, 401], [{ expiresAt: undefined }, 401], [{ expiresAt: '9999999999999' }, 401],
    [{ keyFingerprint: fingerprint('sk-other') }, 401], [{ keyFingerprint: '' }, 401], [{ keyFingerprint: 'sha256:' }, 401],
    [{ userId: 102, keyFingerprint: fingerprint('sk-worker') }, 403], // the role in Redis is not believed
    [{ userId: 102 }, 401], [{ userId: -1 }, 401], [{ userId: -1, keyFingerprint: fingerprint('') }, 401],
    [{ credentialType: 'admin-token' }, 401], [{ credentialType: 'god' }, 401], [{ userId: '101' }, 401],
  ]) assert.equal(await status(await put({...good, ...more })), expected, JSON.stringify(more));
  for (const text of ['', 'null', '[]', '{', '"x"']) assert.equal(await status(await put(text)), 401, text);
  for (const sid of ['sid_', 'sid_*', 'sid_a\\nb', 'sid_../x', `sid_${'a'.repeat(500)}`, 'cch:session:x'])
    assert.equal(await status(sid), 401, sid);
});

attack('a session that was there before signing in is not the one after it', async (round) => {
  const planted = 'sid_00000000-0000-4000-8000-000000000000';
  const visitor = new Client(server.url, { cookie: planted });
  for (const key of [TOKEN, 'sk-boss']) {
    round();
    const answer = await visitor.post('/api/auth/login', { key });
    assert.equal(answer.status, 200);
    assert.notEqual(cookieOf(answer), planted);
    assert.equal((await visitor.get(STATUS)).status, 401, 'the planted one is still nobody\'s');
    assert.notEqual(cookieOf(answer), cookieOf(await visitor.post('/api/auth/login', { key })), 'and each is a new one');
  }
});

attack('guessing from many addresses: each has ten tries, an address that is locked stays so, memory stays', async (round) => {
  const proxied = await startServer({ env: {...env, HUBPORT_TRUSTED_PROXIES: '127.0.0.1' } });
  const guess = (address, key, more) => proxied.client({}).post('/api/auth/login', { key }, { headers: { 'x-real-ip': address, ...more } });
  for (let i = 0; i < 10; i++) assert.equal((await guess('10.0.0.1', `wrong ${i}`)).status, 401);
  assert.equal((await guess('10.0.0.1', TOKEN)).status, 429);
  const { now } = proxied.memory();
  for (let i = 0; i < 300; i++) {
    round();
    assert.equal((await guess(`10.1.${i >> 8}.${i & 255}`, `wrong ${i}`)).status, 401);
  }
  assert.ok(proxied.memory().now < now + 64 * 1024 * 1024);
  assert.equal((await guess('10.0.0.1', TOKEN)).status, 429, 'still');
  assert.equal((await guess('10.2.0.1', TOKEN)).status, 200, 'others are not locked');
});

attack('guessing from many addresses of one IPv6 network is guessing from one', async (round) => {
  const proxied = await startServer({ env: {...env, HUBPORT_TRUSTED_PROXIES: '127.0.0.1' } });
  const guess = (address, key) => proxied.client({}).post('/api/auth/login', { key }, { headers: { 'x-real-ip': address } });
  for (let i = 0; i < 10; i++) {
    round();
    assert.equal((await guess(`2001:db8:1:2::${i}`, `wrong ${i}`)).status, 401);
  }
  assert.equal((await guess('2001:db8:1:2:ffff::1', TOKEN)).status, 429);
  assert.equal((await guess('2001:db8:1:3::1', TOKEN)).status, 200);
});

attack('an address cannot be made up: only a trusted proxy\'s word counts, and its last one', async (round) => {
  const direct = await startServer({ env });
  round();
  for (let i = 0; i < 10; i++)
    assert.equal((await direct.client({}).post('/api/auth/login', { key: `wrong ${i}` },
      { headers: { 'x-forwarded-for': `10.3.0.${i}`, 'x-real-ip': `10.3.0.${i}`, forwarded: `for=10.3.0.${i}` } })).status, 401);
  assert.equal((await direct.client({}).post('/api/auth/login', { key: TOKEN })).status, 429);
  const proxied = await startServer({ env: {...env, HUBPORT_TRUSTED_PROXIES: '127.0.0.1' } });
  round();
  for (let i = 0; i < 10; i++)
    assert.equal((await proxied.client({}).post('/api/auth/login', { key: `wrong ${i}` },
      { headers: { 'x-forwarded-for': `10.4.0.${i}, 192.0.2.7` } })).status, 401);
  assert.equal((await proxied.client({}).post('/api/auth/login', { key: TOKEN },
    { headers: { 'x-forwarded-for': '10.5.0.1, 192.0.2.7' } })).status, 429);
});

attack('many guesses at once get no more tries than one after the other', async (round) => {
  const other = await startServer({ env });
  round();
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) =>
    i % 2 === 0 ? other.client({}).post('/api/auth/login', { key: `wrong ${i}` }) : other.client({ token: `wrong ${i}` }).get(STATUS)));
  assert.equal(answers.filter(({ status }) => status === 401).length, 10);
  assert.equal(answers.filter(({ status }) => status === 429).length, 50);
});

attack('whoever asks without a name whether it is ready, however often at once, takes one connection of the database', async (round) => {
  await postgres.sql('postgres', 'CREATE ROLE few LOGIN CREATEDB CONNECTION LIMIT 6');
  await postgres.createDatabase('of_few', { owner: 'few' });
  const modest = await startServer({ env: { DSN: postgres.dsn('of_few', { user: 'few' }), ADMIN_TOKEN: TOKEN } });
  const answers = await Promise.all(Array.from({ length: 100 }, () => modest.client({}).get('/readyz')));
  for (const { status, json } of answers) {
    round();
    assert.deepEqual([status, json.checks.postgresql], [200, 'ok']);
  }
});
