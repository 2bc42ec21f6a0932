// Changes that are seen first and can be taken back, and providers that are deleted and come back.
import { strict as assert } from 'node:assert';
import { after, before, beforeEach, test } from 'node:test';
import { assertNoLeftovers, startServer } from './support/hubport.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

const TOKEN = 'token of the patch tests';
let postgres, redis, server, client, fields;

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  server = await startServer({ env: { DSN: postgres.dsn('hub', { user: 'hub' }), REDIS_URL: redis.url, ADMIN_TOKEN: TOKEN } });
  client = server.client();
  fields = await client.json('/api/v1/batch-fields');
});
after(() => cleanUp());

const TYPES = ['claude', 'claude-auth', 'codex', 'gemini', 'gemini-cli', 'openai-compatible'];
beforeEach(() => postgres.sql('hub', `
  TRUNCATE users, keys, providers, provider_groups, provider_endpoints, provider_vendors, audit_log, provider_batch_apply_operations,
    hubport.batch_operations RESTART IDENTITY CASCADE;
  INSERT INTO provider_vendors (website_domain) VALUES ('example.org');
  INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, 20) n;
  INSERT INTO keys (user_id, key, name) SELECT 1 + (n - 1) % 20, 'sk-secret-' || n, 'key ' || n FROM generate_series(1, 40) n;
  INSERT INTO providers (name, url, key, provider_vendor_id, provider_type)
    SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-provider-' || n, 1, (ARRAY['${TYPES.join('\',\'')}'])[1 + (n - 1) % 6]
    FROM generate_series(1, 12) n`));

const IDS = { users: 'userIds', keys: 'keyIds', providers: 'providerIds' };
const EXCLUDED = { users: 'excludeUserIds', keys: 'excludeKeyIds', providers: 'excludeProviderIds' };
const KINDS = Object.keys(IDS);
const range = (first, count) => Array.from({ length: count }, (_, i) => first + i);
const value = (sql) => postgres.value('hub', sql);
const sql = (text) => postgres.sql('hub', text);
const state = (kind) => value(`SELECT md5(string_agg((to_jsonb(t) - 'updated_at')::text, '|' ORDER BY id)) FROM ${kind} t`);
const post = (path, body) => client.post(`/api/v1/${path}`, body);

const previewRaw = (kind, ids, patch) => post(`${kind}:batchPatch:preview`, { [IDS[kind]]: ids, patch });
async function preview(kind, ids, patch) {
  const answer = await previewRaw(kind, ids, patch);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}
const applyRaw = (kind, seen, ids, patch, more = {}) => post(`${kind}:batchPatch:apply`,
  { previewToken: seen.previewToken, previewRevision: seen.previewRevision, [IDS[kind]]: ids, patch, ...more });
async function apply(kind, ids, patch, more) {
  const answer = await applyRaw(kind, await preview(kind, ids, patch), ids, patch, more);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}
const undo = (kind, { undoToken, operationId }) => post(`${kind}:undoPatch`, { undoToken, operationId });
const codeOf = ({ status, json }) => [status, json.errorCode];

const SIMPLE = {
  users: { rpm: { set: 7 }, limit5hUsd: { set: '12.5' } },
  keys: { limitDailyUsd: { set: 7.25 }, limit5hResetMode: { set: 'fixed' } },
  providers: { priority: { set: 7 }, limit_5h_usd: { set: 1.25 } },
};

