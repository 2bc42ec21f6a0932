// The harness itself: a test that stands on it must be able to fail.
import { strict as assert } from 'node:assert';
import { createServer } from 'node:http';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, form, EventStream } from './support/client.mjs';
import { catalogue, checksum, fill, fingerprint, makeSchema, sequences } from './support/data.mjs';
import { findLeftovers, mustRun, run, startServer } from './support/hubport.mjs';
import {
  cleanUpAfter, descendantsOf, freePort, isAlive, makeDirectory, onEnd, start, waitFor
} from './support/processes.mjs';
import { PG_BIN, startPostgres, startRedis } from './support/servers.mjs';

describe('a private PostgreSQL', () => {
  let postgres;
  before(async () => {
    postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB', settings: { work_mem: '3MB' } });
  });

  it('takes statements and gives rows with NULL apart from the empty text', async () => {
    assert.deepEqual(
      await postgres.sql('postgres', `SELECT 1, NULL, '', E'a\\nb|c'; SELECT 'second "q", x'; SELECT ''`),
      [['1', null, '', 'a\nb|c'], ['second "q", x'], ['']]);
    assert.deepEqual(await postgres.rows('postgres', 'SELECT 1 AS one, NULL AS nothing'), [{ one: 1, nothing: null }]);
    assert.equal(await postgres.value('postgres', 'SHOW work_mem'), '3MB');
    assert.deepEqual(await postgres.sql('postgres', 'SELECT 1 WHERE false'), []);
  });

  it('throws PostgreSQL\'s own message', async () => {
    await assert.rejects(postgres.sql('postgres', 'SELECT 1/0'), /division by zero/);
  });

  it('serves roles over TCP with names that need quoting', async () => {
    await postgres.createDatabase('odd "name"/%', { owner: 'hub' });
    const psql = execFileSync(join(PG_BIN, 'psql'),
      [postgres.dsn('odd "name"/%', { user: 'hub' }), '-XAtc', 'SELECT current_user, current_database()'],
      { encoding: 'utf8' });
    assert.equal(psql.trim(), 'hub|odd "name"/%');
    await postgres.dropDatabase('odd "name"/%');
    assert.deepEqual(await postgres.databases(), ['postgres']);
  });

  it('keeps an open transaction in a session, with its locks', async () => {
    const session = postgres.session('postgres');
    await session.run('CREATE TABLE held (a int)');
    assert.equal(await session.run('BEGIN; LOCK held; SELECT 7'), '7');
    await assert.rejects(postgres.sql('postgres', `SET lock_timeout = '50ms'; SELECT * FROM held`), /lock timeout/);
    assert.match(await session.run('SELECT nonsense'), /nonsense/);
    await session.close();
    assert.deepEqual(await postgres.sql('postgres', 'SELECT * FROM held; DROP TABLE held'), []);
  });

  it('comes back with its data after kill -9', async () => {
    await postgres.sql('postgres', 'CREATE TABLE kept AS SELECT 1 AS a; CHECKPOINT');
    await postgres.kill();
    await assert.rejects(postgres.sql('postgres', 'SELECT 1'));
    await postgres.launch();
    assert.equal(await postgres.value('postgres', 'SELECT a FROM kept'), '1');
    await postgres.sql('postgres', 'DROP TABLE kept');
  });
});

describe('a private Redis', () => {
  it('answers, forgets everything on restart, and is dead after kill', async (t) => {
    cleanUpAfter(t);
    const redis = await startRedis({ password: 's/e c' });
    assert.equal(await redis.cli('SET', 'a key', 'line\nfeed'), 'OK');
    assert.equal(await redis.cli('GET', 'a key'), 'line\nfeed');
    await assert.rejects(redis.cli('NOSUCHCOMMAND'));
    await redis.restartEmpty();
    assert.equal(await redis.cli('DBSIZE'), '0');
    await redis.kill();
    await assert.rejects(redis.cli('PING'));
  });
});

