// The commands, as a person or a script uses them.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SANITIZED, TOP, makeWorkplace, mustRun, run, startServer } from './support/hubport.mjs';
import { checksum, fill, sha256 } from './support/data.mjs';
import { cleanUp, runProgram } from './support/processes.mjs';
import { startPostgres, startRedis } from './support/servers.mjs';

let postgres, redis, env;
const json = async (args, options) => JSON.parse(await mustRun([...args, '--json'], options));

before(async () => {
  postgres = await startPostgres({ roles: 'CREATE ROLE hub LOGIN CREATEDB' });
  redis = await startRedis();
  await postgres.createDatabase('hub', { owner: 'hub' });
  env = { DSN: postgres.dsn('hub', { user: 'hub', password: 'se%cr/et' }), REDIS_URL: redis.url };
  await mustRun(['migrate'], { env });
  await fill(postgres, 'hub', { user: 'hub' });
});
after(() => cleanUp());

test('export, import --overwrite and rollback do what the server does', async () => {
  const directory = makeWorkplace();
  const path = join(directory, 'my hub.dump');
  const exported = await json(['export', '-o', path], { env });
  assert.equal(exported.sha256, sha256(readFileSync(path)));
  assert.equal(exported.bytes, readFileSync(path).length);
  assert.ok(!existsSync(`${path}.partial`));
  const original = await checksum(postgres, 'hub');
  await postgres.sql('hub', 'DELETE FROM keys', { user: 'hub' });
  const changed = await checksum(postgres, 'hub');

  const imported = await json(['import', path, '--overwrite'], { env });
  assert.deepEqual([imported.ok, imported.sealed, imported.warnings], [true, true, 0]);
  assert.deepEqual(await checksum(postgres, 'hub'), original);
  assert.equal(await postgres.value('hub', `SELECT after_value->>'sha256' FROM audit_log WHERE action_type = 'database.import'
    ORDER BY id DESC LIMIT 1`), exported.sha256);
  const back = await json(['rollback'], { env });
  assert.equal(back.restored, imported.previous);
  assert.deepEqual(await checksum(postgres, 'hub'), changed);
  await json(['rollback', `--name=${back.previous}`], { env });
});

test('export writes to standard output, and leaves no partial file when it fails', async () => {
  const { status, stdout } = await run(['export', '-o', '-', '--exclude-logs'], { env, encoding: 'latin1' });
  assert.equal(status, 0);
  assert.equal(stdout.slice(0, 5), 'PGDMP');
  const directory = makeWorkplace();
  const path = join(directory, 'x.dump');
  const failed = await run(['export', '-o', path], { env: {...env, DSN: 'postgresql://127.0.0.1:1/x' } });
  assert.equal(failed.status, 4);
  assert.ok(!existsSync(path) && !existsSync(`${path}.partial`));
  const unwritable = await run(['export', '-o', '/nonexistent/x.dump'], { env });
  assert.equal(unwritable.status, 1);
  assert.match(unwritable.stderr, /\/nonexistent\/x\.dump/);
});

test('output that does not fit onto the disk is a failure; a reader who has seen enough is none', async () => {
  const shell = (line) => run(['-c', line, 'sh', SANITIZED], { env, binary: '/bin/sh' });
  for (const command of ['status --json', 'config', 'users list', 'export -o -', 'prices export']) {
    const { status, stderr } = await shell(`exec "$1" ${command} > /dev/full`);
    assert.equal(status, 4, command);
    assert.match(stderr, /DISK_FULL/, command);
  }
  const { status, stderr } = await shell('{ "$1" users list; echo "status $?" >&2; } | head -n 1');
  assert.equal(status, 0);
  assert.match(stderr, /status 0/);
});

test('DSN says which server, whatever libpq\'s variables say', async () => {
  const elsewhere = { PGHOSTADDR: '127.0.0.9', PGHOST: 'nowhere', PGPORT: '1', PGUSER: 'nobody', PGDATABASE: 'none' };
  const status = await json(['status'], { env: {...env, ...elsewhere } });
  assert.deepEqual([status.isAvailable, status.databaseName], [true, 'hub']);
  await mustRun(['export', '-o', '-'], { env: {...env, ...elsewhere }, encoding: 'latin1' });
});