for (const kind of KINDS)
  test(`${kind}: a preview changes nothing, its apply does what it said, and undo brings the old values back`, async () => {
    const before = await state(kind);
    const seen = await preview(kind, [3, 1, 2], SIMPLE[kind]);
    assert.equal(await state(kind), before);
    const singular = kind.slice(0, -1);
    assert.deepEqual(seen[IDS[kind]], [1, 2, 3]);
    assert.deepEqual(seen.summary, { [`${singular}Count`]: 3, fieldCount: 2, skipCount: 0 });
    assert.equal(seen.rows.length, 6);
    assert.equal(seen.rows[0][`${singular}Name`], `${singular} 1`);
    assert.ok(seen.rows.every(({ status }) => status === 'changed'));
    const done = await applyRaw(kind, seen, [1, 2, 3], SIMPLE[kind]);
    assert.equal(done.status, 200, done.text);
    assert.deepEqual(Object.keys(done.json).sort(), ['appliedAt', 'operationId', 'undoExpiresAt', 'undoToken', 'updatedCount']);
    assert.equal(done.json.updatedCount, 3);
    assert.ok(Math.abs(Date.parse(done.json.undoExpiresAt) - Date.now() - 86400e3) < 60e3, 'a day');
    assert.notEqual(await state(kind), before);
    for (const { field, after, [`${singular}Id`]: id } of seen.rows) {
      const { column, type } = fields[kind].find(({ name, column: other }) => name === field || other === field);
      assert.equal(await value(`SELECT ${column}::text FROM ${kind} WHERE id = ${id}`), String(after), `${field} (${type})`);
    }
    const back = await undo(kind, done.json);
    assert.equal(back.status, 200, back.text);
    assert.deepEqual([back.json.revertedCount, back.json.skipped], [3, []]);
    assert.equal(await state(kind), before);
    assert.deepEqual(codeOf(await undo(kind, done.json)), [409, 'UNDO_CONFLICT']);
  });

/** A value other than what the column has by default. */
function another({ name, type, min, max, choices, scale }) {
  switch (type) {
    case 'bool': return null;
    case 'integer': return Number(min) + 3;
    case 'decimal': return `1.${'7'.repeat(scale)}`;
    case 'text': return name.endsWith('Url') ? 'http://me:secret-word@proxy.example/path?key=hidden' : 'other';
    case 'choice': return choices.at(-1);
    case 'texts': return ['a', 'b'];
    case 'groups': return 'gold,silver';
    case 'time': return '13:37';
    case 'numeral': return max;
    case 'object': return { type: 'adaptive', share: 0.5 };
    case 'rules': return name === 'modelRedirects' ? [{ matchType: 'exact', source: 'a', target: 'b' }] : ['a'];
    default: return assert.fail(type);
  }
}

for (const kind of KINDS)
  test(`${kind}: every field can be set and, where the table says so, cleared; undo restores what was there`, async () => {
    for (const field of fields[kind]) {
      const type = field.onlyFor?.[0] ?? 'claude';
      const id = kind === 'providers' ? TYPES.indexOf(type) + 1 : 1;
      const old = await value(`SELECT coalesce(nullif(${field.column}::text, 'null'), '-') FROM ${kind} WHERE id = ${id}`);
      const set = field.type === 'bool' ? old !== 'true' : another(field);
      const name = kind === 'providers' ? field.column : field.name;
      const done = await apply(kind, [id], { [name]: { set } });
      const stored = await value(`SELECT ${field.column}::text FROM ${kind} WHERE id = ${id}`);
      if (['object', 'texts', 'rules'].includes(field.type)) assert.deepEqual(JSON.parse(stored), set, name);
      else assert.equal(stored, String(set), name);
      if (field.clearable) {
        const cleared = await apply(kind, [id], { [name]: { clear: true } });
        const now = await value(`SELECT coalesce(${field.column}::text, 'NULL') FROM ${kind} WHERE id = ${id}`);
        assert.ok(['NULL', '[]', 'inherit', '', 'default'].includes(now), `${name} cleared: ${now}`);
        assert.equal((await undo(kind, cleared)).status, 200);
        assert.equal(await value(`SELECT ${field.column}::text FROM ${kind} WHERE id = ${id}`), stored, name);
      } else {
        assert.deepEqual(codeOf(await previewRaw(kind, [id], { [name]: { clear: true } })), [400, 'INVALID_PATCH_SHAPE'], name);
      }
      const back = await undo(kind, done);
      assert.equal(back.status, 200, `${name}: ${back.text}`);
      assert.equal(await value(`SELECT coalesce(nullif(${field.column}::text, 'null'), '-') FROM ${kind} WHERE id = ${id}`), old, name);
    }
  });

