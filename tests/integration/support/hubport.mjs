// The program under test: its server, its commands, and what must not be left of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { strict as assert } from 'node:assert';
import { createInterface } from 'node:readline';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { Client } from './client.mjs';
import {
  descendantsOf, descriptorsOf, endProcess, makeDirectory, memoryOf, onEnd, outputClosed, runProgram, sessionOf, start,
  waitFor
} from './processes.mjs';

export const TOP = fileURLToPath(new URL('../../../', import.meta.url));

/** With sanitizers; HUBPORT_BIN names another one. Figures of memory and time are RELEASE's. */
export const SANITIZED = resolve(TOP, process.env.HUBPORT_BIN ?? 'build-test/hubport');
export const RELEASE = resolve(TOP, 'build/hubport');

const SANITIZER_REPORT = /(ERROR|WARNING): \w+Sanitizer|runtime error: /;

/** Nothing of the caller's settings gets through; a private TMP_DIR keeps parallel test files apart. */
function cleanEnvironment(directory, env) {
  const options = 'detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1';
  const all = {
    PATH: process.env.PATH,
    HOME: directory,
    LC_ALL: 'C.UTF-8',
    HUBPORT_TMP_DIR: join(directory, 'tmp'),
    HUBPORT_DATA_DIR: join(directory, 'data'),
    PRICE_SYNC_INTERVAL: '0', // no test asks the real cloud
    ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? options,
    UBSAN_OPTIONS: process.env.UBSAN_OPTIONS ?? 'print_stacktrace=1:halt_on_error=1',
    TSAN_OPTIONS: process.env.TSAN_OPTIONS,
    ...env,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A directory with what a server or a command may write: data/ and tmp/. */
export function makeWorkplace() {
  const directory = makeDirectory('hubport');
  chmodSync(directory, 0o711); // as root the private cluster runs as another user
  mkdirSync(join(directory, 'tmp'), { mode: 0o700 });
  return directory;
}

function assertNoSanitizerReport(stderr) {
  const at = stderr.search(SANITIZER_REPORT);
  if (at >= 0) assert.fail(`a sanitizer reports:\n${stderr.slice(stderr.lastIndexOf('\n', at) + 1)}`);
}

/** Run a command: {status, signal, stdout, stderr}. An undefined value in `env` removes a variable. */
export async function run(args, { env = {}, input, binary = SANITIZED, directory = makeWorkplace(), ...options } = {}) {
  const result =
    await runProgram(binary, args, { input, env: cleanEnvironment(directory, env), cwd: directory, ...options });
  assertNoSanitizerReport(result.stderr);
  return result;
}

/** run(), which must end with status 0; its standard output. */
export async function mustRun(args, options) {
  const { status, signal, stdout, stderr } = await run(args, options);
  assert.equal(status, 0, `hubport ${args.join(' ')}: status ${status ?? signal}\n${stderr}`);
  return stdout;
}

class Server {
  constructor(child, directory, env) {
    Object.assign(this, { child, directory, env, pid: child.pid, tmp: env.HUBPORT_TMP_DIR, stdout: '', stderr: '' });
    child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    this.lines = [];
    createInterface({
      input: child.stderr.on('data', (bytes) => (this.stderr += bytes))
    }).on('line', (line) => this.lines.push(line));
    this.closed = outputClosed(child);
  }

  /** Wait for the line with the address. `code`: the one-use sign-in code, undefined when ADMIN_TOKEN is set. */
  async ready(within) {
    const address = /(http:\/\/[^\s/#]+)\/(?:#code=(\S+))?/;
    const running = () => this.child.exitCode === null && this.child.signalCode === null;
    const found = await waitFor(() => {
      if (!running())
        throw new Error(
          `hubport ended with ${this.child.exitCode ?? this.child.signalCode}:\n${this.stdout}${this.stderr}`);
      return address.exec(this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1));
    }, { within, what: `hubport's address (so far: ${this.stdout}${this.stderr})` });
    [, this.url, this.code] = found;
    this.port = Number(new URL(this.url).port);
    return this;
  }

  /** Its log so far, one object a line; `event` picks one kind. What is no JSON is in noise(). */
  log(event) {
    const entries = this.lines.map(parsedLine).filter(Boolean);
    return event === undefined ? entries : entries.filter((entry) => entry.event === event);
  }

  noise() {
    return this.lines.filter((line) => !parsedLine(line));
  }

  /** Wait for a log line of this event that fits. */
  logged(event, fits = () => true, within = 10_000) {
    return waitFor(() => this.log(event).find(fits), { within, what: `the log line ${event}` });
  }

  /** A client with ADMIN_TOKEN as Bearer, when there is one; `credentials` as Client takes them, {} for nobody. */
  client(credentials = { token: this.env.ADMIN_TOKEN }) {
    return new Client(this.url, credentials);
  }

  memory() {
    return memoryOf(this.pid);
  }

  /** Resident bytes now. */
  rss() {
    return memoryOf(this.pid).now;
  }

  fds() {
    return descriptorsOf(this.pid);
  }

  children() {
    return descendantsOf(this.pid);
  }

  /** SIGTERM; {code, signal}. Asserts that no sanitizer had to say anything. */
  async stop(within = 15_000) {
    const result = await endProcess(this.child, 'SIGTERM', within);
    await this.closed();
    assertNoSanitizerReport(this.stderr);
    return result;
  }

  /** A signal, and its death unless it is one that is survived. */
  async kill(signal = 'SIGKILL') {
    if (signal === 'SIGKILL' && process.env.HUBPORT_COVERAGE) { // what it has run until now counts, too
      this.child.kill('SIGUSR2');
      await sleep(500);
    }
    this.child.kill(signal);
    if (['SIGSTOP', 'SIGCONT'].includes(signal)) return undefined;
    return this.child.ended;
  }
}

function parsedLine(line) {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/**
 * `hubport serve` on a free port with its data below a directory of the test's. `env`: settings (undefined removes
 * one); `args`: after "serve". With `directory` of an earlier server it is that one's successor.
 */
export async function startServer(
  { env = {}, args = [], binary = SANITIZED, directory = makeWorkplace(), within = 60_000 } = {}) {
  const all = cleanEnvironment(directory, env);
  const child = start(binary, ['serve', '--listen', '127.0.0.1:0', '--data-dir', all.HUBPORT_DATA_DIR, ...args], {
    env: all,
    cwd: directory,
    signal: 'TERM',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = new Server(child, directory, all);
  onEnd(() => server.stop());
  return server.ready(within);
}

const LOCK_KEY = 'database:backup:lock';

/** What hubport left, as a list of sentences: empty is right. */
export async function findLeftovers({ server, postgres, redis } = {}) {
  const found = [];
  if (server) {
    const working = sessionOf(server.pid)
      .filter(({ pid, command }) => pid !== server.pid && !command.includes('llvm-symbolizer')); // a sanitizer's
    const postmasters =
      working.filter(({ command }) => /\/postgres -D |\/postgres .*-D /.test(command)).map(({ pid }) => pid);
    const private_cluster = (process) =>
      server.child.exitCode === null && [process.pid, process.parent].some((pid) => postmasters.includes(pid));
    found.push(...working.filter((process) => !private_cluster(process))
                 .map(({ pid, command, name }) => `process ${pid}: ${command || name}`));
    found.push(...readdirSync(server.tmp).map((name) => `temporary file ${name}`));
  }
  if (postgres) {
    const ours = await postgres.sql('postgres', `
      SELECT 'database ' || datname FROM pg_database WHERE datname LIKE '%\\_import\\_%'
      UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE '%\\_import\\_%'
      UNION ALL SELECT 'advisory lock of process ' || pid FROM pg_locks WHERE locktype = 'advisory'
      UNION ALL SELECT 'connection ' || application_name FROM pg_stat_activity
        WHERE application_name LIKE 'hubport:%' OR application_name IN ('pg_dump', 'pg_restore')
      UNION ALL SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts`);
    found.push(...ours.flat());
  }
  if (redis && (await redis.cli('EXISTS', LOCK_KEY)) !== '0')
    found.push(`Redis key ${LOCK_KEY}: ${await redis.cli('GET', LOCK_KEY)}`);
  return found;
}

/** Fail when something is left; `within` gives it time to go (a kill, a gone client), none by default. */
export async function assertNoLeftovers(places, within = 0) {
  const end = Date.now() + within;
  let found = await findLeftovers(places);
  while (found.length > 0 && Date.now() < end) found = await findLeftovers(places);
  assert.deepEqual(found, [], 'hubport left something behind');
}
