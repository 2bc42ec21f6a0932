// Users, keys and providers as files: out as CSV or JSON, edited, and in again as one batch.
import { strict as assert } from 'node:assert';
import { after, before, beforeEach, test } from 'node:test';
import { startServer } from './support/hubport.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const TOKEN = 'token of the file tests';
let postgres, redis, server, client;

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  server = await startServer({ env: { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN } });
  client = server.client();
});
after(() => cleanUp());

beforeEach(() => postgres.sql('hub', `
  TRUNCATE users, keys, providers, provider_groups, provider_endpoints, provider_vendors, audit_log, hubport.batch_operations RESTART IDENTITY CASCADE;
  INSERT INTO users (name, description, tags, rpm_limit, daily_limit_usd)
    SELECT 'user ' || n, 'note ' || n, '["a", "b"]', n, n + 0.5 FROM generate_series(1, 5) n;
  INSERT INTO keys (user_id, key, name) SELECT n, 'sk-secret-' || n, 'key ' || n FROM generate_series(1, 5) n;
  INSERT INTO providers (name, url, key, provider_type, proxy_url) SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-provider-' || n,
    CASE n WHEN 1 THEN 'codex' ELSE 'claude' END, 'http://me:secret@proxy.example:80' FROM generate_series(1, 5) n`));

const value = (sql) => postgres.value('hub', sql);
const state = (kind) => value(`SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM ${kind} t`);
const exported = async (kind, query = '') => (await client.get(`/api/v1/${kind}:export${query}`)).text;
const send = (kind, text, query = '', type = 'text/csv') =>
  client.send('POST', `/api/v1/${kind}:import${query}`, { body: text, headers: { 'content-type': type } });

/** Rows of cells; quotes as RFC 4180 has them. */
function parse(csv) {
  const rows = [[]];
  for (const [, cell, end] of csv.replace(/^\uFEFF/, '').matchAll(/"((?:[^"]|"")*)"(,|\r\n)/g)) {
    rows.at(-1).push(cell.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}
const format = (rows) => rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',') + '\r\n').join('');

/** The file with cells changed: {id: {column: text}}. */
function edited(csv, changes) {
  const [header, ...rows] = parse(csv);
  for (const row of rows)
    for (const [column, text] of Object.entries(changes[row[0]] ?? {})) row[header.indexOf(column)] = text;
  return format([header, ...rows]);
}
const problems = (answer) => answer.json.invalidParams.map(({ path }) => path);

test('a file that comes back as it was made changes nothing, of every kind and in both formats', async () => {
  for (const kind of ['users', 'keys', 'providers']) {
    const before = await state(kind);
    const csv = await exported(kind), json = await exported(kind, '?format=json');
    assert.ok(csv.startsWith('\uFEFF"id","name"'), 'Excel is told that it is UTF-8');
    assert.ok(!csv.includes('sk-') && !json.includes('sk-') && !csv.includes('secret') && !json.includes('secret'), 'no secret is in it');
    for (const [text, type] of [[csv, 'text/csv'], [json, 'application/json']]) {
      const answer = await send(kind, text, '', type);
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual([answer.json.rowCount, answer.json.changedCount, answer.json.cellCount], [5, 0, 0]);
    }
    assert.equal(await state(kind), before);
  }
});