test('a change by somebody else between preview and apply refuses it, names it, and leaves everything', async () => {
  const ids = [1, 2, 3], patch = SIMPLE.providers;
  for (const [change, field, current] of [
    ['UPDATE providers SET priority = 99 WHERE id = 2', 'priority', 99],
    ['UPDATE providers SET limit_5h_usd = 5 WHERE id = 2', 'limit5hUsd', '5.00'],
    [`UPDATE providers SET provider_type = 'codex' WHERE id = 2`, 'providerType', 'codex'],
    ['UPDATE providers SET is_enabled = false WHERE id = 2', 'isEnabled', false],
  ]) {
    const seen = await preview('providers', ids, patch);
    await sql(change);
    const before = await state('providers');
    const refusal = await applyRaw('providers', seen, ids, patch);
    assert.deepEqual(codeOf(refusal), [409, 'PREVIEW_STALE'], field);
    assert.deepEqual(refusal.json.errorParams.ids, [2]);
    const [{ id, name, field: named, current: now }] = refusal.json.errorParams.changed;
    assert.deepEqual([id, name, named, now], [2, 'provider 2', field, current]);
    assert.equal(await state('providers'), before);
  }
  const seen = await preview('providers', ids, patch);
  await sql('UPDATE providers SET description = \'not previewed\' WHERE id = 2');
  assert.equal((await applyRaw('providers', seen, ids, patch)).status, 200, 'what was not previewed may change');
  const users = await preview('users', [1, 2], SIMPLE.users);
  await sql('UPDATE users SET deleted_at = now() WHERE id = 2');
  const gone = await applyRaw('users', users, [1, 2], SIMPLE.users);
  assert.deepEqual([codeOf(gone), gone.json.errorParams.ids], [[409, 'PREVIEW_STALE'], [2]]);
});

test('applied twice by one key, or at once by many requests: one effect and one answer', async () => {
  const ids = [1, 2, 3], patch = SIMPLE.users;
  const seen = await preview('users', ids, patch);
  const key = { idempotencyKey: 'a key' };
  const answers = await Promise.all(range(0, 8).map(() => applyRaw('users', seen, ids, patch, key)));
  for (const answer of answers) assert.deepEqual([answer.status, answer.json], [200, answers[0].json], answer.text);
  assert.equal(await value(`SELECT count(*) FROM audit_log WHERE success AND action_type = 'users.batch_patch'`), '1');
  assert.equal(await value(`SELECT count(*) FROM hubport.batch_operations WHERE state = 'applied'`), '1');
  assert.deepEqual((await applyRaw('users', seen, ids, patch, key)).json, answers[0].json, 'also later');
  assert.deepEqual(codeOf(await applyRaw('users', seen, ids, { rpm: { set: 8 } }, key)), [409, 'IDEMPOTENCY_CONFLICT']);
  assert.deepEqual(codeOf(await applyRaw('users', seen, ids, patch)), [409, 'PREVIEW_STALE'], 'the preview is used');
  const second = await preview('users', ids, { rpm: { set: 9 } });
  assert.deepEqual(codeOf(await applyRaw('users', second, ids, { rpm: { set: 9 } }, key)), [409, 'IDEMPOTENCY_CONFLICT']);
  const bare = await applyRaw('users', second, ids, { rpm: { set: 9 } });
  assert.deepEqual((await applyRaw('users', second, ids, { rpm: { set: 9 } })).json, bare.json, 'without a key the preview is the claim');
  const raced = await Promise.all([preview('keys', [1], SIMPLE.keys), preview('keys', [2], SIMPLE.keys)]);
  const race = await Promise.all(raced.map((one, i) => applyRaw('keys', one, [i + 1], SIMPLE.keys, { idempotencyKey: 'raced' })));
  assert.deepEqual(race.map(({ status }) => status).sort(), [200, 409], 'one key for two previews at once');
});

test('what the hub applied under a key is a conflict; what was applied here the hub can see', async () => {
  const ids = [1, 2], patch = SIMPLE.providers;
  await sql(`INSERT INTO provider_batch_apply_operations (claim_key, preview_token, payload_fingerprint, operation_id, undo_token, status, expires_at)
    VALUES ('idempotency:theirs', 't', 'f', 'o', 'u', 'applied', now() + interval '1 hour')`);
  const before = await state('providers');
  const refusal = await applyRaw('providers', await preview('providers', ids, patch), ids, patch, { idempotencyKey: 'theirs' });
  assert.deepEqual(codeOf(refusal), [409, 'IDEMPOTENCY_CONFLICT']);
  assert.equal(await state('providers'), before, 'rolled back');
  const done = await apply('providers', ids, patch, { idempotencyKey: 'ours' });
  assert.equal(await value(`SELECT operation_id || ' ' || undo_token || ' ' || status FROM provider_batch_apply_operations WHERE claim_key = 'idempotency:ours'`),
    `${done.operationId} ${done.undoToken} applied`);
});

