// The page as an administrator uses it: the printed address, export, overwrite, going back.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { checksum, fill } from '../integration/support/data.mjs';
import { assertNoLeftovers, mustRun, startServer } from '../integration/support/hubport.mjs';
import { cleanUp, cleanUpAfter, makeDirectory, onEnd, runProgram, waitFor } from '../integration/support/processes.mjs';
import { PG_BIN, startPostgres } from '../integration/support/servers.mjs';
import { assertAccessible } from './support/access.mjs';
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

/** Choose the file, the way, and confirm by the database's name. */
async function overwrite(page, path, database) {
  await page.setInputFiles('input[type=file]', path);
  await page.getByRole('radio', { name: /^(Overwrite|覆盖)/ }).check();
  await page.click('[data-testid=import]:enabled');
  const confirm = page.locator('.ant-modal-footer .ant-btn-dangerous');
  await page.fill('[data-testid=confirm-name]', database.slice(0, -1));
  assert.ok(await confirm.isDisabled(), 'half a name confirms nothing');
  await page.fill('[data-testid=confirm-name]', database);
  await confirm.click();
}

/** Between browser and server: {url, holdUploads, held, cut, mend}. Held, only the beginning of an upload gets through. */
async function slowNetwork(port) {
  const PASSED = 100_000;
  const sockets = new Set();
  let holds = false, isCut = false, held = false;
  const proxy = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(port, '127.0.0.1');
    let passed = 0;
    sockets.add(near);
    near.on('data', (bytes) => {
      passed += bytes.length;
      if (!holds || passed < PASSED) return far.write(bytes);
      held = true;
      near.pause();
    });
    near.on('error', () => {}).on('close', () => far.destroy());
    far.on('data', (bytes) => near.write(bytes)).on('error', () => {}).on('close', () => near.destroy());
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onEnd(() => {
    sockets.forEach((socket) => socket.destroy());
    proxy.close();
  });
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    holdUploads: () => (holds = true),
    held: () => held,
    cut: () => {
      isCut = true;
      sockets.forEach((socket) => socket.destroy());
    },
    mend: () => (holds = isCut = false),
  };
}

/** Record which steps become the current one. */
function watchSteps(page) {
  return page.evaluate(() => {
    window.stepsSeen = [];
    new MutationObserver(() => {
      const step = document.querySelector('.ant-steps-item-process .ant-steps-item-title')?.textContent;
      if (step !== undefined && window.stepsSeen.at(-1) !== step) window.stepsSeen.push(step);
    }).observe(document.body, { childList: true, subtree: true, attributes: true });
  });
}

async function openData(page, address, database) {
  await page.goto(address);
  await page.locator('.frame').waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the used code does not stay in the address');
  await page.goto(`${server.url}/data`);
  await textThatFits(page, '.ant-descriptions', new RegExp(database));
}

test('the printed address signs in; an export, its restore by overwrite and going back do what they say', async (t) => {
  const address = await serve(t, 'shop');
  const { page, faults } = await openBrowser();
  await openData(page, address, 'shop');

  const original = await live('shop');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-testid=export]:enabled')]);
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
  const result = await textThatFits(page, '[data-testid=result]', /\S/);
  assert.match(result, /tables[^]*Checksum agrees[^]*kept as shop_before_\d{8}T\d{6}/);
  const steps = await page.evaluate(() => window.stepsSeen);
  assert.ok(steps.includes('Restore'), `the steps are shown as they go: ${steps}`);
  const order = ['Upload', 'Verify', 'Restore', 'Check', 'Migrate', 'Switch'];
  assert.deepEqual(steps, order.filter((step) => steps.includes(step)), 'no step is shown twice or out of turn');
  assert.deepEqual(await live('shop'), original);

  await textThatFits(page, '[data-testid=previous]', /shop_before_/);
  assert.equal(await page.locator('[data-testid=previous]').count(), 1);
  await page.click('[data-testid=previous] button:enabled');
  await page.click('.ant-modal-confirm-btns .ant-btn-dangerous');
  await textThatFits(page, '.ant-alert', /previous database is back/);
  assert.deepEqual(await live('shop'), changed);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('.sign-in-form').waitFor();
  assert.deepEqual(await page.context().cookies(), [], 'nothing of the session stays in the browser');
  assert.deepEqual(faults, []);
  await assertNoLeftovers({ server, postgres });
});

