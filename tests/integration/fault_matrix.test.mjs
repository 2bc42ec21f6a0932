// Every step of every operation (the fail points of src/base/failpoint.h), killed, failing, and left by its client in the
// middle: the database is old or new, nothing is left, the audit log and the answer tell the truth. `make test` runs
// the SAMPLE, HUBPORT_MATRIX=all everything.
import { strict as assert } from 'node:assert';
import { after, before } from 'node:test';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { SANITIZED, assertNoLeftovers, makeWorkplace, startServer } from './support/hubport.mjs';
import { checksum, fill, sha256 } from './support/data.mjs';
import { cleanUp, outputClosed, start, waitFor } from './support/processes.mjs';
import { startCutter } from './support/cutter.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';
import { PROMISE, proves } from '../torture/support/record.mjs';

const ALL = process.env.HUBPORT_MATRIX === 'all';
/** Where a mistake would cost most: around commits, and one of each kind. */
const SAMPLE = `export export.sealed kill, export export.copied error, switch switch.renamed kill, switch switch.committed kill,
  switch overwrite.restored sleep, switch overwrite.dressed error, in_place in_place.restored error, in_place in_place.restored kill,
  merge merge.sequences kill, merge merge.inserted sleep, rollback switch.renamed error, prices prices.written kill,
  batch batch.audited kill, batch batch.committed kill, migrate migrate.applied kill`.split(/,\s+/);

const TOKEN = 'token of the fault matrix';
const IMPORT = '/api/admin/database/import';
let postgres, redis, env, server, client, archive, older, newer, keptUsers, failFile;

/** [{name, meaning}] as the program lists them. */
const points = execFileSync(SANITIZED, { env: { HUBPORT_FAIL: 'list' }, encoding: 'utf8' }).trim().split('\n')
  .map((line) => line.split(' ')).map(([name, meaning]) => ({ name, meaning }));

const content = () => checksum(postgres, 'hub').then(JSON.stringify);
const sql = (text) => postgres.sql('hub', text);

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  const directory = makeWorkplace();
  failFile = join(directory, 'fail');
  env = { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN, HUBPORT_FAIL: `@${failFile}` };
  server = await startServer({ env, directory });
  client = server.client();
  await fill(postgres, 'hub', { user: 'hub', requests: 900 });
  archive = { bytes: (await client.get('/api/admin/database/export')).body, name: 'hub.dump' };
  newer = await content();
  await postgres.createDatabase('kept', { owner: 'hub', template: 'hub' }).catch(async () => {
    await server.stop(); // its pool's connections are the template's
    await postgres.createDatabase('kept', { owner: 'hub', template: 'hub' });
    server = await startServer({ env, directory });
    client = server.client();
  });
  keptUsers = await postgres.value('hub', `SELECT string_agg(format('(%s, %L::int, %L::timestamptz)', id, rpm_limit, updated_at), ', ')
    FROM users WHERE id <= 35`);
  await undoImport();
  older = await content();
});
after(() => cleanUp());

// ---- The operations ------------------------------------------------------------------------------------------------------

/** {outcome: 'done' | 'refused' | 'cut', changed} of an answer that may have been broken off. */
async function outcomeOf(answering) {
  const answer = await answering.catch(() => null);
  if (answer === null || !answer.complete) return { outcome: 'cut' };
  if (answer.status !== 200) return { outcome: 'refused', changed: false, answer: answer.text };
  return { outcome: 'done', answer };
}

async function importBy(fields, signal) {
  const result = await outcomeOf(client.upload(IMPORT, fields, archive, { signal }));
  if (result.outcome !== 'done') return result;
  const last = JSON.parse(result.answer.text.trim().split('\n\n').filter((text) => text.startsWith('data: ')).at(-1).slice(6));
  if (last.type === 'complete') return { outcome: 'done' };
  return last.type === 'error' ? { outcome: 'refused', changed: last.changed, answer: JSON.stringify(last) } : { outcome: 'cut' };
}

const undoImport = () => sql('DELETE FROM message_request WHERE id % 3 = 0');
const dropPrevious = async () => {
  for (const name of await postgres.databases()) if (name.includes('_before_')) await postgres.dropDatabase(name);
};