test('an apply must be what was previewed; its preview must be there', async () => {
  const ids = [1, 2, 3], patch = SIMPLE.users;
  const seen = await preview('users', ids, patch);
  const before = await state('users');
  for (const [what, code] of [
    [applyRaw('users', { ...seen, previewRevision: 'other' }, ids, patch), [409, 'PREVIEW_STALE']],
    [applyRaw('users', seen, [1, 2], patch), [409, 'PREVIEW_STALE']],
    [applyRaw('users', seen, ids, { rpm: { set: 8 } }), [409, 'PREVIEW_STALE']],
    [applyRaw('users', { ...seen, previewToken: 'user_patch_preview_none' }, ids, patch), [410, 'PREVIEW_EXPIRED']],
    [applyRaw('keys', seen, ids, SIMPLE.keys), [410, 'PREVIEW_EXPIRED']],
    [applyRaw('users', seen, ids, patch, { [EXCLUDED.users]: [1, 2, 3] }), [400, 'NOTHING_TO_APPLY']],
    [applyRaw('users', seen, ids, patch, { [EXCLUDED.users]: [4] }), [400, 'request.validation_failed']],
    [applyRaw('users', seen, ids, patch, { idempotencyKey: 'x'.repeat(129) }), [400, 'request.validation_failed']],
    [applyRaw('users', seen, ids, patch, { other: 1 }), [400, 'request.validation_failed']],
    [post('users:batchPatch:apply', { userIds: ids, patch }), [400, 'request.validation_failed']],
  ]) assert.deepEqual(codeOf(await what), code);
  await sql(`UPDATE hubport.batch_operations SET expires_at = now() - interval '1 second'`);
  assert.deepEqual(codeOf(await applyRaw('users', seen, ids, patch)), [410, 'PREVIEW_EXPIRED']);
  assert.equal(await state('users'), before);
});

test('patches of a wrong shape, or of nothing, are refused with what is wrong', async () => {
  for (const patch of [{ nothing: { set: 1 } }, { rpm: 5 }, { rpm: {} }, { rpm: { set: 1, clear: true } }, { rpm: { clear: false } }, { rpm: { set: -1 } },
    { rpm: { set: 1 }, rpm_limit: { set: 2 } }, [], null, 'x']) {
    const refusal = await previewRaw('users', [1], patch);
    assert.deepEqual(codeOf(refusal), [400, 'INVALID_PATCH_SHAPE'], JSON.stringify(patch));
    assert.ok(refusal.json.invalidParams[0].path.startsWith('patch'), refusal.text);
  }
  for (const patch of [{}, { rpm: { no_change: true } }])
    assert.deepEqual(codeOf(await previewRaw('users', [1], patch)), [400, 'NOTHING_TO_APPLY']);
  for (const ids of [[], [1, 1], range(1, 501), ['1'], [0]]) assert.equal((await previewRaw('users', ids, SIMPLE.users)).status, 400);
  assert.deepEqual(codeOf(await previewRaw('users', [1, 999], SIMPLE.users)), [404, 'NOT_FOUND']);
  assert.deepEqual(codeOf(await previewRaw('keys', [1, 21], { isEnabled: { set: false } })), [400, 'CANNOT_DISABLE_LAST_KEY'], 'said before');
});

test('fields that a provider\'s type does not have are skipped, with the reason; excluded rows stay', async () => {
  const patch = { codex_service_tier_preference: { set: 'flex' }, weight: { set: 9 } };
  const seen = await preview('providers', [1, 3], patch);
  const of = (id, name) => seen.rows.find(({ providerId, field }) => providerId === id && field === name);
  assert.deepEqual([of(1, 'codex_service_tier_preference').status, of(3, 'codex_service_tier_preference').status], ['skipped', 'changed']);
  assert.match(of(1, 'codex_service_tier_preference').skipReason, /./);
  assert.equal(seen.summary.skipCount, 1);
  const done = await applyRaw('providers', seen, [1, 3], patch, { excludeProviderIds: [1] });
  assert.equal(done.json.updatedCount, 1, done.text);
  assert.deepEqual(await sql('SELECT codex_service_tier_preference, weight FROM providers WHERE id IN (1, 3) ORDER BY id'), [[null, '1'], ['flex', '9']]);
  const only = { codex_service_tier_preference: { set: 'flex' } };
  assert.deepEqual(codeOf(await applyRaw('providers', await preview('providers', [1], only), [1], only)), [400, 'NOTHING_TO_APPLY']);
});

