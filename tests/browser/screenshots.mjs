// Every page in both languages and themes, wide and narrow, as PNG files in build-screenshots/: `make screenshots`, or some of
// the views by `make screenshots ARGS="en.light.1440 zh.dark.390"`.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE, startServer, TOP } from '../integration/support/hubport.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { startRedis } from '../integration/support/servers.mjs';
import { openBrowser } from './support/browser.mjs';
import { openPage, PAGES, still } from './support/pages.mjs';

const TOKEN = 'token of the screenshots';
const OUTPUT = join(TOP, 'build-screenshots');
const nameOf = ({ locale, colorScheme, viewport }) => `${locale.slice(0, 2)}.${colorScheme}.${viewport.width}`;
const VIEWS = ['en-US', 'zh-CN'].flatMap((locale) => ['light', 'dark'].flatMap((colorScheme) =>
  [[1440, 900], [390, 844]].map(([width, height]) => ({ locale, colorScheme, viewport: { width, height } }))))
  .filter((view) => process.argv.length < 3 || process.argv.includes(nameOf(view)));

/** What is on a page only after something was done: [name, the page's path, what is done]. */
const SCENES = [
  ['providers-edit', '/providers', async (page) => {
    const boxes = page.locator('.ant-table-row .ant-checkbox-input');
    for (const place of [0, 2, 3]) await boxes.nth(place).check();
    await page.getByTestId('edit').click();
    await page.locator('[data-field=weight] .field-name button').click();
    await page.locator('[data-field=weight] input.ant-input').fill('7');
    await page.locator('[data-field=groupTag] .field-name button').click();
    await page.locator('[data-field=groupTag] .modes label').nth(1).click();
    await page.locator('[data-field=groupTag] input.ant-input').fill('relay');
  }],
  ['providers-preview', undefined, async (page) => {
    await page.getByTestId('batch-preview').click();
    await page.locator('.ant-drawer .ant-table-row').first().waitFor();
  }],
  ['data-report', '/data', async (page) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-testid=export]:enabled')]);
    await download.saveAs(join(OUTPUT, 'hub.dump'));
    await page.setInputFiles('input[type=file]', join(OUTPUT, 'hub.dump'));
    await page.locator('[data-testid=report]').waitFor();
  }],
  ['data-preview', undefined, async (page) => {
    await page.click('[data-testid=preview-import]:enabled');
    await page.locator('[data-testid=preview]').waitFor();
  }],
  ['prices-edit', '/prices', async (page) => {
    await page.locator('.ant-table-row button').first().click();
    await page.locator('.ant-drawer').waitFor();
  }],
  ['history-diff', '/history', async (page) => {
    await page.locator('.ant-table-row').first().click();
  }],
];

async function shoot(page, view, name) {
  await page.mouse.move(0, 0);
  await page.waitForLoadState('networkidle');
  await still(page);
  await page.screenshot({ path: join(OUTPUT, `${name}.${nameOf(view)}.png`) });
}

rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT, { recursive: true });
try {
  const redis = await startRedis();
  const server = await startServer({ args: ['--demo'], env: { REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN }, binary: RELEASE });
  await redis.cli('HSET', 'circuit_breaker:state:2', 'circuitState', 'open', 'failureCount', '5');
  await redis.cli('HSET', 'circuit_breaker:state:5', 'circuitState', 'half-open');
  for (const view of VIEWS) {
    const { page } = await openBrowser(view);
    await page.goto(`${server.url}/sign-in`);
    await page.locator('.sign-in-form').waitFor();
    await shoot(page, view, 'sign-in');
    await page.fill('input[type=password]', TOKEN);
    await page.keyboard.press('Enter');
    await page.locator('.frame').waitFor();
    for (const one of PAGES) {
      await openPage(page, server.url, one);
      await shoot(page, view, one.name);
    }
    for (const [name, path, act] of SCENES) {
      if (path !== undefined) await openPage(page, server.url, PAGES.find((one) => one.path === path));
      await act(page);
      await shoot(page, view, name);
    }
    await page.context().close();
  }
  console.log(`screenshots: ${OUTPUT}`);
} finally {
  rmSync(join(OUTPUT, 'hub.dump'), { force: true });
  await cleanUp();
}
