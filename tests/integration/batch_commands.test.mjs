// hubport users|keys|providers: lists, bulk changes and files from the command line.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { makeWorkplace, mustRun, run, SANITIZED } from './support/hubport.mjs';
import { migrate } from './support/data.mjs';
import { cleanUp } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

let postgres, redis, env;
const directory = makeWorkplace();

before(async () => {
  postgres = await startPostgres();
  redis = await startRedis();
  await postgres.createDatabase('hub');
  await migrate(postgres, 'hub');
  env = { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, LANG: 'en_US.UTF-8' };
});
after(() => cleanUp());

beforeEach(() => postgres.sql('hub', `
  TRUNCATE users, keys, providers, provider_vendors, audit_log RESTART IDENTITY CASCADE;
  INSERT INTO users (name, rpm_limit) SELECT 'user ' || n, n FROM generate_series(1, 12) n;
  INSERT INTO users (name) VALUES (E'steering \\x1b[31m');
  INSERT INTO keys (user_id, key, name) SELECT n, 'sk-secret-' || n, 'key ' || n FROM generate_series(1, 5) n;
  INSERT INTO providers (name, url, key, provider_type) SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-' || n,
    CASE n % 2 WHEN 1 THEN 'codex' ELSE 'claude' END FROM generate_series(1, 6) n`));

const value = (sql) => postgres.value('hub', sql);
const json = async (...args) => JSON.parse(await mustRun([...args, '--json'], { env }));
const refused = async (...args) => {
  const { status, stdout } = await run([...args, '--json'], { env });
  return { status, ...JSON.parse(stdout) };
};

