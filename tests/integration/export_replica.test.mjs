// Exports from EXPORT_DSN: a streaming replica of DSN's server.
import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertNoLeftovers, makeWorkplace, mustRun, run, startServer } from './support/hubport.mjs';
import { checksum, fill } from './support/data.mjs';
import { readAnswer } from './support/client.mjs';
import { cleanUp, waitFor } from './support/processes.mjs';
import { startPostgres, startReplica } from './support/servers.mjs';

const EXPORT = '/api/admin/database/export', SECRET = 'secret-of-the-replica';
let primary, replica, env, server, client, directory;

before(async () => {
  primary = await startPostgres({ roles: `CREATE ROLE hub LOGIN CREATEDB; CREATE ROLE reader LOGIN PASSWORD '${SECRET}' IN ROLE pg_read_all_data` });
  await primary.createDatabase('hub', { owner: 'hub' });
  directory = makeWorkplace();
  await mustRun(['migrate'], { env: { DSN: primary.dsn('hub', { user: 'hub' }) }, directory });
  await fill(primary, 'hub', { user: 'hub', requests: 500 });
  replica = await startReplica(primary, { max_standby_streaming_delay: '0' });
  env = { DSN: primary.dsn('hub', { user: 'hub' }), EXPORT_DSN: replica.dsn('hub', { user: 'reader', password: SECRET }), ADMIN_TOKEN: 'token', HUBPORT_EXPORT_PARALLEL_FROM: '1KB' };
  server = await startServer({ env });
  client = server.client();
});
after(() => cleanUp());

/** What an archive holds, by its restore into a database beside. */
async function content(bytes) {
  await primary.createDatabase('copy', { owner: 'hub' });
  const archive = { bytes, name: 'hub.dump' };
  const other = await startServer({ env: { DSN: primary.dsn('copy', { user: 'hub' }), ADMIN_TOKEN: 'token' } });
  const answer = await other.client().upload('/api/admin/database/import', { cleanFirst: 'true' }, archive);
  assert.match(answer.text, /"type":"complete"/);
  await other.stop();
  const sum = await checksum(primary, 'copy', { except: ['audit_log'] });
  for (const name of await primary.databases()) if (name.startsWith('copy')) await primary.dropDatabase(name);
  return sum;
}

test('an export reads the replica and writes nothing there; lock and audit log stay at DSN', async () => {
  const audits = () => primary.value('hub', `SELECT count(*) FROM audit_log WHERE action_type = 'database.export'`);
  const before = Number(await audits()), from = server.log('export.source').length;
  await waitFor(async () => (await replica.value('hub', 'SELECT pg_last_wal_replay_lsn()')) >= (await primary.value('hub', 'SELECT pg_current_wal_lsn()')), { what: 'the replica' });
  const sum = await checksum(primary, 'hub', { except: ['audit_log'] });
  for (const query of ['', '?parallel=2']) {
    const answer = await client.get(EXPORT + query);
    assert.equal(answer.status, 200, answer.text.slice(0, 500));
    assert.ok(answer.complete);
    assert.deepEqual(await content(answer.body), sum);
  }
  const [{ replica: isReplica, lagMs }] = server.log('export.source').slice(from);
  assert.ok(isReplica === true && Number.isInteger(lagMs) && lagMs >= 0, 'the log says how far it is behind');
  assert.equal(Number(await audits()), before + 2);
  await assertNoLeftovers({ server, postgres: primary }, 2000);
});

test('what the replica has not yet replayed is not in it, and a table that it lacks refuses the export', async () => {
  await replica.sql('postgres', 'SELECT pg_wal_replay_pause()');
  await primary.sql('hub', 'CREATE TABLE public.newer (id int)');
  const answer = await client.get(EXPORT);
  assert.deepEqual([answer.status, answer.json.code], [503, 'EXPORT_SOURCE_DIFFERS']);
  assert.match(answer.text, /newer/);
  await replica.sql('postgres', 'SELECT pg_wal_replay_resume()');
  await waitFor(async () => (await client.get(EXPORT)).status === 200, { what: 'the replica to have it' });
  await primary.sql('hub', 'DROP TABLE public.newer');
});

test('how far it is behind is told against DSN\'s server, also when the replica has lost it', async () => {
  const source = await replica.value('postgres', "SELECT quote_literal(current_setting('primary_conninfo'))");
  const follow = async (where) => {
    await replica.sql('postgres', `ALTER SYSTEM SET primary_conninfo = ${where}`);
    await replica.sql('postgres', 'SELECT pg_reload_conf()');
  };
  await follow("''");
  await waitFor(async () => (await replica.value('postgres', 'SELECT count(*) FROM pg_stat_wal_receiver')) === '0', { what: 'the end of its receiver' });
  await primary.sql('hub', 'CREATE TABLE public.gone (id int); DROP TABLE public.gone');
  const from = server.log('export.source').length;
  assert.equal((await client.get(EXPORT)).status, 200);
  const [{ lagBytes, lagMs }] = server.log('export.source').slice(from);
  assert.ok(lagBytes > 0 && lagMs > 0, `${lagBytes} bytes, ${lagMs} ms`);
  await follow(source);
  await waitFor(async () => (await replica.value('postgres', 'SELECT count(*) FROM pg_stat_wal_receiver')) === '1', { what: 'its receiver' });
});

