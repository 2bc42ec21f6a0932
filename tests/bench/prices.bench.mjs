// The import of a price table against one INSERT for each model over one connection, and what a large table takes. The
// server's time is from its own log, the INSERTs' are psql's, both over TCP.
import { RELEASE, startServer } from '../integration/support/hubport.mjs';
import { cleanUp, runProgram } from '../integration/support/processes.mjs';
import { join } from 'node:path';
import { PG_BIN, quoteLiteral, startPostgres } from '../integration/support/servers.mjs';
import { LITELLM, parseExact, writeJson } from '../integration/support/prices.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 9);
const MODELS = Number(process.env.MODELS ?? 20_000);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function timed(work) {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e6;
}

try {
  const postgres = await startPostgres({ settings: { shared_buffers: '256MB', fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' } });
  await postgres.createDatabase('hub');
  const server = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: 'token of the bench' }, binary: RELEASE });
  // The server's milliseconds, from the request's headers to the answer's last byte.
  const send = async (content) => {
    const answer = await server.client().post('/api/v1/model-prices:upload', { content });
    if (answer.status !== 200) throw new Error(answer.text);
    const id = answer.headers['x-request-id'];
    return (await server.logged('http.request', ({ request }) => request === id)).ms;
  };
  const models = Object.entries(parseExact(LITELLM)).filter(([name, price]) => name !== 'sample_spec' && 'mode' in price);
  const psql = async (input) => {
    const { status, stderr } = await runProgram(join(PG_BIN, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', postgres.dsn('hub'), '-f', '-'], { input });
    if (status !== 0) throw new Error(stderr);
  };
  const inserts = models.map(([name, price]) => `INSERT INTO model_prices (model_name, price_data, source) VALUES (${
    quoteLiteral(name)}, ${quoteLiteral(writeJson(price))}, 'litellm');`).join('\n');
  const empty = () => psql('TRUNCATE model_prices; TRUNCATE hubport.price_history; TRUNCATE audit_log');
  const times = { inserts: [], first: [], unchanged: [], tenth: [] };
  const changed = writeJson(Object.fromEntries(models.map(([name, price], i) => [name, i % 10 ? price : {...price, changed: true }])));
  for (let round = 0; round <= ROUNDS; round++) { // the first one warms the caches
    await empty();
    times.inserts.push(await timed(() => psql(inserts)));
    await empty();
    times.first.push(await send(LITELLM));
    times.unchanged.push(await send(LITELLM));
    times.tenth.push(await send(changed));
  }
  const ms = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all.slice(1))]));
  console.log(`${models.length} models, medians of ${ROUNDS}:`);
  console.log(`  one INSERT for each     ${ms.inserts.toFixed(0)} ms`);
  console.log(`  first import            ${ms.first.toFixed(0)} ms  ${(ms.inserts / ms.first).toFixed(1)} times as fast, with its history`);
  console.log(`  unchanged               ${ms.unchanged.toFixed(0)} ms  ${(ms.inserts / ms.unchanged).toFixed(1)} times`);
  console.log(`  a tenth changed         ${ms.tenth.toFixed(0)} ms`);

  await empty();
  const large = writeJson(Object.fromEntries(Array.from({ length: MODELS }, (_, i) => [`${i}/${models[i % models.length][0]}`, models[i % models.length][1]])));
  const took = await send(large);
  console.log(`${MODELS} models, ${(large.length / 1024 / 1024).toFixed(1)} MB: ${took.toFixed(0)} ms, peak memory ${
    (server.memory().peak / 1024 / 1024).toFixed(1)} MB`);
} finally {
  await cleanUp();
}