/** `audit`: the action type; `undo`: makes the new state the old one. */
const OPERATIONS = {
  export: {
    name: 'Export', steps: /^export\./, audit: 'database.export', readOnly: true,
    act: async (signal) => {
      const result = await outcomeOf(client.get('/api/admin/database/export', { signal }));
      if (result.outcome === 'done') assert.equal(result.answer.trailers['x-checksum-sha256'], sha256(result.answer.body));
      return result;
    },
  },
  switch: {
    name: 'Overwrite by a switch', steps: /^(import|overwrite|switch)\.|^migrate\.(begun|committed)/, audit: 'database.import',
    act: (signal) => importBy({ cleanFirst: 'true' }, signal),
    isNew: async () => (await content()) === newer,
    undo: async () => (await undoImport(), await dropPrevious()),
  },
  in_place: {
    name: 'Overwrite in place', steps: /^(import|in_place)\.|^migrate\.(begun|committed)/, audit: 'database.import',
    prepare: () => sql('ALTER ROLE hub NOCREATEDB'),
    restore: () => sql('ALTER ROLE hub CREATEDB'),
    act: (signal) => importBy({ cleanFirst: 'true' }, signal),
    isNew: async () => (await content()) === newer,
    undo: undoImport,
  },
  merge: {
    name: 'Merge', steps: /^(import|merge)\.|^migrate\.(begun|committed)/, audit: 'database.import',
    act: (signal) => importBy({}, signal),
    isNew: async () => (await content()) === newer,
    undo: undoImport,
  },
  rollback: {
    name: 'Rollback', steps: /^(rollback|switch)\./, audit: 'database.rollback',
    prepare: async () => {
      await dropPrevious();
      await postgres.createDatabase('hub_before_20260101T000000Z', { owner: 'hub', template: 'kept' });
      const comment = JSON.stringify({ since: Date.now(), until: Date.now() + 3600_000, pinned: false, comment: '' });
      await sql(`COMMENT ON DATABASE "hub_before_20260101T000000Z" IS 'hubport:${comment}'`);
    },
    act: (signal) => outcomeOf(client.post('/api/admin/database/rollback', {}, { signal })),
    isNew: async () => (await content()) === newer,
    undo: undoImport,
    restore: dropPrevious,
  },
  prices: {
    name: 'Price import', steps: /^prices\./, audit: 'model_price.bulk_upload',
    act: (signal) => {
      const content = JSON.stringify({ 'matrix-model': { mode: 'chat', input_cost_per_token: 0.001 } });
      return outcomeOf(client.post('/api/v1/model-prices:upload', { content }, { signal }));
    },
    isNew: async () => (await postgres.value('hub', `SELECT count(*) FROM model_prices WHERE model_name = 'matrix-model'`)) === '1',
    undo: () => sql(`DELETE FROM model_prices WHERE model_name = 'matrix-model'`),
  },
  batch: {
    name: 'Bulk change', steps: /^batch\./, audit: 'users.batch_update', atomicAudit: true,
    act: (signal) => {
      const userIds = Array.from({ length: 35 }, (_, i) => i + 1);
      return outcomeOf(client.post('/api/v1/users:batchUpdate', { userIds, updates: { rpm: 77 } }, { signal }));
    },
    isNew: async () => (await postgres.value('hub', 'SELECT count(*) FROM users WHERE id <= 35 AND rpm_limit = 77')) === '35',
    undo: () => sql(`UPDATE users u SET rpm_limit = k.rpm_limit, updated_at = k.updated_at
      FROM (VALUES ${keptUsers}) k (id, rpm_limit, updated_at) WHERE k.id = u.id`),
  },
};

// ---- One case ------------------------------------------------------------------------------------------------------------

const auditRows = (operation, since) => postgres.rows('hub',
  `SELECT action_type AS type, success FROM audit_log WHERE action_type = '${operation.audit}' AND created_at > '${since}' ORDER BY id`)
  .catch(() => []); // in the middle of a switch there is no such database

/** The state after: 'old' or 'new'; anything else fails. Puts the old one back. */
async function stateAfter(operation) {
  if ((await content()) === older) return 'old';
  assert.ok(!operation.readOnly && await operation.isNew(), 'the database is neither old nor new');
  await operation.undo();
  assert.ok((await content()) === older, 'besides what is new, the database differs');
  return 'new';
}

