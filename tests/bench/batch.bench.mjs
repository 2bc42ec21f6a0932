// Changes of 500 rows: the server's time, from its own log, next to the same statements in one transaction by psql, from its
// \timing. Both over TCP, with fsync. The server also writes the audit row, tells Redis and makes JSON of both states. And 500
// circuits closed, next to the same commands by `redis-cli --pipe` (whose start is in its time), which looks no provider up.
import { join } from 'node:path';
import { RELEASE, startServer } from '../integration/support/hubport.mjs';
import { cleanUp, runProgram } from '../integration/support/processes.mjs';
import { PG_BIN, startPostgres, startRedis } from '../integration/support/servers.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 31);
const timed = async (work) => {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e6;
};
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const ids = Array.from({ length: 500 }, (_, i) => 1 + i);
const CASES = {
  users: { member: 'userIds', api: (n) => ({ rpm: n, dailyQuota: `${n}.50` }), columns: { rpm_limit: (n) => n, daily_limit_usd: (n) => `${n}.50` } },
  keys: { member: 'keyIds', api: (n) => ({ limitDailyUsd: `${n}.50`, isEnabled: true }), columns: { limit_daily_usd: (n) => `${n}.50`, is_enabled: () => true } },
  providers: { member: 'providerIds', api: (n) => ({ priority: n, costMultiplier: '1.5' }), columns: { priority: (n) => n, cost_multiplier: () => '1.5' } },
};

try {
  const postgres = await startPostgres({ settings: { shared_buffers: '256MB', fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' } });
  const redis = await startRedis();
  await postgres.createDatabase('hub');
  const server = await startServer({ env: { DSN: postgres.dsn('hub'), REDIS_URL: redis.url, ADMIN_TOKEN: 'token of the bench' }, binary: RELEASE });
  const client = server.client();
  await postgres.sql('hub', `
    INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, 500) n;
    INSERT INTO keys (user_id, key, name) SELECT n, 'sk-' || md5(n::text), 'key ' || n FROM generate_series(1, 500) n;
    INSERT INTO providers (name, url, key) SELECT 'provider ' || n, 'https://example.org/' || n, 'sk-' || n FROM generate_series(1, 500) n;
    ANALYZE`);
  // The server's milliseconds, from the request's headers to the answer's last byte.
  const send = async (path, body) => {
    const answer = await client.post(`/api/v1/${path}`, body);
    if (answer.status !== 200) throw new Error(answer.text);
    const id = answer.headers['x-request-id'];
    return { ms: (await server.logged('http.request', ({ request }) => request === id)).ms, json: answer.json };
  };
  const psql = async (statements) => {
    const input = `\\timing on\n\\o /dev/null\n${statements.join(';\n')};\n`;
    const { status, stdout, stderr } = await runProgram(join(PG_BIN, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', postgres.dsn('hub'), '-f', '-'], { input });
    if (status !== 0) throw new Error(stderr);
    return [...stdout.matchAll(/Time: ([\d.]+) ms/g)].reduce((sum, [, ms]) => sum + Number(ms), 0);
  };
  console.log(`500 rows, medians of ${ROUNDS}:`);
  for (const [kind, { member, api, columns }] of Object.entries(CASES)) {
    const times = { floor: [], update: [], preview: [], apply: [], undo: [] };
    for (let round = 0; round <= ROUNDS; round++) { // the first one warms the caches
      const set = Object.entries(columns).map(([name, value]) => `${name} = '${value(1000 + round)}'`).join(', ');
      const list = `'{${ids}}'::int[]`, state = `jsonb_build_object(${Object.keys(columns).map((name) => `'${name}', t.${name}`).join(', ')})`;
      await postgres.sql('hub', `VACUUM ${kind}`); // as autovacuum would; the harness has it off
      times.floor.push(await psql(['BEGIN', `SELECT t.id, t.name, ${state} FROM ${kind} t WHERE id = ANY (${list}) AND deleted_at IS NULL ORDER BY id FOR UPDATE`,
        `UPDATE ${kind} t SET updated_at = now(), ${set} WHERE id = ANY (${list}) AND deleted_at IS NULL RETURNING t.id, ${state}`, 'COMMIT']));
      await postgres.sql('hub', `VACUUM ${kind}`);
      times.update.push((await send(`${kind}:batchUpdate`, { [member]: ids, updates: api(2000 + round) })).ms);
      const patch = Object.fromEntries(Object.entries(api(3000 + round)).map(([name, value]) => [name, { set: value }]));
      const seen = await send(`${kind}:batchPatch:preview`, { [member]: ids, patch });
      const { previewToken, previewRevision } = seen.json;
      const done = await send(`${kind}:batchPatch:apply`, { previewToken, previewRevision, [member]: ids, patch });
      const back = await send(`${kind}:undoPatch`, { undoToken: done.json.undoToken, operationId: done.json.operationId });
      times.preview.push(seen.ms);
      times.apply.push(done.ms);
      times.undo.push(back.ms);
    }
    const ms = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all.slice(1))]));
    console.log(`  ${kind.padEnd(10)} psql ${ms.floor.toFixed(1)} ms, batchUpdate ${ms.update.toFixed(1)} ms (${(ms.update / ms.floor).toFixed(2)} times), preview ${
      ms.preview.toFixed(1)} ms, apply ${ms.apply.toFixed(1)} ms, undo ${ms.undo.toFixed(1)} ms`);
  }

  const closed = ['failureCount', '0', 'lastFailureTime', '', 'circuitState', 'closed', 'circuitOpenUntil', '', 'halfOpenSuccessCount', '0'];
  const encode = (...words) => `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
  const commands = ids.map((id) => encode('HSET', `circuit_breaker:state:${id}`, ...closed) + encode('EXPIRE', `circuit_breaker:state:${id}`, '86400')).join('');
  const times = { pipe: [], reset: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    times.pipe.push(await timed(() => runProgram('redis-cli', ['-p', String(redis.port), '--pipe'], { input: commands })));
    times.reset.push((await send('providers/circuits:batchReset', { providerIds: ids })).ms);
  }
  const [pipe, reset] = [times.pipe, times.reset].map((all) => median(all.slice(1)));
  console.log(`  circuits   redis-cli --pipe ${pipe.toFixed(1)} ms, batchReset ${reset.toFixed(1)} ms (${(reset / pipe).toFixed(2)} times)`);
} finally {
  await cleanUp();
}