test('undo sets back only rows that are as the operation left them, and names the others', async () => {
  const done = await apply('users', [1, 2, 3, 4], { rpm: { set: 7 }, dailyQuota: { set: 5 } });
  await sql('UPDATE users SET rpm_limit = 8 WHERE id = 2; UPDATE users SET deleted_at = now() WHERE id = 3; UPDATE users SET description = \'x\' WHERE id = 4');
  const back = await undo('users', done);
  assert.equal(back.status, 200, back.text);
  assert.equal(back.json.revertedCount, 2);
  assert.deepEqual(back.json.skipped, [{ id: 2, reason: 'changed' }, { id: 3, reason: 'missing' }]);
  assert.deepEqual((await sql('SELECT rpm_limit, daily_limit_usd FROM users WHERE id IN (1, 2, 3, 4) ORDER BY id')), [[null, null], ['8', '5.00'], ['7', '5.00'], [null, null]]);
  const second = await apply('users', [5], { rpm: { set: 7 } });
  await sql('UPDATE users SET rpm_limit = 8 WHERE id = 5');
  const stale = await undo('users', second);
  assert.deepEqual([codeOf(stale), stale.json.errorParams.changed[0].field], [[409, 'UNDO_STALE'], 'rpm']);
  await sql('UPDATE users SET rpm_limit = 7 WHERE id = 5');
  assert.equal((await undo('users', second)).status, 200, 'a refused undo is not used up');
});

test('undo is refused after its time, with another operation\'s id, and where it would leave a user without a key', async () => {
  const done = await apply('users', [1], SIMPLE.users);
  assert.deepEqual(codeOf(await undo('users', { ...done, operationId: 'other' })), [409, 'UNDO_CONFLICT']);
  assert.deepEqual(codeOf(await undo('keys', done)), [410, 'UNDO_EXPIRED']);
  assert.deepEqual(codeOf(await undo('users', { undoToken: 'none', operationId: 'none' })), [410, 'UNDO_EXPIRED']);
  assert.equal((await post('users:undoPatch', { undoToken: done.undoToken })).status, 400);
  await sql(`UPDATE hubport.batch_operations SET undo_until = now() - interval '1 second'`);
  assert.deepEqual(codeOf(await undo('users', done)), [410, 'UNDO_EXPIRED']);
  await sql('UPDATE keys SET is_enabled = false WHERE id = 1');
  const enabled = await apply('keys', [1], { isEnabled: { set: true } });
  await sql('UPDATE keys SET is_enabled = false WHERE id = 21');
  assert.deepEqual(codeOf(await undo('keys', enabled)), [400, 'CANNOT_DISABLE_LAST_KEY']);
  assert.equal(await value('SELECT is_enabled FROM keys WHERE id = 1'), 't');
});

test('operations are listed for undoing, hold no secret, and two undos at once have one effect', async () => {
  const patch = { proxy_url: { set: 'http://me:secret-word@proxy.example/x?key=hidden' } };
  const seen = await preview('providers', [1], patch);
  assert.equal(seen.rows[0].after, 'http://***@proxy.example/x?***');
  const done = (await applyRaw('providers', seen, [1], patch)).json;
  await apply('users', [1, 2], SIMPLE.users);
  const list = await client.get('/api/v1/batch-operations');
  assert.doesNotMatch(list.text, /secret-word/);
  assert.deepEqual(list.json.items.map(({ kind, action, rowCount, fields: names, userName, undoable }) => [kind, action, rowCount, names, userName, undoable]), [
    ['users', 'patch', 2, ['rpm', 'limit5hUsd'], 'Admin Token', true], ['providers', 'patch', 1, ['proxyUrl'], 'Admin Token', true]]);
  assert.deepEqual([list.json.total, list.json.items[1].operationId, list.json.items[1].undoToken], [2, done.operationId, done.undoToken]);
  assert.equal((await client.json('/api/v1/batch-operations?kind=users')).total, 1);
  assert.equal((await client.get('/api/v1/batch-operations?kind=other')).status, 400);
  assert.deepEqual((await Promise.all([undo('providers', done), undo('providers', done)])).map(({ status }) => status).sort(), [200, 409]);
  assert.equal(await value('SELECT proxy_url FROM providers WHERE id = 1'), null);
  assert.equal((await client.json('/api/v1/batch-operations')).items[1].undoable, false);
  assert.equal(await value(`SELECT count(*) FROM hubport.batch_operations WHERE rows::text LIKE '%secret-word%'`), '0');
  assert.equal(await value(`SELECT count(*) FROM audit_log t WHERE t::text LIKE '%secret-word%'`), '0');
  assert.doesNotMatch(server.stderr, /secret-word/);
});

