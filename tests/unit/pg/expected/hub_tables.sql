-- The hub's tables as hub_tables.txt writes them: short type names, no casts but regclass.
WITH listed (name, place) AS (
    SELECT * FROM unnest(ARRAY['users', 'keys', 'provider_vendors', 'provider_endpoints', 'provider_groups',
        'providers', 'model_prices', 'message_request', 'usage_ledger', 'system_settings', 'audit_log',
        'provider_batch_apply_operations']) WITH ORDINALITY
), tables AS (
    SELECT place, name, to_regclass('public.' || name)::oid AS id FROM listed
), lines (place, part, sub, line) AS (
    SELECT place, 1, '', 'table ' || name FROM tables
    UNION ALL
    SELECT place, 2, lpad(attnum::text, 4, '0'), 'column ' || attname || ' '
        || replace(replace(replace(replace(replace(format_type(atttypid, atttypmod), 'character varying', 'varchar'),
            'timestamp with time zone', 'timestamptz'), 'boolean', 'bool'), 'integer', 'int4'), 'bigint', 'int8')
        || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '')
    FROM tables JOIN pg_attribute ON attrelid = id AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = id AND adnum = attnum
    UNION ALL
    SELECT place, CASE WHEN indisunique THEN 4 ELSE 3 END, relname,
        'index ' || CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END
        || relname || ' ' || regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', '')
    FROM tables JOIN pg_index ON indrelid = id JOIN pg_class c ON c.oid = indexrelid AND indisvalid
    UNION ALL
    SELECT place, 5, conname, 'foreign key ' || conname || ' ' || pg_get_constraintdef(oid)
    FROM tables JOIN pg_constraint ON conrelid = id AND contype = 'f' AND convalidated
)
SELECT string_agg(CASE WHEN part = 1 THEN '' ELSE '  ' END
    || regexp_replace(line, '::(?!regclass)(character varying|[a-z_]+)', '', 'g') || E'\n', ''
    ORDER BY place, part, sub COLLATE "C")
FROM lines
