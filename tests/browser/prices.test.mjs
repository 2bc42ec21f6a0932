// The price table on the page: an upload with conflicts that are ticked one by one; a session that is lost in the middle.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeWorkplace, startServer } from '../integration/support/hubport.mjs';
import { cleanUp, cleanUpAfter } from '../integration/support/processes.mjs';
import { startPostgres } from '../integration/support/servers.mjs';
import { assertAccessible } from './support/access.mjs';
import { openBrowser, textThatFits } from './support/browser.mjs';

const TOKEN = 'token of the price page tests';
let postgres, server, client;

before(async () => {
  postgres = await startPostgres();
  await postgres.createDatabase('hub');
  server = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN } });
  client = server.client();
});
after(() => cleanUp());

const model = (input) => ({ mode: 'chat', litellm_provider: 'openai', input_cost_per_token: input, output_cost_per_token: 0.00001 });
const signIn = async (page) => {
  await page.fill('input[type=password]', TOKEN);
  await page.keyboard.press('Enter');
};
const inForce = (name) => postgres.value('hub', `SELECT source || ' ' || (price_data ->> 'input_cost_per_token') FROM model_prices
  WHERE model_name = '${name}' ORDER BY (source = 'manual') DESC, created_at DESC, id DESC LIMIT 1`);

test('an upload shows old and new, keeps prices set by hand unless they are ticked, and says what was not taken', async (t) => {
  cleanUpAfter(t);
  await client.post('/api/v1/model-prices:upload', { content: JSON.stringify({ plain: model(0.000001) }) });
  for (const name of ['by-hand-1', 'by-hand-2'])
    assert.equal((await client.send('PUT', `/api/v1/model-prices/${name}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ modelName: name, mode: 'chat', inputCostPerToken: 0.000005, outputCostPerToken: 0.00001 }) })).status, 200);
  const path = join(makeWorkplace(), 'prices.json');
  writeFileSync(path, JSON.stringify({ plain: model(0.000002), 'by-hand-1': model(0.000007), 'by-hand-2': model(0.000008), new: model(0.000003), broken: { mode: 'chat', input_cost_per_token: -1 } }));

  const { page, faults } = await openBrowser();
  await page.goto(`${server.url}/sign-in?from=%2Fprices`);
  await signIn(page);
  await page.getByTestId('upload').click();
  await page.locator('.ant-modal input[type=file]').setInputFiles(path);
  const conflict = page.locator('.ant-modal .ant-table-row', { hasText: 'by-hand-1' });
  assert.match((await conflict.innerText()).replace(/\s+/g, ' '), /input_cost_per_token 5 → 7 \+40(\.0+)?%/);
  await page.locator('.ant-modal .ant-table-row', { hasText: /plain.*input_cost_per_token/ }).filter({ hasText: '+100%' }).waitFor();
  await conflict.getByRole('checkbox').check();
  await page.locator('.ant-modal').getByText(/Models that are refused \(1\)/).waitFor();
  await assertAccessible(page, 'the preview of a price table');
  await page.getByTestId('apply').click();
  await textThatFits(page, '.ant-message-notice', /Written: 1 added, 2 updated/);
  assert.deepEqual([await inForce('plain'), await inForce('by-hand-1'), await inForce('by-hand-2'), await inForce('new')],
    ['litellm 0.000002', 'litellm 0.000007', 'manual 0.000005', 'litellm 0.000003']);
  assert.equal(await postgres.value('hub', `SELECT count(*) FROM model_prices WHERE model_name = 'broken'`), '0');
  assert.deepEqual(faults, []);
});

test('a session that is lost in the middle of work leads to signing in, and back to where it was', async (t) => {
  cleanUpAfter(t);
  const { page } = await openBrowser();
  await page.goto(`${server.url}/sign-in?from=${encodeURIComponent('/prices?search=hand')}`);
  await signIn(page);
  await page.locator('.ant-table-row', { hasText: 'by-hand-2' }).waitFor();
  await page.getByRole('button', { name: 'Edit by-hand-2' }).click();
  await page.getByTestId('save-price').waitFor();
  await page.context().clearCookies();
  await page.getByTestId('save-price').click();
  await page.waitForURL(/\/sign-in\?from=%2Fprices%3F.*hand.*ended=1/);
  await page.getByText('The session has ended; sign in again').waitFor();
  await signIn(page);
  await page.waitForURL(/\/prices\?.*search=hand/);
  await page.locator('.ant-table-row', { hasText: 'by-hand-2' }).waitFor();
  assert.equal(await inForce('by-hand-2'), 'manual 0.000005');
});
