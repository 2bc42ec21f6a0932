// An archive is SQL that somebody else wrote: what it may contain, who runs it, and that a hostile one has run nothing.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openArchive, writeArchive } from './support/archive.mjs';
import { assertNoLeftovers, makeWorkplace, mustRun, run, startServer } from './support/hubport.mjs';
import { catalogue, checksum, fill } from './support/data.mjs';
import { cleanUp, makeDirectory, runProgram } from './support/processes.mjs';
import { PG_BIN, quoteLiteral, startPostgres } from './support/servers.mjs';

const EXPORT = '/api/admin/database/export';
const IMPORT = '/api/admin/database/import';
const TOKEN = 'token of the hostile tests';
const OVERWRITE = { cleanFirst: 'true', dropOthers: 'true' };
const CONFIRMED = { ...OVERWRITE, allowForeign: 'true' };
const ROLES = 'CREATE ROLE hub LOGIN CREATEDB; CREATE ROLE reader';
let postgres, marker, harmless, hostile, original;
const targets = {}; // superuser, plain, private: a server, its client, its database

async function dump(database, ...args) {
  const { status, stdout, stderr } =
    await runProgram(join(PG_BIN, 'pg_dump'), ['-Fc', '-Z1', ...args, postgres.dsn(database)], { encoding: 'buffer' });
  assert.equal(status, 0, String(stderr));
  return stdout;
}

/** Everything that runs by itself when it is restored, looked at or written to. The function spares its own database. */
async function makeHostile(name) {
  await postgres.createDatabase(name, { owner: 'hub', template: 'hub' });
  await postgres.sql(name, `
    CREATE FUNCTION public.evil_deep() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
      IF current_database() <> '${name}' THEN EXECUTE 'COPY (SELECT 1) TO PROGRAM ' || ${quoteLiteral(quoteLiteral(`touch ${marker}`))};
      END IF; END $$;
    CREATE FUNCTION public.evil(x integer DEFAULT 1) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
      PERFORM public.evil_deep(); RETURN x; END $$;
    CREATE FUNCTION public.evil_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil(); RETURN NEW; END $$;
    CREATE FUNCTION public.evil_event() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil(); END $$;
    CREATE TABLE public.bait (a integer DEFAULT public.evil(), b integer CHECK (public.evil(b) > 0),
      c integer GENERATED ALWAYS AS (public.evil(3)) STORED);
    INSERT INTO public.bait VALUES (1, 2);
    CREATE INDEX bait_index ON public.bait (public.evil(a));
    CREATE INDEX bait_partial ON public.bait (a) WHERE public.evil(a) > 0;
    CREATE MATERIALIZED VIEW public.bait_view AS SELECT public.evil() AS x;
    CREATE VIEW public.bait_file AS SELECT pg_read_file('/etc/passwd') AS x;
    CREATE TRIGGER bait_trigger BEFORE INSERT ON public.bait FOR EACH ROW EXECUTE FUNCTION public.evil_trigger();
    CREATE EVENT TRIGGER bait_event ON ddl_command_end EXECUTE FUNCTION public.evil_event();
    CREATE RULE bait_rule AS ON UPDATE TO public.bait DO ALSO SELECT public.evil();
    CREATE POLICY bait_policy ON public.bait USING (public.evil() > 0); ALTER TABLE public.bait ENABLE ROW LEVEL SECURITY;
    CREATE FOREIGN DATA WRAPPER bait_wrapper; CREATE SERVER bait_server FOREIGN DATA WRAPPER bait_wrapper;
    SELECT lo_from_bytea(0, 'large');`);
  assert.equal(existsSync(marker), false);
  return dump(name);
}

