// What hubport writes is what pg_dump writes: the same script from pg_restore, the same tables from a restore.
import { strict as assert } from 'node:assert';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { assertNoLeftovers, mustRun, run } from './support/hubport.mjs';
import { checksum, sequences } from './support/data.mjs';
import { cleanUp, makeDirectory, runProgram } from './support/processes.mjs';
import { PG_BIN, startPostgres } from './support/servers.mjs';

const EVERYTHING = `
CREATE SCHEMA "Mixed Case";
CREATE TABLE texts (id serial PRIMARY KEY, v text, n numeric(20, 5));
INSERT INTO texts (v, n) VALUES (E'tab\\tin it', 1), (E'back\\\\slash', NULL), (E'new\\nline', 3), (E'\\\\.', 4), (E'a\\n\\\\.\\nb', 5),
  ('', 6), (NULL, 7), (E'\\\\N', 8), (E'\\r\\n', 9), ('备份 \u{1F600}', 10), (repeat(E'x\\n', 100000), 11);
CREATE TABLE single (v text); INSERT INTO single VALUES (''), (E'\\\\.'), (NULL), (E'\\n'), ('.'), (E'\\\\');
CREATE TABLE empty (a int, b text);
CREATE TABLE one_row (a int); INSERT INTO one_row VALUES (1);
CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE kinds (j jsonb, b bytea, a text[], m int[][], t timestamptz, f float8, i interval, r int4range, u uuid, x "char");
INSERT INTO kinds SELECT jsonb_build_object('i', i, 't', E'\\t\\n\\\\"', 'deep', jsonb_build_array(NULL, 1.50, jsonb_build_object())),
  sha256(i::text::bytea), ARRAY[NULL, 'NULL', '', E'a\\\\b"{},'], ARRAY[[i, NULL], [3, 4]], to_timestamp(i * 1e6 + 0.123456),
  1 / (i + 3.0::float8), make_interval(1, -i, 0, i, 0, 0, i / 7.0), int4range(-i, i, '(]'), md5(i::text)::uuid, 'q'
  FROM generate_series(1, 500) i;
INSERT INTO kinds (f, t) VALUES ('NaN', 'infinity'), ('-Infinity', '-infinity'), ('-0', NULL), ('5e-324', '0044-03-15 BC');
CREATE TABLE "Mixed Case"."odd ""name, (x)" ("a, b)" int, "C""c" text DEFAULT 'd', gone int, g int GENERATED ALWAYS AS ("a, b)" * 2) STORED,
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 41 INCREMENT BY 3));
INSERT INTO "Mixed Case"."odd ""name, (x)" ("a, b)") SELECT generate_series(1, 17);
ALTER TABLE "Mixed Case"."odd ""name, (x)" DROP COLUMN gone;
CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (400);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (400) TO (10000);
INSERT INTO parts SELECT i, 'row ' || i FROM generate_series(1, 1000) i;
CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (3, 4);
CREATE TABLE large (id int PRIMARY KEY, v text, j jsonb);
INSERT INTO large SELECT i, repeat(md5(i::text), 1 + i % 5), jsonb_build_object('i', i, 't', E'\\t') FROM generate_series(1, 60000) i;
DELETE FROM large WHERE id % 7 = 0;
CREATE TABLE long_rows (v text);
ALTER TABLE long_rows ALTER v SET STORAGE EXTERNAL;
INSERT INTO long_rows SELECT repeat(md5(i::text), 40000 * (1 + i % 3)) FROM generate_series(1, 6) i;
CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged VALUES (1);
ALTER TABLE one_row ENABLE ROW LEVEL SECURITY;
CREATE SEQUENCE never_used; CREATE SEQUENCE used; SELECT setval('used', 4711);
CREATE VIEW few AS SELECT * FROM large WHERE id < 10;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM large;
SELECT lo_from_bytea(0, decode(repeat('00ff5c2e0a', 60000), 'hex')), lo_from_bytea(0, ''), lo_from_bytea(4000000000, '\\x61');
COMMENT ON TABLE large IS 'rows';`;