describe('test data', () => {
  let postgres;
  before(async () => {
    postgres = await startPostgres();
    await postgres.createDatabase('hub');
    await makeSchema(postgres, 'hub');
    await fill(postgres, 'hub', { others: true });
  });

  it('fills every table and every column', async () => {
    const contents = await checksum(postgres, 'hub', { all: true });
    assert.deepEqual(Object.entries(contents).filter(([, { rows }]) => rows === 0), []);
    assert.equal(contents['public.message_request'].rows, 3000);
    assert.ok(contents['public.usage_ledger'].rows > 2000, 'the trigger wrote the ledger');
    const columns = await postgres.rows('hub',
      `SELECT attrelid::regclass::text AS t, quote_ident(attname) AS c
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0`);
    assert.ok(columns.length > 250);
    // A single row of settings holds NULL here and there.
    const empty = columns.filter(({ t }) => t !== 'system_settings').map(({ t,
      c }) => `SELECT '${t}.${c}' WHERE NOT EXISTS (SELECT FROM ${t} WHERE ${c} IS NOT NULL)`);
    assert.deepEqual(await postgres.sql('hub', empty.join(' UNION ALL ')), []);
  });

  it('holds texts that break careless code', async () => {
    for (const hard of ['\\.', '\\N', 'tab\there', 'line\nfeed', '数据导入导出，完成！']) {
      const found = await postgres.value(
        'hub', `SELECT count(*) FROM message_request WHERE error_message = E'${hard.replaceAll('\\', '\\\\')}'`);
      assert.ok(Number(found) > 0, JSON.stringify(hard));
    }
    assert.ok(
      Number(await postgres.value('hub', `SELECT count(*) FROM message_request WHERE provider_chain = 'null'`)) > 0);
    assert.ok(
      Number(await postgres.value('hub', `SELECT count(*) FROM message_request WHERE provider_chain IS NULL`)) > 0);
    assert.ok(Number(await postgres.value(
                'hub', `SELECT count(*) FROM message_request WHERE scale(trim_scale(cost_usd)) = 15`)) > 0);
    assert.ok(Number(await postgres.value('hub', `SELECT count(*) FROM keys WHERE expires_at = 'infinity'`)) > 0);
  });

  /** The first row's id where the condition holds. */
  const first = (table, condition) => `id = (SELECT min(id) FROM ${table} WHERE ${condition})`;
  const odd = 'others."odd Name ""x"';
  const changes = {
    'one changed cell': ['public.users', `SET description = 'changed' WHERE id = 7`],
    'an empty text in place of NULL': [
      'public.keys', `SET cache_ttl_preference = '' WHERE ${first('public.keys', 'cache_ttl_preference IS NULL')}`
    ],
    'jsonb null in place of SQL NULL': [
      'public.providers', `SET custom_headers = 'null' WHERE ${first('public.providers', 'custom_headers IS NULL')}`
    ],
    'a microsecond': [
      'public.model_prices',
      `SET created_at = created_at + interval '1 us' WHERE ${first('public.model_prices', 'created_at IS NOT NULL')}`
    ],
    'the fifteenth decimal': [
      'public.usage_ledger',
      `SET cost_usd = cost_usd + 0.000000000000001 WHERE ${first('public.usage_ledger', 'cost_usd > 0')}`
    ],
    'a trailing zero of a number of any scale': [odd, 'SET amount = 1.100 WHERE amount = 1.10 AND scale(amount) = 2']
  };
  for (const [what, [table, change]] of Object.entries(changes))
    it(`has a checksum that notices ${what}`, () => assertNoticed(table, `UPDATE ${table} ${change}`));

  it('has a checksum that notices a row that is there twice', async () => {
    const row = `INSERT INTO model_prices (id, model_name, price_data, created_at) VALUES (0, 'm', '{}', NULL)`;
    await postgres.sql('hub', `ALTER TABLE model_prices DROP CONSTRAINT model_prices_pkey; ${row}`);
    await assertNoticed('public.model_prices', row);
  });

  it('has a checksum that notices a missing row', () => {
    const table = 'public.provider_batch_apply_operations';
    return assertNoticed(table, `DELETE FROM ${table} WHERE claim_key = 'claim 1'`);
  });

  async function assertNoticed(table, change) {
    const old = await checksum(postgres, 'hub');
    await postgres.sql('hub', change);
    const changed = await checksum(postgres, 'hub');
    const name = table.replace(/"(.*)"$/, (_, quoted) => quoted.replaceAll('""', '"'));
    assert.deepEqual(Object.keys(old).filter((key) => old[key].md5 !== changed[key].md5), [name]);
  }

  it('has a checksum that leaves out the audit log only', async () => {
    const old = await checksum(postgres, 'hub');
    await postgres.sql('hub', 'DELETE FROM audit_log');
    assert.deepEqual(await checksum(postgres, 'hub'), old);
    assert.equal('public.audit_log' in old, false);
  });

  for (
    const [what, change] of [['a dropped index', 'DROP INDEX idx_keys_key'],
      ['a disabled trigger', 'ALTER TABLE message_request DISABLE TRIGGER trg_upsert_usage_ledger'],
      ['another default', 'ALTER TABLE users ALTER rpm_limit SET DEFAULT 1'],
      [
        'a function\'s other body',
        `CREATE OR REPLACE FUNCTION fn_upsert_usage_ledger() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RETURN NEW; END'`
      ],
      [
        'a dropped foreign key',
        'ALTER TABLE providers DROP CONSTRAINT providers_provider_vendor_id_provider_vendors_id_fk'
      ],
      [
        'a changed view',
        'CREATE OR REPLACE VIEW others.spending AS SELECT name, 0::bigint AS requests, 0::numeric AS cost FROM users'
      ],
      ['a longer column', 'ALTER TABLE provider_groups ALTER name TYPE varchar(201)'],
  ]) {
    it(`has a catalogue that notices ${what}`, async () => {
      const old = await catalogue(postgres, 'hub');
      await postgres.sql('hub', change);
      assert.notDeepEqual(await catalogue(postgres, 'hub'), old);
    });
  }

  it('tells of sequences whether they were used', async () => {
    const found = await sequences(postgres, 'hub');
    assert.equal(found['public.provider_groups_id_seq'], '7000 not called');
    assert.equal(found['public.users_id_seq'], '5000 called');
    assert.equal(found['others.odd Name "x_id_seq'], '338 called');
  });

  it('is the same after pg_dump and pg_restore, so that equality can be asked for', async () => {
    await postgres.createDatabase('copy');
    const file = join(makeDirectory('dump'), 'hub.dump');
    execFileSync(join(PG_BIN, 'pg_dump'), ['-Fc', '-f', file, postgres.dsn('hub')]);
    execFileSync(join(PG_BIN, 'pg_restore'), ['--no-owner', '--exit-on-error', '-d', postgres.dsn('copy'), file]);
    assert.deepEqual(await fingerprint(postgres, 'copy'), await fingerprint(postgres, 'hub'));
  });
});

