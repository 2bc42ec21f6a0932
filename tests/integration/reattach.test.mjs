// An import that was sent with reattach=N outlives its connection by N seconds; without it, it ends with it.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoLeftovers, startServer } from './support/hubport.mjs';
import { EventStream } from './support/client.mjs';
import { checksum, fill } from './support/data.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres } from './support/servers.mjs';

const IMPORT = '/api/admin/database/import';
let postgres, server, client, archive, original, changed;

const live = () => checksum(postgres, 'hub');

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  await postgres.createDatabase('hub', { owner: 'hub' });
  server = await startServer({ env: { DSN: postgres.dsn('hub', { user: 'hub' }), ADMIN_TOKEN: 'token of these tests' } });
  client = server.client();
  await fill(postgres, 'hub', { user: 'hub', requests: 20_000 });
  archive = { bytes: (await client.get('/api/admin/database/export')).body, name: 'hub.dump' };
  original = await live();
  await postgres.sql('hub', `UPDATE users SET name = 'changed ' || id`, { user: 'hub' });
  changed = await live();
});
after(() => cleanUp());

/** Send the import; its stream and number, once the restore runs. */
async function begin(fields) {
  const stream = await client.uploadForEvents(IMPORT, { cleanFirst: 'true', ...fields }, archive);
  const { data: { jobId } } = await stream.until((event) => event.jobId !== undefined);
  await stream.until((event) => event.phase === 'restore');
  return { stream, id: jobId };
}

async function follow(id, { after: last, using = client } = {}) {
  const { request, response } =
    await using.open('GET', `${IMPORT}/${id}/events`, { headers: last === undefined ? {} : { 'last-event-id': String(last) } });
  assert.equal(response.statusCode, 200);
  return new EventStream(request, response);
}

const all = async (stream) => (await stream.collect()).events;

test('whoever comes back in time gets all events, also those that he missed, and the import is done', async () => {
  const { stream, id } = await begin({ reattach: '20' });
  assert.match(id, /^[a-z0-9]{24}$/);
  stream.leave();
  await sleep(300);
  const events = await all(await follow(id));
  assert.equal(events[0].jobId, id);
  assert.equal(events.at(-1).type, 'complete');
  assert.deepEqual(await live(), original);
  const rest = await all(await follow(id, { after: events.length - 1 }));
  assert.deepEqual(rest, [events.at(-1)], 'Last-Event-ID: only what came after it');
  await client.post('/api/admin/database/rollback', {});
  assert.deepEqual(await live(), changed);
});

test('when nobody comes back the import is cancelled and nothing is changed', async () => {
  const { stream, id } = await begin({ reattach: '1' });
  stream.leave();
  const isFree = async () => (await client.json('/api/admin/database/status')).lock === null;
  await waitFor(isFree, { what: 'the end of the import' }); // to follow it would keep it alive
  assert.equal((await all(await follow(id))).at(-1).code, 'CANCELLED');
  assert.deepEqual(await live(), changed);
  await assertNoLeftovers({ server, postgres }, 5000);
});

test('a cancel ends it at once, whoever is connected', async () => {
  const { stream, id } = await begin({ reattach: '100' });
  assert.equal((await client.post(`${IMPORT}/${id}:cancel`)).status, 200);
  const { data: last } = await stream.until(({ type }) => type === 'error' || type === 'complete');
  assert.deepEqual([last.code, last.changed], ['CANCELLED', false]);
  assert.deepEqual(await live(), changed);
});

test('a number that is not one\'s own, or wrong, is 404; a wrong wish to come back is 400', async () => {
  for (const path of [`${IMPORT}/nothing/events`, `${IMPORT}/aaaaaaaaaaaaaaaaaaaaaaaa/events`])
    assert.equal((await client.get(path)).status, 404);
  assert.equal((await client.post(`${IMPORT}/nothing:cancel`)).status, 404);
  assert.equal((await server.client({}).get(`${IMPORT}/nothing/events`)).status, 401);
  const answer = await client.upload(IMPORT, { cleanFirst: 'true', reattach: '-1' }, archive);
  assert.equal(answer.status, 400);
  assert.match(answer.json.details, /reattach/);
});

test('a stop of the server cancels it without waiting for anybody', async () => {
  const { stream } = await begin({ reattach: '100' });
  stream.leave();
  await server.stop();
  assert.deepEqual(await live(), changed);
  await assertNoLeftovers({ server, postgres }, 5000);
});
