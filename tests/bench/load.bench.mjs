// Everything at once for SECONDS (60; the figures of docs/benchmarks.md are of 600): 200 people who read lists, one a second
// each, 50 scripts that change 50 rows every five seconds, 20 that upload the whole price table every 30 seconds, exports and
// merging imports one after the other. Counts every answer; anything but success and the honest 409 and 503 fails the bench.
// Aims on 2 cores, on which the database and these clients run too: small requests under 50 ms in 99 of 100 cases, memory that
// does not grow, no descriptor left.
import { Agent } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../integration/support/client.mjs';
import { RELEASE, startServer } from '../integration/support/hubport.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { LITELLM, parseExact, writeJson } from '../integration/support/prices.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';

const SECONDS = Number(process.env.SECONDS ?? 60);
const TOKEN = 'token of the bench', MB = 1024 * 1024;
const ROWS = 1000;
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const quantile = (numbers, part) => numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))];

const seen = {}; // {what: {times: ms[], answers: {"200": n, "409 CODE": n}}}
const wrong = [];
let server, stopped = false, end;
const ended = new Promise((resolve) => (end = resolve));

/** `send` gives {status, code}; until the end, each time after a pause of about `every` ms. */
async function repeat(what, every, send) {
  const { times, answers } = (seen[what] ??= { times: [], answers: {} });
  await sleep(Math.random() * every);
  while (!stopped) {
    const started = performance.now();
    const { status, code = '', text = '' } = await send().catch((error) => ({ status: 0, code: error.message }));
    const took = performance.now() - started, told = `${status} ${code}`.trim();
    answers[told] = (answers[told] ?? 0) + 1;
    if (status === 200) times.push(took);
    else if (![409, 503].includes(status)) wrong.push(`${what}: ${told} ${text.slice(0, 300)}`);
    await Promise.race([sleep(Math.max(0, every * (0.5 + Math.random()) - took)), ended]);
  }
}

const told = (answer) => (answer.complete && answer.status === 200 ? { status: 200 }
  : { status: answer.complete ? answer.status : 0, code: answer.complete ? answer.json.code ?? answer.json.errorCode : 'broken off', text: answer.text });
const agents = [];

/** A client that keeps its connection. */
function staying() {
  agents.push(new Agent({ keepAlive: true, maxSockets: 1 }));
  return new Client(server.url, { token: TOKEN, agent: agents.at(-1) });
}

function person() {
  const client = staying();
  const LISTS = ['users?limit=20', 'keys?limit=20', 'providers?limit=20', 'model-prices?limit=20', 'users?limit=20&search=user%2012', 'providers?limit=20&type=codex'];
  return repeat('reading a list', 1000, async () => told(await client.get(`/api/v1/${pick(LISTS)}`)));
}

function script(number) {
  const client = staying();
  const CHANGES = [['users', 'userIds', () => ({ rpm: 1 + Math.floor(Math.random() * 1000) })], ['keys', 'keyIds', () => ({ limitDailyUsd: `${number}.50` })],
    ['providers', 'providerIds', () => ({ priority: Math.floor(Math.random() * 100) })]];
  return repeat('changing 50 rows', 5000, async () => {
    const [kind, member, updates] = pick(CHANGES), from = Math.floor(Math.random() * (ROWS - 50));
    return told(await client.post(`/api/v1/${kind}:batchUpdate`, { [member]: Array.from({ length: 50 }, (_, i) => from + i + 1), updates: updates() }));
  });
}

/** `bodies`: tables that differ in some prices. */
function uploader(bodies) {
  const client = server.client(), headers = { 'content-type': 'application/json' };
  return repeat('uploading 2,209 prices', 30_000, async () => told(await client.send('POST', '/api/v1/model-prices:upload', { headers, body: pick(bodies) })));
}

async function exporting() {
  const answer = await server.client().get('/api/admin/database/export');
  return told(answer);
}