const wide = `CREATE TABLE wide (${Array.from({ length: 200 }, (_, i) => `c${i} ${i % 2 ? 'text' : 'int'}`).join(', ')});
INSERT INTO wide SELECT ${Array.from({ length: 200 }, (_, i) => (i % 2 ? `md5((i * ${i})::text)` : `i + ${i}`)).join(', ')} FROM generate_series(1, 300) i;`;

const PARALLEL = ['--parallel', '3', '--export-parallel-from', '8KB'];
let postgres, directory;

before(async () => {
  postgres = await startPostgres();
  directory = makeDirectory('archives');
  await postgres.createDatabase('origin');
  await postgres.sql('origin', EVERYTHING + wide);
});
after(() => cleanUp());

async function tool(name, args) {
  const { status, stdout, stderr } = await runProgram(join(PG_BIN, name), args, { encoding: 'latin1' });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** The script that pg_restore makes of an archive, without its random key. */
const script = async (path) => (await tool('pg_restore', ['-f', '-', path])).replace(/^\\(un)?restrict .*$/gm, '');

async function stock(database, options = []) {
  const path = join(directory, `${database}.stock.dump`);
  await tool('pg_dump', ['-Fc', ...options, '-f', path, '-d', postgres.socketDsn(database, 'postgres')]);
  return path;
}

async function ours(name, database, options) {
  const path = join(directory, `${database}.${name}.dump`);
  await mustRun(['export', '-o', path, ...options], { env: { DSN: postgres.dsn(database) } });
  return path;
}

async function contents(database) {
  const [[objects]] = await postgres.sql(database, `SELECT string_agg(oid || ' ' || md5(lo_get(oid)), ', ' ORDER BY oid)
    FROM pg_largeobject_metadata`);
  return { tables: await checksum(postgres, database), sequences: await sequences(postgres, database),
    objects };
}

/** By pg_restore with `args` and the archive; through a pipe when `piped`. */
async function assertRestores(path, args = [], piped = false) {
  await postgres.createDatabase('restored');
  const all = ['-e', '-d', postgres.socketDsn('restored', 'postgres'), ...args];
  if (piped) {
    const { status, stderr } = await runProgram('sh', ['-c', 'archive=$1; shift; cat "$archive" | "$@"', 'sh', path, join(PG_BIN, 'pg_restore'), ...all]);
    assert.equal(status, 0, stderr);
  } else
    await tool('pg_restore', [...all, path]);
  assert.deepEqual(await contents('restored'), await contents('origin'));
  await postgres.dropDatabase('restored');
}

const size = (path) => statSync(path).size;

test('an archive is hardly ever larger than that of pg_dump', async () => {
  await postgres.createDatabase('dense'); // hardly compressible
  await postgres.sql('dense', `CREATE TABLE random (v bytea); INSERT INTO random
    SELECT decode(string_agg(md5(i::text || j), ''), 'hex') FROM generate_series(1, 300) i, generate_series(1, 600) j GROUP BY i`);
  for (const database of ['origin', 'dense']) {
    const path = await ours('sized', database, []);
    assert.ok(size(path) <= 1.01 * size(await stock(database)) + 4096, `${database}: ${size(path)} bytes`);
    const fast = await ours('fast', database, ['--compression', 'fast']);
    assert.ok(size(fast) <= size(await stock(database, ['-Z1'])) + 4096, `${database}: ${size(fast)} bytes`);
  }
});

test('the script of an archive is that of pg_dump -Fc to the byte, whatever the compression', async () => {
  const wanted = await script(await stock('origin'));
  assert.ok(wanted.includes('COPY "Mixed Case"."odd ""name, (x)" ("a, b)", "C""c", id) FROM stdin;'));
  for (const compression of ['balanced', 'fast', 'none']) {
    const path = await ours(compression, 'origin', ['--compression', compression]);
    assert.ok((await script(path)) === wanted, compression);
  }
});

test('that of a parallel export has the same lines', async () => {
  const lines = async (path) => (await script(path)).split('\n').sort().join('\n');
  const wanted = await lines(await stock('origin'));
  for (const compression of ['balanced', 'fast', 'none'])
    assert.ok((await lines(await ours('parallel', 'origin', ['--compression', compression, ...PARALLEL]))) === wanted, compression);
});

test('pg_restore lists the same contents', async () => {
  const list = async (path) => (await tool('pg_restore', ['-l', path])).replace(/^;.*$/gm, '');
  const wanted = await list(await stock('origin'));
  assert.equal(await list(await ours('list', 'origin', [])), wanted);
  assert.equal(await list(await ours('list', 'origin', PARALLEL)), wanted);
});

test('a stock restore gives equal tables, sequences and large objects: from a file, from a pipe, by two jobs', async () => {
  await assertRestores(await ours('balanced', 'origin', []));
  await assertRestores(await ours('fast', 'origin', ['--compression', 'fast']), [], true);
  await assertRestores(await ours('parallel', 'origin', PARALLEL), ['-j2']);
});

test('a database in another encoding is written in UTF-8, by every connection', async () => {
  await postgres.createDatabase('latin', { rest: `ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'` });
  await postgres.sql('latin', `SET client_encoding = 'UTF8'; CREATE TABLE caf\u00e9 (v text); INSERT INTO caf\u00e9 SELECT 'na\u00efve \u00fc ' || i FROM generate_series(1, 3000) i`);
  const wanted = await script(await stock('latin', ['-E', 'UTF8']));
  assert.ok(wanted.includes(Buffer.from('na\u00efve').toString('latin1')));
  assert.ok((await script(await ours('balanced', 'latin', []))) === wanted);
  const parallel = await script(await ours('parallel', 'latin', PARALLEL));
  assert.equal(parallel.split('\n').sort().join('\n'), wanted.split('\n').sort().join('\n'));
});

test('a parallel export sees one moment, however the tables change', async () => {
  await postgres.createDatabase('moving');
  await postgres.sql('moving', `CREATE TABLE a (i int, pad text); CREATE TABLE b (i int, pad text);
    INSERT INTO a SELECT i, repeat('x', 200) FROM generate_series(1, 20000) i; INSERT INTO b SELECT * FROM a`);
  const session = postgres.session('moving');
  const turn = 'BEGIN; UPDATE a SET i = i + 1 WHERE i <= 2000; UPDATE b SET i = i + 1 WHERE i <= 2000; COMMIT';
  let moving = true;
  const mover = (async () => { while (moving) await session.run(turn); })();
  try {
    for (let i = 0; i < 2; i++) {
      const text = await script(await ours(`moving${i}`, 'moving', PARALLEL));
      const [a, b] = ['a', 'b'].map((table) => text.split(`COPY public.${table} (i, pad) FROM stdin;\n`)[1].split('\n\\.\n')[0].split('\n').sort());
      assert.equal(a.length, 20000);
      assert.deepEqual(a, b);
    }
  } finally {
    moving = false;
    await mover;
    await session.close();
  }
});

test('zstd is refused where pg_dump is older than 16, and pg_dump 16 or newer writes it', async () => {
  const version = Number(/ (\d+)/.exec(await tool('pg_dump', ['--version']))[1]);
  const path = join(directory, 'zstd.dump');
  const { status, stderr } = await run(['export', '-o', path, '--compression', 'zstd'], { env: { DSN: postgres.dsn('origin'), LANG: 'en_US' } });
  if (version < 16) {
    assert.equal(status, 4);
    assert.match(stderr, new RegExp(`zstd needs pg_dump 16 or newer; this one is ${version}`));
  } else
    assert.ok((await script(path)) === (await script(await stock('origin'))));
  await assertNoLeftovers({ postgres });
});
