// What travels over the wire: requests that two servers could read differently, too long, too many, too slow; forms and
// paths that lie. Each is refused with an answer or an end, nothing of it is done, and the server serves on.
import { strict as assert } from 'node:assert';
import { after, before, beforeEach, afterEach } from 'node:test';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RELEASE, SANITIZED, assertNoLeftovers, startServer } from './support/hubport.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres } from './support/servers.mjs';
import { proves } from '../torture/support/record.mjs';

const TOKEN = 'token of the wire attacks';
const AUTH = `Authorization: Bearer ${TOKEN}\r\n`;
const PUT = '/api/v1/model-prices/smuggled';
let postgres, env, server;

before(async () => {
  postgres = await startPostgres();
  await postgres.createDatabase('hub');
  env = { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN, HUBPORT_CLIENT_TIMEOUT: '2s', HUBPORT_HEADER_TIMEOUT: '2s' };
  server = await startServer({ env, binary: SANITIZED });
});
after(() => cleanUp());
beforeEach(() => postgres.sql('hub', 'TRUNCATE model_prices'));
afterEach(async () => {
  assert.equal(server.child.exitCode ?? server.child.signalCode, null, 'the server lives');
  assert.equal((await server.client({}).get('/livez')).status, 200);
  assert.equal(await postgres.value('hub', 'SELECT count(*) FROM model_prices'), '0', 'nothing was done');
});

function open(port = server.port) {
  const socket = connect(port, '127.0.0.1');
  socket.text = '';
  socket.setEncoding('latin1').on('data', (text) => (socket.text += text)).on('error', () => {});
  socket.ended = once(socket, 'close');
  return socket;
}

/** Send bytes; all that is answered until the server closes, or until it is silent for long. */
async function exchange(bytes, silence = 4000) {
  const socket = open();
  socket.write(Buffer.from(bytes, 'latin1'));
  await Promise.race([socket.ended, sleep(silence, undefined, { ref: false })]);
  socket.destroy();
  return socket.text;
}

/** The different status lines: libmicrohttpd writes the head of a refusal of its own twice, and closes. */
const answersIn = (text) => [...new Set(text.match(/^HTTP\/1\.1 \d\d\d/gm) ?? [])];

