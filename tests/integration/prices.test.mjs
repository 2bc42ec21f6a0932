// Price tables: upload, preview, export, and the same by commands.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOP, startServer } from './support/hubport.mjs';
import { cleanUp } from './support/processes.mjs';
import { startPostgres } from './support/servers.mjs';

const TABLE = readFileSync(join(TOP, 'tests/data/litellm-prices.json'), 'utf8');
const MODELS = Object.keys(JSON.parse(TABLE)).filter((name) => name !== 'sample_spec');
const NO_MODE = Object.entries(JSON.parse(TABLE)).filter(([, price]) => !('mode' in price)).map(([name]) => name);

let postgres, server, client;
const sql = (text) => postgres.sql('hub', text);
const value = (text) => postgres.value('hub', text);
const counts = ({ added, updated, unchanged, failed, skippedConflicts, total }) =>
  [added.length, updated.length, unchanged.length, failed.length, skippedConflicts.length, total];

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  await postgres.createDatabase('hub', { owner: 'hub' });
  server = await startServer({ env: { DSN: postgres.dsn('hub', { user: 'hub' }), ADMIN_TOKEN: 'a token for prices' } });
  client = server.client();
});
after(() => cleanUp());

async function upload(content, more = {}) {
  const answer = await client.post('/api/v1/model-prices:upload', { content, ...more });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

test('a real table goes into an empty database, and is unchanged the second time', async () => {
  const first = await upload(TABLE);
  assert.deepEqual(counts(first), [MODELS.length - NO_MODE.length, 0, 0, NO_MODE.length, 0, MODELS.length]);
  assert.deepEqual(first.failed.map(({ model }) => model), NO_MODE.sort());
  const second = await upload(TABLE);
  assert.deepEqual(counts(second), [0, 0, MODELS.length - NO_MODE.length, NO_MODE.length, 0, MODELS.length]);
});
