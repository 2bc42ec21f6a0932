// The server and its children, ended and stopped by signals at random moments of every operation.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoLeftovers, startServer } from '../integration/support/hubport.mjs';
import { checksum, fill } from '../integration/support/data.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';
import { PROMISE, proves } from './support/record.mjs';
import { random } from './support/random.mjs';

const ROUNDS = Number(process.env.HUBPORT_ROUNDS ?? 200);
const IMPORT = '/api/admin/database/import';
let postgres, redis, env, server, client, archive, older, newer;

const content = () => checksum(postgres, 'hub').then(JSON.stringify);
const undo = () => postgres.sql('hub', 'DELETE FROM message_request WHERE id % 3 = 0');

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: 'torture' };
  server = await startServer({ env });
  client = server.client();
  await fill(postgres, 'hub', { user: 'hub', requests: 3000 });
  archive = { bytes: (await client.get('/api/admin/database/export')).body, name: 'hub.dump' };
  newer = await content();
  await undo();
  older = await content();
});
after(() => cleanUp());

const upload = (fields) => async () => {
  const answer = await client.upload(IMPORT, fields, archive).catch(() => null);
  if (answer === null || !answer.complete) return { told: 'nothing' };
  if (answer.status !== 200) return { told: 'error' };
  const last = answer.text.trim().split('\n\n').filter((text) => text.startsWith('data: ')).at(-1);
  if (!last) return { told: 'nothing' };
  const event = JSON.parse(last.slice(6));
  return { told: event.type === 'progress' ? 'nothing' : event.type, changed: event.changed };
};
const OPERATIONS = {
  export: async () => {
    await client.get('/api/admin/database/export').catch(() => null);
    return { told: 'nothing' };
  },
  overwrite: upload({ cleanFirst: 'true' }),
  merge: upload({}),
};

function strike(target, signal) {
  const pids = target === 'server' ? [server.pid] : server.children().map(({ pid }) => pid);
  const pid = pids.length > 0 ? random.pick(pids) : server.pid;
  try {
    process.kill(pid, signal);
    if (signal === 'SIGSTOP') setTimeout(() => process.kill(pid, 'SIGCONT'), 300).unref();
  } catch {
    // it has ended meanwhile
  }
}

async function oneRound(i) {
  const [name, act] = random.pick(Object.entries(OPERATIONS));
  const target = random.pick(['server', 'child']), signal = random.pick(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGSTOP']);
  const wait = random.below(1200), what = `round ${i}: ${signal} to the ${target} ${wait} ms into the ${name}`;
  const acting = act();
  await sleep(wait);
  strike(target, signal);
  const { told, changed } = await acting;
  await Promise.race([server.child.ended, sleep(signal === 'SIGSTOP' || target === 'child' ? 350 : 12_000)]);
  if (server.child.exitCode !== null || server.child.signalCode !== null) {
    server = await startServer({ env, directory: server.directory });
    client = server.client();
  }
  const now = await content();
  assert.ok(now === older || now === newer, `${what}: neither old nor new`);
  if (told === 'complete') assert.ok(now === newer, `${what}: told complete, and it is old`);
  if (told === 'error') assert.ok(now === (changed ? newer : older), `${what}: told of an error, and it is new`);
  await assertNoLeftovers({ server, postgres, redis }, 70_000).catch((error) => assert.fail(`${what}: ${error.message}`));
  if (now === newer) await undo();
  for (const previous of await postgres.databases()) if (previous.includes('_before_')) await postgres.dropDatabase(previous);
}

proves('Signals', 'SIGTERM, SIGINT, SIGKILL, SIGSTOP of the server and its children at random moments of exports and imports',
  { promise: PROMISE.OLD_OR_NEW }, async (round) => {
    for (let i = 0; i < ROUNDS; i++) {
      round();
      await oneRound(i);
    }
    assert.ok((await content()) === older);
  });
