// With no configuration: a private PostgreSQL, a token of its own, an address that signs in once.
import { strict as assert } from 'node:assert';
import { after, test } from 'node:test';
import { chmodSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { RELEASE, SANITIZED, makeWorkplace, mustRun, run, startServer } from './support/hubport.mjs';
import { IS_ROOT, cleanUp, cleanUpAfter, isAlive, makeDirectory, waitFor } from './support/processes.mjs';

after(() => cleanUp());

const STATUS = '/api/admin/database/status';
const postmaster = (server) => server.children().find(({ command }) => /postgres -D/.test(command));

test('a first start makes a cluster and an address that signs in exactly once', async (t) => {
  cleanUpAfter(t);
  const server = await startServer();
  assert.match(server.code, /^[a-z0-9]{32}$/);
  const signedIn = await server.client({}).login(server.code);
  const status = await signedIn.json(STATUS);
  assert.deepEqual([status.isAvailable, status.databaseName, status.tableCount], [true, 'hubport', 12]);
  assert.match(status.postgresVersion, /^\d+\.\d+/);
  assert.equal((await server.client({}).post('/api/auth/login', { key: server.code })).status, 401);
});

test('the token is made once, readable by its owner only, and signs in again', async (t) => {
  cleanUpAfter(t);
  const server = await startServer();
  const path = join(server.env.HUBPORT_DATA_DIR, 'admin_token');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const token = readFileSync(path, 'utf8').trim();
  assert.equal((await server.client({ token }).get(STATUS)).status, 200);
  await server.stop();
  const next = await startServer({ directory: server.directory });
  assert.equal(readFileSync(path, 'utf8').trim(), token);
  assert.notEqual(next.code, server.code);
  assert.ok(!server.stderr.includes(token) && !server.stdout.includes(token));
});

test('the cluster listens on a socket only, that nobody else can reach', async (t) => {
  cleanUpAfter(t);
  const server = await startServer();
  const run_directory = join(server.env.HUBPORT_DATA_DIR, 'run');
  assert.equal(statSync(run_directory).mode & 0o777, 0o700);
  const { pid } = postmaster(server);
  const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  const inodes = sockets.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
  const tcp = ['tcp', 'tcp6'].flatMap((kind) => readFileSync(`/proc/${pid}/net/${kind}`, 'utf8').split('\n').slice(1));
  const listening = tcp.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === '0A');
  assert.ok(inodes.length > 0);
  assert.deepEqual(listening.filter((fields) => inodes.includes(fields[9])), []);
});

test('a stop ends the cluster; after kill -9 it ends too and the next start recovers it', async (t) => {
  cleanUpAfter(t);
  let server = await startServer({ args: ['--demo'] });
  const client = server.client({ token: readFileSync(join(server.env.HUBPORT_DATA_DIR, 'admin_token'), 'utf8').trim() });
  const before = (await client.json(STATUS)).databaseBytes;
  const { pid } = postmaster(server);
  await server.kill('SIGKILL');
  server = await startServer({ directory: server.directory });
  assert.ok(!isAlive(pid));
  const again = server.client({ token: client.token });
  assert.ok(Math.abs((await again.json(STATUS)).databaseBytes - before) < before / 2);
  const last = postmaster(server);
  await server.stop();
  await waitFor(() => !isAlive(last.pid), { within: 2000 });
});

test('the demo fills an empty database once', async (t) => {
  cleanUpAfter(t);
  const server = await startServer({ args: ['--demo'] });
  const token = readFileSync(join(server.env.HUBPORT_DATA_DIR, 'admin_token'), 'utf8').trim();
  const first = await server.client({ token }).get('/api/admin/database/export');
  assert.ok(first.body.length > 500_000);
  await server.stop();
  const again = await startServer({ args: ['--demo'], directory: server.directory });
  await again.logged('demo.skipped');
});