test('of an edited file only the edited cells change, and its preview lists exactly them', async () => {
  const csv = edited(await exported('users'), { 2: { rpm: '77', tags: 'x, y' }, 4: { note: '逗号, "quotes"\nand lines', dailyQuota: '' } });
  const expected = [
    { id: 2, name: 'user 2', at: 'line 3', changes: [{ field: 'tags', before: ['a', 'b'], after: ['x', 'y'] }, { field: 'rpm', before: 2, after: 77 }] },
    { id: 4, name: 'user 4', at: 'line 5', changes: [{ field: 'note', before: 'note 4', after: '逗号, "quotes"\nand lines' }, { field: 'dailyQuota', before: '4.50', after: null }] },
  ];
  const before = await state('users');
  const preview = await send('users', csv, '?dryRun=true');
  assert.deepEqual(preview.json.rows, expected);
  assert.deepEqual([preview.json.dryRun, preview.json.changedCount, preview.json.cellCount, preview.json.chunks[0].status], [true, 2, 4, 'previewed']);
  assert.equal(await state('users'), before);
  assert.equal(await value('SELECT count(*) FROM audit_log'), '0');
  const done = await send('users', csv);
  assert.deepEqual(done.json.rows, expected);
  assert.equal(await value(`SELECT string_agg(format('%s|%s|%s|%s', rpm_limit, tags, description, daily_limit_usd), ';' ORDER BY id) FROM users WHERE id IN (2, 3, 4)`),
    '77|["x", "y"]|note 2|2.50;3|["a", "b"]|note 3|3.50;4|["a", "b"]|逗号, "quotes"\nand lines|');
  assert.equal(await value(`SELECT count(*) FROM users WHERE updated_at > created_at`), '2');
  assert.equal(await value(`SELECT action_type || success FROM audit_log`), 'users.batch_importtrue');
});

/** Two cells for a field, each another value. */
const cellsOf = ({ type, name, min, max, choices }) => ({
  bool: ['true', 'false'], integer: [min, max], decimal: [min, max], text: ['https://a.example/', 'https://b.example/'], choice: [choices?.at(-1), choices?.[0]],
  time: ['01:02', '23:59'], numeral: [min, max], texts: ['x', '["a, b"]'], groups: ['x', 'y,z'], object: ['{"type":"adaptive"}', '{"effort":"low"}'],
  rules: name === 'modelRedirects' ? ['[{"matchType":"exact","source":"a","target":"b"}]', '[]'] : ['["a"]', '["b"]'],
})[type];

test('every field of every kind is changed by a file, from every value', async () => {
  const fields = await client.json('/api/v1/batch-fields');
  await postgres.sql('hub', `INSERT INTO keys (user_id, key, name) SELECT id, 'sk-second-' || id, 'second' FROM users`);
  for (const [kind, id, type] of [['users', 1], ['keys', 1], ['providers', 1, 'codex'], ['providers', 2, 'claude']]) {
    const mine = fields[kind].filter(({ onlyFor }) => !onlyFor || onlyFor.includes(type));
    for (const round of [0, 1, 0]) {
      const csv = await exported(kind, `?ids=${id}`), [header, row] = parse(csv);
      const changed = mine.filter((field) => row[header.indexOf(field.name)] !== cellsOf(field)[round]);
      assert.ok(changed.length > mine.length / 2, 'most fields have another value');
      const answer = await send(kind, edited(csv, { [id]: Object.fromEntries(changed.map((field) => [field.name, cellsOf(field)[round]])) }));
      assert.equal(answer.status, 200, `${kind} ${round}: ${answer.text}`);
      assert.ok(answer.json.cellCount > mine.length / 2);
      const cells = changed.map((field) => [field.name, cellsOf(field)[round]]);
      const again = await send(kind, format([['id', ...cells.map(([name]) => name)], [String(id), ...cells.map(([, cell]) => cell)]]));
      assert.deepEqual([again.status, again.json.changedCount], [200, 0], again.text);
    }
  }
});

test('what a file changed can be taken back', async () => {
  const before = await value('SELECT rpm_limit FROM users WHERE id = 1');
  const { chunks: [{ operationId, undoToken, undoExpiresAt }] } = (await send('users', edited(await exported('users'), { 1: { rpm: '500' } }))).json;
  assert.ok(undoExpiresAt);
  assert.equal((await client.post('/api/v1/users:undoPatch', { undoToken, operationId })).json.revertedCount, 1);
  assert.equal(await value('SELECT rpm_limit FROM users WHERE id = 1'), before);
});