describe('the HTTP client', () => {
  async function serve(handler) {
    const server = createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onEnd(() => server.close());
    return `http://127.0.0.1:${server.address().port}`;
  }

  it('uploads a form whose length is the one it announced', async () => {
    const url = await serve(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      const body = Buffer.concat(parts);
      response.end(JSON.stringify(
        { announced: Number(request.headers['content-length']), came: body.length, text: body.toString('latin1') }));
    });
    const bytes = Buffer.alloc(300_000, 7);
    const { json } = await new Client(url).upload('/', [['a', '1'], ['a', '2']], { bytes, name: 'x.dump' });
    assert.equal(json.announced, json.came);
    assert.match(json.text, /name="a"\r\n\r\n1\r\n.*name="a"\r\n\r\n2\r\n.*filename="x.dump"/s);
    const chunked = await new Client(url).upload('/', {}, { bytes }, { chunked: true });
    assert.equal(chunked.json.announced, null);
    assert.equal(form({}, null).length > 0, true);
  });

  it('gives events as they arrive, whole across pieces', async () => {
    const url = await serve(async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"n":1}\n\n');
      await sleep(50);
      const bytes = Buffer.from(': wait\n\ndata: {"n":"导"}\n\n');
      response.write(bytes.subarray(0, 24));
      await sleep(50);
      response.end(bytes.subarray(24));
    });
    const stream = await new Client(url).uploadForEvents('/', {}, { bytes: Buffer.from('x') });
    const events = [];
    for await (const event of stream) events.push(event);
    assert.deepEqual(events.map(({ data, chunk }) => [data.n, chunk]), [[1, 0], ['导', 2]]);
    assert.ok(events[1].at - events[0].at >= 80);
    assert.deepEqual(stream.comments.map(({ text }) => text), ['wait']);
    assert.ok(stream instanceof EventStream);
  });

  it('says when a transfer broke', async () => {
    const url = await serve((request, response) => {
      response.write('half');
      setTimeout(() => response.destroy(), 30);
    });
    const answer = await new Client(url).get('/');
    assert.deepEqual([answer.text, answer.complete], ['half', false]);
  });
});

