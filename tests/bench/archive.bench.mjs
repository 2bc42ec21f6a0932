// Export and verification of a request log of about 1 GB (MEGABYTES) against what a user would run instead: pg_dump -Fc, with
// its default compression and with -Z1, and pg_restore -f /dev/null, which inflates and looks at nothing. Interleaved rounds in one
// run, medians. The CPU seconds are those of the commands and their children, not of the server's processes.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE, makeWorkplace, mustRun } from '../integration/support/hubport.mjs';
import { migrate } from '../integration/support/data.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { PG_BIN, startPostgres } from '../integration/support/servers.mjs';
import { fillLog, machine } from './support/log.mjs';
import { compare } from './support/measure.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const MEGABYTES = Number(process.env.MEGABYTES ?? 1000);
const directory = makeWorkplace();
const file = (name) => join(directory, `${name}.dump`.replaceAll(' ', '-'));

function print(medians, bytes, base, size) {
  for (const [name, { wall, cpu, memory }] of Object.entries(medians))
    console.log(`  ${name.padEnd(30)} ${wall.toFixed(2).padStart(6)} s ${(bytes / 1e6 / wall).toFixed(0).padStart(5)} MB/s ${
      (medians[base].wall / wall).toFixed(2).padStart(5)} times as fast  ${size(name, bytes)}CPU ${cpu.toFixed(1).padStart(5)} s  peak ${memory.toFixed(0).padStart(3)} MB`);
}

try {
  const postgres = await startPostgres({ settings: { shared_buffers: '1GB', max_wal_size: '8GB', checkpoint_timeout: '30min' } });
  await postgres.createDatabase('hub');
  await migrate(postgres, 'hub');
  const rows = await fillLog(postgres, 'hub', MEGABYTES);
  const env = { DSN: postgres.dsn('hub') };
  const ours = (name, ...args) => [name, RELEASE, ['export', '-o', file(name), ...args], env];
  const stock = (name, ...args) => [name, join(PG_BIN, 'pg_dump'), ['-Fc', ...args, '-f', file(name), '-d', postgres.dsn('hub')], {}];
  const exports = await compare([
    stock('pg_dump -Fc'), stock('pg_dump -Fc -Z1', '-Z1'), ours('hubport balanced'), ours('hubport fast', '--compression', 'fast'),
    ours('hubport none', '--compression', 'none'), ours('hubport balanced, parallel 2', '--parallel', '2'),
    ours('hubport fast, parallel 2', '--compression', 'fast', '--parallel', '2'),
  ], ROUNDS);
  const { bytes } = JSON.parse(await mustRun(['verify', file('hubport balanced'), '--json'], { binary: RELEASE }));
  console.log(`${machine()}: ${rows} requests, ${(bytes / 1e6).toFixed(0)} MB of raw data, medians of ${ROUNDS}`);
  console.log('export to a file:');
  const size = (name) => statSync(file(name)).size;
  print(exports, bytes, 'pg_dump -Fc', (name) => `${(size(name) / 1e6).toFixed(1).padStart(6)} MB (${(size(name) / size('pg_dump -Fc')).toFixed(3)})  `);
  for (const name of ['pg_dump -Fc', 'hubport balanced', 'hubport fast', 'hubport none']) {
    console.log(`verification of the file of ${name}:`);
    print(await compare([['pg_restore -f /dev/null', join(PG_BIN, 'pg_restore'), ['-f', '/dev/null', file(name)], {}],
      ['hubport verify', RELEASE, ['verify', file(name)], {}]], ROUNDS), bytes, 'pg_restore -f /dev/null', () => '');
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
  await cleanUp();
}
