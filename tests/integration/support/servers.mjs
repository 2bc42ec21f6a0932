// Real servers for tests: private PostgreSQL clusters and Redis servers, on loopback and free ports, gone at the end.
import { chownSync, closeSync, existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import {
  IS_ROOT, descendantsOf, endProcess, freePort, isAlive, makeDirectory, onEnd, runProgram, start, waitFor
} from './processes.mjs';

/** Of the newest PostgreSQL there is. */
export const PG_BIN = (() => {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map(Number).filter(Number.isFinite) : [];
  const bins = versions.sort((a, b) => b - a).map((version) => join(root, String(version), 'bin'));
  const bin = bins.find((path) => existsSync(join(path, 'initdb')));
  if (!bin) throw new Error('there is no PostgreSQL below /usr/lib/postgresql: run scripts/setup test');
  return bin;
})();

const PG_ENV = {
  PATH: `${PG_BIN}:/usr/local/bin:/usr/bin:/bin`,
  LC_ALL: 'C.UTF-8',
  PGTZ: 'UTC',
  HOME: '/nonexistent'
};
const NULL = '\x1d'; // how psql writes SQL NULL: unlike any text of the tests

/** psql's CSV as rows of texts and nulls. */
function parseCsv(text) {
  const rows = [];
  let row = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g)) {
    const cell = quoted === undefined ? plain : quoted.replaceAll('""', '"');
    row.push(cell === NULL ? null : cell);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

export function quoteIdent(name) {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text) {
  return text === null ? 'NULL' : `E'${String(text).replaceAll('\\', '\\\\').replaceAll('\'', '\'\'')}'`;
}

class Postgres {
  constructor(directory, port, settings) {
    Object.assign(this, { directory, port, settings, data: join(directory, 'data'), logFile: join(directory, 'log') });
  }

  /** libpq URI over TCP. `user` defaults to the superuser; a password is percent-encoded. */
  dsn(database = 'postgres', { user = 'postgres', password, query } = {}) {
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    const rest = query ? `?${query}` : '';
    return `postgresql://${encodeURIComponent(user)}${secret}@127.0.0.1:${this.port}/${encodeURIComponent(database)}${
      rest}`;
  }

  /** The same over the Unix socket. */
  socketDsn(database = 'postgres', user = 'postgres') {
    return `postgresql://${encodeURIComponent(user)}@/${encodeURIComponent(database)}?host=${
      encodeURIComponent(this.directory)}&port=${this.port}`;
  }

  async launch() {
    const log = openSync(this.logFile, 'a');
    const options = { '-D': this.data, '-p': String(this.port), '-k': this.directory };
    const args =
      [...Object.entries(options).flat(), ...Object.entries(this.settings).flatMap(([k, v]) => ['-c', `${k}=${v}`])];
    this.process = start(
      join(PG_BIN, 'postgres'), args, { postgres: true, signal: 'QUIT', env: PG_ENV, stdio: ['ignore', log, log] });
    closeSync(log);
    await this.ready();
    return this;
  }

  async ready(within = 30_000) {
    await waitFor(async () => {
      if (!isAlive(this.process.pid)) throw new Error(`PostgreSQL did not start:\n${this.log()}`);
      return (await this.psql('postgres', 'SELECT 1')).status === 0;
    }, { within, every: 50, what: 'PostgreSQL' });
  }

  log() {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  psql(database, text, { user = 'postgres', args = [] } = {}) {
    const all = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', this.socketDsn(database, user), ...args, '-f', '-'];
    return runProgram(join(PG_BIN, 'psql'), all, { input: text, env: PG_ENV });
  }

  /** Any statements; the rows that they gave, as arrays of texts (SQL NULL is null). Throws PostgreSQL's message. */
  async sql(database, text, options = {}) {
    const { status, stdout, stderr } =
      await this.psql(database, text, {...options, args: ['--csv', '-t', '-P', `null=${NULL}`] });
    if (status !== 0) throw new Error(`${stderr.trim()}\nin: ${text.slice(0, 400)}`);
    return parseCsv(stdout);
  }

  /** One query's rows as objects, by way of JSON: cast numbers that must stay exact to text. */
  async rows(database, query, options) {
    const [[json]] =
      await this.sql(database, `SELECT coalesce(json_agg(row_of_it), '[]') FROM (${query}) row_of_it`, options);
    return JSON.parse(json);
  }

  /** The first cell of one query, as text; null when SQL NULL, undefined without a row. */
  async value(database, query, options) {
    return (await this.sql(database, query, options))[0]?.[0];
  }

  /** A connection that stays, for transactions and locks: run(sql) gives psql's output text; close() ends it. */
  session(database, { user = 'postgres' } = {}) {
    const child =
      start(join(PG_BIN, 'psql'), ['-X', '-q', '-A', '-t', '-d', this.socketDsn(database, user)], { env: PG_ENV });
    let text = '';
    let wake = () => {};
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part) => {
        text += part;
        wake();
      });
    }
    child.stdin.on('error', () => {});
    child.once('close', () => wake());
    let turn = 0;
    const run = async (sql) => {
      const mark = `~end ${++turn}~\n`;
      text = '';
      child.stdin.write(`${sql}\n;\n\\echo ~end ${turn}~\n`);
      while (!text.includes(mark)) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the session has ended: ${text}`);
        await new Promise((resolve) => (wake = resolve));
      }
      return text.slice(0, text.indexOf(mark)).trimEnd();
    };
    const close = () => endProcess(child, 'SIGTERM', 2000);
    onEnd(close);
    return { run, close, pid: child.pid };
  }

  createDatabase(name, { owner = 'postgres', template = 'template0', rest = '' } = {}) {
    return this.sql('postgres',
      `CREATE DATABASE ${quoteIdent(name)} OWNER ${quoteIdent(owner)} TEMPLATE ${quoteIdent(template)} ${rest}`);
  }

  dropDatabase(name) {
    return this.sql('postgres', `DROP DATABASE IF EXISTS ${quoteIdent(name)} WITH (FORCE)`);
  }

  databases() {
    return this.sql('postgres', 'SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1')
      .then((rows) => rows.flat());
  }

  /** Immediate shutdown: as after a loss of power, but orderly for the processes. launch() starts it again. */
  stop() {
    return endProcess(this.process, 'SIGQUIT');
  }

  /** kill -9 of the postmaster; its backends notice by themselves, and launch() works once they are gone. */
  async kill() {
    const backends = descendantsOf(this.process.pid);
    await endProcess(this.process, 'SIGKILL');
    await waitFor(() => !backends.some(({ pid }) => isAlive(pid)), { what: 'the end of PostgreSQL\'s backends' });
  }
}

/** Directories become those of the user that PostgreSQL runs as. */
function givePostgres(directories) {
  if (!IS_ROOT) return;
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  for (const directory of directories) chownSync(directory, id('-u'), id('-g'));
}

/**
 * A cluster of one's own: superuser `postgres`, trust (change pg_hba.conf through `hba`, lines that come first),
 * listening on 127.0.0.1 and a Unix socket. `roles`: SQL that is run at once, such as 'CREATE ROLE hub LOGIN CREATEDB'.
 * `settings`: of postgresql.conf. `wal`: an empty directory for the write-ahead log, in segments of 1 MB.
 */
export async function startPostgres({ roles = '', settings = {}, hba = [], wal } = {}) {
  const directory = makeDirectory('pg');
  givePostgres([directory, wal].filter(Boolean));
  const postgres = new Postgres(directory, await freePort(), {
    listen_addresses: '127.0.0.1',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    shared_buffers: '32MB',
    max_connections: '60',
    timezone: 'UTC',
    ...settings,
  });
  const initdb = [
    '-D', postgres.data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync',
    '--no-instructions', ...(wal ? ['-X', wal, '--wal-segsize=1'] : [])
  ];
  const made = await runProgram(join(PG_BIN, 'initdb'), initdb, { postgres: true, env: PG_ENV, cwd: '/' });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  if (hba.length > 0) {
    const file = join(postgres.data, 'pg_hba.conf');
    writeFileSync(file, `${hba.join('\n')}\n${readFileSync(file, 'utf8')}`);
  }
  await postgres.launch();
  onEnd(() => postgres.stop());
  if (roles) await postgres.sql('postgres', roles);
  return postgres;
}

/** A hot standby of `primary`, that follows it by streaming replication. `settings`: of its own. */
export async function startReplica(primary, settings = {}) {
  const directory = makeDirectory('pg');
  givePostgres([directory]);
  const replica = new Postgres(directory, await freePort(), { ...primary.settings, ...settings });
  const options = ['-R', '-D', replica.data, '-d', primary.socketDsn(), '-c', 'fast', '--no-sync'];
  const made = await runProgram(join(PG_BIN, 'pg_basebackup'), options, { postgres: true, env: PG_ENV, cwd: '/' });
  if (made.status !== 0) throw new Error(`pg_basebackup failed: ${made.stderr}`);
  await replica.launch();
  onEnd(() => replica.stop());
  return replica;
}

class Redis {
  constructor(directory, port, password) {
    Object.assign(this, { directory, port, password });
    this.url = `redis://${password ? `:${encodeURIComponent(password)}@` : ''}127.0.0.1:${port}`;
  }

  async launch() {
    const args = [
      '--port', this.port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.directory,
      '--logfile', join(this.directory, 'log'), '--daemonize', 'no',
      ...(this.password ? ['--requirepass', this.password] : [])
    ];
    this.process = start('redis-server', args.map(String), { stdio: 'ignore', cwd: this.directory });
    await waitFor(() => answers(this.port), { what: 'Redis' });
    return this;
  }

  /** One command; redis-cli's raw text without its last line feed. */
  async cli(...args) {
    const env = { PATH: process.env.PATH, ...(this.password ? { REDISCLI_AUTH: this.password } : {}) };
    const all = ['-h', '127.0.0.1', '-p', this.port, '--raw', ...args].map(String);
    const { status, stdout, stderr } = await runProgram('redis-cli', all, { env });
    if (status !== 0 || /^(ERR|WRONGTYPE|NOAUTH) /.test(stdout)) throw new Error(`redis-cli: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  }

  /** Listen to channels by pattern; stop() gives what was heard: [{channel, message}]. */
  async subscribe(pattern) {
    const env = { PATH: process.env.PATH, ...(this.password ? { REDISCLI_AUTH: this.password } : {}) };
    const child = start('redis-cli', ['-p', String(this.port), '--raw', 'PSUBSCRIBE', pattern], { env });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
    await waitFor(() => text.startsWith('psubscribe\n'), { what: 'the subscription' });
    const stop = async () => {
      const last = pattern.replaceAll('*', 'the last one'); // what was published before it has come when it comes
      await this.cli('PUBLISH', last, 'the end');
      await waitFor(() => text.endsWith(`${last}\nthe end\n`), { what: 'the last message' });
      await endProcess(child, 'SIGTERM', 2000);
      const lines = text.split('\n');
      const all = lines.flatMap((line, i) => (line === 'pmessage' ? [{ channel: lines[i + 2], message: lines[i + 3] }] : []));
      return all.slice(0, -1);
    };
    return { stop };
  }

  stop() {
    return endProcess(this.process, 'SIGTERM');
  }

  kill() {
    return endProcess(this.process, 'SIGKILL');
  }

  /** Dead and back at the same port, everything forgotten. */
  async restartEmpty() {
    await this.kill();
    await this.launch();
  }
}

function answers(port) {
  const socket = createConnection({ port, host: '127.0.0.1' });
  return new Promise((resolve) => {
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.setTimeout(500, () => socket.destroy());
  }).finally(() => socket.destroy());
}

/** A Redis server of one's own, on a free port unless one is given, that keeps nothing on disk. */
export async function startRedis({ port, password } = {}) {
  const directory = makeDirectory('redis');
  const redis = new Redis(directory, port ?? (await freePort()), password);
  await redis.launch();
  onEnd(() => redis.kill());
  return redis;
}