test('a file that the server refuses is told with its cause and code, and the data stays as it was', async (t) => {
  const address = await serve(t, 'bank');
  const { page, faults } = await openBrowser({ locale: 'zh-CN', viewport: { width: 390, height: 844 } });
  await openData(page, address, 'bank');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-testid=export]:enabled')]);
  const whole = readFileSync(await download.path());
  const path = join(files, 'cut.dump');
  writeFileSync(path, whole.subarray(0, Math.floor(whole.length * 0.8)));

  const original = await live('bank');
  await page.setInputFiles('input[type=file]', path);
  await textThatFits(page, '[role=alert]', /无法使用此文件；数据没有任何改变[^]*备份文件已损坏或不完整[^]*ARCHIVE_DAMAGED/);
  assert.ok(await page.locator('[data-testid=import]').isDisabled());
  assert.deepEqual(await live('bank'), original);
  assert.deepEqual(faults.filter((one) => !/status of 422/.test(one)), []); // the browser's own line about the refusal
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
  await openData(page, address, 'stranger');
  await overwrite(page, path, 'stranger');
  const result = await textThatFits(page, '[data-testid=result]', /\S/);
  assert.match(result, /can run code[^]*FUNCTION public\.greet\(\)/);
  assert.match(await page.locator('[data-testid=result] pre').innerText(), /from elsewhere/);
  await page.click('[data-testid=result] .ant-btn-dangerous');
  await page.fill('[data-testid=confirm-name]', 'stranger');
  await page.click('.ant-modal-footer .ant-btn-dangerous');
  await textThatFits(page, '[data-testid=result]', /tables[^]*rows/);
  assert.equal(await postgres.value('stranger', 'SELECT public.greet()'), 'from elsewhere');
  assert.deepEqual(faults.filter((one) => !/status of 422/.test(one)), []); // the browser's own line about the refusal
  await assertNoLeftovers({ server, postgres });
});

test('a merge is previewed table by table, and then does what the preview said', async (t) => {
  const address = await serve(t, 'market');
  const { page, faults } = await openBrowser();
  await openData(page, address, 'market');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-testid=export]:enabled')]);
  const path = join(files, 'market.dump');
  await download.saveAs(path);
  await postgres.sql('market', `DELETE FROM model_prices WHERE id <= 7; UPDATE users SET name = 'kept' WHERE id = 3`, { user: 'hub' });
  const changed = await live('market');

  await page.setInputFiles('input[type=file]', path);
  const report = await textThatFits(page, '[data-testid=report]', /What the file holds/);
  assert.match(report, /Made[^]*Of market, PostgreSQL 1[^]*Request logs[^]*Included[^]*Checksum agrees[^]*\d\d tables/);
  await assertAccessible(page, 'the report of a file');
  await page.click('[data-testid=preview-import]:enabled');
  const figures = await textThatFits(page, '[data-testid=preview]', /public\.model_prices/);
  assert.match(figures, /nothing was changed/);
  assert.match(figures, /public\.model_prices\s+7\s+0/);
  assert.match(figures, /public\.users\s+0\s+0\s+199\s+1/);
  assert.deepEqual(await live('market'), changed);

  await assertAccessible(page, 'the preview');
  await page.click('[data-testid=import-previewed]');
  await page.locator('.ant-modal-footer').waitFor();
  await assertAccessible(page, 'the question before an import');
  await page.click('.ant-modal-footer .ant-btn-primary');
  await textThatFits(page, '[data-testid=result]', /7 rows added, [\d,]+ identical, 1 conflicting/);
  assert.equal(await postgres.value('market', 'SELECT count(*) FROM model_prices WHERE id <= 7'), '7');
  assert.equal(await postgres.value('market', 'SELECT name FROM users WHERE id = 3'), 'kept');
  assert.deepEqual(faults, []);
  await assertNoLeftovers({ server, postgres });
});

