/* The statements of an import; prices/import.c puts them together. $1 the table as jsonb, $2 the source, $3 and $4 the
 * names in overwrite_manual and confirm as jsonb arrays, $5 whether the table's format has no null (a member that is
 * null is then the same as none), $6 to $9 what the history says of the operation. */
#ifndef PRICES_IMPORT_SQL_H
#define PRICES_IMPORT_SQL_H

/* The price that is in force, and what becomes of each model. */
#define IMPORT_CLASSED                                                                                                 \
    "WITH RECURSIVE incoming AS MATERIALIZED (SELECT key AS name, value AS data FROM jsonb_each($1::jsonb)),\n"        \
    "live AS MATERIALIZED (SELECT DISTINCT ON (model_name COLLATE \"C\") model_name AS name, price_data AS data,"      \
    "  source FROM public.model_prices ORDER BY model_name COLLATE \"C\", (source = 'manual') DESC,"                   \
    "  created_at DESC NULLS LAST, id DESC),\n"                                                                        \
    "compared AS MATERIALIZED (SELECT i.name, i.data, l.data AS before, l.source AS source_before,"                    \
    "  CASE WHEN l.name IS NULL THEN 'added'"                                                                          \
    "    WHEN l.source = $2::text AND (l.data = i.data"                                                                \
    "      OR $5::boolean AND jsonb_strip_nulls(l.data) = jsonb_strip_nulls(i.data)) THEN 'unchanged'"                 \
    "    WHEN l.source = 'manual' AND i.name NOT IN (SELECT jsonb_array_elements_text($3::jsonb)) THEN 'conflict'"     \
    "    ELSE 'updated' END AS class FROM incoming i LEFT JOIN live l ON l.name = i.name),\n"

/* Every value below a price object that is no object, old and new; an array is one value. */
#define IMPORT_CHANGES                                                                                                 \
    "leaf AS (SELECT name, is_new, ARRAY[]::text[] AS path, value FROM compared,"                                      \
    "    LATERAL (VALUES (false, before), (true, data)) AS side (is_new, value)"                                       \
    "    WHERE class IN ('updated', 'conflict')"                                                                       \
    "  UNION ALL SELECT leaf.name, is_new, path || inner_one.key, inner_one.value FROM leaf,"                          \
    "    LATERAL jsonb_each(CASE jsonb_typeof(leaf.value) WHEN 'object' THEN leaf.value ELSE '{}' END) AS "            \
    "inner_one),\n"                                                                                                    \
    "change AS MATERIALIZED (SELECT name, path, array_to_string(path, '.') AS field, o.value #>> '{}' AS old_value,"   \
    "    n.value #>> '{}' AS new_value,"                                                                               \
    "    CASE jsonb_typeof(o.value) WHEN 'number' THEN (o.value #>> '{}')::numeric END AS old_number,"                 \
    "    CASE jsonb_typeof(n.value) WHEN 'number' THEN (n.value #>> '{}')::numeric END AS new_number"                  \
    "  FROM (SELECT * FROM leaf WHERE NOT is_new AND jsonb_typeof(value) <> 'object') AS o"                            \
    "  FULL JOIN (SELECT * FROM leaf WHERE is_new AND jsonb_typeof(value) <> 'object') AS n USING (name, path)"        \
    "  WHERE o.value IS DISTINCT FROM n.value),\n"