before(async () => {
  const directory = makeDirectory('marker');
  chmodSync(directory, 0o777);
  marker = join(directory, 'it-has-run');
  postgres = await startPostgres({ roles: ROLES });
  await postgres.createDatabase('hub', { owner: 'hub' });
  await postgres.sql('hub', 'ALTER SCHEMA public OWNER TO hub');
  await mustRun(['migrate'], { env: { DSN: postgres.dsn('hub', { user: 'hub' }) } });
  await fill(postgres, 'hub', { requests: 60, user: 'hub' });
  await postgres.sql('hub', `GRANT SELECT ON users TO reader; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader`,
    { user: 'hub' });
  harmless = await dump('hub');
  hostile = await makeHostile('evil');
  for (const name of ['plain', 'other_hub']) await postgres.createDatabase(name, { owner: 'hub', template: 'hub' });
  const env = { ADMIN_TOKEN: TOKEN };
  targets.plain = { database: 'plain', server: await startServer({ env: { ...env, DSN: postgres.dsn('plain', { user: 'hub' }) } }) };
  targets.superuser = { database: 'hub', server: await startServer({ env: { ...env, DSN: postgres.dsn('hub') } }) };
  targets.private = { server: await startServer({ env }) };
  for (const target of Object.values(targets)) target.client = target.server.client({ token: TOKEN });
  original = await state();
});
after(() => cleanUp());

const state = async (database = 'hub') => JSON.stringify([await checksum(postgres, database), await catalogue(postgres, database)]);

/** The refusal, or the last event. */
async function importing(target, bytes, fields = OVERWRITE) {
  const answer = await target.client.upload(IMPORT, fields, { bytes, name: 'x.dump' });
  if (answer.status !== 200) return { status: answer.status, ...answer.json };
  const events = answer.text.split('\n\n').filter((block) => block.startsWith('data: ')).map((block) => JSON.parse(block.slice(6)));
  return { status: 200, ...events.at(-1) };
}

async function assertUntouched(what) {
  assert.equal(existsSync(marker), false, `${what}: the payload has run`);
  for (const database of ['hub', 'plain']) assert.ok((await state(database)) === original, `${what}: ${database} is as before`);
  for (const { server, database } of Object.values(targets)) await assertNoLeftovers({ server, postgres: database && postgres });
}

function edited(change) {
  const archive = openArchive(harmless);
  const find = (desc, tag) => {
    const entry = archive.entries.find((one) => one.desc === desc && one.tag === tag);
    assert.ok(entry, `${desc} ${tag}`);
    return entry;
  };
  change(find, archive.entries);
  return writeArchive(archive);
}

test('the tests\' own reader and writer of archives change nothing', () => {
  assert.ok(writeArchive(openArchive(harmless)).equals(harmless));
});

test('the payload works: a stock pg_restore by a superuser runs it', async () => {
  await postgres.createDatabase('victim');
  await runProgram(join(PG_BIN, 'pg_restore'), ['-d', postgres.dsn('victim')], { input: hostile });
  assert.equal(existsSync(marker), true);
  rmSync(marker);
  await postgres.dropDatabase('victim');
});

for (const name of ['superuser', 'plain', 'private'])
  test(`what a hostile database holds is named and refused, and runs nowhere when it is confirmed: ${name}`, async () => {
    const refusal = await importing(targets[name], hostile);
    assert.deepEqual([refusal.status, refusal.code], [422, 'ARCHIVE_FOREIGN_CONTENT'], JSON.stringify(refusal).slice(0, 500));
    const names = refusal.foreign.map((one) => one.name);
    for (const wanted of ['FUNCTION public.evil_deep()', 'FUNCTION public.evil(integer)', 'FUNCTION public.evil_trigger()', 'FUNCTION public.evil_event()',
      'MATERIALIZED VIEW public.bait_view', 'VIEW public.bait_file', 'TRIGGER public.bait bait_trigger', 'EVENT TRIGGER bait_event',
      'RULE public.bait bait_rule', 'POLICY public.bait bait_policy', 'ROW SECURITY public.bait', 'FOREIGN DATA WRAPPER bait_wrapper',
      'SERVER bait_server'])
      assert.ok(names.includes(wanted), `${wanted} in ${names}`);
    assert.ok(names.some((one) => /^BLOB/.test(one)), String(names));
    assert.match(refusal.foreign.find((one) => one.name === 'FUNCTION public.evil_deep()').text, /COPY \(SELECT 1\) TO PROGRAM/);
    assert.match(refusal.foreign.find((one) => one.name === 'VIEW public.bait_file').reason, /pg_read_file/);
    await assertUntouched('refused');
    const last = await importing(targets[name], hostile, CONFIRMED);
    assert.equal(last.code, 'RESTORE_FATAL', JSON.stringify(last));
    await assertUntouched('confirmed');
  });