/** Start it, do what the action says, give {outcome, changed}. */
async function perform(operation, point, action) {
  const leave = new AbortController();
  writeFileSync(failFile, `${point.name}:${action}\n`);
  const seen = server.log('fail_point').length;
  const acting = operation.act(leave.signal);
  if (action === 'sleep') {
    await waitFor(() => server.log('fail_point').length > seen, { within: 20_000, what: `the step ${point.name}` });
    leave.abort();
  }
  const result = await acting;
  if (action === 'kill' && server.child.exitCode === null && server.child.signalCode === null)
    await Promise.race([server.child.ended, waitFor(() => false, { within: 3000 }).catch(() => {})]);
  rmSync(failFile);
  await waitFor(() => server.log('fail_point').length > seen, { within: 2000, what: `the step ${point.name} (${result.outcome} ${result.changed})` });
  if (action === 'kill') {
    assert.equal(server.child.signalCode, 'SIGKILL');
    server = await startServer({ env, directory: server.directory });
    client = server.client();
  }
  return result;
}

function checkOutcome(point, action, { outcome, changed, answer }, state) {
  if (action !== 'error') assert.equal(outcome, 'cut');
  else if (point.meaning !== 'fails') assert.equal(outcome, 'done');
  else if (point.name === 'export.sealed' || point.name === 'export.copied') assert.equal(outcome, 'cut', 'the body had begun');
  else assert.equal(outcome, 'refused');
  if (outcome === 'done') assert.equal(state, 'new');
  if (outcome === 'refused') assert.equal(state, changed ? 'new' : 'old', answer);
}

/** `rows`: the audit log's of this operation. */
function checkAudit(operation, point, action, outcome, state, rows) {
  if (action === 'kill') {
    assert.ok(rows.length <= 1, `${rows.length} rows of the audit log`);
    if (operation.atomicAudit) assert.equal(rows.length, state === 'new' ? 1 : 0, 'a row of the audit log, if it happened');
  } else {
    assert.equal(rows.length, 1, `${rows.length} rows of the audit log`);
  }
  if (rows.length === 0) return;
  if (outcome === 'done' || outcome === 'refused') assert.equal(rows[0].success, outcome === 'done', 'what the audit log says');
  else if (!operation.readOnly && point.name !== 'in_place.restored') assert.equal(rows[0].success, state === 'new', 'what the audit log says');
}

async function tryStep(operation, point, action) {
  const since = await postgres.value('hub', 'SELECT clock_timestamp()');
  const result = await perform(operation, point, action);
  // After a client that left: the operation's own end.
  if (action === 'sleep')
    await waitFor(async () => (await auditRows(operation, since)).length > 0, { within: 20_000, what: 'the row of the audit log' });
  await assertNoLeftovers({ server, postgres, redis }, 20_000);
  const rows = await auditRows(operation, since);
  const state = await stateAfter(operation);
  checkOutcome(point, action, result, operation.readOnly && result.outcome === 'done' ? 'new' : state);
  checkAudit(operation, point, action, result.outcome, state, rows);
}

// ---- The matrix ----------------------------------------------------------------------------------------------------------

const WORDS = { kill: 'killed', error: 'failing', sleep: 'left by its client' };

/** All that go wrong are told, not only the first. */
async function eachOf(steps, attempt) {
  const problems = [];
  for (const step of steps) await attempt(step).catch((error) => problems.push(`${step.name}: ${error.message}`));
  assert.deepEqual(problems, []);
}

function chosen(name, steps, action) {
  return points.filter((point) => steps.test(point.name)).filter((point) => ALL || SAMPLE.includes(`${name} ${point.name} ${action}`));
}

for (const [name, operation] of Object.entries(OPERATIONS))
  for (const action of Object.keys(WORDS)) {
    const steps = chosen(name, operation.steps, action);
    if (steps.length > 0)
      proves('Each step of each operation', `${operation.name} ${WORDS[action]} at each step`, { promise: PROMISE.OLD_OR_NEW }, async (round) => {
        try {
          await eachOf(steps, async (point) => {
            await operation.prepare?.();
            round();
            await tryStep(operation, point, action);
          });
        } finally {
          await operation.restore?.();
        }
      });
  }

// ---- The connection breaks at the COMMIT ---------------------------------------------------------------------------------

/** `marker`: what the connection has sent before, whose COMMIT is meant. */
const COMMITS = { switch: 'RENAME TO', merge: 'CREATE TEMPORARY TABLE', prices: 'hubport:prices', batch: 'lock_timeout = \'10s\'' };

