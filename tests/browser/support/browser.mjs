// Debian's Chromium, driven by playwright-core: a browser of one's own for a test, watched for what the page does wrong.
import { strict as assert } from 'node:assert';
import { chromium } from 'playwright-core';
import {
  allProcesses, descendantsOf, isAlive, makeDirectory, onEnd, waitFor
} from '../../integration/support/processes.mjs';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'
];
const DEADLINE = 30_000; // ms for each step: the server with sanitizers on a busy machine takes its time

/**
 * A browser with nothing in it, and its page: {page, faults}. `faults`: what the console calls an error, what the
 * content security policy forbade, exceptions that nobody caught. It asks the page to hold still: a dialog that grows
 * moves its buttons between a mouse's down and up, and the click is lost. It ends with the test file or with the test
 * given to cleanUpAfter().
 */
export async function openBrowser({ locale = 'en-US', ...options } = {}) {
  const directory = makeDirectory('browser');
  process.env.TMPDIR = directory; // for what playwright itself puts aside
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: CHROMIUM,
    args: FLAGS,
    env: { PATH: process.env.PATH, HOME: directory, TMPDIR: directory, LC_ALL: 'C.UTF-8' },
    acceptDownloads: true,
    locale,
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
    ...options,
  });
  onEnd(() => closeWholly(context, directory));
  context.setDefaultTimeout(DEADLINE);
  const faults = [];
  await context.exposeBinding('reportViolation', (_, text) => faults.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      window.reportViolation(`the policy ${violatedDirective} forbade ${blockedURI}`));
  });
  const [page] = context.pages();
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error}`));
  return { page, faults };
}

/** Its helpers outlive it by a moment, and write to its directory. */
async function closeWholly(context, directory) {
  const roots = allProcesses().filter(({ command }) => command.includes(`--user-data-dir=${directory}`));
  const family = roots.flatMap(({ pid }) => [pid, ...descendantsOf(pid).map((child) => child.pid)]);
  await context.close();
  await waitFor(() => !family.some(isAlive), { what: 'the end of the browser\'s processes' });
}

/** Wait until the element's text fits; the text. */
export async function textThatFits(page, selector, pattern) {
  const element = page.locator(selector).filter({ hasText: pattern });
  try {
    await element.waitFor();
  } catch {
    const shown = await page.locator(selector).allInnerTexts();
    const whole = await page.locator('body').innerText();
    assert.fail(`${selector} shows ${JSON.stringify(shown)}, and not ${pattern}, on the page:\n${whole}`);
  }
  return element.innerText();
}