test('an export comes back by an import, with the private cluster\'s plain role', async (t) => {
  cleanUpAfter(t);
  const server = await startServer({ args: ['--demo'] });
  const client = server.client({ token: readFileSync(join(server.env.HUBPORT_DATA_DIR, 'admin_token'), 'utf8').trim() });
  const { body } = await client.get('/api/admin/database/export');
  const stream = await client.uploadForEvents('/api/admin/database/import', { cleanFirst: 'true' }, { bytes: body, name: 'x.dump' });
  const { last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.match(last.previous, /^hubport_before_/);
});

test('commands work on the private cluster beside a running server, and without one', async (t) => {
  cleanUpAfter(t);
  const server = await startServer();
  const beside = JSON.parse(await mustRun(['status', '--json'], { directory: server.directory }));
  assert.equal(beside.isAvailable, true);
  await server.stop();
  const alone = JSON.parse(await mustRun(['status', '--json'], { directory: server.directory }));
  assert.equal(alone.databaseName, 'hubport');
});

test('a second server on the same data directory is refused clearly', async (t) => {
  cleanUpAfter(t);
  const server = await startServer();
  const { status, stderr } = await run(['serve', '--listen', '127.0.0.1:0'], { directory: server.directory });
  assert.equal(status, 4);
  assert.match(stderr, /already uses the data directory/);
});

test('as root, a data directory that the postgres user cannot reach is told as such', { skip: !IS_ROOT && 'needs root' }, async () => {
  const directory = makeWorkplace();
  chmodSync(directory, 0o700);
  const { status, stderr } = await run(['status'], { directory });
  assert.equal(status, 1);
  assert.match(stderr, /the user postgres cannot enter .*HUBPORT_DATA_DIR/);
});

/** A directory for the socket of a data directory whose own path cannot be a socket's. */
const isOurs = (name) => /^hubport-\d+-/.test(name);
for (const name of ['long '.repeat(20).trim(), 'a b', 'it\'s', '"a"', 'a\\b', 'a,b', '@a'])
  test(`a data directory's path may be .../${name}`, async (t) => {
    cleanUpAfter(t);
    const before = readdirSync('/tmp').filter(isOurs);
    const directory = makeWorkplace();
    const status = JSON.parse(await mustRun(['status', '--json'], { directory, env: { HUBPORT_DATA_DIR: join(directory, name) } }));
    assert.equal(status.isAvailable, true);
    assert.deepEqual(readdirSync('/tmp').filter(isOurs), before, 'the socket\'s directory goes');
  });

test('libpq\'s variables of who starts it are not about the private cluster', async (t) => {
  cleanUpAfter(t);
  const directory = makeWorkplace();
  const path = join(directory, 'x.dump');
  const variables = { PGHOSTADDR: '127.0.0.1', PGSERVICE: 'nowhere', PGOPTIONS: '-c default_transaction_read_only=on',
    PGTARGETSESSIONATTRS: 'read-only', PGCHANNELBINDING: 'require', PGPASSWORD: 'x', PGDATESTYLE: 'German', PGTZ: 'Mars' };
  await mustRun(['migrate'], { directory, env: variables });
  await mustRun(['export', '-o', path], { directory, env: variables });
  await mustRun(['import', '--overwrite', path], { directory, env: variables });
});

/** A program that runs hubport as systemd runs it with MemoryDenyWriteExecute=yes, by PR_SET_MDWE. */
function confined() {
  const path = join(makeDirectory('confined'), 'hubport');
  const code = 'import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; os.execv(sys.argv[1], sys.argv[1:])';
  writeFileSync(path, `#!/bin/sh\nexec python3 -c '${code}' '${RELEASE}' "$@"\n`, { mode: 0o755 });
  return path;
}

const [major, minor] = release().split('.').map(Number);
const tooOld = (major < 6 || (major === 6 && minor < 3)) && 'needs Linux 6.3';

test('it works where no memory becomes a program, as in the systemd unit', { skip: tooOld }, async (t) => {
  cleanUpAfter(t);
  const server = await startServer({ args: ['--demo'], binary: confined() });
  const client = await server.client({}).login(server.code);
  const { body } = await client.get('/api/admin/database/export', { headers: { 'sec-fetch-site': 'same-origin' } });
  const stream = await client.uploadForEvents('/api/admin/database/import', { cleanFirst: 'true' }, { bytes: body, name: 'x.dump' },
    { headers: { 'sec-fetch-site': 'same-origin' } });
  const { last } = await stream.collect();
  assert.equal(last.type, 'complete', JSON.stringify(last));
});

test('standard streams that are closed do no harm: their numbers go to no file, connection or lock', async (t) => {
  cleanUpAfter(t);
  const directory = makeWorkplace();
  const closed = (streams, ...args) => run(['-c', `exec '${SANITIZED}' "$@" ${streams}`, 'sh', ...args], { directory, binary: '/bin/sh' });
  for (const streams of ['<&-', '>&-', '2>&-', '<&- >&- 2>&-']) {
    const path = join(directory, 'closed.dump');
    assert.equal((await closed(streams, 'export', '-o', path)).status, 0, streams);
    await mustRun(['verify', path], { directory });
  }
  assert.equal((await closed('>&-', 'export', '-o', '-')).status, 1, 'what nobody can read is no export');
});