test('one audit row for each apply and undo, also when it is refused', async () => {
  const done = await apply('users', [1], { rpm: { set: 7 } });
  await undo('users', done);
  await undo('users', done);
  await applyRaw('users', { previewToken: 'none', previewRevision: 'none' }, [1], { rpm: { set: 7 } });
  assert.deepEqual(await sql(`SELECT action_type, success, error_message, before_value #>> '{1,rpm}', after_value #>> '{rows,1,rpm}' FROM audit_log ORDER BY id`), [
    ['users.batch_patch', 't', null, null, '7'], ['users.undo_patch', 't', null, '7', null],
    ['users.undo_patch', 'f', 'UNDO_CONFLICT', null, null], ['users.batch_patch', 'f', 'PREVIEW_EXPIRED', null, null]]);
});

test('the hub learns of an apply and of an undo', async () => {
  await redis.cli('SET', 'circuit_breaker:config:1', '{}');
  await redis.cli('HSET', 'circuit_breaker:state:1', 'circuitState', 'open');
  await redis.cli('ZADD', 'provider:1:active_sessions', '1', 'abc');
  await redis.cli('SET', 'session:abc:provider', '1');
  const channels = await redis.subscribe('cch:cache:*');
  const done = await apply('providers', [1], { circuit_breaker_failure_threshold: { set: 0 }, allowed_clients: { set: ['x'] } });
  assert.equal(await redis.cli('EXISTS', 'circuit_breaker:config:1', 'circuit_breaker:state:1', 'session:abc:provider'), '0');
  await undo('providers', done);
  assert.deepEqual((await channels.stop()).map(({ channel, message }) => [channel, message.startsWith('{') ? message : '']), [
    ['cch:cache:providers:updated', ''], ['cch:cache:circuit_breaker_config:updated', '{"providerIds":[1]}'],
    ['cch:cache:providers:updated', ''], ['cch:cache:circuit_breaker_config:updated', '{"providerIds":[1]}']]);
});

// ---- Deleting ----------------------------------------------------------------------------------------------------------

test('deleted providers come back with their endpoints, and those another provider uses stay', async () => {
  await sql(`INSERT INTO provider_endpoints (vendor_id, provider_type, url, is_enabled) SELECT 1, provider_type, url, id <> 2 FROM providers;
    UPDATE providers SET url = 'https://example.org/1', provider_type = 'claude' WHERE id = 12;
    INSERT INTO keys (user_id, key, name) VALUES (1, 'x', 'x')`);
  await redis.cli('SET', 'circuit_breaker:config:2', '{}');
  await redis.cli('SET', 'provider:2:cost_daily', '1');
  await redis.cli('SET', 'provider:22:cost_daily', '1');
  await redis.cli('SET', 'lease:provider:2:x', '1');
  const before = [await state('providers'), await state('provider_endpoints')];
  const channels = await redis.subscribe('cch:cache:*');
  const deleted = await post('providers:batchDelete', { providerIds: [2, 1] });
  assert.equal(deleted.status, 200, deleted.text);
  assert.deepEqual([deleted.json.deletedCount, Object.keys(deleted.json).sort()], [2, ['deletedCount', 'operationId', 'undoExpiresAt', 'undoToken']]);
  assert.equal(await value('SELECT string_agg(id::text, \',\' ORDER BY id) FROM providers WHERE deleted_at IS NOT NULL'), '1,2');
  assert.equal(await value('SELECT string_agg(url, \',\') FROM provider_endpoints WHERE deleted_at IS NOT NULL AND NOT is_enabled'), 'https://example.org/2');
  assert.equal(await redis.cli('EXISTS', 'circuit_breaker:config:2', 'provider:2:cost_daily', 'lease:provider:2:x'), '0');
  assert.equal(await redis.cli('EXISTS', 'provider:22:cost_daily'), '1', 'another provider\'s');
  const back = await post('providers:undoDelete', { undoToken: deleted.json.undoToken, operationId: deleted.json.operationId });
  assert.equal(back.status, 200, back.text);
  assert.deepEqual([back.json.restoredCount, back.json.skipped], [2, []]);
  assert.deepEqual([await state('providers'), await state('provider_endpoints')], before);
  assert.deepEqual((await channels.stop()).map(({ channel }) => channel), ['cch:cache:providers:updated', 'cch:cache:providers:updated']);
  assert.deepEqual(codeOf(await post('providers:undoDelete', { undoToken: deleted.json.undoToken, operationId: deleted.json.operationId })), [409, 'UNDO_CONFLICT']);
  await assertNoLeftovers({ server, postgres });
});