/** A request that must not be seen, as the rest of one that is read otherwise. */
const body = JSON.stringify({ modelName: 'smuggled', mode: 'chat', inputCostPerToken: 0.000001 });
const hidden = `PUT ${PUT} HTTP/1.1\r\nHost: x\r\n${AUTH}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const post = (headers, rest = '') => `POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n${rest}`;

const SMUGGLING = {
  'length and chunks': post(`Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${hidden}`),
  'chunks and length': post(`Transfer-Encoding: chunked\r\nContent-Length: ${hidden.length + 5}\r\n`, `0\r\n\r\n${hidden}`),
  'two lengths': post(`Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n`, hidden),
  'a list of lengths': post(`Content-Length: 0, 0\r\n`, hidden),
  'a length with a sign': post('Content-Length: +0\r\n', hidden),
  'a negative length': post('Content-Length: -1\r\n', hidden),
  'a length in hex': post('Content-Length: 0x0\r\n', hidden),
  'a length with a space in it': post('Content-Length: 0 0\r\n', hidden),
  'a length that overflows': post('Content-Length: 18446744073709551616\r\n', hidden),
  'an empty length': post('Content-Length: \r\n', hidden),
  'a coding that is none': post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${hidden}`),
  'two codings': post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${hidden}`),
  'coding twice': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${hidden}`),
  'gzip, then chunked': post('Transfer-Encoding: gzip, chunked\r\n', `0\r\n\r\n${hidden}`),
  'a space before the colon': post('Transfer-Encoding : chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`),
  'a tab in the name': post('Transfer-Encoding\t: chunked\r\n', `0\r\n\r\n${hidden}`),
  'a folded line': post('X: y\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`),
  'a vertical tab': post('Transfer-Encoding: \x0bchunked\r\n', `0\r\n\r\n${hidden}`),
  'a name that goes on in the next line': post('Transfer-: chunked\r\n Encoding\r\n', `0\r\n\r\n${hidden}`),
  'a header without a name': post(': x\r\nContent-Length: 0\r\n', hidden),
  'a zero byte in the last value': post('Content-Length: 0\r\nX: y\0\r\n', hidden),
  'a zero byte in a value': post('Transfer-Encoding: chunked\0\r\n', `0\r\n\r\n${hidden}`),
  'a zero byte in a name': post('Transfer-\0Encoding: chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${hidden}`),
  'HTTP/1.0 with chunks': post('Transfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`).replace('HTTP/1.1', 'HTTP/1.0'),
  'a chunk whose length overflows': post('Transfer-Encoding: chunked\r\n', `10000000000000000\r\n${hidden}`),
  'a chunk whose length is negative': post('Transfer-Encoding: chunked\r\n', `-1\r\n${hidden}`),
  'a chunk whose length is no number': post('Transfer-Encoding: chunked\r\n', `0x5\r\n${hidden}`),
  'a chunk that is longer than it says': post('Transfer-Encoding: chunked\r\n', `1\r\n${hidden}\r\n0\r\n\r\n`),
  'a chunk with an endless extension': post('Transfer-Encoding: chunked\r\n', `1;${'x'.repeat(200_000)}\r\n`),
  'chunk lengths of many zeros': post('Transfer-Encoding: chunked\r\n', `${'0'.repeat(100_000)}1\r\n`),
};

/** A test that is a row of docs/reliability.md; `act` calls `round` once for each attack. */
const attack = (what, act) => proves('Attacks: the wire', what, { promise: 'An answer or an end, nothing of it is done, the server serves on' }, act);

for (const [what, bytes] of Object.entries(SMUGGLING))
  attack(`smuggling: ${what} is refused, and nothing behind it is a request`, async (round) => {
    round();
    const text = await exchange(bytes);
    assert.ok(answersIn(text).length <= 1, text);
    assert.ok(!/^HTTP\/1\.1 2/m.test(text), text);
  });

attack('without any of that the hidden request is one, else the tests above say nothing', async (round) => {
  round();
  const text = await exchange(hidden, 1500);
  assert.match(text, /^HTTP\/1\.1 200/);
  await postgres.sql('hub', 'TRUNCATE model_prices');
});

attack('what follows a refused request on the same connection is not served when its body was not read', async (round) => {
  round();
  const form = post(`Content-Length: ${hidden.length}\r\n`, hidden).replace('application/json', 'text/plain');
  const text = await exchange(form + 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', 1500);
  assert.ok(answersIn(text).length <= 2 && !text.includes('smuggled'), text);
});

const MALFORMED = {
  'no version': 'GET /livez\r\n\r\n', 'another version': 'GET /livez HTTP/2.0\r\nHost: x\r\n\r\n', 'HTTP/1.1 in small letters': 'GET /livez http/1.1\r\nHost: x\r\n\r\n',
  'no host': 'GET /livez HTTP/1.1\r\n\r\n', 'a preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
  'an unknown method': 'BREW /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 'CONNECT': 'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'a method that never ends': `${'A'.repeat(100_000)} /livez HTTP/1.1\r\n\r\n`, 'an address that never ends': `GET /${'a'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  'a header that never ends': `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`,
  'a header\'s name that never ends': `GET /livez HTTP/1.1\r\nHost: x\r\n${'y'.repeat(200_000)}: x\r\n\r\n`,
  'ten thousand headers': `GET /livez HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(10_000)}\r\n`,
  'a header without a colon': 'GET /livez HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n',
  'only blank lines': '\r\n'.repeat(50_000), 'random bytes': Array.from({ length: 5000 }, (_, i) => String.fromCharCode((i * 7919) % 256)).join(''),
  'ten thousand cookies': `GET /api/admin/database/status HTTP/1.1\r\nHost: x\r\nCookie: ${'a=b; '.repeat(6000)}\r\n\r\n`,
  'ten thousand parameters': `GET /api/v1/users?${'a=b&'.repeat(2500)}page=1 HTTP/1.1\r\nHost: x\r\n\r\n`,
};

for (const [what, bytes] of Object.entries(MALFORMED))
  attack(`a request with ${what} has an honest end`, async (round) => {
    round();
    const text = await exchange(bytes);
    assert.match(text, /^($|HTTP\/1\.[01] (4\d\d|50[15]) )/);
    assert.ok(answersIn(text).length <= 1, text.slice(0, 2000));
  });

attack('pipelined requests are answered one for one and in order, however many', async (round) => {
  const count = 2000;
  round();
  const socket = open();
  for (let i = 0; i < count; i++) socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: pipe-${i}\r\n\r\n`);
  await waitFor(() => (socket.text.match(/X-Request-Id: pipe-/gi) ?? []).length === count, { within: 20_000, what: 'all answers' });
  socket.destroy();
  const ids = [...socket.text.matchAll(/X-Request-Id: pipe-(\d+)/gi)].map(([, id]) => Number(id));
  assert.deepEqual(ids, [...Array(count).keys()]);
});

attack('nothing that a client sends makes a header or a line of an answer', async (round) => {
  const evil = '%0d%0aSet-Cookie:%20auth-token=x%0d%0a%0d%0a<script>';
  for (const path of [`/api/v1/model-prices/a${evil}/history`, `/${evil}`, `/assets/${evil}`, `/api/v1/users?sort=${evil}`,
    `/api/v1/model-prices:export?format=json&source=${evil}`, `/api/admin/database/export?mode=${evil}`]) {
    round();
    const answer = await server.client().get(path);
    assert.equal(answer.headers['set-cookie'], undefined, path);
    assert.ok(!Object.keys(answer.headers).some((name) => name.includes('script')), path);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', path);
    if (answer.status >= 400) assert.match(answer.headers['content-type'], /json/, path);
  }
  for (const id of ['a\tb', '"><script>', '%0d%0a', 'x'.repeat(300), 'é'])
    assert.match((await exchange(`GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: ${id}\r\n\r\n`)),
      /^X-Request-Id: [a-z0-9]{16}\r$/mi, 'an id that is none is replaced');
  const host = await exchange('GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n');
  assert.ok(!host.includes('evil.example'));
});

attack('paths to files lead to files of the page only', async (round) => {
  const paths = ['/../etc/passwd', '/..%2f..%2f..%2fetc%2fpasswd', '/%2e%2e/%2e%2e/etc/passwd', '/assets/../../etc/passwd',
    '/assets/..%2f..%2fetc%2fpasswd', '/assets/%2e%2e%2fmain.c', '/assets//etc/passwd', '/assets/%2fetc%2fpasswd', '//etc/passwd', '/assets/..%5c..%5cx',
    '/assets/.', '/assets/..', '/assets/', '/.git/config', '/.env', '/index.html%00.js', '/assets/x%00', '/assets/%c0%ae%c0%ae%c0%afx', '/%u002e%u002e/',
    '/index.html.gz', '/assets/index.js.map', '/server-status', '/proc/self/environ', '/file:///etc/passwd', '/assets/file:%2f%2f%2fetc%2fpasswd'];
  for (const path of paths) {
    round();
    const text = await exchange(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 (400|404) /, path);
    assert.ok(!/root:|ADMIN_TOKEN|DSN=/.test(text), path);
  }
  const absolute = await exchange('GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(absolute, /^HTTP\/1\.1 4/);
});

// ---- Forms ----------------------------------------------------------------------------------------------------------

const IMPORT = '/api/admin/database/import';
const upload = (bytes, type = 'multipart/form-data; boundary=b', path = IMPORT) => server.client().send('POST', path, {
  headers: { 'content-type': type, 'content-length': Buffer.byteLength(bytes, 'latin1') }, body: Buffer.from(bytes, 'latin1')
});
const part = (name, text, more = '') => `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${text}\r\n`;

const FORMS = {
  'ten thousand parts': `${part('x', 'y').repeat(10_000)}--b--\r\n`,
  'no boundary in the body': 'x'.repeat(100_000), 'no closing boundary': part('file', 'PGDMP', '; filename="x"'),
  'a boundary without its dashes': 'b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\nb--\r\n',
  'a form in a form': `--b\r\nContent-Disposition: form-data; name="file"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n--c--\r\n--b--\r\n`,
  'a part without a name': '--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n', 'a part without headers': '--b\r\n\r\nx\r\n--b--\r\n',
  'two names': `--b\r\nContent-Disposition: form-data; name="cleanFirst"; name="file"\r\n\r\nx\r\n--b--\r\n`,
  'a header that never ends': `--b\r\nContent-Disposition: form-data; name="${'x'.repeat(200_000)}"\r\n\r\nx\r\n--b--\r\n`,
  'headers that never end': `--b\r\n${'X: y\r\n'.repeat(10_000)}\r\nx\r\n--b--\r\n`, 'a zero byte in a name': part('fi\0le', 'x') + '--b--\r\n',
  'two files': `${part('file', 'PGDMP', '; filename="x"')}${part('file', 'PGDMP', '; filename="y"')}--b--\r\n`,
  'a field that never ends': `${part('cleanFirst', 'x'.repeat(300_000))}--b--\r\n`,
};

for (const [what, bytes] of Object.entries(FORMS))
  attack(`a form with ${what} is refused, and leaves nothing`, async (round) => {
    for (const path of [IMPORT, '/api/admin/database/inspect', '/api/v1/model-prices:upload']) {
      round();
      const answer = await upload(bytes, undefined, path);
      assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status} ${answer.text}`);
    }
    await assertNoLeftovers({ server, postgres }, 2000);
  });

attack('boundaries that no form may have are refused', async (round) => {
  round();
  for (const type of ['multipart/form-data', 'multipart/form-data; boundary=', `multipart/form-data; boundary=${'b'.repeat(71)}`,
    'multipart/form-data; boundary="a\\"b', 'multipart/form-data; boundary=b; boundary=c', 'multipart/mixed; boundary=b', 'multipart/form-data; boundary="b "'])
    assert.ok([400, 415].includes((await upload(`${part('x', 'y')}--b--\r\n`, type)).status), type);
});

attack('a file\'s name is only a name, whatever it holds', async (round) => {
  const before = readdirSync('/tmp').filter((name) => name.includes('planted'));
  const names = ['../../../../tmp/planted', '/tmp/planted', '..\\..\\planted', 'a%00planted', 'a%0d%0aX: planted', `${'x'.repeat(1000)}`, '\xe2\x80\xaegpj.planted',
    '$(touch /tmp/planted)', '; touch /tmp/planted', '`touch /tmp/planted`', '-planted', '--file=/tmp/planted', '', '.', '..', 'CON', '\'; DROP TABLE users --', '<script>planted</script>'];
  for (const name of names) {
    round();
    const answer = await upload(`${part('file', 'PGDMP no archive', `; filename="${name}"`)}--b--\r\n`);
    assert.ok(answer.status >= 400 && answer.status < 500, `${name}: ${answer.status}`);
    assert.match(answer.headers['content-type'], /json/);
  }
  assert.ok((await upload(`${part('file', 'x', `; filename="${'x'.repeat(4096)}"`)}--b--\r\n`)).status === 400);
  assert.deepEqual(readdirSync('/tmp').filter((name) => name.includes('planted')), before);
  assert.ok(!server.stderr.includes('\nX: planted'));
  await assertNoLeftovers({ server, postgres }, 2000);
});

// ---- Many -----------------------------------------------------------------------------------------------------------

attack('1000 slow clients are cut, hold no memory, and others are served meanwhile', async (round) => {
  const strong = await startServer({ env: {...env, HUBPORT_MAX_CONNECTIONS: '1100', HUBPORT_HEADER_TIMEOUT: '3s' }, binary: RELEASE });
  const before = strong.memory().now;
  round();
  const slow = Array.from({ length: 1000 }, () => open(strong.port));
  await Promise.all(slow.map((socket) => once(socket, 'connect')));
  slow.forEach((socket, i) => socket.write(i % 2 ? 'GET /livez HTTP/1.1\r\nHost: x\r\nX-' : ''));
  const drip = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('a')), 500);
  for (let i = 0; i < 10; i++) assert.equal((await strong.client({}).get('/livez')).status, 200);
  assert.ok(strong.memory().now - before < 128 * 1024 * 1024, `${(strong.memory().now - before) >> 20} MB more`);
  await Promise.all(slow.map((socket) => socket.ended));
  clearInterval(drip);
  await waitFor(() => strong.fds() < 60, { what: 'their descriptors to go' });
  assert.equal((await strong.client().get('/api/admin/database/status')).status, 200);
});
