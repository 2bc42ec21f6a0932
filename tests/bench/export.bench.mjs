// An export through the server against what a user would run instead: pg_dump -Fc > file. Both in one run, interleaved.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE, makeWorkplace, startServer } from '../integration/support/hubport.mjs';
import { fill, migrate } from '../integration/support/data.mjs';
import { cleanUp, runProgram } from '../integration/support/processes.mjs';
import { PG_BIN, startPostgres } from '../integration/support/servers.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const REQUESTS = Number(process.env.REQUESTS ?? 150_000);
const TOKEN = 'token of the bench';
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function timed(work) {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

try {
  const postgres = await startPostgres({ settings: { shared_buffers: '256MB', max_wal_size: '4GB' } });
  await postgres.createDatabase('hub');
  await migrate(postgres, 'hub');
  await fill(postgres, 'hub', { requests: REQUESTS });
  await postgres.sql('hub', 'VACUUM ANALYZE');
  const server = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN }, binary: RELEASE });
  const directory = makeWorkplace();
  const [stock, ours] = [join(directory, 'stock.dump'), join(directory, 'ours.dump')];
  const run = async (command, args) => {
    const { status, stderr } = await runProgram(command, args, { timeout: 600_000 });
    if (status !== 0) throw new Error(`${command}: ${status} ${stderr}`);
  };
  const runs = {
    stock: () => run('sh', ['-c', `${join(PG_BIN, 'pg_dump')} -Fc -d '${postgres.dsn('hub')}' > ${stock}`]),
    ours: () => run('curl', ['-sf', '-o', ours, '-H', `Authorization: Bearer ${TOKEN}`,
      `${server.url}/api/admin/database/export`]),
  };
  const seconds = { stock: [], ours: [] };
  for (const name of ['stock', 'ours']) await runs[name](); // once to warm the caches
  for (let round = 0; round < ROUNDS; round++)
    for (const name of round % 2 ? ['ours', 'stock'] : ['stock', 'ours']) seconds[name].push(await timed(runs[name]));
  const [a, b] = [median(seconds.stock), median(seconds.ours)];
  const megabytes = (path) => (statSync(path).size / 1024 / 1024).toFixed(1);
  console.log(`export of ${REQUESTS} requests, medians of ${ROUNDS}:`);
  console.log(`  pg_dump -Fc > file      ${a.toFixed(2)} s  ${megabytes(stock)} MB`);
  console.log(`  hubport, by curl        ${b.toFixed(2)} s  ${megabytes(ours)} MB  ${(b / a).toFixed(3)} times the time`);
  console.log(`  the server's peak memory ${(server.memory().peak / 1024 / 1024).toFixed(1)} MB`);
} finally {
  await cleanUp();
}
