// hubport verify against what a user would run instead: pg_restore -f /dev/null, which decompresses and looks at nothing.
// Both in one run, interleaved, on one of our exports and on one of stock pg_dump. REQUESTS rows of the request log.
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE, makeWorkplace, mustRun } from '../integration/support/hubport.mjs';
import { fill, migrate } from '../integration/support/data.mjs';
import { cleanUp, runProgram } from '../integration/support/processes.mjs';
import { PG_BIN, startPostgres } from '../integration/support/servers.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const REQUESTS = Number(process.argv[2] ?? process.env.REQUESTS ?? 300_000);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const directory = makeWorkplace();

/** Wall seconds, CPU seconds and peak memory in MB of a command, as the kernel counts them. */
async function measure(command, args) {
  const figures = join(directory, 'figures');
  const script = `import os, resource, subprocess, sys, time
start = time.monotonic()
status = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[1], 'w').write(f'{time.monotonic() - start} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss / 1024}')
sys.exit(status)`;
  const { status, stderr } = await runProgram('python3', ['-c', script, figures, command, ...args], { timeout: 600_000 });
  if (status !== 0) throw new Error(`${command}: ${status} ${stderr}`);
  const [wall, cpu, memory] = readFileSync(figures, 'utf8').split(' ').map(Number);
  return { wall, cpu, memory };
}

try {
  const postgres = await startPostgres({ settings: { shared_buffers: '256MB', max_wal_size: '4GB' } });
  await postgres.createDatabase('hub');
  await migrate(postgres, 'hub');
  await fill(postgres, 'hub', { requests: REQUESTS });
  const files = { balanced: join(directory, 'balanced.dump'), fast: join(directory, 'fast.dump'), none: join(directory, 'none.dump'),
    'pg_dump -Fc': join(directory, 'stock.dump') };
  for (const method of ['balanced', 'fast', 'none'])
    await mustRun(['export', '-o', files[method], '--compression', method], { env: { DSN: postgres.dsn('hub') }, binary: RELEASE });
  const { status, stderr } = await runProgram(join(PG_BIN, 'pg_dump'), ['-Fc', '-f', files['pg_dump -Fc'], '-d', postgres.dsn('hub')],
    { timeout: 600_000 });
  if (status !== 0) throw new Error(stderr);
  const { bytes } = JSON.parse(await mustRun(['verify', files.balanced, '--json'], { binary: RELEASE }));
  console.log(`verification of ${REQUESTS} requests, ${(bytes / 1e6).toFixed(0)} MB of raw data, medians of ${ROUNDS}:`);
  for (const [name, path] of Object.entries(files)) {
    const ways = { 'hubport verify': [RELEASE, ['verify', path]], 'pg_restore -f': [join(PG_BIN, 'pg_restore'), ['-f', '/dev/null', path]] };
    const seen = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
    for (let round = 0; round <= ROUNDS; round++)
      for (const [way, [command, args]] of Object.entries(ways)) {
        const figures = await measure(command, args);
        if (round > 0) seen[way].push(figures); // once to warm the caches
      }
    console.log(`  ${name}, ${(statSync(path).size / 1e6).toFixed(1)} MB`);
    for (const [way, all] of Object.entries(seen)) {
      const wall = median(all.map((one) => one.wall));
      console.log(`    ${way.padEnd(16)} ${wall.toFixed(2)} s  ${(bytes / 1e6 / wall).toFixed(0)} MB/s  ${(wall / bytes * 1e9).toFixed(2)} s/GB` +
        `  CPU ${median(all.map((one) => one.cpu)).toFixed(2)} s  peak ${median(all.map((one) => one.memory)).toFixed(0)} MB`);
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
  await cleanUp();
}
