// Children of the tests: started so that they end with the test process, whatever ends it; looked at through /proc.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, mkdtempSync, rmSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { after } from 'node:test';

export const IS_ROOT = process.getuid() === 0;

/** PostgreSQL refuses to run as root. */
const as_postgres = IS_ROOT ? ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups'] : [];

/** What must be undone, oldest first. It is undone newest first: a server ends before the database that it uses. */
const cleanups = [];

/** Undo at the end of the test file, or of the test given to cleanUpAfter(). */
export function onEnd(action) {
  cleanups.push(action);
}

/**
 * What is started from now on goes when this test ends. For tests that run one after the other, as they do in a file.
 */
export function cleanUpAfter(test) {
  const from = cleanups.length;
  test.after(() => cleanUp(from));
}

export async function cleanUp(from = 0) {
  const failures = [];
  for (const action of cleanups.splice(from).reverse()) {
    try {
      await action();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, failures.map((error) => error.message).join('\n'));
}

after(() => cleanUp());

/** A directory of a short name (socket paths end at 107 bytes), removed at the end. */
export function makeDirectory(name) {
  const path = mkdtempSync(join(process.env.HUBPORT_TEST_TMP ?? '/tmp', `hubport-test-${name}-`));
  onEnd(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/**
 * Spawn in a session of its own, by which its descendants can be found when it is gone. The kernel sends it `signal`
 * when this process dies, whatever ends it.
 */
export function start(command, args, { signal = 'KILL', postgres = false, ...options } = {}) {
  const setpriv = [...(postgres ? as_postgres : []), '--pdeathsig', signal, '--', command, ...args];
  const child = spawn('setpriv', setpriv, { detached: true, ...options });
  child.ended = new Promise((resolve) => {
    child.once('exit', (code, killedBy) => resolve({ code, signal: killedBy }));
    child.once('error', (error) => resolve({ error }));
  });
  return child;
}

/**
 * A function that waits until an ended child's output is read to its end. A child of the child's that lives on keeps
 * it open: that fails.
 */
export function outputClosed(child) {
  const closed = new Promise((resolve) => child.once('close', () => resolve(true)));
  return async () => {
    const late = sleep(5000, false, { ref: false });
    if (!(await Promise.race([closed, late])))
      throw new Error(`process ${child.pid} has ended, but these keep its output open: ${
        sessionOf(child.pid).map(({ command }) => command).join('; ')}`);
  };
}

/** Run to the end: {status, signal, stdout, stderr}. `input`: text for stdin. */
export async function runProgram(command, args, { input, timeout = 120_000, encoding = 'utf8', ...options } = {}) {
  const child = start(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  const out = [];
  const err = [];
  child.stdout.on('data', (bytes) => out.push(bytes));
  child.stderr.on('data', (bytes) => err.push(bytes));
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  const closed = outputClosed(child);
  const { code, signal, error } = await child.ended;
  clearTimeout(timer);
  if (error) throw error;
  await closed();
  const text = (parts) => (encoding === 'buffer' ? Buffer.concat(parts) : Buffer.concat(parts).toString(encoding));
  return { status: code, signal, stdout: text(out), stderr: Buffer.concat(err).toString('utf8') };
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Ask until `probe` gives something true; its value. */
export async function waitFor(probe, { within = 10_000, every = 20, what = 'the expected state' } = {}) {
  const end = Date.now() + within;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} did not come within ${within} ms`);
    await sleep(every);
  }
}

/** A process as /proc shows it, or null: {pid, name, state, parent, session, command}. */
export function processOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid: Number(pid), name, state, parent: Number(parent), session: Number(session), command };
  } catch {
    return null;
  }
}

export function allProcesses() {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(processOf).filter(Boolean);
}

/** The living descendants of a process, nearest first. */
export function descendantsOf(pid) {
  const everyone = allProcesses().filter((process) => process.state !== 'Z');
  const found = [];
  for (let parents = [pid]; parents.length > 0;) {
    const children = everyone.filter((process) => parents.includes(process.parent));
    found.push(...children);
    parents = children.map((process) => process.pid);
  }
  return found;
}

/** What lives of a session that start() made: also children whose parent is gone. */
export function sessionOf(pid) {
  return allProcesses().filter((process) => process.session === pid && process.state !== 'Z');
}

/** Resident memory in bytes; `peak` is the highest since the start. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

export function descriptorsOf(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export function isAlive(pid) {
  return existsSync(`/proc/${pid}`) && processOf(pid)?.state !== 'Z';
}

/** Signal, then wait for the end; SIGKILL when that takes too long. */
export async function endProcess(child, signal = 'SIGTERM', within = 10_000) {
  if (child.exitCode !== null || child.signalCode !== null) return child.ended;
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), within);
  const result = await child.ended;
  clearTimeout(timer);
  return result;
}