const payload = () => `COPY (SELECT 1) TO PROGRAM ${quoteLiteral(`touch ${marker}`)};`;
const INDEX = ['INDEX', 'idx_keys_key'];
const FOREIGN = {
  'a second statement in an index': (find) => { find(...INDEX).definition += payload(); },
  'a second statement after a comment that looks unfinished': (find) => {
    find(...INDEX).definition = find(...INDEX).definition.replace(';', `/* /* ' */ $x$ */; ${payload()}`);
  },
  'a second statement after a line comment that a carriage return ends': (find) => {
    find(...INDEX).definition = find(...INDEX).definition.replace(';', `--\r; ${payload()}`);
  },
  'a second statement after a dollar quote with another one in it': (find) => {
    find('DEFAULT', 'users id').definition =
      `ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT length($a$ $b$ ; $a$); ${payload()} --$b$`;
  },
  'a kind that lies': (find) => { find(...INDEX).definition = `DO $$BEGIN ${payload()} END$$;`; },
  'ALTER SYSTEM': (find) => { find(...INDEX).definition = `ALTER SYSTEM SET archive_command = 'touch ${marker}';`; },
  'a DROP statement that does something else': (find) => { find(...INDEX).drop = payload(); },
  'a grant of a role': (find) => { find('ACL', 'TABLE users').definition = 'GRANT pg_execute_server_program TO hub;'; },
};
/** What is also tried with the user's blessing: one of each way to the server. */
const CONFIRM = ['a second statement in an index', 'ALTER SYSTEM', 'a DROP statement that does something else'];
const FORGED = {
  'COPY FROM PROGRAM': (find) => { find('TABLE DATA', 'users').copy = `COPY public.users (id) FROM PROGRAM 'touch ${marker}';\n`; },
  'a newline in a name': (find) => { find(...INDEX).tag = `x\n\\! touch ${marker}\n`; },
  'another search path': (find) => { find('SEARCHPATH', 'SEARCHPATH').definition += payload(); },
  'backslashes in strings': (find) => { find('STDSTRINGS', 'STDSTRINGS').definition = `SET standard_conforming_strings = 'off';\n`; },
};

test('in an edited archive each statement that is not what it should be is named, and confirmed it reaches nothing', async () => {
  for (const [what, change] of Object.entries(FOREIGN)) {
    const bytes = edited(change);
    const refusal = await importing(targets.superuser, bytes);
    assert.equal(refusal.code, 'ARCHIVE_FOREIGN_CONTENT', `${what}: ${JSON.stringify(refusal)}`);
    assert.equal(refusal.foreign.length, 1, JSON.stringify(refusal.foreign));
    if (!CONFIRM.includes(what)) continue;
    const last = await importing(targets.superuser, bytes, CONFIRMED);
    assert.equal(last.code, 'RESTORE_FATAL', `${what}: ${JSON.stringify(last)}`);
    assert.equal(existsSync(marker), false, what);
  }
  assert.doesNotMatch(readFileSync(join(postgres.data, 'postgresql.auto.conf'), 'utf8'), /archive_command/);
  await assertUntouched('confirmed');
});

test('in an edited archive what no pg_dump writes is refused whatever is said', async () => {
  for (const [what, change] of Object.entries(FORGED)) {
    const bytes = edited(change);
    for (const target of Object.values(targets)) {
      const refusal = await importing(target, bytes, CONFIRMED);
      assert.deepEqual([refusal.status, refusal.code], [422, 'ARCHIVE_FORGED'], `${what}: ${JSON.stringify(refusal)}`);
      assert.ok(refusal.foreign.some(({ forged }) => forged));
    }
  }
  await assertUntouched('forged');
});

test('in place a superuser runs nothing foreign, and neither does a role that reaches the server\'s files', async () => {
  await postgres.sql('hub', 'CREATE PUBLICATION in_the_way', { user: 'hub' });
  const inPlace = await importing(targets.superuser, hostile, CONFIRMED);
  await postgres.sql('hub', 'DROP PUBLICATION in_the_way');
  await postgres.sql('hub', 'GRANT pg_write_server_files TO hub');
  const reaching = await importing(targets.plain, hostile, CONFIRMED);
  await postgres.sql('hub', 'REVOKE pg_write_server_files FROM hub; ALTER ROLE hub CREATEROLE');
  const granting = await importing(targets.plain, hostile, CONFIRMED);
  await postgres.sql('hub', 'ALTER ROLE hub NOCREATEROLE');
  for (const refusal of [inPlace, reaching, granting])
    assert.deepEqual([refusal.status, refusal.code], [422, 'ARCHIVE_FOREIGN_REFUSED'], JSON.stringify(refusal));
  await assertUntouched('refused');
});

