// PostgreSQL breaks under an operation: stopped, its backends ended, no connection left, time limits.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoLeftovers, startServer } from '../integration/support/hubport.mjs';
import { checksum, fill } from '../integration/support/data.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';
import { PROMISE, proves } from './support/record.mjs';
import { random } from './support/random.mjs';

const GROUP = 'PostgreSQL';
const EXPORT = '/api/admin/database/export';
const IMPORT = '/api/admin/database/import';
let postgres, redis, env, server, client, archive, older, newer;

const content = () => checksum(postgres, 'hub').then(JSON.stringify);
const undo = () => postgres.sql('hub', 'DELETE FROM message_request WHERE id % 3 = 0');

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB', settings: { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' } });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: 'torture', HUBPORT_DB_LOCK_TIMEOUT: '1s' };
  server = await startServer({ env });
  client = server.client();
  await fill(postgres, 'hub', { user: 'hub', requests: 3000 });
  archive = { bytes: (await client.get(EXPORT)).body, name: 'hub.dump' };
  newer = await content();
  await undo();
  older = await content();
});
after(() => cleanUp());

/** The outcome in the answer's words: 'complete', an error's code, or 'cut'. */
async function importBy(fields) {
  const answer = await client.upload(IMPORT, fields, archive).catch(() => null);
  if (answer === null) return { code: 'cut' };
  if (answer.status !== 200) return answer.json;
  const last = answer.text.trim().split('\n\n').filter((text) => text.startsWith('data: ')).at(-1);
  const event = last && answer.complete ? JSON.parse(last.slice(6)) : { code: 'cut' };
  return event.type === 'complete' ? { code: 'complete' } : event.code ? event : { code: 'cut' };
}

const exportOnce = async () => {
  const answer = await client.get(EXPORT).catch(() => null);
  return { code: answer === null || !answer.complete ? 'cut' : answer.status === 200 ? 'complete' : answer.json.code, changed: false };
};
const batch = async () => {
  const answer = await client.post('/api/v1/users:batchUpdate', { userIds: [1, 2, 3], updates: { rpm: 1 + random.below(900) } }).catch(() => null);
  return { code: answer === null || !answer.complete ? 'cut' : answer.status === 200 ? 'complete' : answer.json.errorCode ?? answer.json.code };
};

const OPERATIONS = { 'an export': exportOnce, 'an overwrite': () => importBy({ cleanFirst: 'true' }), 'a merge': () => importBy({}) };

/** Old or new, as the answer said; then old again. */
async function assertHonest({ code, changed }, what) {
  const now = await content();
  assert.ok(now === older || now === newer, `${what}: neither old nor new (${code})`);
  if (code === 'complete' && what !== 'an export') assert.ok(now === newer, `${what}: told complete, and it is old`);
  if (code !== 'complete' && code !== 'cut' && code !== 'OUTCOME_UNKNOWN') assert.ok(now === (changed ? newer : older), `${what}: told ${code}, and it is new`);
  await assertNoLeftovers({ server, postgres, redis }, 70_000);
  if (now === newer) await undo();
  for (const name of await postgres.databases()) if (name.includes('_before_')) await postgres.dropDatabase(name);
  assert.ok((await content()) === older);
}

for (const [what, act] of Object.entries(OPERATIONS)) {
  proves(GROUP, `Stopped (-m immediate) and started in the middle of ${what}`, { promise: PROMISE.OLD_OR_NEW }, async (round) => {
    for (let i = 0; i < 10; i++) {
      round();
      const acting = act();
      await sleep(random.below(900));
      await postgres.stop();
      await sleep(random.below(300));
      await postgres.launch();
      await assertHonest(await acting, what);
    }
  });

  proves(GROUP, `All backends terminated in the middle of ${what}`, { promise: PROMISE.OLD_OR_NEW }, async (round) => {
    for (let i = 0; i < 15; i++) {
      round();
      const acting = act();
      await sleep(random.below(900));
      await postgres.sql('postgres', `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hub'`);
      await assertHonest(await acting, what);
    }
  });

  proves(GROUP, `No connection left in the middle of ${what}`, { promise: PROMISE.OLD_OR_NEW }, async (round) => {
    for (let i = 0; i < 5; i++) {
      round();
      await postgres.sql('postgres', 'ALTER ROLE hub CONNECTION LIMIT 60');
      const acting = act();
      await sleep(random.below(600));
      await postgres.sql('postgres', 'ALTER ROLE hub CONNECTION LIMIT 0');
      const outcome = await acting;
      await postgres.sql('postgres', 'ALTER ROLE hub CONNECTION LIMIT -1');
      await assertHonest(outcome, what);
    }
  });
}

proves(GROUP, 'Stopped in the middle of bulk changes', { promise: 'Answered complete: it happened; answered otherwise: it did not' }, async (round) => {
  for (let i = 0; i < 10; i++) {
    round();
    const limits = () => postgres.value('hub', 'SELECT string_agg(rpm_limit::text, chr(44) ORDER BY id) FROM users WHERE id <= 3');
    const count = () => postgres.value('hub', `SELECT count(*) FROM audit_log WHERE action_type = 'users.batch_update' AND success`);
    const before = await count();
    const acting = Promise.all(Array.from({ length: 20 }, batch));
    await sleep(random.below(150));
    await postgres.stop();
    await postgres.launch();
    const outcomes = await acting;
    const done = outcomes.filter(({ code }) => code === 'complete').length;
    const unknown = outcomes.filter(({ code }) => code === 'cut' || code === 'OUTCOME_UNKNOWN').length;
    const happened = Number(await count()) - Number(before);
    assert.ok(happened >= done && happened <= done + unknown, `${happened} happened, ${done} told done: ${JSON.stringify(outcomes)}`);
    assert.equal(new Set((await limits()).split(',')).size, 1, 'all rows of a batch, or none');
  }
});

proves(GROUP, 'A statement_timeout and a lock_timeout of 30 ms for the role', { promise: PROMISE.OLD_OR_NEW }, async (round) => {
  older = await content(); // with what the bulk changes left
  await postgres.sql('postgres', `ALTER ROLE hub SET statement_timeout = '30ms'; ALTER ROLE hub SET lock_timeout = '30ms'`);
  try {
    for (const act of Object.values(OPERATIONS)) {
      round();
      const { code } = await act();
      assert.notEqual(code, 'cut');
      const now = await content();
      assert.ok(code === 'complete' || now === older, code);
      older = now;
      await assertNoLeftovers({ server, postgres, redis }, 20_000);
    }
  } finally {
    await postgres.sql('postgres', 'ALTER ROLE hub RESET ALL');
  }
});