test('an unlogged table, whose rows a replica lacks, refuses the export', async () => {
  await primary.sql('hub', 'CREATE UNLOGGED TABLE public."Fast" AS SELECT 1 AS id');
  await waitFor(async () => (await client.get(EXPORT)).json?.code === 'EXPORT_SOURCE_UNLOGGED', { what: 'the refusal' });
  assert.match((await client.get(`${EXPORT}?parallel=2`)).text, /public.\\"Fast\\"/);
  await primary.sql('hub', 'DROP TABLE public."Fast"');
  await waitFor(async () => (await client.get(EXPORT)).status === 200, { what: 'its end' });
});

test('another database or another system is no source: nothing wrong passes for a backup', async () => {
  const stranger = await startPostgres();
  await stranger.createDatabase('hub');
  for (const dsn of [replica.dsn('postgres'), stranger.dsn('hub')]) {
    const { status, stderr } = await run(['export', '-o', join(directory, 'wrong.dump')], { env: { ...env, EXPORT_DSN: dsn } });
    assert.equal(status, 4);
    assert.match(stderr, /EXPORT_SOURCE_OTHER/);
    assert.ok(!existsSync(join(directory, 'wrong.dump')));
    const checks = JSON.parse((await run(['doctor', '--json'], { env: { ...env, EXPORT_DSN: dsn } })).stdout);
    assert.equal(checks.find(({ name }) => name === 'export').state, 'degraded');
  }
  await stranger.stop();
  const wrong = await run(['export', '-o', join(directory, 'wrong.dump')], { env: { ...env, EXPORT_DSN: `postgresql://x:${SECRET}%zz@h/d` } });
  assert.match(wrong.stderr, /EXPORT_DSN is not a libpq URI/);
  assert.ok(!wrong.stderr.includes(SECRET));
});

test('its password is shown nowhere, and doctor looks at it', async () => {
  assert.ok(!(await mustRun(['config'], { env })).includes(SECRET));
  const doctor = await mustRun(['doctor', '--json'], { env });
  assert.ok(!doctor.includes(SECRET));
  assert.deepEqual(JSON.parse(doctor).filter(({ name }) => name === 'export').map(({ state, found }) => [state, found.split(',')[0]]), [['ok', `127.0.0.1:${replica.port}`]]);
});

test('rows that go at DSN\'s server while the replica is read end the export with the reason, and never as if whole', async () => {
  await primary.sql('hub', `CREATE TABLE public.bulk (a bytea); ALTER TABLE public.bulk ALTER a SET STORAGE EXTERNAL, OWNER TO hub;
    INSERT INTO public.bulk SELECT one.a FROM generate_series(1, 30) n,
    (SELECT string_agg(sha512(j::text::bytea), ''::bytea) AS a FROM generate_series(1, 8192) j) one`);
  await waitFor(async () => (await replica.value('hub', `SELECT count(*) FROM bulk`).catch(() => '')) === '30', { what: 'the replica' });
  const { response } = await client.open('GET', `${EXPORT}?compression=none`);
  assert.equal(response.statusCode, 200); // and nobody reads on: pg_dump waits with its snapshot
  const dumps = server.children().filter(({ name }) => name === 'pg_dump');
  assert.ok(dumps.length === 1 && !dumps[0].command.includes(SECRET), 'no password in arguments');
  await primary.sql('hub', 'DELETE FROM public.bulk');
  await primary.sql('hub', 'VACUUM public.bulk');
  await waitFor(() => /conflict with recovery/.test(replica.log()), { what: 'the conflict' });
  const answer = await readAnswer(response);
  assert.equal(answer.complete, false);
  const failed = await server.logged('export.failed', ({ code }) => code === 'EXPORT_FAILED');
  assert.match(failed.error, /conflict with recovery/);
  await primary.sql('hub', 'DROP TABLE public.bulk');
  await assertNoLeftovers({ server, postgres: primary }, 5000);
});

test('a replica that is down is said so; nothing is read from DSN instead', async () => {
  await replica.stop();
  const answer = await client.get(EXPORT);
  assert.deepEqual([answer.status, answer.json.code], [503, 'DATABASE_UNAVAILABLE']);
  assert.ok(!answer.text.includes(SECRET) && !server.stderr.includes(SECRET));
  assert.match(answer.json.details, /^EXPORT_DSN: /);
  const doctor = JSON.parse((await run(['doctor', '--json'], { env })).stdout);
  assert.deepEqual(doctor.filter(({ state }) => state !== 'ok').map(({ name, state }) => [name, state]).filter(([name]) => name === 'export'), [['export', 'degraded']]);
  await assertNoLeftovers({ server, postgres: primary }, 2000);
  await replica.launch();
  await waitFor(async () => (await client.get(EXPORT)).status === 200, { what: 'the replica again' });
});
