// What a command costs: wall and CPU seconds, peak memory, of it and all its children, as the kernel counts them.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeWorkplace } from '../../integration/support/hubport.mjs';
import { runProgram } from '../../integration/support/processes.mjs';

const SCRIPT = `import os, resource, subprocess, sys, time
start = time.monotonic()
status = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[1], 'w').write(f'{time.monotonic() - start} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss / 1024}')
sys.exit(status)`;

export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** {wall: s, cpu: s, memory: MB of the largest process}. */
export async function measure(command, args, env = {}) {
  const figures = join(makeWorkplace(), 'figures');
  const { status, stderr } = await runProgram('python3', ['-c', SCRIPT, figures, command, ...args],
    { timeout: 1_200_000, env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status} ${stderr}`);
  const [wall, cpu, memory] = readFileSync(figures, 'utf8').split(' ').map(Number);
  rmSync(figures);
  return { wall, cpu, memory };
}

/** Ways [name, command, args, env] in turn, `rounds` times after one that warms the caches: {name: medians}. */
export async function compare(ways, rounds) {
  const seen = Object.fromEntries(ways.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round++)
    for (const [name, command, args, env] of round % 2 ? ways.toReversed() : ways) {
      const figures = await measure(command, args, env);
      if (round > 0) seen[name].push(figures);
    }
  return Object.fromEntries(Object.entries(seen).map(([name, all]) => [name,
    Object.fromEntries(['wall', 'cpu', 'memory'].map((figure) => [figure, median(all.map((one) => one[figure]))]))]));
}