test('an import survives that the page is loaded anew in the middle, and a cancel says that nothing was changed', async (t) => {
  const address = await serve(t, 'garden');
  // Its restore takes ten seconds: rows that are checked slowly wherever it is not the live database.
  await postgres.sql('garden', `CREATE TABLE slow (n integer CHECK (CASE WHEN current_database() = 'garden' THEN true ELSE pg_sleep(0.01) IS NOT NULL END));
    INSERT INTO slow SELECT generate_series(1, 1000)`, { user: 'hub' });
  const { page } = await openBrowser();
  await openData(page, address, 'garden');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-testid=export]:enabled')]);
  const path = join(files, 'garden.dump');
  await download.saveAs(path);
  const original = await live('garden');
  await overwrite(page, path, 'garden');
  await page.locator('.ant-steps-item-process').filter({ hasText: 'Restore' }).waitFor();
  page.on('dialog', (dialog) => dialog.accept()); // leaving the page is asked about
  await page.reload();
  await page.locator('.ant-steps-item-process').filter({ hasText: /Restore|Check|Migrate/ }).waitFor();
  await page.click('[data-testid=cancel]');
  await page.click('.ant-modal-confirm-btns .ant-btn-dangerous');
  await textThatFits(page, '[data-testid=result]', /cancelled[^]*Nothing was changed/);
  assert.deepEqual(await live('garden'), original);
  await server.stop(); // what was uploaded may be imported still, as long as it runs
  await assertNoLeftovers({ server, postgres }, 5000);
});

test('an upload whose network goes in the middle says so, leaves nothing, and goes through once it is back', async (t) => {
  const address = await serve(t, 'harbour');
  const { page } = await openBrowser();
  const network = await slowNetwork(server.port);
  server.url = network.url;
  await openData(page, address.replace(/^http:..[^/]+/, network.url), 'harbour');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-testid=export]:enabled')]);
  const path = join(files, 'harbour.dump');
  await download.saveAs(path);
  network.holdUploads();
  await page.setInputFiles('input[type=file]', path);
  await page.locator('[data-testid=inspecting]').waitFor();
  await waitFor(network.held, { what: 'the upload' });
  network.cut();
  await textThatFits(page, '[role=alert]', /cannot be reached/);
  await assertNoLeftovers({ server, postgres }, 10_000);
  network.mend();
  await page.locator('[role=alert]').getByRole('button', { name: 'Try again' }).click();
  await textThatFits(page, '[data-testid=report]', /Of harbour/);
});

test('a server that is killed in the middle of an import and started again: the page says that it does not know, the data is as it was', async (t) => {
  const address = await serve(t, 'island');
  await postgres.sql('island', 'INSERT INTO message_request (provider_id, user_id, key, model) SELECT 1, 1, \'k\', md5(n::text) FROM generate_series(1, 60000) n', { user: 'hub' });
  const { page } = await openBrowser();
  await openData(page, address, 'island');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-testid=export]:enabled')]);
  const path = join(files, 'island.dump');
  await download.saveAs(path);
  const original = await live('island');
  await overwrite(page, path, 'island');
  await page.locator('.ant-steps-item-process').filter({ hasText: 'Restore' }).waitFor();
  const { port, env, directory } = server;
  await server.kill();
  server = await startServer({ args: ['--listen', `127.0.0.1:${port}`], env, directory });
  await textThatFits(page, '[data-testid=result]', /The connection ended without a result/);
  assert.deepEqual(await live('island'), original);
  await assertNoLeftovers({ server, postgres }, 10_000);
});
