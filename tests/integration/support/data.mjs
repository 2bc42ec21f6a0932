// Data for tests: every table of a hub filled, every column with values that break careless code; and ways to tell
// whether two databases are equal.
import { readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { TOP, mustRun } from './hubport.mjs';
import { makeDirectory, runProgram } from './processes.mjs';
import { PG_BIN, quoteIdent, quoteLiteral } from './servers.mjs';

/** A database with the hub's schema, made by the program. */
export async function migrate(postgres, database) {
  await mustRun(['migrate'], { env: { DSN: postgres.dsn(database) } });
}

/** The same from the source file, for tests that must not need the program. */
export async function makeSchema(postgres, database) {
  await postgres.sql(
    database, `BEGIN; SET search_path = public;\n${readFileSync(`${TOP}/sql/0001_hub.sql`, 'utf8')}\nCOMMIT;`);
}

const TEXTS = [
  'plain', 'tab\there', 'line\nfeed', 'carriage\rreturn\r\n', 'back\\slash', '\\.', '\\N', '', ' spaces ',
  'quote \' " $$ $1', '%s %n {0}', '数据导入导出，完成！', '\u{1F600}\u{1F468}\u200D\u{1F469}\u200D\u{1F467} e\u0301',
  '--; DROP TABLE users', '<script>alert(1)</script>', '\u0001\u001f\u007f', '\ufeff\u202e\uffff', 'x'.repeat(3000)
];
const DOCUMENTS = [
  'null', '{}', '[]', '"text"', '12345678901234567890.123456789012345',
  '{"a": null, "b": [1, 2.50, 1e-30], "\\u00e9": "\\t\\n\\\\"}', '[{"id": 3, "name": "p", "statusCode": 200}]', 'true',
  '{"z": {"y": {"x": [[[]]]}}}', `{"long": "${'0123456789'.repeat(600)}"}`
];
const TIMES = [
  '2025-01-29 10:30:00.123456+00', 'infinity', '-infinity', '1970-01-01 00:00:00+00', '0001-01-01 00:00:00+00 BC',
  '9999-12-31 23:59:59.999999+00', '2024-02-29 23:59:59.5-11:30'
];

const USERS = 200;
const KEYS = 400;
const PROVIDERS = 150;
const REQUESTS = 3000;
const sold = `(ARRAY['claude', 'codex', 'gemini', 'openai-compatible'])[1 + i % 4]`;
const when = `timestamptz '2025-01-01 00:00:00.000001+00' + i * interval '7 minutes 1.234567 seconds'`;

/**
 * Parents first. `set`: columns whose values mean something to others; all others are filled by their type. `i` counts
 * from 1.
 */
const TABLES = [
  { name: 'provider_vendors', rows: 60, set: { website_domain: `'vendor' || i || '.example'` } },
  { name: 'provider_groups', rows: 40, set: { name: `'group ' || i` } },
  {
    name: 'users',
    rows: USERS,
    set: {
      name: `'user ' || i`,
      role: `CASE WHEN i % 50 = 1 THEN 'admin' ELSE 'user' END`,
      deleted_at: `CASE WHEN i % 40 = 0 THEN ${when} END`
    }
  },
  {
    name: 'keys',
    rows: KEYS,
    set: {
      user_id: `1 + i % ${USERS}`,
      key: `'sk-test-' || md5(i::text)`,
      deleted_at: `CASE WHEN i % 40 = 0 THEN ${when} END`
    }
  },
  {
    name: 'providers',
    rows: PROVIDERS,
    set: {
      name: `'provider ' || i`,
      url: `'https://p' || i || '.example/v1'`,
      provider_type: sold,
      provider_vendor_id: `CASE WHEN i % 10 > 0 THEN 1 + i % 60 END`
    }
  },
  {
    name: 'provider_endpoints',
    rows: 120,
    set: { vendor_id: '1 + i % 60', url: `'https://e' || i || '.example'`, provider_type: sold }
  },
  {
    name: 'model_prices',
    rows: 300,
    set: { model_name: `'model-' || i % 150`, source: `(ARRAY['cloud', 'manual', 'litellm'])[1 + i % 3]` }
  },
  {
    name: 'message_request',
    rows: REQUESTS,
    set: {
      user_id: `1 + i % ${USERS}`,
      provider_id: `1 + i % ${PROVIDERS}`,
      key: `'sk-test-' || md5((1 + i % ${KEYS})::text)`,
      model: `'model-' || i % 150`,
      created_at: when,
      status_code: `CASE WHEN i % 20 > 0 THEN (ARRAY[200, 200, 200, 429, 499, 500])[1 + i % 6] END`,
      deleted_at: `CASE WHEN i % 100 = 0 THEN ${when} END`,
      blocked_by: `CASE WHEN i % 60 = 0 THEN 'sensitive_word' WHEN i % 61 = 0 THEN 'warmup' END`,
      endpoint: `CASE WHEN i % 33 = 0 THEN '/v1/messages/count_tokens' ELSE '/v1/messages' END`
    }
  },
  // The trigger of message_request wrote most of it; these are of requests whose log is gone.
  {
    name: 'usage_ledger',
    rows: 200,
    set: {
      request_id: '1000000000 + i',
      user_id: `1 + i % ${USERS}`,
      provider_id: `1 + i % ${PROVIDERS}`,
      created_at: when
    }
  },
  { name: 'system_settings', rows: 1, set: { site_title: `'CC Hub'` } },
  { name: 'audit_log', rows: 100, set: { action_category: `'provider'`, created_at: when } },
  { name: 'provider_batch_apply_operations', rows: 30, set: { claim_key: `'claim ' || i` } },
];

/**
 * Things that are not the hub's: a table with types that the hub does not use, a view on the hub's tables, and what
 * belongs to them.
 */
const OTHERS = `
CREATE SCHEMA others;
CREATE TYPE others.pair AS (a integer, b text);
CREATE DOMAIN others.percent AS integer CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE others."odd Name ""x" (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 41 INCREMENT BY 3) PRIMARY KEY,
  "sel ect" text[], blob bytea, amount numeric, price double precision, at timestamp,
  span interval, day date, range int4range,
  pair others.pair, percent others.percent, place point, address inet, uid uuid, doc json, xml_free text COLLATE "C",
  twice integer GENERATED ALWAYS AS (percent * 2) STORED);
INSERT INTO others."odd Name ""x" ("sel ect", blob, amount, price, at, span, day, range, pair, percent,
  place, address, uid, doc, xml_free)
SELECT CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN ARRAY[NULL, 'NULL', '', E'a\\\\b"{},'] ELSE '{}' END,
  decode(repeat(lpad(to_hex(i), 2, '0'), i), 'hex'),
  (ARRAY['NaN', 'Infinity', '-Infinity', '1e-400', '1.10', '1.1000000000000000001'])[1 + i % 6]::numeric,
  (ARRAY['NaN', 'Infinity', '-0', '0.1', '5e-324', '1.7976931348623157e308'])[1 + i % 6]::float8,
  timestamp 'epoch' + i * interval '1 day 0.000001 s', make_interval(i % 3, i, 0, -i, 0, 0, i / 7.0),
  date '-infinity', int4range(-i, i, '(]'), ROW(i, E'x\\ty')::others.pair,
  i % 101, point(i, 0.1), '10.0.0.1'::inet + i, md5(i::text)::uuid, '{"dup": 1, "dup":  2 }', E'\\\\.'
    FROM generate_series(1, 100) i;
CREATE VIEW others.spending AS SELECT u.name, count(*) AS requests, sum(m.cost_usd) AS cost FROM public.users u
  JOIN public.message_request m ON m.user_id = u.id GROUP BY u.name;
CREATE MATERIALIZED VIEW others.busy AS SELECT provider_id, count(*) FROM public.message_request GROUP BY 1;
CREATE UNIQUE INDEX ON others.busy (provider_id);
COMMENT ON TABLE others."odd Name ""x" IS E'it''s\\todd';`;

const cycle = (type, values, at) =>
  `(ARRAY[${values.map(quoteLiteral).join(', ')}]::${type}[])[1 + (i + ${at}) % ${values.length}]`;

/** An expression for a column's value in row i, by its type. */
function valueOf({ name, type, base, length, scale, precision, labels, at, unique }) {
  const texts = length > 0 ? TEXTS.map((text) => [...text].slice(0, length).join('')) : TEXTS;
  if (labels) return cycle(type, labels, at);
  if (base === 'text' || base === 'varchar' || base === 'bpchar')
    return unique ? `left(i || ${cycle('text', texts, at)}, ${length || 3000})` : cycle('text', texts, at);
  if (base === 'bool') return `(i + ${at}) % 2 = 0`;
  if (base === 'int4' || base === 'int2') return unique ? 'i' : `(i * 7919 + ${at}) % 30000`;
  if (base === 'int8') return unique ? 'i' : '(i * 9007199254740993::numeric % 1000000000000000000)::bigint';
  if (base === 'numeric')
    return precision ? `(i * 1234567.123456789012345 % ${10 ** Math.min(precision - scale, 6)})::${type}` : 'i / 7.0';
  if (base === 'timestamptz') return name === 'created_at' ? when : cycle(type, TIMES, at);
  if (base === 'jsonb' || base === 'json') return cycle(type, DOCUMENTS, at);
  throw new Error(`no test values for the type ${type} of the column ${name}: add them`);
}

/**
 * Fill the hub's tables, each with rows, in each column every value of its type and, where allowed, SQL NULL.
 * `requests`: rows of message_request. `others`: also objects that are not the hub's. `user`: the role that does it. Sequences end with gaps; one was
 * never used.
 */
export async function fill(postgres, database, { requests = REQUESTS, others = false, user } = {}) {
  const columns = await postgres.rows(database, `
    SELECT c.relname AS table, a.attname AS name,
      format_type(atttypid, atttypmod) AS type, t.typname AS base, NOT attnotnull AS nullable,
      greatest(CASE WHEN t.typname IN ('varchar', 'bpchar') THEN atttypmod - 4 ELSE 0 END, 0) AS length, attnum AS at,
      CASE WHEN t.typname = 'numeric' AND atttypmod > 0 THEN (atttypmod - 4) >> 16 END AS precision,
      CASE WHEN t.typname = 'numeric' AND atttypmod > 0 THEN (atttypmod - 4) & 65535 END AS scale,
      (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = atttypid) AS labels,
      EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisunique AND a.attnum = ANY (indkey)) AS unique
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_type t ON t.oid = atttypid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND attnum > 0 AND NOT attisdropped
      AND attidentity = '' AND attgenerated = '' AND coalesce(pg_get_expr((SELECT adbin FROM pg_attrdef d
        WHERE d.adrelid = c.oid AND d.adnum = attnum), c.oid), '') NOT LIKE 'nextval(%'
    ORDER BY 1, attnum`);
  const statements = TABLES.map(({ name, rows, set }) => {
    const own = columns.filter((column) => column.table === name);
    if (own.length === 0) throw new Error(`the database ${database} has no table ${name}`);
    const values = own.map((column) => {
      if (set[column.name]) return set[column.name];
      const value = valueOf(column);
      return column.nullable && !column.unique ? `CASE WHEN (i + ${column.at}) % 11 > 0 THEN ${value} END` : value;
    });
    const count = name === 'message_request' ? requests : rows;
    return `INSERT INTO public.${name} (${own.map((column) => quoteIdent(column.name)).join(', ')})\nSELECT ${
      values.join(',\n ')}\nFROM generate_series(1, ${count}) i;`;
  });
  await postgres.sql(database, [
    'SET client_min_messages = error;', 'BEGIN;', ...statements,
    `SELECT setval('public.users_id_seq', 5000), setval('public.provider_groups_id_seq', 7000, false);`, 'COMMIT;',
    others ? OTHERS : ''
  ].join('\n'), { user });
}

const NOT_OURS = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'hubport')`;
const EXACT =
  `SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; ` +
  `SET extra_float_digits = 1; SET bytea_output = 'hex'; SET search_path = '';`;

/**
 * The contents: {"schema.table": {rows, md5}}, independent of the order of rows. Without audit_log (which is written
 * about every operation) and the schema hubport, unless `all`. `except`: further names to leave out.
 */
export async function checksum(postgres, database, { except = [], all = false } = {}) {
  const tables = await postgres.rows(database,
    `
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND ${
      all ? `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'` : NOT_OURS} ORDER BY 1, 2`);
  const wanted = tables.filter(
    ({ schema, name }) => !except.includes(`${schema}.${name}`) && (all || `${schema}.${name}` !== 'public.audit_log'));
  if (wanted.length === 0) return {};
  const one = ({ schema, name }) => `SELECT ${
    quoteLiteral(`${schema}.${name}`)}, count(*), md5(coalesce(string_agg(line, '' ORDER BY line COLLATE "C"), ''))
    FROM (SELECT md5(t::text) AS line FROM ${quoteIdent(schema)}.${quoteIdent(name)} t) s`;
  // One snapshot for all of them.
  const rows = await postgres.sql(database, `${EXACT} ${wanted.map(one).join('\nUNION ALL ')}`);
  return Object.fromEntries(rows.map(([table, count, md5]) => [table, { rows: Number(count), md5 }]));
}

/** {"schema.sequence": "last_value called"} */
export async function sequences(postgres, database) {
  const names = await postgres.rows(database, `
    SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE c.relkind = 'S' AND ${NOT_OURS} AND c.relname <> 'audit_log_id_seq' ORDER BY 1, 2`);
  if (names.length === 0) return {};
  const one = ({ schema, name }) => `SELECT ${
    quoteLiteral(`${schema}.${name}`)}, last_value || CASE WHEN is_called THEN ' called' ELSE ' not called' END FROM ${
    quoteIdent(schema)}.${quoteIdent(name)}`;
  return Object.fromEntries(await postgres.sql(database, names.map(one).join('\nUNION ALL ')));
}

/**
 * The definitions of all objects as sorted sentences: deepEqual shows what differs. Without owners (a restore drops
 * them).
 */
export async function catalogue(postgres, database) {
  const rows = await postgres.sql(database, `${EXACT}
    WITH n AS (SELECT oid, nspname FROM pg_namespace n WHERE ${NOT_OURS})
    SELECT 'schema ' || nspname FROM n
    UNION ALL SELECT format('column %s.%s %s %s %s%s%s%s %s', nspname, relname,
      row_number() OVER (PARTITION BY c.oid ORDER BY attnum), attname, format_type(atttypid, atttypmod),
      CASE WHEN attnotnull THEN ' not null' END, ' default ' || pg_get_expr(adbin, adrelid),
        concat(CASE WHEN attgenerated <> '' THEN ' generated' END, attidentity), coll.collname)
      FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN n ON n.oid = relnamespace
      LEFT JOIN pg_attrdef d ON adrelid = c.oid AND adnum = attnum
      LEFT JOIN pg_collation coll ON coll.oid = attcollation WHERE attnum > 0 AND NOT attisdropped
        AND relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
    UNION ALL SELECT format('relation %s.%s kind %s persistence %s options %s', nspname, relname,
      relkind, relpersistence, reloptions) FROM pg_class c JOIN n ON n.oid = relnamespace
    UNION ALL SELECT 'index ' || pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' invalid' END
      FROM pg_index i JOIN pg_class c ON c.oid = indrelid JOIN n ON n.oid = relnamespace
    UNION ALL SELECT format('constraint %s on %s: %s%s', conname, conrelid::regclass, pg_get_constraintdef(con.oid),
      CASE WHEN NOT convalidated THEN ' not valid' END)
      FROM pg_constraint con JOIN n ON n.oid = connamespace
    UNION ALL SELECT format('trigger %s state %s', pg_get_triggerdef(t.oid), tgenabled) FROM pg_trigger t
      JOIN pg_class c ON c.oid = tgrelid JOIN n ON n.oid = relnamespace WHERE NOT tgisinternal
    UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p JOIN n ON n.oid = pronamespace
      WHERE prokind IN ('f', 'p')
    UNION ALL SELECT format('view %s.%s: %s', nspname, relname, pg_get_viewdef(c.oid)) FROM pg_class c
      JOIN n ON n.oid = relnamespace WHERE relkind IN ('v', 'm')
    UNION ALL SELECT format('sequence %s.%s %s from %s by %s, %s to %s%s, of %s', nspname, relname,
      format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, CASE WHEN seqcycle THEN ' cycle' END,
      (SELECT concat(refobjid::regclass, '.', refobjsubid) FROM pg_depend WHERE classid = 'pg_class'::regclass
        AND objid = c.oid AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') LIMIT 1))
      FROM pg_sequence s JOIN pg_class c ON c.oid = seqrelid JOIN n ON n.oid = relnamespace
    UNION ALL SELECT format('enum %s.%s: %s', nspname, typname,
      (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))
      FROM pg_type t JOIN n ON n.oid = typnamespace WHERE typtype = 'e'
    UNION ALL SELECT format('domain %s.%s: %s', nspname, typname, format_type(typbasetype, typtypmod)) FROM pg_type t
      JOIN n ON n.oid = typnamespace WHERE typtype = 'd'
    UNION ALL SELECT format('rule %s', pg_get_ruledef(r.oid)) FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class
      JOIN n ON n.oid = relnamespace WHERE rulename <> '_RETURN'
    UNION ALL SELECT format('policy %s on %s.%s', polname, nspname, relname) FROM pg_policy
      JOIN pg_class c ON c.oid = polrelid JOIN n ON n.oid = relnamespace
    UNION ALL SELECT format('grant %s on %s.%s to %s', privilege_type, nspname, relname, grantee::regrole)
      FROM pg_class c JOIN n ON n.oid = relnamespace, aclexplode(relacl) WHERE grantee <> relowner
    UNION ALL SELECT format('extension %s %s', extname, extversion) FROM pg_extension
    UNION ALL SELECT format('comment on %s.%s.%s: %s', nspname, relname, objsubid, description) FROM pg_description
      JOIN pg_class c ON c.oid = objoid AND classoid = 'pg_class'::regclass JOIN n ON n.oid = relnamespace`);
  return rows.flat().sort();
}

/** Everything at once, for "wholly as before": contents, sequences and definitions. */
export async function fingerprint(postgres, database, options) {
  return {
    contents: await checksum(postgres, database, options),
    sequences: await sequences(postgres, database),
    catalogue: await catalogue(postgres, database),
  };
}

/** A new database out of an archive, by stock pg_restore. `user` owns it. */
export async function restore(postgres, database, bytes, { user = 'postgres' } = {}) {
  const path = join(makeDirectory('restore'), 'x.dump');
  writeFileSync(path, bytes);
  await postgres.createDatabase(database, { owner: user });
  const args = ['--exit-on-error', '--no-owner', '-d', postgres.socketDsn(database, user), path];
  const { status, stderr } = await runProgram(join(PG_BIN, 'pg_restore'), args);
  if (status !== 0) throw new Error(`pg_restore: ${stderr}`);
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