test('what is refused has its own exit status, and says what to do', async () => {
  const directory = makeWorkplace();
  const garbage = join(directory, 'x.dump');
  writeFileSync(garbage, 'not an archive at all');
  const cases = [
    [['import', garbage, '--overwrite'], 6, /FILE_NOT_ARCHIVE/],
    [['import', '/nonexistent.dump', '--overwrite'], 6, /No such file/],
    [['import', '--overwrite'], 2, /hubport import FILE/],
    [['import', garbage, '--overwrit'], 2, /unknown option/],
    [['export', '--mode', 'all'], 2, /full, excludeLogs or ledgerOnly/],
    [['export', 'extra'], 2, /unexpected argument/],
    [['rollback', '--name'], 2, /needs a value/],
    [['nonsense'], 2, /no such command/],
    [['status', '--max-upload', 'lots'], 3, /HUBPORT_MAX_UPLOAD/],
  ];
  for (const [args, expected, words] of cases) {
    const { status, stderr, stdout } = await run(args, { env });
    assert.equal(status, expected, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr + stdout, words);
  }
});

test('a busy lock is exit status 5 and names the holder', async () => {
  await redis.cli('SET', 'database:backup:lock', `${Date.now()}-abc`, 'PX', '60000');
  const { status, stdout } = await run(['export', '-o', '-', '--json'], { env });
  await redis.cli('DEL', 'database:backup:lock');
  assert.equal(status, 5);
  assert.deepEqual([JSON.parse(stdout).code, JSON.parse(stdout).holder.user], ['BACKUP_BUSY', 'the hub']);
});

test('the language follows the terminal', async () => {
  const { stderr } = await run(['import', '/nonexistent.dump'], { env: {...env, LC_ALL: 'zh_CN.UTF-8' } });
  assert.match(stderr, /缺少备份文件/);
});

test('config shows every setting and no secret', async () => {
  const settings = await json(['config'], { env: {...env, ADMIN_TOKEN: 'top secret' } });
  const of = (name) => settings.find((setting) => setting.name === name);
  assert.match(of('DSN').value, /^postgresql:\/\/hub:\*\*\*@127\.0\.0\.1/);
  assert.equal(of('ADMIN_TOKEN').value, '***');
  assert.deepEqual([of('HUBPORT_MAX_UPLOAD').value, of('HUBPORT_MAX_UPLOAD').source], ['500MB', 'default']);
  assert.ok(settings.length >= 15);
});

test('doctor is content with a good setting and says how to mend a bad one', async () => {
  const good = await json(['doctor'], { env });
  assert.ok(good.every(({ state }) => state === 'ok'), JSON.stringify(good));
  const bad = await run(['doctor', '--json'], {
    env: {...env, REDIS_URL: 'redis://127.0.0.1:1', PG_BIN_DIR: '/nonexistent', HUBPORT_TMP_DIR: '/nonexistent' }
  });
  assert.equal(bad.status, 4);
  const state = Object.fromEntries(JSON.parse(bad.stdout).map((check) => [check.name, check]));
  assert.deepEqual([state.redis.state, state.tools.state, state.tmp.state], ['degraded', 'failed', 'failed']);
  assert.match(state.tools.advice, /postgresql-client/);
});

test('migrate creates what is missing once, and status describes the database', async () => {
  await postgres.createDatabase('fresh', { owner: 'hub' });
  const fresh = { DSN: postgres.dsn('fresh', { user: 'hub' }) };
  const migrations = readdirSync(join(TOP, 'sql')).filter((name) => /^\d+_/.test(name)).length;
  assert.deepEqual(
    await json(['migrate'], { env: fresh }), { ok: true, applied: migrations, createdHub: true, hubLedger: false });
  assert.equal((await json(['migrate'], { env: fresh })).applied, 0);
  const status = await json(['status'], { env: fresh });
  assert.deepEqual([status.tableCount, status.redis, status.lock], [12, 'off', null]);
});

test('every command explains itself', async () => {
  const help = await mustRun(['--help']);
  for (const name of ['serve', 'export', 'import', 'rollback', 'status', 'migrate', 'config', 'doctor']) {
    assert.match(help, new RegExp(`^  ${name} `, 'm'));
    assert.match(await mustRun([name, '--help']), /HUBPORT_MAX_UPLOAD/);
  }
  assert.match(await mustRun(['--version']), /^hubport \d+\.\d+\.\d+$/m);
});

