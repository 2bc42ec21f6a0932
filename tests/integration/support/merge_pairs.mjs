// Pairs of databases for merges: what both have (`schema`), what the archive's has more (`there`), what the live one has
// more (`here`), and what becomes of the archive's rows, table by table. Counts that are not named are 0.
import { readFileSync } from 'node:fs';
import { TOP } from './hubport.mjs';

const HUB = `SET search_path = public;\n${readFileSync(`${TOP}/sql/0001_hub.sql`, 'utf8')}\nRESET search_path;`;
const at = (day) => `timestamptz '2026-01-0${day} 00:00:00Z'`;

export const PAIRS = [
  {
    name: 'rows are added, identical or conflicting by their primary key, and sequences never go back',
    schema: 'CREATE TABLE t (id serial PRIMARY KEY, v text)',
    there: `INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 10) i; SELECT setval('t_id_seq', 10)`,
    here: `INSERT INTO t SELECT i, 'row ' || i FROM generate_series(4, 6) i;
      INSERT INTO t VALUES (7, 'mine'), (400, 'far'); SELECT setval('t_id_seq', 500)`,
    expect: { 'public.t': { added: 6, identical: 3, conflicting: 1, firstConflicting: 'id=7' } },
    check: `SELECT string_agg(id || '=' || v, ',' ORDER BY id), (SELECT last_value FROM t_id_seq) FROM t WHERE id IN (1, 5, 7, 10, 400)`,
    is: ['1=row 1,5=row 5,7=mine,10=row 10,400=far', '500'],
  },
  {
    name: 'a sequence that stands below the added rows is set above them',
    schema: 'CREATE TABLE t (id serial PRIMARY KEY); CREATE SEQUENCE down INCREMENT -1 MAXVALUE 100 START 100; ' +
      `CREATE TABLE d (id int PRIMARY KEY DEFAULT nextval('down'))`,
    there: 'INSERT INTO t SELECT generate_series(1, 90); INSERT INTO d VALUES (17)',
    here: 'INSERT INTO t DEFAULT VALUES; INSERT INTO d DEFAULT VALUES',
    expect: { 'public.t': { added: 89, identical: 1 }, 'public.d': { added: 1 } },
    check: `SELECT nextval('t_id_seq'), nextval('down')`,
    is: ['91', '16'],
  },
  {
    name: 'a row whose parent is missing fails alone, and so do its children',
    schema: `CREATE TABLE a (id int PRIMARY KEY, name text UNIQUE); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
      CREATE TABLE c (id int PRIMARY KEY, b int NOT NULL REFERENCES b, up int REFERENCES c)`,
    there: `INSERT INTO a VALUES (1, 'one'), (2, 'two'); INSERT INTO b VALUES (1, 1), (2, 2), (3, NULL);
      INSERT INTO c VALUES (1, 1, NULL), (2, 2, NULL), (3, 1, 2), (4, 1, 3), (5, 3, 1)`,
    here: `INSERT INTO a VALUES (7, 'two')`, // so the archive's second parent cannot come in
    expect: {
      'public.a': { added: 1, conflicting: 1, firstConflicting: 'id=2' },
      'public.b': { added: 2, failed: 1, firstFailed: 'id=2', failedBy: 'b_a_fkey' },
      'public.c': { added: 2, failed: 3, firstFailed: 'id=2', failedBy: 'c_b_fkey' },
    },
    check: `SELECT (SELECT string_agg(id::text, ',' ORDER BY id) FROM b), (SELECT string_agg(id::text, ',' ORDER BY id) FROM c)`,
    is: ['1,3', '1,5'],
  },
  {
    name: 'a user who is somebody else here keeps what is theirs: keys and requests of the archive\'s are not added',
    schema: HUB,
    there: `INSERT INTO users (id, name, created_at) VALUES (1, 'ann', ${at(1)}), (5, 'bob', ${at(2)}), (6, 'cid', ${at(3)});
      INSERT INTO keys (id, user_id, key, name) VALUES (1, 1, 'sk-1', 'k'), (2, 5, 'sk-2', 'k'), (3, 6, 'sk-3', 'k');
      INSERT INTO providers (id, name, url, key) VALUES (1, 'p', 'https://p', 'x'), (2, 'q', 'https://q', 'x');
      INSERT INTO message_request (id, provider_id, user_id, key, created_at) VALUES (1, 1, 1, 'sk-1', ${at(4)}),
        (2, 1, 5, 'sk-2', ${at(4)}), (3, 2, 6, 'sk-3', ${at(4)}), (4, 1, 6, 'sk-3', ${at(4)})`,
    here: `INSERT INTO users (id, name, created_at) VALUES (1, 'ann', ${at(1)}), (5, 'eve', ${at(5)});
      UPDATE users SET rpm_limit = 7 WHERE id = 1;
      INSERT INTO providers (id, name, url, key) VALUES (2, 'other', 'https://other', 'x')`,
    expect: {
      'public.users': { added: 1, conflicting: 2, firstConflicting: 'id=1' },
      'public.keys': { added: 2, foreignParent: 1, firstForeignParent: 'id=2' },
      'public.providers': { added: 1, conflicting: 1, firstConflicting: 'id=2' },
      'public.message_request': { added: 2, foreignParent: 2, firstForeignParent: 'id=2' },
      'public.usage_ledger': { added: 2, foreignParent: 2, firstForeignParent: 'id=2' },
    },
    check: `SELECT (SELECT string_agg(id || name, ',' ORDER BY id) FROM users), (SELECT string_agg(id::text, ',' ORDER BY id)
      FROM keys), (SELECT string_agg(id::text, ',' ORDER BY id) FROM message_request), (SELECT count(*) FROM usage_ledger)`,
    is: ['1ann,5eve,6cid', '1,3', '1,4', '2'],
  },
  {
    name: 'the same, accepted: everything comes in',
    schema: HUB,
    there: `INSERT INTO users (id, name, created_at) VALUES (5, 'bob', ${at(2)});
      INSERT INTO keys (id, user_id, key, name) VALUES (2, 5, 'sk-2', 'k')`,
    here: `INSERT INTO users (id, name, created_at) VALUES (5, 'eve', ${at(5)})`,
    options: { acceptForeignParents: 'true' },
    expect: { 'public.users': { conflicting: 1, firstConflicting: 'id=5' }, 'public.keys': { added: 1 } },
    check: 'SELECT user_id FROM keys',
    is: ['5'],
  },
  {
    name: 'onConflict=update overwrites the row with the same key, but not one person by another',
    schema: `${HUB}; CREATE TABLE t (id int PRIMARY KEY, v text, w int GENERATED ALWAYS AS (length(v)) STORED, u int UNIQUE)`,
    there: `INSERT INTO t VALUES (1, 'theirs'), (2, 'same'), (3, 'new'); UPDATE t SET u = id;
      INSERT INTO users (id, name, created_at, note_) VALUES (1, 'ann', ${at(1)}, 'x'), (2, 'bob', ${at(1)}, 'y')`
      .replaceAll('note_', 'description'),
    here: `INSERT INTO t VALUES (1, 'mine', DEFAULT, 9), (2, 'same', DEFAULT, 2);
      INSERT INTO users (id, name, created_at) VALUES (1, 'ann', ${at(1)}), (2, 'eve', ${at(1)})`,
    options: { onConflict: 'update' },
    expect: {
      'public.t': { added: 1, identical: 1, updated: 1 },
      'public.users': { updated: 1, conflicting: 1, firstConflicting: 'id=2' },
    },
    check: `SELECT (SELECT string_agg(id || v || w || u, ',' ORDER BY id) FROM t),
      (SELECT string_agg(name || coalesce(description, '-'), ',' ORDER BY id) FROM users)`,
    is: ['1theirs61,2same42,3new33', 'annx,eve-'],
  },
  {
    name: 'an older archive: columns that it lacks take their default; a newer one: its columns are read and dropped',
    schema: 'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE n (id int PRIMARY KEY, v text)',
    there: `INSERT INTO t SELECT i, E'a\\tb\\\\.' FROM generate_series(1, 3) i; ALTER TABLE n ADD more jsonb DEFAULT '[]';
      INSERT INTO n VALUES (1, 'x', '{"a": "\\t"}'), (2, NULL, NULL); ALTER TABLE n DROP v; ALTER TABLE n ADD v text DEFAULT 'z'`,
    here: `ALTER TABLE t ADD level int NOT NULL DEFAULT 7; ALTER TABLE t ADD made timestamptz DEFAULT now();
      INSERT INTO t VALUES (1, E'a\\tb\\\\.', 9); INSERT INTO n VALUES (1, 'z')`,
    expect: { 'public.t': { added: 2, identical: 1 }, 'public.n': { added: 1, identical: 1 } },
    schemaDifferences: { columnsOnlyHere: ['public.t.level', 'public.t.made'], columnsOnlyThere: ['public.n.more'] },
    check: `SELECT string_agg(level::text, ',' ORDER BY id), count(made), (SELECT v FROM n WHERE id = 2) FROM t`,
    is: ['9,7,7', '3', 'z'],
  },
  {
    name: 'identity ALWAYS, generated columns, quoted names, unusual types, and tables only the archive has',
    schema: `CREATE SCHEMA "Odd"; CREATE TYPE "Odd".mood AS ENUM ('ok', 'not ''ok''');
      CREATE TABLE "Odd"."Ta ""ble.x" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "sel ect" "Odd".mood,
        doc json, place point, twice bigint GENERATED ALWAYS AS (id * 2) STORED, "MixedCase" text[])`,
    there: `INSERT INTO "Odd"."Ta ""ble.x" ("sel ect", doc, place, "MixedCase") SELECT 'not ''ok''', '{"a":  1}', '(1,2)',
        ARRAY[NULL, 'NULL', E'\\\\n\\n'] FROM generate_series(1, 5);
      CREATE SCHEMA extra; CREATE TYPE extra.level AS ENUM ('low', 'high');
      CREATE TABLE extra.notes (id serial PRIMARY KEY, level extra.level DEFAULT 'low', text text UNIQUE, up int REFERENCES extra.notes);
      CREATE INDEX notes_level ON extra.notes (level); COMMENT ON TABLE extra.notes IS 'x';
      INSERT INTO extra.notes (text) VALUES ('a'), ('b'), (NULL)`,
    here: `INSERT INTO "Odd"."Ta ""ble.x" ("sel ect", doc, place, "MixedCase") VALUES ('not ''ok''', '{"a":  1}', '(1,2)',
        ARRAY[NULL, 'NULL', E'\\\\n\\n']), ('ok', '{"a": 1}', '(1,2)', '{}')`,
    expect: {
      'Odd.Ta "ble.x': { added: 3, identical: 1, conflicting: 1, firstConflicting: 'id=2' },
      'extra.notes': { added: 3, created: true },
    },
    again: { 'extra.notes': { identical: 3 } },
    schemaDifferences: { tablesOnlyThere: ['extra.notes'] },
    check: `INSERT INTO extra.notes (text) VALUES ('d'); SELECT sum(twice), (SELECT max(id) FROM extra.notes), (SELECT
      count(*) FROM pg_indexes WHERE schemaname = 'extra'), (SELECT level FROM extra.notes LIMIT 1) FROM "Odd"."Ta ""ble.x"`,
    is: ['30', '4', '3', 'low'],
  },
  {
    name: 'without a primary key equal rows are the same rows, as often as they stand there',
    schema: 'CREATE TABLE t (a int, b json); CREATE TABLE u (a int UNIQUE, b text)',
    there: `INSERT INTO t SELECT 1, '{"x":1}' FROM generate_series(1, 5); INSERT INTO t VALUES (2, NULL), (NULL, NULL);
      INSERT INTO u VALUES (1, 'a'), (2, 'b'), (NULL, 'c'), (NULL, 'c')`,
    here: `INSERT INTO t SELECT 1, '{"x":1}' FROM generate_series(1, 3); INSERT INTO t VALUES (NULL, NULL);
      INSERT INTO u VALUES (1, 'other'), (NULL, 'c')`,
    expect: { 'public.t': { added: 3, identical: 4 }, 'public.u': { added: 2, identical: 1, conflicting: 1 } },
    check: 'SELECT (SELECT count(*) FROM t WHERE a = 1), (SELECT count(*) FROM t), (SELECT count(*) FROM u)',
    is: ['5', '7', '4'],
  },
  {
    name: 'other unique constraints, also partial, on expressions and exclusions; NOT NULL and CHECK that are stricter here',
    schema: `CREATE TABLE t (id int PRIMARY KEY, name text, gone bool DEFAULT false); CREATE TABLE r (id int PRIMARY KEY, during
      int4range); CREATE TABLE s (id int PRIMARY KEY, v int)`,
    there: `INSERT INTO t VALUES (1, 'A'), (2, 'b'), (4, 'd'), (5, 'D'), (6, NULL); INSERT INTO t VALUES (3, 'c', true);
      INSERT INTO r VALUES (1, '[1,5)'), (2, '[10,20)'); INSERT INTO s VALUES (1, 1), (2, NULL), (3, -3), (4, 4)`,
    here: `CREATE UNIQUE INDEX t_name ON t (lower(name)) WHERE NOT gone; INSERT INTO t VALUES (11, 'a'), (13, 'C');
      ALTER TABLE r ADD EXCLUDE USING gist (during WITH &&); INSERT INTO r VALUES (9, '[4,6)');
      ALTER TABLE s ALTER v SET NOT NULL, ADD CONSTRAINT positive CHECK (v > 0)`,
    expect: {
      'public.t': { added: 4, conflicting: 2, firstConflicting: 'id=1' },
      'public.r': { added: 1, conflicting: 1, firstConflicting: 'id=1' },
      'public.s': { added: 2, failed: 2, firstFailed: 'id=2', failedBy: 'v NOT NULL' },
    },
    check: `SELECT string_agg(id::text, ',' ORDER BY id) FROM t`,
    is: ['2,3,4,6,11,13'],
  },
  {
    name: 'partitions, inheritance, and foreign keys that go round in a circle and are deferred',
    schema: `CREATE TABLE p (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
      CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
      CREATE TABLE base (id int PRIMARY KEY); CREATE TABLE child (extra text) INHERITS (base);
      CREATE TABLE x (id int PRIMARY KEY, y int); CREATE TABLE y (id int PRIMARY KEY, x int REFERENCES x DEFERRABLE);
      ALTER TABLE x ADD FOREIGN KEY (y) REFERENCES y DEFERRABLE INITIALLY DEFERRED;
      CREATE TABLE q (id int PRIMARY KEY, p int, at date, FOREIGN KEY (p, at) REFERENCES p)`,
    there: `INSERT INTO p SELECT i, date '2026-01-30' + i FROM generate_series(0, 3) i; INSERT INTO base VALUES (1);
      INSERT INTO child VALUES (1, 'c'); INSERT INTO q VALUES (1, 0, '2026-01-30'), (2, 3, '2026-02-02');
      BEGIN; INSERT INTO x VALUES (1, 1); INSERT INTO y VALUES (1, 1); COMMIT;
      CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2026-03-01') TO ('2026-04-01'); INSERT INTO p VALUES (9, '2026-03-03')`,
    here: `INSERT INTO p VALUES (1, '2026-01-31')`,
    expect: {
      'public.p1': { added: 1, identical: 1 }, 'public.p2': { added: 2 }, 'public.base': { added: 1 },
      'public.child': { added: 1 }, 'public.x': { added: 1 }, 'public.y': { added: 1 }, 'public.q': { added: 2 },
    },
    schemaDifferences: { tablesOnlyThere: ['public.p3'],
      notCreated: ['public.p3: it is a partition: create it, then merge again'] },
    check: 'SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM ONLY base), (SELECT count(*) FROM base), (SELECT count(*) FROM q)',
    is: ['4', '1', '2', '2'],
  },
];
