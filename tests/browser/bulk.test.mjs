// Bulk changes on the page: chosen, seen first, applied, taken back; refusals that lead on; files out and in.
import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeWorkplace, startServer } from '../integration/support/hubport.mjs';
import { cleanUp, cleanUpAfter } from '../integration/support/processes.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';
import { assertAccessible } from './support/access.mjs';
import { openBrowser, textThatFits } from './support/browser.mjs';

const TOKEN = 'token of the bulk tests';
let postgres, redis, server;

before(async () => {
  postgres = await startPostgres();
  redis = await startRedis();
  await postgres.createDatabase('hub');
  server = await startServer({ env: { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN } });
  await postgres.sql('hub', `
    INSERT INTO users (name, tags) SELECT 'user ' || n, CASE n % 2 WHEN 0 THEN '["even"]'::jsonb ELSE '["odd"]' END FROM generate_series(1, 300) n;
    INSERT INTO keys (user_id, key, name, limit_daily_usd) SELECT n, 'sk-secret-' || n, 'key ' || n, n % 3 FROM generate_series(1, 300) n;
    INSERT INTO providers (name, url, key, provider_type) SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-' || n, 'claude' FROM generate_series(1, 30) n`);
});
after(() => cleanUp());

const value = (sql) => postgres.value('hub', sql);

async function open(t, path) {
  cleanUpAfter(t);
  const browser = await openBrowser();
  const { page } = browser;
  await page.goto(`${server.url}/sign-in?from=${encodeURIComponent(path)}`);
  await page.fill('input[type=password]', TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('.ant-table-row').first().waitFor();
  return browser;
}
const turnOn = (page, field) => page.locator(`[data-field=${field}] .field-name button[role=switch]`).click();
const row = (page, name) => page.locator('.ant-table-row', { hasText: new RegExp(`^${name}#`) });

test('300 keys are chosen, one is left out of the preview, the others change, and one click takes it back', async (t) => {
  const { page, faults } = await open(t, '/keys');
  await page.getByRole('button', { name: 'Select all 300 that fit' }).click();
  await textThatFits(page, '.selection strong', /300 selected/);
  await page.getByTestId('edit').click();
  await textThatFits(page, '[data-field=limitDailyUsd] .now', /Mixed \(3 values\)/);
  await turnOn(page, 'limitDailyUsd');
  await assertAccessible(page, 'the drawer of changes');
  await page.locator('[data-field=limitDailyUsd] input.ant-input').fill('12.5');
  await page.getByTestId('batch-preview').click();
  await page.getByTestId('batch-apply').filter({ hasText: 'Apply to 300' }).waitFor();
  await assertAccessible(page, 'the preview');
  await page.getByRole('checkbox', { name: 'Include key 2 #2' }).uncheck();
  await page.getByTestId('batch-apply').filter({ hasText: 'Apply to 299' }).click();
  await textThatFits(page, '.ant-notification-notice', /299 changed/);
  assert.equal(await value(`SELECT count(*) || ' ' || (SELECT limit_daily_usd FROM keys WHERE id = 2) FROM keys WHERE limit_daily_usd = 12.5`), '299 2.00');
  await page.getByTestId('undo').click();
  await textThatFits(page, '.ant-message-notice', /299 are as they were/);
  assert.equal(await value('SELECT count(*) FROM keys WHERE limit_daily_usd = id % 3'), '300');
  await page.getByTestId('operations').click();
  await page.locator('.ant-drawer .ant-table-row', { hasText: 'Undone' }).waitFor();
  await assertAccessible(page, 'the recent changes');
  assert.deepEqual(faults, []);
});

test('the last key of a user cannot be disabled; the refusal leads to the user\'s keys', async (t) => {
  const { page } = await open(t, '/keys?search=key%207');
  await row(page, 'key 7').getByRole('checkbox').check();
  await page.getByTestId('edit').click();
  await turnOn(page, 'isEnabled');
  await page.locator('[data-field=isEnabled] > button[role=switch]').click(); // off
  await page.getByTestId('batch-preview').click();
  await textThatFits(page, '.ant-drawer [role=alert]', /CANNOT_DISABLE_LAST_KEY/);
  await page.locator('.ant-drawer [role=alert]').getByRole('link', { name: 'user 7' }).click();
  await page.waitForURL('**/keys?user=7');
  assert.equal(await value('SELECT count(*) FROM keys WHERE NOT is_enabled'), '0');
});

test('tags are added to what each user has; rows that somebody changed meanwhile are named, and seen again', async (t) => {
  const { page } = await open(t, '/users');
  for (const name of ['user 1', 'user 2']) await row(page, name).getByRole('checkbox').check();
  await page.getByTestId('edit').click();
  await turnOn(page, 'tags');
  await page.locator('[data-field=tags] .modes').getByText('Add').click();
  await page.locator('[data-field=tags] textarea').fill('new');
  await page.getByTestId('batch-preview').click();
  await page.locator('.ant-drawer').getByText('odd, new').waitFor();
  await postgres.sql('hub', `UPDATE users SET tags = '["other"]' WHERE id = 2`);
  await page.getByTestId('batch-apply').click();
  await textThatFits(page, '.ant-drawer [role=alert]', /PREVIEW_STALE/);
  await page.locator('.ant-drawer [role=alert]').getByText('user 2 #2 · tags: even → other').waitFor();
  await page.getByRole('button', { name: 'Preview again' }).click();
  await page.locator('.ant-drawer').getByText('other, new').waitFor();
  await page.getByTestId('batch-apply').click();
  await textThatFits(page, '.ant-notification-notice', /2 changed/);
  assert.equal(await value(`SELECT string_agg(tags::text, ' ' ORDER BY id) FROM users WHERE id < 3`), '["odd", "new"] ["other", "new"]');
});

test('providers are deleted after a question whose default is to cancel, and come back', async (t) => {
  const { page } = await open(t, '/providers');
  for (const name of ['provider 3', 'provider 4']) await row(page, name).getByRole('checkbox').check();
  await page.getByTestId('delete').click();
  await page.locator('.ant-popconfirm .ant-btn-primary').filter({ hasText: 'Cancel' }).waitFor();
  await page.locator('.ant-popconfirm').getByRole('button', { name: 'Delete' }).click();
  await textThatFits(page, '.ant-notification-notice', /2 providers are deleted/);
  assert.equal(await value('SELECT count(*) FROM providers WHERE deleted_at IS NULL'), '28');
  await page.getByTestId('undo').click();
  await textThatFits(page, '.ant-message-notice', /2 are as they were/);
  assert.equal(await value('SELECT count(*) FROM providers WHERE deleted_at IS NULL'), '30');
});

test('the others are chosen by one click, and shift chooses a range', async (t) => {
  const { page } = await open(t, '/providers');
  await row(page, 'provider 2').getByRole('checkbox').check();
  await row(page, 'provider 6').getByRole('checkbox').click({ modifiers: ['Shift'] });
  await textThatFits(page, '.selection strong', /5 selected/);
  await page.getByRole('button', { name: 'Invert' }).click();
  await textThatFits(page, '.selection strong', /25 selected/);
});

test('a CSV goes out, is edited, shows exactly the edited cells, and goes in; a broken one says its lines', async (t) => {
  const { page } = await open(t, '/users?search=user%2010');
  await page.getByTestId('export').hover();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: /^CSV/ }).getByRole('link').click()]);
  const path = join(makeWorkplace(), 'users.csv');
  await file.saveAs(path);
  const text = readFileSync(path, 'utf8');
  assert.equal(text.split('\r\n').length, 13, 'user 10 and 100 to 109, the header, the end');
  writeFileSync(path, text.replace('"user 104","","even"', '"user 104","edited","even"'));
  await page.getByTestId('file').click();
  await page.locator('.ant-drawer input[type=file]').setInputFiles(path);
  await page.locator('.ant-drawer').getByText('Rows in the file: 11; that change: 1; cells: 1').waitFor();
  await page.locator('.ant-drawer .ant-table-row', { hasText: /user 104 #104Note.*edited/ }).waitFor();
  await assertAccessible(page, 'the cells of a file');
  await page.getByTestId('file-apply').click();
  await textThatFits(page, '.ant-notification-notice', /1 changed/);
  assert.equal(await value('SELECT description FROM users WHERE id = 104'), 'edited');
  writeFileSync(path, 'id,rpm\r\n1,-5\r\n999,5\r\n');
  await page.getByTestId('file').click();
  await page.locator('.ant-drawer input[type=file]').setInputFiles(path);
  await textThatFits(page, '.ant-drawer [role=alert]', /line 2: rpm must be at least 0[^]*line 3: id 999 does not exist/);
  await assertAccessible(page, 'the refusal of a file');
});