test('lists show what the options choose, for people and for scripts', async () => {
  const { items, total } = await json('providers', 'list', '--type', 'codex', '--sort', '-id');
  assert.deepEqual([items.map(({ id }) => id), total], [[5, 3, 1], 3]);
  const table = await mustRun(['users', 'list', '--search', 'steering'], { env });
  assert.match(table, /^ID +NAME +ENABLED[^\n]*\n13 +steering \?\[31m +true/);
  assert.match(await mustRun(['keys', 'list', '--user', '2'], { env }), /key 2 +user 2[^]*Total: 1/);
  assert.doesNotMatch(await mustRun(['keys', 'list', '--json'], { env }), /sk-secret/);
  assert.equal((await refused('keys', 'list', '--user', 'x')).status, 2);
});

test('an update changes the rows that ids, ranges or the options choose, and says what; a preview changes nothing', async () => {
  const preview = await mustRun(['users', 'update', '1,3-4', 'rpm=60', 'note=from the shell', '--dry-run'], { env });
  assert.match(preview, / {2}3 user 3\n {4}\w+ +.*\n {4}\w+ +.*\n/);
  assert.match(preview, /rpm +3 -> 60\n/);
  assert.match(preview, /nothing was changed; rows that would change: 3/);
  assert.equal(await value('SELECT count(*) FROM users WHERE rpm_limit = 60'), '0');
  const done = await json('users', 'update', '1,3-4', 'rpm=60', 'note=from the shell');
  assert.deepEqual([done.updatedCount, done.rows.map(({ id, changes }) => [id, changes.find(({ field }) => field === 'rpm')])],
    [3, [1, 3, 4].map((id) => [id, { field: 'rpm', before: id, after: 60 }])]);
  assert.equal(await value(`SELECT string_agg(id || description, ',' ORDER BY id) FROM users WHERE rpm_limit = 60`), '1from the shell,3from the shell,4from the shell');
  assert.match(await value('SELECT action_type || operator_user_name FROM audit_log'), /^users\.batch_patch.*command line/);
  assert.equal((await json('providers', 'update', 'all', 'weight=9', 'groupTag=x,y', '--type', 'claude')).updatedCount, 3);
  assert.equal(await value(`SELECT string_agg(id::text, ',' ORDER BY id) FROM providers WHERE weight = 9 AND group_tag = 'x,y'`), '2,4,6');
  assert.equal((await json('users', 'update', '2', 'rpm=')).rows[0].changes[0].after, null);
});

test('what is wrong is named, all of it, and nothing is changed', async () => {
  const state = () => value(`SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM (SELECT id, users::text FROM users UNION ALL SELECT id, keys::text FROM keys) t`);
  const before = await state();
  const wrong = await refused('users', 'update', '1,x,5-3', 'rpm=-1', 'color=red', 'note');
  assert.equal(wrong.status, 2);
  assert.deepEqual(wrong.invalidParams.map(({ path }) => path), ['rpm', 'color', 'note', 'IDS', 'IDS']);
  assert.match(wrong.invalidParams[1].message, /there are note, .*rpm/);
  assert.deepEqual((await refused('keys', 'update', '1', 'isEnabled=false', 'is_enabled=true')).invalidParams.map(({ path }) => path), ['is_enabled']);
  assert.deepEqual([(await refused('users', 'update', '1,999', 'rpm=5')).code, (await refused('users', 'update', 'all', 'rpm=5', '--search', 'nobody')).code],
    ['USERS_NOT_FOUND', 'REQUIRED_FIELD']);
  assert.equal((await refused('users', 'update', '1-501', 'rpm=5')).status, 2);
  assert.equal((await run(['users', 'update', '1'], { env })).status, 2);
  const last = await run(['keys', 'update', '2', 'isEnabled=false'], { env });
  assert.match(last.stderr, /CANNOT_DISABLE_LAST_KEY[^]*2 user 2/);
  assert.deepEqual((await refused('keys', 'update', '2', 'isEnabled=false')).errorParams.users, [{ id: 2, name: 'user 2' }]);
  assert.equal(await state(), before);
});

test('only what differs is written, a field only to providers of its types, and a password is never shown', async () => {
  const { updatedCount, rows, operationId } = await json('providers', 'update', '1-3', 'codexServiceTierPreference=flex', 'weight=1');
  assert.deepEqual([updatedCount, rows.map(({ id, changes, skipped }) => [id, changes.length, skipped?.[0].field])],
    [2, [[1, 1, undefined], [2, 0, 'codexServiceTierPreference'], [3, 1, undefined]]]);
  assert.equal(await value(`SELECT string_agg(id::text, ',' ORDER BY id) FROM providers WHERE codex_service_tier_preference = 'flex'`), '1,3');
  assert.equal(await value(`SELECT state FROM hubport.batch_operations WHERE id = '${operationId}'`), 'applied');
  assert.equal((await json('providers', 'update', '1-3', 'weight=1')).updatedCount, 0);
  assert.equal((await refused('providers', 'update', '2', 'codexServiceTierPreference=auto')).code, 'NOTHING_TO_APPLY');
  const args = ['providers', 'update', '1', 'proxyUrl=http://me:hunter2@proxy.example/'];
  for (const output of [JSON.stringify(await json(...args)), await mustRun([...args.slice(0, 3), args[3].replace('example', 'test')], { env })]) {
    assert.doesNotMatch(output, /hunter2/);
    assert.match(output, /\*\*\*@proxy/);
  }
});

/** What `hubport ARGS` does at a terminal where `answer` is typed once it asks, after `meanwhile`. */
function atTerminal(args, answer, meanwhile = async () => {}) {
  const command = [SANITIZED, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let text = '', asked = false;
    child.stdout.on('data', async (bytes) => {
      text += bytes;
      if (asked || !text.includes('[y/N]')) return;
      asked = true;
      await meanwhile();
      child.stdin.write(`${answer}\n`);
    });
    child.on('error', reject).on('close', (status) => resolve({ status, text, asked }));
  });
}

test('at a terminal the table comes first, and only y goes on', async () => {
  const csv = join(directory, 'asked.csv');
  await mustRun(['users', 'export', '-o', csv, '--ids', '3'], { env });
  writeFileSync(csv, readFileSync(csv, 'utf8').replace(/("user 3",.*?)"3"/, '$1"333"'));
  const commands = [
    [['users', 'update', '5', 'rpm=555'], /5 user 5\r\n {4}rpm +5 -> 555\r\n[^]*\[y\/N\]/, 'SELECT rpm_limit FROM users WHERE id = 5', '5', '555'],
    [['users', 'import', csv], /3 user 3\r\n {4}rpm +3 -> 333\r\n[^]*\[y\/N\]/, 'SELECT rpm_limit FROM users WHERE id = 3', '3', '333'],
    [['providers', 'delete', '6'], /6 provider 6\r\n[^]*\[y\/N\]/, 'SELECT deleted_at IS NULL FROM providers WHERE id = 6', 't', 'f'],
  ];
  for (const [args, table, query, before, after] of commands) {
    const no = await atTerminal(args, '');
    assert.match(no.text, table);
    assert.equal(no.status, 7, no.text);
    assert.equal(await value(query), before);
    const yes = await atTerminal(args, 'y');
    assert.deepEqual([yes.status, await value(query)], [0, after], yes.text);
  }
  const unasked = await atTerminal(['users', 'update', '5', 'rpm=5', '--yes'], '');
  assert.deepEqual([unasked.status, unasked.asked, await value('SELECT rpm_limit FROM users WHERE id = 5')], [0, false, '5']);
});