describe('what is left', () => {
  it('is found: processes, files, databases, locks, keys', async (t) => {
    cleanUpAfter(t);
    const postgres = await startPostgres();
    const redis = await startRedis();
    const tmp = join(makeDirectory('leftovers'), 'tmp');
    mkdirSync(tmp);
    const child = start('sh', ['-c', 'sleep 1000 & sleep 1000 & exec sleep 1000'], { stdio: 'ignore' });
    const server = { pid: child.pid, tmp, child };
    await waitFor(() => descendantsOf(child.pid).length === 2);
    assert.deepEqual(await findLeftovers({ postgres, redis }), []);
    await postgres.createDatabase('hub_import_abc');
    await redis.cli('SET', 'database:backup:lock', 'x');
    mkdirSync(join(tmp, 'database_import_1_hp.dump'));
    const session = postgres.session('postgres');
    await session.run('SELECT pg_advisory_lock(1)');
    child.kill('SIGKILL'); // its children live on, without a parent
    await child.ended;
    const found = await findLeftovers({ server, postgres, redis });
    for (const sentence of [/^process \d+: sleep 1000/, /^temporary file database_import/, /^database hub_import_abc/,
           /^advisory lock/, /^Redis key/])
      assert.ok(found.some((line) => sentence.test(line)), `${sentence} in ${found.join('; ')}`);
    for (const line of found)
      if (line.startsWith('process')) process.kill(Number(/\d+/.exec(line)[0]));
  });
});