for (const [words, cut, expected] of [
  ['before the server has it', { answer: false }, 'old'],
  ['before its answer arrives', { answer: true }, 'new'],
  ['before its answer arrives, and the server is away for a second', { answer: true, deafFor: 1000 }, 'new'],
].filter(([, { deafFor }]) => ALL || deafFor))
  proves('The connection to PostgreSQL breaks at the COMMIT', `A connection that breaks at the COMMIT, ${words}`, { promise: PROMISE.OLD_OR_NEW }, async (round) => {
    const cutter = await startCutter(postgres.port);
    const direct = client;
    const proxied = await startServer({ env: { ...env, DSN: env.DSN.replace(`:${postgres.port}/`, `:${cutter.port}/`) } });
    client = proxied.client();
    try {
      await eachOf(Object.entries(COMMITS).map(([name, marker]) => ({ name, marker })), async ({ name, marker }) => {
        round();
        const operation = OPERATIONS[name];
        const since = await postgres.value('hub', 'SELECT clock_timestamp()');
        cutter.arm(marker, cut);
        const { outcome, changed, answer } = await operation.act();
        assert.equal(await cutter.cuts(), Object.keys(COMMITS).indexOf(name) + 1);
        assert.equal(outcome, expected === 'new' ? 'done' : 'refused', answer);
        assert.ok(!changed);
        const rows = await auditRows(operation, since);
        assert.equal(await stateAfter(operation), expected);
        assert.deepEqual(rows.map(({ success }) => success), [expected === 'new']);
        await assertNoLeftovers({ server: proxied, postgres, redis }, 10_000);
      });
    } finally {
      client = direct;
      await proxied.stop();
    }
  });

// ---- Migration: a command on an empty database ---------------------------------------------------------------------------

const MIGRATE = /^migrate\./;

async function tryMigration(point, action) {
  await postgres.dropDatabase('fresh');
  await postgres.createDatabase('fresh', { owner: 'hub' });
  const fresh = { ...process.env, ...env, DSN: postgres.dsn('fresh', { user: 'hub' }), HUBPORT_FAIL: `${point.name}:${action}`, HUBPORT_LOG_LEVEL: 'error' };
  const child = start(SANITIZED, ['migrate'], { env: fresh, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (text) => (log += text));
  const closed = outputClosed(child);
  if (action === 'sleep') {
    await waitFor(() => log.includes('"fail_point"'), { what: `the step ${point.name}` });
    child.kill('SIGINT');
  }
  const { code, signal } = await child.ended;
  await closed();
  assert.match(log, /"fail_point"/);
  await waitFor(async () => (await postgres.value('postgres', `SELECT count(*) FROM pg_stat_activity WHERE datname = 'fresh'`)) === '0',
    { what: 'the end of the connection' });
  const [[schema, tables]] = await postgres.sql('fresh', `SELECT to_regnamespace('hubport') IS NOT NULL,
    count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`);
  const state = schema === 't' && Number(tables) > 10 ? 'new' : schema === 'f' && tables === '0' ? 'old' : `${schema} ${tables}`;
  if (action === 'kill') assert.equal(signal, 'SIGKILL');
  if (code === 0) assert.equal(state, 'new');
  else if (action !== 'kill') assert.equal(state, 'old', `exit status ${code}`);
  else assert.equal(state, point.meaning === 'past' ? 'new' : 'old');
  if (action === 'error') assert.equal(code === 0, point.meaning === 'past');
}

for (const action of Object.keys(WORDS)) {
  const steps = chosen('migrate', MIGRATE, action);
  if (steps.length > 0)
    proves('Each step of each operation', `Migration ${WORDS[action]} at each step`, { promise: PROMISE.OLD_OR_NEW }, async (round) => {
      await eachOf(steps, (point) => (round(), tryMigration(point, action)));
    });
}

// ---- The table itself ----------------------------------------------------------------------------------------------------

proves('Each step of each operation', 'No step is in no operation\'s list', { promise: 'The matrix covers the whole table' }, () => {
  const lists = [...Object.values(OPERATIONS).map(({ steps }) => steps), MIGRATE];
  assert.ok(points.length > 30);
  assert.deepEqual(points.filter(({ name }) => !lists.some((steps) => steps.test(name))), []);
  for (const sample of SAMPLE) assert.ok(points.some(({ name }) => name === sample.split(' ')[1]), sample);
  assert.equal(existsSync(failFile), false);
});
