// The wall clock jumps by an hour, forwards and back, under the server (libfaketime; the monotonic clock goes on, as it does).
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RELEASE, assertNoLeftovers, makeWorkplace, startServer } from '../integration/support/hubport.mjs';
import { checksum, fill } from '../integration/support/data.mjs';
import { cleanUp, waitFor } from '../integration/support/processes.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';
import { PROMISE, proves } from './support/record.mjs';

const GROUP = 'Clock';
const EXPORT = '/api/admin/database/export';
const IMPORT = '/api/admin/database/import';
const LIBRARY = readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`).find(existsSync);
const unless = LIBRARY === undefined && 'libfaketime is not installed';
let postgres, redis, env, clock, server, client;

/** Seconds against the real time. */
const jump = (seconds) => writeFileSync(clock, `${seconds < 0 ? '' : '+'}${seconds}s\n`);

before(async () => {
  if (unless) return;
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  const directory = makeWorkplace();
  clock = join(directory, 'clock');
  jump(0);
  env = {
    DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: 'torture', HUBPORT_LOCK_TTL: '2s',
    LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  server = await startServer({ env, binary: RELEASE, directory });
  client = server.client();
  await fill(postgres, 'hub', { user: 'hub', requests: 2000 });
});
after(() => cleanUp());

proves(GROUP, 'A jump by an hour while an export holds the lock', { promise: 'The lock is kept, renewed and given back, the export is whole', unless }, async (round) => {
  for (const seconds of [3600, 0, -3600, 0]) {
    round();
    const session = postgres.session('hub');
    await session.run('BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE');
    const answer = client.get(EXPORT);
    await waitFor(() => server.children().some(({ command }) => /pg_dump/.test(command)), { what: 'pg_dump' });
    jump(seconds);
    await sleep(3000);
    assert.equal(await redis.cli('EXISTS', 'database:backup:lock'), '1');
    assert.equal((await client.get(EXPORT)).status, 409);
    await session.close();
    const { status, complete } = await answer;
    assert.deepEqual([status, complete], [200, true]);
    await assertNoLeftovers({ server, postgres, redis }, 2000);
  }
});

proves(GROUP, 'A jump by an hour in the middle of an overwrite', { promise: PROMISE.OLD_OR_NEW, unless }, async (round) => {
  const archive = { bytes: (await client.get(EXPORT)).body, name: 'hub.dump' };
  const newer = JSON.stringify(await checksum(postgres, 'hub'));
  for (const seconds of [3600, 0, -3600, 0]) {
    round();
    await postgres.sql('hub', 'DELETE FROM message_request WHERE id % 3 = 0');
    const stream = await client.uploadForEvents(IMPORT, { cleanFirst: 'true' }, archive);
    await stream.until((event) => event.phase === 'restore');
    jump(seconds);
    let last;
    for (;;) {
      const { value, done } = await stream.iterator.next();
      if (done) break;
      last = value.data;
    }
    assert.equal(last.type, 'complete', JSON.stringify(last));
    assert.ok(JSON.stringify(await checksum(postgres, 'hub')) === newer);
    await assertNoLeftovers({ server, postgres, redis }, 2000);
    assert.equal((await client.post('/api/admin/database/rollback', {})).status, 200, 'the previous database is still there');
  }
});

proves(GROUP, 'A jump by an hour under a session of the page', { promise: 'Nobody is let in for longer than granted by the clock, and after a jump back one signs in anew', unless }, async (round) => {
  const session = await client.login('torture');
  for (const seconds of [3600, 0, -3600, 0]) {
    round();
    jump(seconds);
    const { status } = await session.get('/api/admin/database/status');
    assert.equal(status, seconds < 0 ? 401 : 200, `${seconds} s`); // one that was begun in the future is not believed
    await client.login('torture');
  }
});