test('where the temporary role cannot log in, foreign content is refused and the rest restored', async () => {
  const strict = await startPostgres({ roles: ROLES,
    hba: ['host all postgres,hub 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 reject'] });
  await strict.createDatabase('hub', { owner: 'hub' });
  const server = await startServer({ env: { DSN: strict.dsn('hub'), ADMIN_TOKEN: TOKEN } });
  const target = { client: server.client({ token: TOKEN }) };
  const refused = await importing(target, hostile, CONFIRMED);
  assert.equal(refused.code, 'ARCHIVE_FOREIGN_REFUSED', JSON.stringify(refused));
  assert.equal(refused.changed, false);
  const last = await importing(target, harmless);
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal(await strict.value('hub', 'SELECT count(*) > 0 FROM users'), 't');
  assert.equal(existsSync(marker), false);
  await assertNoLeftovers({ server, postgres: strict });
  await server.stop();
});

// ---- What is not hostile -----------------------------------------------------------------------------------------------

for (const name of ['plain', 'superuser']) {
  test(`a stock dump of the live database is accepted without a question: ${name}`, async () => {
    const last = await importing(targets[name], harmless, { cleanFirst: 'true' });
    assert.equal(last.type, 'complete', JSON.stringify(last));
    await assertUntouched('accepted');
  });

  test(`an archive of this installation is accepted without a question, whatever it holds: ${name}`, async () => {
    const { client, database } = targets[name];
    const drop = () => postgres.sql(database, 'DROP MATERIALIZED VIEW public.looked_at; DROP FUNCTION public.mine()', { user: 'hub' });
    await postgres.sql(database, `CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1';
      CREATE MATERIALIZED VIEW public.looked_at AS SELECT public.mine() AS x`, { user: 'hub' });
    const bytes = (await client.get(EXPORT)).body;
    const full = await state(database);
    await drop();
    const last = await importing(targets[name], bytes, { cleanFirst: 'true' });
    assert.equal(last.type, 'complete', JSON.stringify(last));
    assert.ok((await state(database)) === full);
    await drop();
    await assertUntouched('own');
  });
}