/* What looks wrong, as struct price_held has it. */
#define IMPORT_GUARDED                                                                                                 \
    "suspect AS MATERIALIZED (SELECT name, field, old_value, new_value, CASE"                                          \
    "    WHEN new_number > 10 * old_number THEN 'rose' WHEN new_number = 0 THEN 'zero' ELSE 'removed' END AS reason"   \
    "  FROM change JOIN compared USING (name) WHERE class = 'updated' AND old_number > 0"                              \
    "    AND name NOT IN (SELECT jsonb_array_elements_text($4::jsonb))"                                                \
    "    AND (field ~ 'cost_per_|token_cost' AND (new_number > 10 * old_number OR new_number = 0)"                     \
    "      OR new_value IS NULL AND field IN ('input_cost_per_token', 'output_cost_per_token',"                        \
    "        'input_cost_per_request', 'output_cost_per_image'))),\n"                                                  \
    "described AS (SELECT count(*) FILTER (WHERE before ?| names) AS before,"                                          \
    "    count(*) FILTER (WHERE data ?| names) AS after FROM compared,"                                                \
    "    LATERAL (VALUES (ARRAY['litellm_provider', 'vendor', 'display_name', 'max_tokens', 'max_input_tokens']))"     \
    "    AS l (names) WHERE source_before <> 'manual'),\n"                                                             \
    "sizes AS (SELECT (SELECT count(*) FROM live WHERE source <> 'manual') AS before,"                                 \
    "    (SELECT count(*) FROM incoming) AS after),\n"                                                                 \
    "table_suspect AS MATERIALIZED (SELECT reason, old_value, new_value FROM ("                                        \
    "    SELECT 'shrank', before, after, true FROM sizes UNION ALL"                                                    \
    "    SELECT 'lost_metadata', before, after, false FROM described)"                                                 \
    "    AS t (reason, old_value, new_value, of_size)"                                                                 \
    "  WHERE 2 * new_value < old_value AND NOT $4::jsonb ? '*'),\n"                                                    \
    "classed AS MATERIALIZED (SELECT name, data, before, source_before, CASE"                                          \
    "    WHEN class IN ('added', 'updated') AND EXISTS (SELECT FROM table_suspect) THEN 'held'"                        \
    "    WHEN name IN (SELECT name FROM suspect) THEN 'held' ELSE class END AS class FROM compared)"

/* Names $4, which PostgreSQL could otherwise give no type. */
#define IMPORT_UNGUARDED "classed AS MATERIALIZED (SELECT * FROM compared WHERE $4::jsonb IS NOT NULL)"

#define IMPORT_WRITTEN                                                                                                 \
    ",\nremoved AS (DELETE FROM public.model_prices p USING classed c"                                                 \
    "    WHERE c.class = 'updated' AND p.model_name = c.name),\n"                                                      \
    "inserted AS (INSERT INTO public.model_prices (model_name, price_data, source, created_at, updated_at)"            \
    "    SELECT name, data, $2, now(), now() FROM classed WHERE class IN ('added', 'updated') ORDER BY name),\n"       \
    "recorded AS (INSERT INTO hubport.price_history (user_id, user_name, action, batch, model_name, source_before,"    \
    "      source_after, before, after)"                                                                               \
    "    SELECT nullif($6::bigint, 0), $7, $8, $9, name, source_before, $2, before, data"                              \
    "    FROM classed WHERE class IN ('added', 'updated'))"

/* The rows that come back: what they are, the model, and four more texts. */
#define IMPORT_CLASSES "\nSELECT * FROM (SELECT class, name, NULL AS a, NULL AS b, NULL AS c, NULL AS d FROM classed"
#define IMPORT_HELD_ROWS                                                                                               \
    "\nUNION ALL SELECT 'suspect', name, reason, field, old_value, new_value FROM suspect"                             \
    "\nUNION ALL SELECT 'suspect', '*', reason, NULL, old_value::text, new_value::text FROM table_suspect"
#define IMPORT_CHANGE_ROWS                                                                                             \
    "\nUNION ALL SELECT 'change', name, field, old_value, new_value,"                                                  \
    "  trim_scale(round((new_number - old_number) / nullif(old_number, 0) * 100, 2))::text FROM change"
#define IMPORT_MISSING_ROWS                                                                                            \
    "\nUNION ALL SELECT 'missing', name, NULL, NULL, NULL, NULL FROM live"                                             \
    "  WHERE source <> 'manual' AND name NOT IN (SELECT name FROM incoming)"
#define IMPORT_ORDER "\n) AS r ORDER BY name COLLATE \"C\", a COLLATE \"C\", b COLLATE \"C\""

#endif
