// The pages of the web page, and how to know that each is there with its data.
export const PAGES = [
  { path: '/', name: 'overview', ready: '.recharts-surface' },
  { path: '/data', name: 'data', ready: '.ant-descriptions' },
  { path: '/prices', name: 'prices', ready: '.ant-table-row' },
  { path: '/providers', name: 'providers', ready: '.ant-table-row' },
  { path: '/users', name: 'users', ready: '.ant-table-row' },
  { path: '/keys', name: 'keys', ready: '.ant-table-row' },
  { path: '/history', name: 'history', ready: '.ant-table-row' },
];

/** Until nothing moves any more that ever ends. */
export const still = (page) => page.evaluate(() => Promise.all(document.getAnimations()
  .filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity).map(({ finished }) => finished.catch(() => {}))));

/** Open a page and wait until what it asked for is there and nothing moves any more. */
export async function openPage(page, url, { path, ready }) {
  await page.goto(url + path);
  await page.locator(ready).first().waitFor();
  await page.waitForLoadState('networkidle');
  await still(page);
}