test('cells as a spreadsheet writes them are the same values', async () => {
  const csv = edited(await exported('users'), { 3: { dailyQuota: '3.5', tags: 'a,b' } });
  assert.equal((await send('users', csv)).json.changedCount, 0);
  const keys = edited(await exported('keys'), { 1: { isEnabled: 'TRUE' } });
  assert.equal((await send('keys', keys)).json.changedCount, 0);
  const models = async (cell) => (await send('providers', edited(await exported('providers'), { 2: { allowedModels: cell } })));
  assert.deepEqual((await models('gpt-5, o3')).json.rows[0].changes[0].after, ['gpt-5', 'o3']);
  assert.deepEqual(problems(await models('{"pattern":"a"}')), ['line 3: allowedModels']);
  const semicolons = 'id;rpm\r\n1;9\r\n';
  assert.deepEqual((await send('users', semicolons)).json.rows[0].changes, [{ field: 'rpm', before: 1, after: 9 }]);
});

test('cells that a spreadsheet would run are written as texts, and come back as they were', async () => {
  const hostile = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', "'quoted", "'=x", ''];
  for (const [i, text] of hostile.entries()) await postgres.sql('hub', `INSERT INTO users (name, description) VALUES ($$=cmd ${i}$$, $$${text}$$)`);
  const csv = await exported('users');
  for (const row of parse(csv).slice(1)) for (const cell of row) assert.doesNotMatch(cell, /^[=+\-@\t\r]/);
  assert.equal((await send('users', csv)).json.changedCount, 0);
  assert.equal((await send('users', edited(csv, { 6: { note: "'=2+2" } }))).json.rows[0].changes[0].after, '=2+2');
});

test('everything that is wrong with a file is named with its line, and nothing is changed', async () => {
  const before = await state('users'), csv = await exported('users');
  const wrong = edited(csv, { 1: { rpm: '-1' }, 2: { limit5hResetMode: 'sometimes' }, 3: { name: 'another' }, 5: { dailyQuota: '1.234' } });
  const answer = await send('users', wrong);
  assert.equal(answer.status, 400);
  assert.equal(answer.json.errorCode, 'request.validation_failed');
  assert.deepEqual(problems(answer), ['line 2: rpm', 'line 3: limit5hResetMode', 'line 4: name', 'line 6: dailyQuota']);
  const cases = [
    ['', 'request.malformed_json'], ['id,rpm\n1,"x\n', 'request.malformed_json'], ['id,rpm\n1,\xff', 'request.malformed_json', true],
    ['rpm\n1\n', ['line 1: id']], ['id,color\n1,red\n', ['line 1: color']], ['id,rpm,rpm\n1,2,3\n', ['line 1: rpm']],
    ['id,rpm\n1\n', ['line 2: cells']], ['id,rpm\nx,5\n', ['line 2: id']], ['id,rpm\n1,5\n\n1,6\n', ['line 4: id']],
    ['id,rpm\n999,5\n', ['line 2: id']], ['id,rpm,rpm_limit\n1,5,6\n', ['line 2: rpm_limit']],
  ];
  for (const [text, expected, binary] of cases) {
    const refused = await send('users', binary ? Buffer.from(text, 'latin1') : text);
    assert.equal(refused.status, 400, text);
    if (typeof expected === 'string') assert.equal(refused.json.errorCode, expected, text);
    else assert.deepEqual(problems(refused), expected, text);
  }
  for (const [json, expected] of [
    ['{"items": 5}', ['items']], ['[{"rpm": 5}]', ['items.0.id']], ['[{"id": 1, "rpm": "5"}]', ['items.0.rpm']],
    ['[{"id": 1, "color": "red"}]', ['items.0.color']], ['[{"id": 1, "dailyQuota": 0.10000000000000000001}]', ['items.0.dailyQuota']], [String.raw`[{"id": 1, "dailyQuot\u0061": 0.10000000000000000001}]`, ['items.0.dailyQuota']],
  ]) assert.deepEqual(problems(await send('users', json, '', 'application/json')), expected, json);
  assert.equal((await send('users', '[', '', 'application/json')).status, 400);
  assert.equal((await send('users', csv, '', 'text/html')).status, 415);
  assert.equal((await send('users', csv, '?dryRun=yes')).status, 400);
  assert.equal((await client.get('/api/v1/users:export?format=xml')).status, 400);
  assert.equal((await client.get('/api/v1/users:export?ids=1,x')).status, 400);
  assert.equal(await state('users'), before);
});

