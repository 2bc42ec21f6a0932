// Rounds of attacks that are too long for every day: many connections, many addresses, requests mutated at random.
// ATTACK_ROUNDS (20000) mutated requests; HUBPORT_SEED repeats a run.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RELEASE, assertNoLeftovers, startServer } from '../integration/support/hubport.mjs';
import { cleanUp, waitFor } from '../integration/support/processes.mjs';
import { startPostgres } from '../integration/support/servers.mjs';
import { proves } from './support/record.mjs';

const TOKEN = 'token of the long attacks';
const ROUNDS = Number(process.env.ATTACK_ROUNDS ?? 20_000);
const SEED = Number(process.env.HUBPORT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const MB = 1024 * 1024;
let postgres, env;

before(async () => {
  postgres = await startPostgres();
  await postgres.createDatabase('hub');
  env = { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN, HUBPORT_CLIENT_TIMEOUT: '2s', HUBPORT_HEADER_TIMEOUT: '5s' };
});
after(() => cleanUp());

function open(port) {
  const socket = connect(port, '127.0.0.1');
  socket.text = '';
  socket.setEncoding('latin1').on('data', (text) => (socket.text += text)).on('error', () => {});
  socket.ended = once(socket, 'close');
  return socket;
}

/** A test that is a row of docs/reliability.md; `act` calls `round` once for each attack. */
const attack = (what, act) => proves('Attacks: long rounds', what, { promise: 'An answer or an end, memory is bounded, nothing is left, the server serves on' }, act);

attack('10000 connections at once: those that fit are kept waiting, the others are told to come back, and all go', async (count) => {
  const server = await startServer({ env: {...env, HUBPORT_MAX_CONNECTIONS: '10000' }, binary: RELEASE });
  assert.equal((await server.client().get('/api/admin/database/status')).status, 200);
  const before = { memory: server.rss(), fds: server.fds() };
  for (let round = 0; round < 3; round++) {
    count();
    const many = [];
    for (let i = 0; i < 10_000; i++) {
      many.push(open(server.port));
      if (i % 200 === 199) await Promise.race([once(many.at(-1), 'connect'), many.at(-1).ended]);
    }
    many.forEach((socket, i) => socket.writable && i % 2 === 0 && socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nX-'));
    const drip = setInterval(() => many.forEach((socket) => socket.writable && socket.write('a')), 1000);
    assert.ok(server.rss() - before.memory < 700 * MB, `${((server.rss() - before.memory) / MB).toFixed(0)} MB more`);
    await Promise.race([Promise.all(many.map((socket) => socket.ended)), sleep(60_000)]);
    clearInterval(drip);
    assert.ok(many.every((socket) => socket.destroyed), 'all were ended');
    const wrong = many.filter(({ text }) => text !== '' && !/^HTTP\/1\.[01] (408|431|400|503) /.test(text));
    assert.deepEqual(wrong.slice(0, 3).map(({ text }) => text.slice(0, 100)), []);
    assert.equal((await server.client().get('/api/admin/database/status')).status, 200);
  }
  await waitFor(() => server.fds() <= before.fds + 5, { what: 'their descriptors to go' });
  assert.equal((await server.stop()).code, 0);
});

attack('guessing from 30000 addresses: memory is bounded, who is locked stays locked, others get in', async (round) => {
  const server = await startServer({ env: {...env, HUBPORT_TRUSTED_PROXIES: '127.0.0.1' }, binary: RELEASE });
  const guess = (address, key) => server.client({}).post('/api/auth/login', { key }, { headers: { 'x-real-ip': address } });
  for (let i = 0; i < 10; i++) assert.equal((await guess('192.0.2.1', `wrong ${i}`)).status, 401);
  const before = server.rss();
  for (let i = 0; i < 30_000; i += 20)
    await Promise.all(Array.from({ length: 20 }, async (_, j) => {
      const n = i + j;
      round();
      assert.equal((await guess(n % 2 ? `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` : `2001:db8:${(n >> 8).toString(16)}:${(n & 255).toString(16)}::1`, `wrong ${n}`)).status, 401);
    }));
  assert.ok(server.rss() - before < 20 * MB, `${((server.rss() - before) / MB).toFixed(1)} MB more`);
  assert.equal((await guess('192.0.2.1', TOKEN)).status, 429);
  assert.equal((await guess('192.0.2.2', TOKEN)).status, 200);
  assert.equal((await server.stop()).code, 0);
});

/** Numbers that a seed repeats (xorshift). */
function numbers(seed) {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const form = `--b\r\nContent-Disposition: form-data; name="cleanFirst"\r\n\r\ntrue\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x.dump"\r\n\r\nPGDMP\x01\x0e\x00\x04\x08\x01\r\n--b--\r\n`;
const SEEDS = [
  'GET /api/v1/users?page=1&search=a%20b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nAccept-Language: zh;q=0.5, en\r\nAccept-Encoding: br;q=0, gzip\r\n\r\n',
  `GET /api/v1/providers?sort=name&ids=1,2 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nX-Request-Id: abc\r\nConnection: keep-alive\r\n\r\n`,
  'GET /api/admin/database/status HTTP/1.1\r\nHost: x\r\nCookie: a=b; auth-token="cch_admin_session_v1.eyJ2IjoxfQ.AAAA"; c=d\r\nOrigin: http://x\r\n\r\n',
  'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"key": "sk-one"}',
  `POST /api/v1/users:batchUpdate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n{"userIds":[1],"upda\r\n10;x=y\r\ntes":{"rpm": 5}}\r\n0\r\nX-T: y\r\n\r\n`,
  `POST /api/admin/database/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${form.length}\r\n\r\n${form}`,
  `POST /api/v1/model-prices:preview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 60\r\n\r\n[models.a]\nmode = "chat"\ninput_cost_per_token = 0.0000001    \n`,
];
const PIECES = ['\0', '\r', '\n', '\r\n', '\r\n\r\n', ' ', '\t', ':', ';', ',', '%', '%00', '\xff', '"', '0', '-1', '99999999999999999999', 'Transfer-Encoding: chunked\r\n',
  'Content-Length: 0\r\n', 'Host: y\r\n', 'Connection: close\r\n', '../', 'HTTP/1.0', 'x'.repeat(5000), 'a=b&'.repeat(500)];

function mutated(pick) {
  let bytes = SEEDS[pick(SEEDS.length)];
  for (let i = 1 + pick(5); i > 0; i--) {
    const at = pick(bytes.length + 1), length = pick(12), lines = bytes.split('\r\n');
    switch (pick(6)) {
      case 0: bytes = bytes.slice(0, at) + bytes.slice(at + length); break;
      case 1: bytes = bytes.slice(0, at) + PIECES[pick(PIECES.length)] + bytes.slice(at); break;
      case 2: bytes = bytes.slice(0, at) + String.fromCharCode(pick(256)) + bytes.slice(at + 1); break;
      case 3: lines.splice(pick(lines.length), 0, lines[pick(lines.length)]); bytes = lines.join('\r\n'); break;
      case 4: bytes = bytes.slice(0, at); break;
      default: bytes = bytes.replace(/\d+/, (digits) => String(Number(digits) + pick(3) - 1));
    }
  }
  return bytes;
}

attack('requests mutated at random: an answer or an end, no crash, nothing left', async (round) => {
  const server = await startServer({ env });
  const pick = numbers(SEED);
  const attackOnce = async () => {
    round();
    const bytes = Buffer.from(mutated(pick), 'latin1'), socket = open(server.port);
    const half = pick(bytes.length + 1);
    socket.write(bytes.subarray(0, half));
    socket.write(bytes.subarray(half));
    if (pick(3) > 0) socket.end();
    await Promise.race([socket.ended, sleep(100 + pick(200))]);
    socket.destroy();
    const status = /^HTTP\/1\.[01] (\d+)/.exec(socket.text)?.[1];
    assert.ok(status !== '500', `HUBPORT_SEED=${SEED}: 500 for ${JSON.stringify(bytes.toString('latin1'))}: ${socket.text}`);
  };
  for (let i = 0; i < ROUNDS; i += 50) {
    await Promise.all(Array.from({ length: 50 }, attackOnce));
    assert.equal(server.child.exitCode ?? server.child.signalCode, null, server.stderr.slice(-3000));
  }
  assert.equal((await server.client().get('/api/admin/database/status')).status, 200);
  await waitFor(() => server.fds() < 60, { what: 'descriptors to go' });
  await assertNoLeftovers({ server, postgres }, 5000);
  assert.equal((await server.stop()).code, 0);
});