test('lists are filtered and sorted by the server, and the address says how', async (t) => {
  const { page } = await open(t, '/providers');
  for (const sort of ['weight', '-weight']) {
    await Promise.all([page.waitForResponse((answer) => answer.url().includes(`sort=${sort}`)), page.getByRole('columnheader', { name: 'Weight' }).click()]);
    await page.waitForURL(`**/providers?sort=${sort}`);
    await page.waitForFunction(() => document.querySelector('.ant-table-wrapper .ant-spin-spinning') === null); // it takes no click meanwhile
  }
  await postgres.sql('hub', `UPDATE providers SET provider_type = 'codex', group_tag = 'special' WHERE id = 17`);
  await page.getByRole('combobox', { name: 'Type' }).click();
  await page.locator('.ant-select-item-option', { hasText: 'codex' }).click();
  await page.waitForURL('**/providers?sort=-weight&type=codex');
  await page.waitForFunction(() => document.querySelectorAll('.ant-table-row').length === 1);
  await row(page, 'provider 17').waitFor();
  await page.goto(`${server.url}/providers?group=special`);
  await row(page, 'provider 17').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Group' }).inputValue(), 'special');
});

test('thousands are one list: only what is in the window is drawn, the last one is reached, all of them are chosen by the box', async (t) => {
  await postgres.sql('hub', `INSERT INTO users (name) SELECT 'many ' || to_char(n, 'FM0000') FROM generate_series(1, 1234) n`);
  const { page, faults } = await open(t, '/users?size=5000&search=many+&sort=name');
  await textThatFits(page, '.ant-pagination-total-text', /1,234/);
  assert.ok(await page.locator('.ant-table-row').count() < 100);
  await row(page, 'many 0001').waitFor();
  await page.locator('.ant-table-tbody-virtual-holder').hover();
  for (let i = 0; i < 50 && (await row(page, 'many 1234').count()) === 0; i++) { // heights are known once drawn
    await page.mouse.wheel(0, 100_000);
    await page.waitForTimeout(100);
  }
  await row(page, 'many 1234').waitFor();
  assert.equal(await row(page, 'many 0001').count(), 0);
  await page.locator('.ant-table-thead input[type=checkbox]').check();
  await textThatFits(page, '.selection strong', /1,234 selected/);
  assert.deepEqual(faults, []);
});
