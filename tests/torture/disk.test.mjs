// No room, no inodes, no right to write: for hubport's temporary files, and for PostgreSQL's cluster. Needs root, for mounts.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertNoLeftovers, startServer } from '../integration/support/hubport.mjs';
import { checksum, fill } from '../integration/support/data.mjs';
import { IS_ROOT, cleanUp, makeDirectory, onEnd } from '../integration/support/processes.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';
import { PROMISE, proves } from './support/record.mjs';

const GROUP = 'Disks';
const IMPORT = '/api/admin/database/import';

/** A small file system of its own, or why there is none. */
function mount(options) {
  const path = makeDirectory('disk');
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', path], { stdio: 'pipe' });
  onEnd(() => execFileSync('umount', ['-l', path]));
  chmodSync(path, 0o711);
  return path;
}

const unless = (() => {
  if (!IS_ROOT) return 'it needs root';
  try {
    const path = makeDirectory('try');
    execFileSync('mount', ['-t', 'tmpfs', 'none', path], { stdio: 'pipe' });
    execFileSync('umount', [path]);
    return false;
  } catch (error) {
    return `mounts are not allowed here (${String(error.stderr ?? error).trim().split('\n')[0]})`;
  }
})();

let postgres, redis, env, archive, older;
const content = (database = 'hub') => checksum(postgres, database).then(JSON.stringify);

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: 'torture' };
  const server = await startServer({ env });
  await fill(postgres, 'hub', { user: 'hub', requests: 3000 });
  archive = { bytes: (await server.client().get('/api/admin/database/export?compression=none')).body, name: 'hub.dump' };
  await postgres.sql('hub', 'DELETE FROM message_request WHERE id % 3 = 0');
  older = await content();
  await server.stop();
});
after(() => cleanUp());

async function attempt(client, fields) {
  const answer = await client.upload(IMPORT, fields, archive);
  if (answer.status !== 200) return { status: answer.status, ...answer.json };
  return JSON.parse(answer.text.trim().split('\n\n').filter((text) => text.startsWith('data: ')).at(-1).slice(6));
}

/** Refused with the code, nothing changed; and fine once `mend` was done. */
async function refusedUntil(tmp, code, mend, round) {
  const server = await startServer({ env: { ...env, HUBPORT_TMP_DIR: tmp } });
  const before = readdirSync(tmp).length;
  for (const fields of [{ cleanFirst: 'true' }, {}])
    for (let i = 0; i < 3; i++) {
      round();
      const outcome = await attempt(server.client(), fields);
      assert.match(outcome.code, code, JSON.stringify(outcome));
      assert.ok((await content()) === older);
      await assertNoLeftovers({ postgres, redis }, 2000);
      assert.equal(readdirSync(tmp).length, before);
    }
  assert.equal((await server.client().get('/api/admin/database/export')).status, 200, 'an export needs no room');
  mend();
  assert.equal((await attempt(server.client(), { dryRun: 'true', cleanFirst: 'true' })).type, 'complete');
  await server.stop();
}

proves(GROUP, 'No room for the upload', { promise: PROMISE.OLD, unless }, async (round) => {
  const tmp = mount('size=1m,mode=700');
  await refusedUntil(tmp, /^DISK_FULL$/, () => execFileSync('mount', ['-o', 'remount,size=200m', tmp]), round);
});

proves(GROUP, 'No inode for the upload', { promise: PROMISE.OLD, unless }, async (round) => {
  const tmp = mount('size=100m,nr_inodes=4,mode=700');
  for (const name of ['a', 'b', 'c']) writeFileSync(join(tmp, name), '');
  await refusedUntil(tmp, /^DISK_FULL$/, () => execFileSync('mount', ['-o', 'remount,nr_inodes=100', tmp]), round);
});

proves(GROUP, 'A file system for temporary files that became read-only', { promise: PROMISE.OLD, unless }, async (round) => {
  const tmp = mount('size=100m,mode=700');
  const server = await startServer({ env: { ...env, HUBPORT_TMP_DIR: tmp } });
  execFileSync('mount', ['-o', 'remount,ro', tmp]);
  for (const fields of [{ cleanFirst: 'true' }, {}]) {
    round();
    const outcome = await attempt(server.client(), fields);
    assert.ok(outcome.status >= 500, JSON.stringify(outcome));
    assert.match(outcome.details ?? '', /Read-only/);
  }
  assert.ok((await content()) === older);
  await server.stop();
});

/** Imports into a cluster with so many MB left on `disk`. `more`: of startPostgres(). */
async function importsWithLittleRoom(disk, more, rooms, round) {
  const small = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB',
    settings: { max_wal_size: '32MB', min_wal_size: '32MB', wal_level: 'minimal', max_wal_senders: '0' }, ...more });
  await small.createDatabase('hub', { owner: 'hub' });
  const server = await startServer({ env: { ...env, DSN: small.dsn('hub', { user: 'hub' }), REDIS_URL: undefined } });
  await fill(small, 'hub', { user: 'hub', requests: 300 });
  const before = JSON.stringify(await checksum(small, 'hub'));
  for (const [way, fields] of [['overwrite', { cleanFirst: 'true' }], ['merge', { acceptForeignParents: 'true' }]])
    for (const free of rooms[way]) {
      round();
      const ballast = join(disk, 'ballast');
      const available = Number(execFileSync('df', ['--output=avail', '-k', disk], { encoding: 'utf8' }).split('\n')[1]);
      execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=1k', `count=${Math.max(available - free * 1024, 0)}`], { stdio: 'pipe' });
      const outcome = await attempt(server.client(), fields).catch((error) => ({ code: String(error) }));
      execFileSync('rm', [ballast]);
      await small.ready(3000).catch(() => small.launch()); // without room for WAL it ends itself
      assert.notEqual(outcome.type, 'complete', `${way} with ${free} MB: ${JSON.stringify(outcome)}`);
      assert.ok(outcome.code, JSON.stringify(outcome));
      await assertNoLeftovers({ server, postgres: small }, 20_000);
      assert.ok(JSON.stringify(await checksum(small, 'hub')) === before, `${way} with ${free} MB`);
    }
  await server.stop();
}

proves(GROUP, 'PostgreSQL\'s disk full in the middle of an import', { promise: PROMISE.OLD, unless }, async (round) => {
  const keep = process.env.HUBPORT_TEST_TMP, disk = mount('size=190m,mode=711');
  process.env.HUBPORT_TEST_TMP = disk;
  const running = importsWithLittleRoom(disk, {}, { overwrite: [1, 4, 8, 12], merge: [1, 2, 3] }, round);
  if (keep === undefined) delete process.env.HUBPORT_TEST_TMP; // read when its first directory was made
  else process.env.HUBPORT_TEST_TMP = keep;
  await running;
});

proves(GROUP, 'The disk of PostgreSQL\'s WAL full in the middle of an import', { promise: PROMISE.OLD, unless }, async (round) => {
  const disk = mount('size=64m,mode=711'), wal = join(disk, 'wal');
  mkdirSync(wal);
  await importsWithLittleRoom(disk, { wal, settings: { wal_recycle: 'off', min_wal_size: '2MB', max_wal_size: '8MB' } }, { overwrite: [0, 1, 2, 3], merge: [0, 1, 2] }, round);
});