test('the manual page and the completions are made of the same tables, and are well-formed', async () => {
  const [man, bash, zsh] = await Promise.all(['man', 'bash', 'zsh'].map((kind) => mustRun(['generate', kind])));
  const commands = [...(await mustRun(['generate', 'commands'])).matchAll(/^#+ hubport ([a-z -]*[a-z])/gm)].map(([, name]) => name);
  assert.ok(commands.includes('prices sync') && commands.includes('export'), commands.join());
  for (const name of commands) assert.ok(man.includes(`.B hubport ${name.replaceAll('-', '\\-')} `), `${name} is in the manual page`);
  for (const setting of JSON.parse(await mustRun(['config', '--json'])).map(({ name }) => name))
    assert.ok(man.includes(setting), `${setting} is in the manual page`);
  assert.match(man, /^\.TH HUBPORT 1 /);
  assert.ok(!/^['.](?!TH|SH|TP|B |I |RS|RE|\\")/m.test(man), 'every request is one of these');
  assert.match(zsh, /^#compdef hubport\n/);
  const complete = async (...words) => {
    const script = `${bash}\nCOMP_WORDS=(hubport ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _hubport; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { status, stdout, stderr } = await runProgram('bash', ['--norc', '-c', script]);
    assert.deepEqual([status, stderr], [0, '']);
    return stdout.trim().split('\n');
  };
  assert.deepEqual(await complete('ex'), ['export']);
  assert.deepEqual(await complete('prices', 'un'), ['unset', 'unpriced']);
  assert.deepEqual(await complete('import', '--over'), ['--overwrite']);
  assert.deepEqual(await complete('users', 'export', '--max-up'), ['--max-upload']);
  assert.equal((await run(['generate', 'poem'])).status, 2);
});

test('on a terminal export and import show how far they are; elsewhere they do not', async () => {
  const directory = makeWorkplace(), path = join(directory, 'shown.dump');
  const onTerminal = async (command) => {
    const { status, stdout } = await runProgram('script', ['-qec', `${SANITIZED} ${command}`, '/dev/null'], { env: { ...process.env, ...env, HUBPORT_LANG: 'en' } });
    assert.equal(status, 0, stdout);
    return stdout;
  };
  assert.match(await onTerminal(`export -o ${path}`), /\r[\d.]+ MB, [\d.]+ MB\/s .*\r\x1b\[K.*Exported/s);
  assert.match(await onTerminal(`import ${path} --overwrite`), /\r\[verify +\d+%\] .*\r\[restore +\d+%\] .*\r\x1b\[KImported/s);
  assert.ok(!(await run(['export', '-o', path], { env })).stderr.includes('\r'));
});

test('a DSN through a pooling proxy is refused', async () => {
  // A proxy gives clients a process number of its own; so does this one, by changing BackendKeyData on its way.
  const { createServer, connect } = await import('node:net');
  const proxy = createServer((inside) => {
    const outside = connect(postgres.port, '127.0.0.1');
    inside.pipe(outside);
    outside.on('data', (bytes) => {
      const at = bytes.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) bytes.writeInt32BE(1, at + 5);
      inside.write(bytes);
    });
    outside.on('close', () => inside.destroy());
    inside.on('close', () => outside.destroy()).on('error', () => {});
    outside.on('error', () => {});
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const dsn = `postgresql://hub@127.0.0.1:${proxy.address().port}/hub?sslmode=disable&gssencmode=disable`;
  const { status, stderr } = await run(['export', '-o', '-'], { env: { DSN: dsn } });
  proxy.close();
  assert.equal(status, 4);
  assert.match(stderr, /DATABASE_POOLER/);
});

test('a server whose DSN is wrong still answers, and says what is wrong', async () => {
  const server = await startServer({ env: { DSN: 'postgresql://127.0.0.1:1/x', ADMIN_TOKEN: 'a token for this' } });
  assert.equal((await server.client({}).get('/livez')).status, 200);
  const ready = await server.client({}).get('/readyz');
  assert.equal(ready.status, 503);
  assert.equal(ready.json.checks.postgresql, 'failed');
  const status = await server.client().json('/api/admin/database/status');
  assert.deepEqual([status.isAvailable, status.databaseSize, status.tableCount], [false, 'N/A', 0]);
  assert.equal(status.error, '数据库连接不可用，请检查数据库服务状态');
});

test('readyz is degraded, not unavailable, without its Redis', async () => {
  const server = await startServer({ env: {...env, REDIS_URL: 'redis://127.0.0.1:1', ADMIN_TOKEN: 'a token for this' } });
  const ready = await server.client({}).get('/readyz');
  assert.deepEqual([ready.status, ready.json.status, ready.json.checks.redis], [200, 'degraded', 'degraded']);
});
