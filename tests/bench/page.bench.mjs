// The list of 5,000 providers in a browser: how long until a search, all rows in one list and a selection of all are seen, and the
// longest task while that page is scrolled from one end to the other. Aims: tasks of at most 200 ms, answers within 300 ms.
import { RELEASE, startServer } from '../integration/support/hubport.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { startPostgres } from '../integration/support/servers.mjs';
import { openBrowser } from '../browser/support/browser.mjs';
import { median } from './support/measure.mjs';

const TOKEN = 'token of the bench';
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const ms = (numbers) => `${median(numbers).toFixed(0)} ms (longest ${Math.max(...numbers).toFixed(0)})`;

try {
  const postgres = await startPostgres();
  await postgres.createDatabase('hub');
  const server = await startServer({ env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN }, binary: RELEASE });
  await postgres.sql('hub', `INSERT INTO providers (name, url, key, provider_type, group_tag, weight)
    SELECT 'provider ' || n || ' ' || md5(n::text), 'https://example.org/' || n, 'sk-' || n, (ARRAY['claude', 'codex', 'gemini'])[1 + n % 3],
      'default,group ' || n % 20, n % 100 FROM generate_series(1, 5000) n; ANALYZE`);
  const { page } = await openBrowser({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => window.tasks.push(duration))).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(`${server.url}/sign-in?from=%2Fproviders`);
  await page.fill('input[type=password]', TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('.ant-table-row').first().waitFor();

  /** From the action in the page until the page shows what fits, by the page's own clock. */
  const timed = (act, shows) => page.evaluate(`(async () => {
    const started = performance.now();
    (${act})();
    while (!(${shows})()) await new Promise(requestAnimationFrame);
    return performance.now() - started;
  })()`);
  const search = async (text, shows) => {
    await page.fill('.filter-search input', text);
    return timed(() => [...document.querySelectorAll('.filter-search button')].at(-1).click(), shows);
  };
  const seen = { search: [], all: [], select: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    seen.search.push(await search('provider 4321 ', () => document.querySelectorAll('.ant-table-row').length === 1));
    seen.all.push(await search('', () => document.querySelectorAll('.ant-table-row').length > 20));
    seen.select.push(await timed(() => document.querySelector('.selection button').click(), () => /5,000/.test(document.querySelector('.selection strong').textContent)));
    await page.locator('.selection button').nth(2).click();
  }
  await page.goto(`${server.url}/providers?size=5000`);
  await page.locator('.ant-table-row').first().waitFor();
  await page.waitForLoadState('networkidle');
  const longest = await page.evaluate(async () => {
    const body = document.querySelector('.ant-table-tbody-virtual-holder');
    window.tasks = [];
    const until = performance.now() + 4000;
    while (performance.now() < until) {
      body.dispatchEvent(new WheelEvent('wheel', { deltaY: 160, bubbles: true, cancelable: true }));
      await new Promise(requestAnimationFrame);
    }
    return { tasks: window.tasks, last: [...document.querySelectorAll('.ant-table-row')].at(-1)?.textContent.slice(0, 16) };
  });
  console.log(`5,000 providers, medians of ${ROUNDS}:`);
  for (const [name, label] of [['search', 'search that one row fits'], ['all', 'back to all of them'], ['select', 'all 5,000 selected']])
    console.log(`  ${label.padEnd(26)} ${ms(seen[name].slice(1))}`);
  console.log(`  scrolling all of them for 4 s, down to ${longest.last}: ${longest.tasks.length} tasks over 50 ms, longest ${Math.max(0, ...longest.tasks).toFixed(0)} ms`);
} finally {
  await cleanUp();
}
