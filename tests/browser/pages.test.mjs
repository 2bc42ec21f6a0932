// Every page: readable by everybody, in both languages and themes, wide and narrow, and nothing in the console.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { startServer } from '../integration/support/hubport.mjs';
import { cleanUp, cleanUpAfter } from '../integration/support/processes.mjs';
import { startRedis } from '../integration/support/servers.mjs';
import { faultsOfAccess } from './support/access.mjs';
import { openBrowser, textThatFits } from './support/browser.mjs';
import { openPage, PAGES, still } from './support/pages.mjs';

const TOKEN = 'token of the page tests';
let server;

before(async () => {
  const redis = await startRedis();
  server = await startServer({ args: ['--demo'], env: { REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN } });
});
after(() => cleanUp());

async function signIn(page) {
  await page.goto(`${server.url}/sign-in`);
  await page.fill('input[type=password]', TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('.frame').waitFor();
}

const VIEWS = [
  { locale: 'en-US', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
];

for (const view of VIEWS)
  test(`every page is accessible, fits and is silent: ${view.locale}, ${view.colorScheme}, ${view.viewport.width} px`, async (t) => {
    cleanUpAfter(t);
    const { page, faults } = await openBrowser(view);
    await page.goto(`${server.url}/sign-in`);
    await page.locator('.sign-in-form').waitFor();
    const wrong = (await faultsOfAccess(page)).map((fault) => `sign-in: ${fault}`);
    await signIn(page);
    for (const one of PAGES) {
      await openPage(page, server.url, one);
      wrong.push(...(await faultsOfAccess(page)).map((fault) => `${one.name}: ${fault}`));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.equal(wide, false, `${one.name} is no wider than the window`);
      assert.match(await page.title(), / · hubport$/);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(faults, []);
  });

test('a deep link leads to its page after signing in, and a lost session leads back to it', async (t) => {
  cleanUpAfter(t);
  const { page } = await openBrowser();
  await page.goto(`${server.url}/history?category=auth`);
  await page.locator('.sign-in-form').waitFor();
  await page.fill('input[type=password]', TOKEN);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/history?category=auth');
  await page.locator('.ant-table-row').first().waitFor();

  await page.context().clearCookies();
  await page.goto(`${server.url}/data`);
  await page.waitForURL('**/sign-in?from=%2Fdata&ended=1');
  await page.fill('input[type=password]', TOKEN);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/data');
});

test('language and theme are chosen by the browser, and by hand for good', async (t) => {
  cleanUpAfter(t);
  const { page } = await openBrowser({ locale: 'zh-CN', colorScheme: 'dark' });
  await signIn(page);
  await textThatFits(page, 'h1', /概览/);
  assert.equal(await page.evaluate(() => document.documentElement.style.colorScheme), 'dark');
  await page.getByRole('button', { name: '语言' }).click();
  await still(page); // a menu that is still opening takes no click
  await page.getByRole('menuitem', { name: 'English' }).click();
  await textThatFits(page, 'h1', /Overview/);
  await page.getByRole('button', { name: 'Theme' }).click();
  await still(page);
  await page.getByRole('menuitem', { name: 'Light' }).click();
  await page.reload();
  await page.locator('.frame').waitFor();
  await textThatFits(page, 'h1', /Overview/);
  await page.waitForFunction(() => document.documentElement.style.colorScheme === 'light');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
});

/** Open the menu of languages; the animations that this began. */
async function motionsOfMenu(t, reducedMotion) {
  cleanUpAfter(t);
  const { page } = await openBrowser({ reducedMotion });
  await signIn(page);
  await page.evaluate(() => {
    window.motions = [];
    addEventListener('animationstart', ({ animationName }) => window.motions.push(animationName), true);
  });
  await page.getByRole('button', { name: 'Language' }).click();
  await page.getByRole('menuitem', { name: 'English' }).waitFor();
  await still(page);
  return page.evaluate(() => window.motions.filter((name) => /Slide|Zoom|Fade/.test(name)));
}

test('a menu opens with a motion', async (t) => {
  assert.notDeepEqual(await motionsOfMenu(t, 'no-preference'), []);
});

test('a menu of whoever asked the system for less motion opens without', async (t) => {
  assert.deepEqual(await motionsOfMenu(t, 'reduce'), []);
});
