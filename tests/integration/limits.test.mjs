// Large, slow and many: memory stays small, the slow are cut, others are served meanwhile. On the build without sanitizers.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RELEASE, assertNoLeftovers, startServer } from './support/hubport.mjs';
import { fill, migrate } from './support/data.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres } from './support/servers.mjs';

const EXPORT = '/api/admin/database/export';
const IMPORT = '/api/admin/database/import';
const MB = 1024 * 1024;
const TOKEN = 'token of the limit tests';
let postgres, env, server;

before(async () => {
  postgres = await startPostgres({ settings: { max_wal_size: '8GB' } });
  await postgres.createDatabase('hub');
  await migrate(postgres, 'hub');
  await fill(postgres, 'hub');
  env = { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN, HUBPORT_CLIENT_TIMEOUT: '2s', HUBPORT_HEADER_TIMEOUT: '1s' };
  server = await startServer({ env, binary: RELEASE });
});
after(() => cleanUp());

/** A table beside the hub's whose rows are a megabyte each as COPY text. */
async function addBulk(rows) {
  await postgres.sql('hub', `CREATE TABLE IF NOT EXISTS public.bulk (a bytea); ALTER TABLE public.bulk ALTER a SET STORAGE EXTERNAL;
    INSERT INTO public.bulk SELECT one.a FROM generate_series(1, ${rows}),
    (SELECT string_agg(sha512(j::text::bytea), ''::bytea) AS a FROM generate_series(1, 8192) j) one`);
}

async function assertServed() {
  const started = Date.now();
  assert.equal((await server.client({}).get('/livez')).status, 200);
  assert.ok(Date.now() - started < 5000, 'others are served meanwhile');
}

test('an export of 2 GB and an upload of 500 MB each pass through under 40 MB', async () => {
  const server = await startServer({ env, binary: RELEASE });
  const whole = `${EXPORT}?compression=none`; // what is measured is bytes through the server
  await addBulk(2100);
  const { response } = await server.client().open('GET', whole);
  let bytes = 0;
  for await (const part of response) bytes += part.length;
  assert.ok(response.complete);
  assert.ok(bytes > 2000 * MB, `${bytes} bytes`);
  await postgres.sql('hub', 'TRUNCATE public.bulk');

  await addBulk(480);
  const chunks = [];
  const second = await server.client().open('GET', whole);
  for await (const part of second.response) chunks.push(part);
  const archive = { bytes: Buffer.concat(chunks), name: 'large.dump' };
  assert.ok(archive.bytes.length > 400 * MB && archive.bytes.length < 500 * MB, `${archive.bytes.length} bytes`);
  const stream = await server.client().uploadForEvents(IMPORT, { cleanFirst: 'true' }, archive, { timeout: 300_000 });
  const { last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  await assertNoLeftovers({ server, postgres });
  const { peak } = server.memory();
  assert.ok(peak < 40 * MB, `peak memory ${(peak / MB).toFixed(1)} MB`);
  await postgres.sql('hub', 'DROP TABLE public.bulk');
});

function rawConnection() {
  const socket = connect(server.port, '127.0.0.1');
  socket.text = '';
  socket.setEncoding('latin1').on('data', (text) => (socket.text += text)).on('error', () => {});
  socket.ended = once(socket, 'close');
  return socket;
}

test('200 idle clients are kept waiting and others are served', async () => {
  const idle = Array.from({ length: 200 }, rawConnection);
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  await assertServed();
  idle.forEach((socket) => socket.destroy());
});

test('headers that come slowly are cut', async () => {
  const socket = rawConnection();
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n');
  const drip = setInterval(() => socket.write('X'), 100);
  const started = Date.now();
  await socket.ended;
  clearInterval(drip);
  assert.ok(Date.now() - started < 20_000);
  await assertServed();
});

test('a body that comes slowly is cut, and its temporary file goes', async () => {
  const socket = rawConnection();
  const boundary = 'slow';
  socket.write(`POST ${IMPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 1000000\r\n` +
    `Content-Type: multipart/form-data; boundary=${boundary}\r\n\r\n--${boundary}\r\n` +
    'Content-Disposition: form-data; name="file"; filename="x.dump"\r\n\r\nPGDMP\x01\x0e\x00\x04\x08\x01');
  const drip = setInterval(() => socket.write('X'), 100);
  const started = Date.now();
  await sleep(500);
  await assertServed();
  await socket.ended;
  clearInterval(drip);
  assert.ok(Date.now() - started < 20_000);
  await assertNoLeftovers({ server, postgres }, 2000);
});

test('a client that reads 1 byte a second is cut, and the lock and pg_dump go', async () => {
  await addBulk(100);
  const { request, response } = await server.client().open('GET', EXPORT);
  response.pause();
  const drip = setInterval(() => response.read(1), 1000);
  await sleep(500);
  await assertServed();
  await waitFor(async () => (await server.client().json('/api/admin/database/status')).lock === null,
    { within: 15_000, every: 200, what: 'the slow client to be cut' });
  clearInterval(drip);
  request.destroy();
  await assertNoLeftovers({ server, postgres }, 2000);
  await postgres.sql('hub', 'DROP TABLE public.bulk');
});

test('above the limit of connections the answer is 503 with Retry-After, never silence', async () => {
  const small = await startServer({ env: {...env, HUBPORT_MAX_CONNECTIONS: '20' }, binary: RELEASE });
  const many = Array.from({ length: 30 }, () => {
    const socket = connect(small.port, '127.0.0.1');
    socket.text = '';
    socket.setEncoding('latin1').on('data', (text) => (socket.text += text)).on('error', () => {});
    return socket;
  });
  await waitFor(() => many.filter(({ text }) => /^HTTP\/1\.1 503[^]*Retry-After: \d+[^]*TOO_MANY_CONNECTIONS/.test(text)).length === 10,
    { within: 5000, what: '10 refusals' });
  many.forEach((socket) => socket.destroy());
  await waitFor(async () => (await small.client({}).get('/livez').catch(() => ({}))).status === 200, { what: 'service again' });
});

test('a malformed or oversized request is refused and the server lives', async () => {
  const requests = [
    'GARBAGE\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`,
    'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
    'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n',
    `POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n${'['.repeat(1000)}`,
    'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n', '\0\0\0\0\r\n\r\n',
  ];
  for (const request of requests) {
    const socket = rawConnection();
    socket.write(request, 'latin1');
    await Promise.race([socket.ended, sleep(4000)]);
    assert.match(socket.text, /^($|HTTP\/1\.[01] 4\d\d |HTTP\/1\.[01] 505 )/, JSON.stringify(request.slice(0, 60)));
    socket.destroy();
  }
  await assertServed();
  assert.equal(server.child.exitCode, null);
});