async function importing(archive) {
  const answer = await server.client().upload('/api/admin/database/import', {}, archive);
  if (answer.status !== 200) return told(answer);
  const last = JSON.parse(answer.text.trim().split('\n\n').filter((text) => text.startsWith('data: ')).at(-1).slice(6));
  return last.type === 'complete' ? { status: 200 } : { status: 0, code: last.errorCode ?? last.type, text: JSON.stringify(last) };
}

try {
  const postgres = await startPostgres({ settings: { shared_buffers: '256MB', autovacuum: 'on' } });
  const redis = await startRedis();
  await postgres.createDatabase('hub');
  server = await startServer({ env: { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN }, binary: RELEASE });
  await postgres.sql('hub', `
    INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, ${ROWS}) n;
    INSERT INTO keys (user_id, key, name) SELECT n, 'sk-' || md5(n::text), 'key ' || n FROM generate_series(1, ${ROWS}) n;
    INSERT INTO providers (name, url, key, provider_type) SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-' || n, (ARRAY['claude', 'codex'])[1 + n % 2]
      FROM generate_series(1, ${ROWS}) n;
    INSERT INTO message_request (provider_id, user_id, key, model, cost_usd, created_at)
      SELECT 1 + n % ${ROWS}, 1 + n % ${ROWS}, 'sk-' || md5((1 + n % ${ROWS})::text), 'model ' || n % 50, n * 0.0001, now() - n * interval '1 minute' FROM generate_series(1, 50000) n;
    ANALYZE`);
  const models = Object.entries(parseExact(LITELLM)).filter(([name, price]) => name !== 'sample_spec' && 'mode' in price);
  await server.client().post('/api/v1/model-prices:upload', { content: LITELLM });
  const bodies = [1, 2, 3, 4].map((number) => Buffer.from(JSON.stringify({ content: writeJson(Object.fromEntries(
    models.map(([name, price], i) => [name, i % 100 === number ? {...price, number } : price]))) })));
  const archive = { bytes: (await server.client().get('/api/admin/database/export')).body, name: 'hub.dump' };
  const fds = server.fds(), memory = [];
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const watch = setInterval(() => memory.push(server.rss() / MB), 1000);
  setTimeout(() => { stopped = true; end(); }, SECONDS * 1000);
  await Promise.all([
    ...Array.from({ length: 200 }, person), ...Array.from({ length: 50 }, (_, i) => script(i)), ...Array.from({ length: 20 }, () => uploader(bodies)),
    repeat('exporting', 2000, exporting), repeat('importing (merge)', 2000, () => importing(archive)),
  ]);
  clearInterval(watch);
  delay.disable();

  console.log(`everything at once for ${SECONDS} s:`);
  for (const [what, { times, answers }] of Object.entries(seen))
    console.log(`  ${what.padEnd(24)} ${times.length > 0 ? `median ${quantile(times, 0.5).toFixed(0)} ms, 99% ${quantile(times, 0.99).toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms` : 'none'
    }; ${Object.entries(answers).map(([answer, count]) => `${count} of ${answer}`).join(', ')}`);
  const fifth = Math.ceil(memory.length / 5), part = (from) => quantile(memory.slice(from * fifth, (from + 1) * fifth), 0.5).toFixed(1);
  console.log(`  the server's memory, medians of each fifth: ${[0, 1, 2, 3, 4].map(part).join(', ')} MB, most ${(server.memory().peak / MB).toFixed(1)} MB`);
  console.log(`  these clients' own delay: 99% ${(delay.percentile(99) / 1e6 - 10).toFixed(0)} ms`);
  agents.forEach((agent) => agent.destroy());
  await sleep(1000);
  console.log(`  descriptors before ${fds}, after ${server.fds()}`);
  if (wrong.length > 0) {
    console.log(`  WRONG, ${wrong.length}:\n    ${wrong.slice(0, 10).join('\n    ')}`);
    process.exitCode = 1;
  }
} finally {
  await cleanUp();
}
