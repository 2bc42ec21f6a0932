// Whether everybody can use what a page shows: axe-core's serious and critical findings.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What is wrong with the page as it is now, once nothing moves: colours in between have no contrast. */
export async function faultsOfAccess(page) {
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity).map((one) => one.finished.catch(() => {}))));
  await page.evaluate(AXE); // by the debugger's way: the page's policy forbids it otherwise
  // Ant Design measures its columns by a hidden copy of the table's head.
  const exclude = ['.ant-table-measure-row'];
  const { violations } = await page.evaluate((left) => window.axe.run({ exclude: left }, { resultTypes: ['violations'] }), exclude);
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

/** `what`: is on the page now. */
export async function assertAccessible(page, what) {
  assert.deepEqual(await faultsOfAccess(page), [], what);
}