test('deleting refuses what is wrong and changes nothing; undo passes by what somebody else touched', async () => {
  const before = await state('providers');
  for (const [body, status] of [[{ providerIds: [] }, 400], [{ providerIds: [1, 1] }, 400], [{ providerIds: range(1, 501) }, 400], [{ providerIds: [1, 999] }, 404],
    [{ providerIds: [1], more: 1 }, 400], [{}, 400]])
    assert.equal((await post('providers:batchDelete', body)).status, status, JSON.stringify(body).slice(0, 60));
  assert.equal(await state('providers'), before);
  const action = await client.post('/api/actions/providers/batchDeleteProviders', { providerIds: [1, 2, 3] });
  assert.deepEqual([action.status, action.json.ok, action.json.data.deletedCount], [200, true, 3]);
  const { undoToken, operationId } = action.json.data;
  await sql('UPDATE providers SET deleted_at = NULL WHERE id = 1; DELETE FROM providers WHERE id = 2');
  assert.deepEqual(codeOf(await post('providers:undoPatch', { undoToken, operationId })), [410, 'UNDO_EXPIRED'], 'it is no patch');
  const back = await post('providers:undoDelete', { undoToken, operationId });
  assert.deepEqual([back.json.restoredCount, back.json.skipped], [1, [{ id: 1, reason: 'changed' }, { id: 2, reason: 'missing' }]], back.text);
  const rows = await sql(`SELECT action_type, count(*) FILTER (WHERE success), count(*) FILTER (WHERE NOT success) FROM audit_log GROUP BY 1 ORDER BY 1`);
  assert.deepEqual(rows, [['providers.batch_delete', '1', '6'], ['providers.undo_delete', '1', '0'], ['providers.undo_patch', '0', '1']]);
});

test('500 rows are previewed, applied and taken back', async () => {
  await sql(`INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(21, 600) n`);
  const before = await state('users');
  const done = await apply('users', range(1, 500), { rpm: { set: 5 }, tags: { set: ['a'] } });
  assert.equal(done.updatedCount, 500);
  assert.equal((await undo('users', done)).json.revertedCount, 500);
  assert.equal(await state('users'), before);
});

test('amounts that a number cannot keep are refused, not rounded', async () => {
  const send = (kind, body) => client.post(`/api/v1/${kind}`, undefined, {
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }, body });
  for (const number of ['99999999.990000000001', '0.1000000000000000055511151231257827', '1e-400', '12.345', '1.00000000000000000001'])
    for (const [path, member] of [['keys:batchUpdate', `"updates":{"limitDailyUsd":${number}}`], ['keys:batchPatch:preview', `"patch":{"limitDailyUsd":{"set":${number}}}`]]) {
      const refusal = await send(path, `{"keyIds":[1],${member}}`);
      assert.equal(refusal.status, 400, `${number}: ${refusal.text}`);
      assert.match(refusal.json.invalidParams[0].path, /limitDailyUsd/);
    }
  for (const [number, stored] of [['99999999.99', '99999999.99'], ['1.5e1', '15.00'], ['0.10', '0.10'], ['1.5000000000000000000000', '1.50']]) {
    assert.equal((await send('keys:batchUpdate', `{"keyIds":[1],"updates":{"limitDailyUsd":${number}}}`)).status, 200, number);
    assert.equal(await value('SELECT limit_daily_usd FROM keys WHERE id = 1'), stored);
  }
});