test('a hub\'s archive into an empty private database asks once, then works; so does the command', async () => {
  await postgres.sql('other_hub', `ALTER FUNCTION public.fn_upsert_usage_ledger() RENAME TO old;
    CREATE FUNCTION public.fn_upsert_usage_ledger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    DROP TRIGGER trg_upsert_usage_ledger ON message_request; DROP FUNCTION public.old();
    CREATE TRIGGER trg_upsert_usage_ledger AFTER INSERT ON message_request FOR EACH ROW EXECUTE FUNCTION fn_upsert_usage_ledger()`);
  const bytes = await dump('other_hub', '--exclude-schema=hubport');
  const refusal = await importing(targets.private, bytes, { cleanFirst: 'true' });
  assert.equal(refusal.code, 'ARCHIVE_FOREIGN_CONTENT', JSON.stringify(refusal));
  assert.deepEqual(refusal.foreign.map((one) => one.name).sort(),
    ['FUNCTION public.fn_upsert_usage_ledger()', 'TRIGGER public.message_request trg_upsert_usage_ledger']);
  const last = await importing(targets.private, bytes, { cleanFirst: 'true', allowForeign: 'true' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  const again = await importing(targets.private, bytes, { cleanFirst: 'true' });
  assert.equal(again.type, 'complete', 'what was confirmed lives there now, and is not asked about again');

  const directory = makeWorkplace();
  const file = join(directory, 'x.dump');
  writeFileSync(file, bytes);
  const command = (...args) => run(['import', file, '--overwrite', ...args], { directory, env: { DSN: postgres.dsn('plain', { user: 'hub' }) } });
  const asked = await command();
  assert.equal(asked.status, 6);
  assert.match(asked.stderr, /FUNCTION public\.fn_upsert_usage_ledger\(\): .*\n +CREATE FUNCTION[^]*RETURN NEW/);
  const done = await command('--allow-foreign');
  assert.equal(done.status, 0, done.stderr);
});

test('with a superuser\'s DSN everything belongs to whom it belonged, and no role is left', async () => {
  const owners = () => postgres.rows('hub', `
    SELECT n.nspname AS schema, relname AS name, relkind AS kind, pg_get_userbyid(relowner) AS owner, relacl::text AS acl FROM pg_class
      JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL SELECT '', nspname, 'schema', pg_get_userbyid(nspowner), nspacl::text FROM pg_namespace WHERE nspname IN ('public', 'hubport')
    UNION ALL SELECT '', proname, 'function', pg_get_userbyid(proowner), proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT '', datname, 'database', pg_get_userbyid(datdba), datacl::text FROM pg_database WHERE datname = 'hub'
    UNION ALL SELECT '', '', 'default', pg_get_userbyid(defaclrole), defaclacl::text FROM pg_default_acl ORDER BY 1, 2, 3`);
  await postgres.sql('hub', `DO $$ DECLARE t text; BEGIN ALTER SCHEMA hubport OWNER TO postgres;
    FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'hubport'::regnamespace AND relkind = 'r' LOOP
      EXECUTE format('ALTER TABLE hubport.%I OWNER TO postgres', t); END LOOP; END $$`);
  const before = await owners();
  const last = await importing(targets.superuser, harmless, { cleanFirst: 'true' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal(last.previous !== undefined, true);
  assert.deepEqual(await owners(), before);
  assert.deepEqual(await postgres.sql('postgres', `SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1`),
    [['hub'], ['postgres'], ['reader']]);
  const log = targets.superuser.server.stderr + postgres.log();
  assert.doesNotMatch(log, /PASSWORD '(?!SCRAM)/);
});

test('kill -9 in the middle of a superuser\'s restore leaves no role once the server is back', async () => {
  const { server, client } = targets.superuser;
  const was = await state();
  const stream = await client.uploadForEvents(IMPORT, { cleanFirst: 'true' }, { bytes: harmless, name: 'x.dump' });
  await stream.until((event) => event.phase === 'check');
  assert.match(String(await postgres.sql('postgres', 'SELECT rolname FROM pg_roles')), /hub_import_/);
  await server.kill('SIGKILL');
  targets.superuser.server = await startServer({ directory: server.directory, env: { DSN: postgres.dsn('hub'), ADMIN_TOKEN: TOKEN } });
  targets.superuser.client = targets.superuser.server.client({ token: TOKEN });
  await assertNoLeftovers({ server: targets.superuser.server, postgres }, 15_000);
  assert.equal(await state(), was);
});

test('where the live schema cannot be read, the user is asked instead', async () => {
  await postgres.sql('plain', 'CREATE TABLE public.secret (a integer)');
  const refusal = await importing(targets.plain, harmless, { cleanFirst: 'true', dropOthers: 'true' });
  await postgres.sql('plain', 'DROP TABLE public.secret');
  assert.equal(refusal.code, 'ARCHIVE_FOREIGN_CONTENT', JSON.stringify(refusal));
  assert.match(targets.plain.server.stderr, /import\.not_compared.*secret/);
});

test('event triggers and extensions of this installation come back, which only a superuser may restore', async () => {
  await postgres.sql('hub', `CREATE FUNCTION public.quiet() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER quiet ON ddl_command_end EXECUTE FUNCTION public.quiet(); CREATE EXTENSION pg_trgm`);
  const bytes = (await targets.superuser.client.get(EXPORT)).body;
  const last = await importing(targets.superuser, bytes, { cleanFirst: 'true' });
  assert.equal(last.type, 'complete', JSON.stringify(last));
  assert.equal(await postgres.value('hub', 'SELECT count(*) FROM pg_event_trigger'), '1');
  assert.equal(await postgres.value('hub', `SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'`), '1');
  await postgres.sql('hub', 'DROP EVENT TRIGGER quiet');
  assert.equal((await importing(targets.superuser, harmless, OVERWRITE)).type, 'complete');
});
