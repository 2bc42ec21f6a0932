// The page as an administrator uses it: the printed address, export, overwrite, going back.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checksum, fill } from '../integration/support/data.mjs';
import { assertNoLeftovers, mustRun, startServer } from '../integration/support/hubport.mjs';
import { cleanUp, cleanUpAfter, makeDirectory, runProgram } from '../integration/support/processes.mjs';
import { PG_BIN, startPostgres } from '../integration/support/servers.mjs';
import { openBrowser, textThatFits } from './support/browser.mjs';

let postgres, server, files;

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  files = makeDirectory('files');
});
after(() => cleanUp());

/** A server of its own for each test: the address that it prints signs in once. */
async function serve(t, database) {
  cleanUpAfter(t);
  await postgres.createDatabase(database, { owner: 'hub' });
  server = await startServer({ env: { DSN: postgres.dsn(database, { user: 'hub' }) } });
  await fill(postgres, database, { user: 'hub' });
  assert.ok(server.code, 'the address carries a code');
  return `${server.url}/#code=${server.code}`;
}

const live = (database) => checksum(postgres, database);

/** Choose the file, and confirm by the database's name. */
async function overwrite(page, path, database) {
  await page.setInputFiles('#file', path);
  await page.click('#import:enabled');
  await page.fill('#dialog-input', database.slice(0, -1));
  assert.ok(await page.locator('#dialog-go').isDisabled(), 'half a name confirms nothing');
  await page.fill('#dialog-input', database);
  await page.click('#dialog-go');
}

/** Record what the steps and the bar show, as it changes. */
function watchSteps(page) {
  return page.evaluate(() => {
    window.stepsSeen = [];
    new MutationObserver(() => {
      const step = document.querySelector('[aria-current=step] span:nth-of-type(2)')?.textContent;
      if (step !== undefined && window.stepsSeen.at(-1) !== step) window.stepsSeen.push(step);
    }).observe(document.getElementById('steps'), { childList: true, subtree: true });
  });
}

test('the printed address signs in; an export, its restore by overwrite and going back do what they say', async (t) => {
  const address = await serve(t, 'shop');
  const { page, faults } = await openBrowser();
  await page.goto(address);
  await textThatFits(page, '#facts', /shop/);
  assert.equal(new URL(page.url()).hash, '', 'the used code does not stay in the address');

  const original = await live('shop');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export:enabled')]);
  assert.equal(await download.failure(), null);
  assert.match(download.suggestedFilename(), /^backup_\d{4}-\d\d-\d\dT[\d-]+\.dump$/);
  const path = join(files, download.suggestedFilename());
  await download.saveAs(path);
  assert.equal(readFileSync(path).subarray(0, 5).toString(), 'PGDMP');
  const read = await runProgram(join(PG_BIN, 'pg_restore'), ['-f', '/dev/null', path]);
  assert.deepEqual([read.status, read.stderr], [0, ''], 'pg_restore reads the file to its end');

  await postgres.sql('shop', 'DELETE FROM keys WHERE id > 10; UPDATE users SET name = upper(name)', { user: 'hub' });
  const changed = await live('shop');
  assert.notDeepEqual(changed, original);
  await watchSteps(page);
  await overwrite(page, path, 'shop');
  const result = await textThatFits(page, '#import-result', /\S/);
  assert.match(result, /The restore is complete[^]*The backup's checksum agrees[^]*kept as shop_before_\d{8}T\d{6}/);
  const steps = await page.evaluate(() => window.stepsSeen);
  assert.ok(steps.includes('Restore'), `the steps are shown as they go: ${steps}`);
  const order = ['Upload', 'Verify', 'Restore', 'Check', 'Migrate', 'Switch'];
  assert.deepEqual(steps, order.filter((step) => steps.includes(step)), 'no step is shown twice or out of turn');
  assert.deepEqual(await live('shop'), original);

  await textThatFits(page, '#previous', /shop_before_/);
  assert.equal(await page.locator('#previous button').count(), 1);
  await page.click('#previous button:enabled');
  await page.click('#dialog-go');
  await textThatFits(page, '#previous-note', /previous database is back/);
  assert.deepEqual(await live('shop'), changed);

  await page.click('#sign-out');
  await page.locator('#sign-in-form').waitFor();
  assert.deepEqual(await page.context().cookies(), [], 'nothing of the session stays in the browser');
  assert.deepEqual(faults, []);
  await assertNoLeftovers({ server, postgres });
});

test('a file that the server refuses is told with its cause and code, and the data stays as it was', async (t) => {
  const address = await serve(t, 'bank');
  const { page, faults } = await openBrowser({ locale: 'zh-CN', viewport: { width: 390, height: 844 } });
  await page.goto(address);
  await textThatFits(page, '#facts', /bank/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export:enabled')]);
  const whole = readFileSync(await download.path());
  const path = join(files, 'cut.dump');
  writeFileSync(path, whole.subarray(0, Math.floor(whole.length * 0.8)));

  const original = await live('bank');
  await overwrite(page, path, 'bank');
  const result = await textThatFits(page, '#import-result', /\S/);
  assert.match(result, /恢复失败[^]*备份文件已损坏或不完整[^]*当前数据未受影响[^]*ARCHIVE_DAMAGED/);
  assert.match(await page.locator('.step.failed').innerText(), /校验\s+失败/);
  assert.deepEqual(await live('bank'), original);

  await page.click('#again');
  await page.locator('#import:enabled').waitFor();
  assert.deepEqual(faults, []);
  await assertNoLeftovers({ server, postgres });
});

test('a backup that can run code is listed with its text, and goes on once it is trusted', async (t) => {
  const address = await serve(t, 'stranger');
  await postgres.createDatabase('elsewhere', { owner: 'hub' });
  await mustRun(['migrate'], { env: { DSN: postgres.dsn('elsewhere', { user: 'hub' }) } });
  await postgres.sql('elsewhere', `CREATE FUNCTION public.greet() RETURNS text LANGUAGE sql AS 'SELECT ''from elsewhere'''`);
  const path = join(files, 'elsewhere.dump');
  await runProgram(join(PG_BIN, 'pg_dump'), ['-Fc', '-f', path, postgres.dsn('elsewhere')]);

  const { page, faults } = await openBrowser({ locale: 'en-US' });
  await page.goto(address);
  await textThatFits(page, '#facts', /stranger/);
  await overwrite(page, path, 'stranger');
  const result = await textThatFits(page, '#import-result', /\S/);
  assert.match(result, /can run code[^]*FUNCTION public\.greet\(\)/);
  await page.click('#import-result summary');
  assert.match(await page.locator('#import-result pre').innerText(), /from elsewhere/);
  await page.click('#import-result button.danger');
  assert.match(await page.locator('#dialog-text').innerText(), /Go on only if you trust/);
  await page.fill('#dialog-input', 'stranger');
  await page.click('#dialog-go');
  await textThatFits(page, '#import-result', /complete|done|restored/i);
  assert.equal(await postgres.value('stranger', 'SELECT public.greet()'), 'from elsewhere');
  assert.deepEqual(faults.filter((one) => !/status of 422/.test(one)), []); // the browser's own line about the refusal
  await assertNoLeftovers({ server, postgres });
});