describe('the program under test', () => {
  /** A stand-in for hubport, to see that the harness notices what it must. */
  function makeProgram(body) {
    const path = join(makeDirectory('program'), 'program');
    const server = `http.createServer((request, response) => response.end('hello'))`;
    writeFileSync(path, `#!${process.execPath}
      const http = require('node:http');
      const log = (event, more) => console.error(JSON.stringify({ time: '', level: 'info', event, ...more }));
      ${body.replace('SERVE', `const server = ${server}.listen(0, '127.0.0.1', () => {
        log('server.started', { args: process.argv.slice(2), env: Object.keys(process.env) });
        process.stdout.write('Open http://127.0.0.1:' + server.address().port + '/#code=abc-1');
        setTimeout(() => process.stdout.write('23\\n'), 50);
      });`)}`,
      { mode: 0o755 });
    return path;
  }

  it('is started with a clean environment, read, asked and ended', async (t) => {
    cleanUpAfter(t);
    process.env.DSN = 'postgresql://not.this.one/';
    t.after(() => delete process.env.DSN);
    const binary = makeProgram(`SERVE; process.on('SIGTERM', () => { console.error('no JSON'); process.exit(3); });`);
    const server =
      await startServer({ binary, env: { ADMIN_TOKEN: 'secret', HUBPORT_LOCK_TTL: '2s' }, args: ['--more'] });
    assert.equal(server.code, 'abc-123', 'the line is read to its end');
    const started = await server.logged('server.started');
    assert.deepEqual(started.args.slice(0, 3), ['serve', '--listen', '127.0.0.1:0']);
    assert.equal(started.args.at(-1), '--more');
    assert.ok(started.env.includes('HUBPORT_LOCK_TTL') && !started.env.includes('DSN'));
    assert.equal((await server.client().get('/')).text, 'hello');
    assert.ok(server.rss() > 1e6 && server.fds() > 3);
    assert.deepEqual(server.children(), []);
    assert.deepEqual(await server.stop(), { code: 3, signal: null });
    assert.deepEqual(server.noise(), ['no JSON']);
  });

  it('fails the test that started it when it does not come up', async (t) => {
    cleanUpAfter(t);
    const binary = makeProgram(`log('config.invalid'); process.exitCode = 3;`);
    await assert.rejects(startServer({ binary }), /hubport ended with 3:.*config.invalid/s);
  });

  it('fails the test at its end when a sanitizer reports', async (t) => {
    cleanUpAfter(t);
    const report = `console.error('../src/x.c:7:3: runtime error: signed integer overflow');`;
    const server = await startServer({ binary: makeProgram(`SERVE; ${report}`) });
    await assert.rejects(server.stop(), /a sanitizer reports.*signed integer overflow/s);
    await assert.rejects(run([], { binary: makeProgram(report) }), /a sanitizer reports/);
    server.stderr = '';
  });

  it('runs commands with their input and status', async (t) => {
    cleanUpAfter(t);
    const binary = makeProgram(`process.stdin.pipe(process.stdout); process.exitCode = process.argv.length;`);
    const { status, stdout } = await run(['a', 'b c'], { binary, input: 'text' });
    assert.deepEqual([status, stdout], [4, 'text']);
    await assert.rejects(mustRun(['a'], { binary }), /hubport a: status 3/);
  });
});

describe('cleaning up', () => {
  const inner = (body) => `
    import { startPostgres, startRedis } from ${JSON.stringify(new URL('./support/servers.mjs', import.meta.url).href)};
    import { test } from 'node:test';
    test('inner', async () => {
      const postgres = await startPostgres();
      const redis = await startRedis();
      const pids = [postgres.process.pid, redis.process.pid];
      console.log('STARTED ' + JSON.stringify([...pids, postgres.directory, redis.directory]));
      ${body}
    });`;
  async function runInner(body) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', inner(body)],
      { stdio: ['ignore', 'pipe', 'inherit'], env: {...process.env, NODE_TEST_CONTEXT: undefined } });
    onEnd(() => child.kill('SIGKILL'));
    let text = '';
    child.stdout.on('data', (part) => (text += part));
    const [, list] = await waitFor(() => /STARTED (\[.*\])/.exec(text), { within: 30_000 });
    const [postgres, redis, ...directories] = JSON.parse(list);
    return { child, pids: [postgres, redis], directories };
  }

  it('leaves no process and no directory, also after a failed test', async () => {
    const { child, pids, directories } = await runInner(`throw new Error('on purpose')`);
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
    assert.deepEqual(pids.filter(isAlive), []);
    assert.deepEqual(directories.filter(existsSync), []);
  });

  it('leaves no process when the test process is killed', async () => {
    const { child, pids, directories } = await runInner('await new Promise(() => setInterval(() => {}, 1000));');
    assert.deepEqual(pids.filter(isAlive), pids);
    child.kill('SIGKILL');
    await waitFor(() => pids.filter(isAlive).length === 0, { what: 'the end of the servers' });
    for (const directory of directories) execFileSync('rm', ['-rf', '--', directory]);
  });

  it('chooses ports that are free', async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, freePort));
    assert.ok(ports.every((port) => port > 1023));
    assert.ok(readdirSync('/proc/self/fd').length < 100);
  });
});