test('without its table a preview says what is missing, and an update works', async () => {
  await sql('ALTER TABLE hubport.batch_operations RENAME TO elsewhere');
  const refusal = await previewRaw('users', [1], SIMPLE.users);
  assert.equal(refusal.status, 503, refusal.text);
  assert.match(refusal.json.detail, /hubport\.batch_operations/);
  assert.equal((await post('users:batchUpdate', { userIds: [1], updates: { rpm: 3 } })).status, 200);
  await sql('ALTER TABLE hubport.elsewhere RENAME TO batch_operations');
});

test('killed in the middle of an apply nothing is changed, and the same apply works on the next server', async () => {
  const ids = range(1, 12), patch = { weight: { set: 77 } };
  const seen = await preview('providers', ids, patch);
  const before = await state('providers');
  const session = postgres.session('hub');
  await session.run('BEGIN; SELECT FROM providers WHERE id = 12 FOR UPDATE');
  const pending = applyRaw('providers', seen, ids, patch, { idempotencyKey: 'killed' }).catch(() => null);
  await waitFor(async () => (await value(`SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE%'`)) === '1');
  await server.kill('SIGKILL');
  await pending;
  await session.run('ROLLBACK');
  await session.close();
  server = await startServer({ env: server.env, directory: server.directory });
  client = server.client();
  assert.equal(await state('providers'), before);
  const done = await applyRaw('providers', seen, ids, patch, { idempotencyKey: 'killed' });
  assert.deepEqual([done.status, done.json.updatedCount], [200, 12], done.text);
});

test('tags, clients and groups are added to and taken from, whatever each row has', async () => {
  await sql(`UPDATE users SET tags = '["a", "b"]' WHERE id = 1; UPDATE users SET tags = '["b", "c"]' WHERE id = 2;
    UPDATE keys SET provider_group = 'x,y' WHERE id = 1; UPDATE providers SET group_tag = 'p,q' WHERE id = 1; UPDATE providers SET group_tag = 'q' WHERE id = 2`);
  const patch = { tags: { add: ['b', 'new'] } };
  const seen = await preview('users', [1, 2, 3], patch);
  assert.deepEqual(seen.rows.map(({ userId, after }) => [userId, after]), [[1, ['a', 'b', 'new']], [2, ['b', 'c', 'new']], [3, ['b', 'new']]]);
  const done = await applyRaw('users', seen, [1, 2, 3], patch);
  assert.equal(done.status, 200, done.text);
  const tags = `SELECT string_agg(tags::text, ' ' ORDER BY id) FROM users WHERE id < 4`;
  assert.equal(await value(tags), '["a", "b", "new"] ["b", "c", "new"] ["b", "new"]');
  await undo('users', done.json);
  assert.equal(await value(tags), '["a", "b"] ["b", "c"] []');
  await apply('users', [1, 2], { tags: { remove: ['b', 'none'] } });
  assert.equal(await value(tags), '["a"] ["c"] []');
  await apply('keys', [1, 2], { providerGroup: { add: 'z,x' } });
  assert.equal(await value(`SELECT string_agg(provider_group, ' ' ORDER BY id) FROM keys WHERE id < 3`), 'x,y,z default,x,z');
  await apply('providers', [1, 2], { group_tag: { remove: 'q' } });
  assert.equal(await value(`SELECT string_agg(coalesce(group_tag, 'NULL'), ' ' ORDER BY id) FROM providers WHERE id < 3`), 'p NULL');
  const stale = await preview('users', [1], { tags: { add: ['z'] } });
  await sql(`UPDATE users SET tags = '["other"]' WHERE id = 1`);
  assert.deepEqual(codeOf(await applyRaw('users', stale, [1], { tags: { add: ['z'] } })), [409, 'PREVIEW_STALE']);
  const many = Array.from({ length: 20 }, (_, i) => `tag ${i}`);
  assert.deepEqual(codeOf(await previewRaw('users', [1], { tags: { add: many } })), [400, 'request.validation_failed'], 'it would have 21');
  for (const wrong of [{ rpm: { add: [1] } }, { tags: { add: 'x' } }, { tags: { add: ['x'], remove: ['y'] } }, { note: { remove: ['x'] } }])
    assert.deepEqual(codeOf(await previewRaw('users', [1], wrong)), [400, 'INVALID_PATCH_SHAPE']);
});