test('what somebody else changed while it asked is not overwritten, and named', async () => {
  const stale = await atTerminal(['users', 'update', '4,5', 'rpm=555'], 'y', () => postgres.sql('hub', 'UPDATE users SET rpm_limit = 44 WHERE id = 4'));
  assert.equal(stale.status, 5, stale.text);
  assert.match(stale.text, /PREVIEW_STALE[^]*4 user 4: rpm 4 -> 44/);
  assert.equal(await value(`SELECT string_agg(rpm_limit::text, ',' ORDER BY id) FROM users WHERE id IN (4, 5)`), '44,5');
});

test('a file goes out, is edited and comes in; its preview lists the edited cells', async () => {
  const path = join(directory, 'users.csv');
  await mustRun(['users', 'export', '-o', path, '--ids', '1,2'], { env });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  writeFileSync(path, readFileSync(path, 'utf8').replace(/("user 2",.*?)"2"/, '$1"222"'));
  const preview = await mustRun(['users', 'import', path, '--dry-run'], { env });
  assert.match(preview, /^ {2}2 user 2\n {4}rpm +2 -> 222\nThis was a preview, nothing was changed; rows that would change: 1\n$/);
  assert.equal(await value('SELECT rpm_limit FROM users WHERE id = 2'), '2');
  assert.equal((await json('users', 'import', path)).changedCount, 1);
  assert.equal(await value('SELECT rpm_limit FROM users WHERE id = 2'), '222');
  const again = await refused('users', 'import', path);
  assert.deepEqual([again.status, again.invalidParams[0].path], [2, 'line 3: updatedAt']);
  const document = join(directory, 'keys.json');
  await mustRun(['keys', 'export', '-o', document, '--format', 'json'], { env });
  assert.equal((await json('keys', 'import', document)).changedCount, 0);
  assert.equal((await refused('users', 'import', join(directory, 'missing.csv'))).code, 'FILE_MISSING');
  writeFileSync(path, 'id,isEnabled\n3,false\n');
  const last = await run(['keys', 'import', path], { env });
  assert.match(last.stderr, /CANNOT_DISABLE_LAST_KEY[^]*3 user 3/);
  assert.deepEqual((await refused('keys', 'import', path)).chunks[0].errorParams.users, [{ id: 3, name: 'user 3' }]);
});

test('a file that is larger than what is read of it is refused, not cut', async () => {
  const path = join(directory, 'large.csv'), before = await value('SELECT sum(rpm_limit) FROM users');
  writeFileSync(path, `id,rpm\n1,500\n${'\n'.repeat(65 * 1024 * 1024)}`);
  assert.deepEqual([(await refused('users', 'import', path)).code, await value('SELECT sum(rpm_limit) FROM users')], ['FILE_TOO_LARGE', before]);
});

test('providers are deleted, and their circuits closed', async () => {
  await redis.cli('HSET', 'circuit_breaker:state:2', 'circuitState', 'open');
  assert.equal((await json('providers', 'reset-circuits', '1-3')).resetCount, 3);
  assert.equal(await redis.cli('HGET', 'circuit_breaker:state:2', 'circuitState'), 'closed');
  const preview = await json('providers', 'delete', 'all', '--type', 'codex', '--dry-run');
  assert.deepEqual(preview.rows.map(({ id, name }) => [id, name]), [[1, 'provider 1'], [3, 'provider 3'], [5, 'provider 5']]);
  assert.equal(await value('SELECT count(*) FROM providers WHERE deleted_at IS NULL'), '6');
  assert.equal((await json('providers', 'delete', 'all', '--type', 'codex')).deletedCount, 3);
  assert.equal(await value('SELECT count(*) FROM providers WHERE deleted_at IS NULL'), '3');
  assert.equal((await refused('providers', 'delete', '1')).code, 'PROVIDER_NOT_FOUND');
  const without = await run(['providers', 'reset-circuits', '2', '--json'], { env: { ...env, REDIS_URL: '' } });
  assert.equal(JSON.parse(without.stdout).code, 'REDIS_UNAVAILABLE');
});
