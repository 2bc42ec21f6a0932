// Names are text: a script that somebody stored in one is shown on every page and never run.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { startServer } from '../integration/support/hubport.mjs';
import { cleanUp } from '../integration/support/processes.mjs';
import { startPostgres, startRedis } from '../integration/support/servers.mjs';
import { openBrowser } from './support/browser.mjs';
import { PAGES, openPage } from './support/pages.mjs';

const TOKEN = 'token of the script attacks';
const SCRIPTS = [`<img src=x onerror="window.ran=1">`, `<script>window.ran=1</script>`, `"><svg onload=window.ran=1>`, `javascript:window.ran=1`,
  `{{constructor.constructor('window.ran=1')()}}`, `</textarea><iframe srcdoc="<script>parent.ran=1</script>">`, `\u202e<b onmouseover=window.ran=1>x`];
let postgres, server;

before(async () => {
  postgres = await startPostgres();
  await postgres.createDatabase('hub');
  const redis = await startRedis();
  server = await startServer({ env: { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN } });
  await postgres.sql('hub', `INSERT INTO provider_vendors (website_domain) VALUES ('example.org')`);
  for (const [i, script] of SCRIPTS.entries()) {
    const text = `'${script.replaceAll(`'`, `''`)}'`;
    await postgres.sql('hub', `
      INSERT INTO users (id, name, description, role, tags) VALUES (${i + 100}, ${text}, ${text}, 'user', jsonb_build_array(${text}));
      INSERT INTO keys (user_id, key, name, provider_group) VALUES (${i + 100}, 'sk-${i}', ${text}, ${text});
      INSERT INTO providers (name, url, key, provider_vendor_id, provider_type, group_tag, website_url) VALUES (${text}, 'https://example.org/${i}', 'k', 1, 'claude', ${text}, ${text});
      INSERT INTO model_prices (model_name, price_data, source) VALUES (${text}, jsonb_build_object('mode', 'chat', 'input_cost_per_token', 0.000001,
        'display_name', ${text}, 'vendor', ${text}, 'litellm_provider', ${text}, 'vendor_icon', ${text}), 'manual');
      INSERT INTO audit_log (action_category, action_type, target_type, target_name, operator_user_name, user_agent, success, error_message, after_value)
        VALUES ('user', left(${text}, 32), left(${text}, 32), ${text}, ${text}, ${text}, false, ${text}, jsonb_build_object(${text}, ${text}))`);
  }
});
after(() => cleanUp());

test('a script stored in a name is shown as text on every page', async () => {
  const { page, faults } = await openBrowser();
  await page.goto(`${server.url}/sign-in`);
  await page.fill('input[type=password]', TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('.frame').waitFor();
  for (const one of PAGES.filter(({ name }) => name !== 'overview')) {
    await openPage(page, server.url, one);
    assert.equal(await page.evaluate(() => window.ran), undefined, one.name);
    const planted = await page.evaluate(() =>
      document.querySelectorAll('[onerror], [onload], [onmouseover], iframe, a[href^="javascript:" i], .ant-table script').length);
    assert.equal(planted, 0, one.name);
    if (['users', 'keys', 'providers', 'prices'].includes(one.name))
      assert.ok((await page.locator('.ant-table').first().innerText()).includes('<script>window.ran=1</script>'), `${one.name} shows it`);
  }
  assert.deepEqual(faults, []);
});