test('a row that was changed since the file was made is refused, unless the column updatedAt is left out', async () => {
  const csv = edited(await exported('users'), { 1: { rpm: '11' }, 2: { rpm: '22' } });
  await client.post('/api/v1/users:batchUpdate', { userIds: [1], updates: { note: 'by somebody else' } });
  const answer = await send('users', csv);
  assert.ok(problems(answer).includes('line 2: updatedAt'), answer.text);
  assert.equal(await value('SELECT rpm_limit FROM users WHERE id = 2'), '2');
  const narrow = format(parse(csv).map((row, i) => [row[0], row[parse(csv)[0].indexOf('rpm')]]));
  assert.equal((await send('users', narrow)).json.changedCount, 2);
  assert.equal(await value(`SELECT description || rpm_limit FROM users WHERE id = 1`), 'by somebody else11');
});

test('an edited cell that somebody changes while the file comes in is not overwritten, and named', async () => {
  const csv = edited(await exported('users'), { 1: { rpm: '11' }, 2: { rpm: '22', note: 'mine' } });
  const other = postgres.session('hub');
  await other.run('BEGIN; UPDATE users SET rpm_limit = 5 WHERE id = 2');
  const answer = send('users', csv);
  await waitFor(async () => await value(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`) === '1');
  await other.run('COMMIT');
  await other.close();
  const { status, json } = await answer;
  assert.deepEqual([status, json.errorCode, json.chunks[0].errorParams.changed],
    [409, 'PREVIEW_STALE', [{ id: 2, name: 'user 2', field: 'rpm', expected: 2, current: 5 }]]);
  assert.equal(await value(`SELECT string_agg(rpm_limit || description, ',' ORDER BY id) FROM users WHERE id < 3`), '1note 1,5note 2');
});

test('rules of a batch hold for files: the last key, fields of other types, masked addresses', async () => {
  const before = await state('keys');
  const last = await send('keys', edited(await exported('keys'), { 3: { isEnabled: 'false' } }));
  assert.equal(last.status, 400);
  assert.equal(last.json.errorCode, 'CANNOT_DISABLE_LAST_KEY');
  assert.deepEqual(last.json.chunks[0].errorParams.users, [{ id: 3, name: 'user 3' }]);
  assert.equal(await state('keys'), before);
  const providers = await exported('providers');
  assert.deepEqual(problems(await send('providers', edited(providers, { 2: { codexTextVerbosityPreference: 'low' } }))), ['line 3: codexTextVerbosityPreference']);
  const rules = JSON.stringify([{ matchType: 'regex', source: '^(?:a|b)\\d+$', target: 'c' }]);
  const done = await send('providers', edited(providers, { 1: { codexTextVerbosityPreference: 'low', modelRedirects: rules }, 2: { weight: '7' } }));
  assert.equal(done.status, 200, done.text);
  assert.equal(await value('SELECT model_redirects FROM providers WHERE id = 1'), '[{"source": "^(?:a|b)\\\\d+$", "target": "c", "matchType": "regex"}]');
  assert.equal(await value('SELECT count(DISTINCT proxy_url) || min(proxy_url) FROM providers'), '1http://me:secret@proxy.example:80');
  const broken = JSON.stringify([{ matchType: 'regex', source: '(', target: 'c' }]);
  const refused = await send('providers', edited(await exported('providers'), { 3: { modelRedirects: broken } }));
  assert.match(refused.json.invalidParams[0].message, /does not compile at character 1/);
});

test('documents with numbers beyond 64 bits go out and come back, and are not changed by reading them', async () => {
  const huge = '{"share": 0.12345678901234567890123, "steps": 123456789012345678901234567890}';
  await postgres.sql('hub', `UPDATE providers SET group_priorities = '${huge}' WHERE id = 2`);
  for (const [format, type] of [['csv', 'text/csv'], ['json', 'application/json']]) {
    const text = await exported('providers', `?format=${format}`);
    const same = await send('providers', text, '', type);
    assert.deepEqual([same.status, same.json.changedCount], [200, 0], `${format}: ${same.text}`);
    const other = format === 'csv' ? edited(text, { 2: { weight: '77' }, 3: { weight: '78' } }) : text.replace(/("id": 2,.*?"weight": )\d+/, '$1'.concat('76'));
    const changed = await send('providers', other, '', type);
    assert.equal(changed.status, 200, changed.text);
    assert.equal(await value('SELECT group_priorities FROM providers WHERE id = 2'), huge);
  }
  const broken = '[{"id": 3, "groupPriorities": {"steps": 98765432109876543210}}]';
  assert.deepEqual(problems(await send('providers', broken, '', 'application/json')), ['items.0.groupPriorities.steps']);
  assert.equal(await value('SELECT group_priorities FROM providers WHERE id = 2'), huge);
});

test('an export has the rows that the filters or the ids choose', async () => {
  assert.deepEqual(parse(await exported('users', '?ids=4,2')).slice(1).map(([id]) => id), ['2', '4']);
  assert.deepEqual(parse(await exported('providers', '?type=codex')).slice(1).map(([id]) => id), ['1']);
  assert.deepEqual(JSON.parse(await exported('users', '?format=json&search=user%203')).items.map(({ id }) => id), [3]);
  assert.equal(parse(await exported('users', '?ids=99')).length, 1);
  assert.match((await client.get('/api/v1/keys:export')).headers['content-disposition'], /^attachment; filename="keys_[\dT-]+\.csv"$/);
});

test('more than 500 rows go only in chunks, each reported; after one that fails none is tried', async () => {
  await postgres.sql('hub', `INSERT INTO users (name) SELECT 'more ' || n FROM generate_series(6, 1300) n;
    INSERT INTO keys (user_id, key, name) SELECT n, 'sk-' || n, 'k' FROM generate_series(6, 1300) n; ANALYZE`);
  const text = (first, count, cell) => `id,rpm\n${Array.from({ length: count }, (_, i) => `${first + i},${cell}`).join('\n')}\n`;
  const refused = await send('users', text(1, 501, 9));
  assert.deepEqual([refused.status, problems(refused)], [400, ['chunk']]);
  assert.equal(await value('SELECT count(*) FROM users WHERE rpm_limit = 9'), '0');
  const done = await send('users', text(1, 1200, 9), '?chunk=true');
  assert.deepEqual(done.json.chunks.map(({ from, to, rowCount, status }) => [from, to, rowCount, status]),
    [['line 2', 'line 501', 500, 'applied'], ['line 502', 'line 1001', 500, 'applied'], ['line 1002', 'line 1201', 200, 'applied']]);
  assert.equal(await value('SELECT count(*) FROM users WHERE rpm_limit = 9'), '1200');
  await postgres.sql('hub', `UPDATE keys SET is_enabled = false WHERE id <> 700`);
  const keys = `id,isEnabled\n${Array.from({ length: 1300 }, (_, i) => `${i + 1},${i + 1 !== 700}`).join('\n')}\n`;
  const failed = await send('keys', keys, '?chunk=true');
  assert.deepEqual([failed.status, failed.json.errorCode], [400, 'CANNOT_DISABLE_LAST_KEY']);
  assert.deepEqual(failed.json.chunks.map(({ status }) => status), ['applied', 'failed', 'notRun']);
  assert.equal(await value('SELECT count(*) FROM keys WHERE is_enabled'), '501');
});
