#include "backup/live_objects.h"

#include "backup/log_tables.h"
#include "base/text.h"

#include <ctype.h>

/* One row an object: its desc in an archive's table of contents, schema, tag there, and what people call it. Functions
 * have their argument types in the tag. */
static const char list_objects[] =
    "WITH namespaces AS (SELECT oid, nspname FROM pg_namespace"
    "   WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'hubport')),"
    " members AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')"
    " SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'"
    "             WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, nspname::text, relname::text, nspname || '.' || "
    "relname AS label"
    " FROM pg_class JOIN namespaces ON namespaces.oid = relnamespace"
    " WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
    " AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid)"
    /* A sequence that belongs to a column goes with its table. */
    " AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass"
    "          AND objid = pg_class.oid AND deptype IN ('a', 'i')))"
    " UNION ALL"
    " SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END, nspname,"
    "   proname || '(' || coalesce((SELECT string_agg(format_type(type, NULL), ', ' ORDER BY place)"
    "     FROM unnest(proargtypes) WITH ORDINALITY AS arguments(type, place)), '') || ')',"
    "   nspname || '.' || proname"
    " FROM pg_proc JOIN namespaces ON namespaces.oid = pronamespace"
    " WHERE NOT EXISTS (SELECT FROM members WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid)"
    " UNION ALL"
    " SELECT CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, nspname, typname, nspname || '.' || typname"
    " FROM pg_type JOIN namespaces ON namespaces.oid = typnamespace"
    " WHERE (typtype IN ('d', 'e', 'r') OR (typtype = 'c' AND EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND "
    "relkind = 'c')))"
    " AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid)"
    " UNION ALL"
    " SELECT 'SCHEMA', '', nspname, nspname FROM namespaces WHERE nspname <> 'public'"
    " AND NOT EXISTS (SELECT FROM members WHERE classid = 'pg_namespace'::regclass AND objid = namespaces.oid)"
    " UNION ALL"
    " SELECT 'EXTENSION', '', extname, extname FROM pg_extension WHERE extname <> 'plpgsql'"
    " ORDER BY 1, 4";

/* The hub's own, at v0.9 (hub-contract section 1.1 and 1.2): where its migrations run, they make them again in an older
 * backup. */
bool live_objects_is_hubs(const char *schema, const char *tag)
{
    static const char *const names[] = {
        "audit_log",
        "cloud_pricing_catalog",
        "error_rules",
        "keys",
        "message_request",
        "model_prices",
        "notification_settings",
        "notification_target_bindings",
        "provider_batch_apply_operations",
        "provider_cache_effectiveness",
        "provider_endpoint_probe_logs",
        "provider_endpoints",
        "provider_groups",
        "provider_vendors",
        "providers",
        "replay_payloads",
        "request_filters",
        "sensitive_words",
        "system_settings",
        "usage_ledger",
        "users",
        "webhook_targets",
        "daily_reset_mode",
        "notification_type",
        "webhook_provider_type",
        "fn_upsert_usage_ledger()",
        "fn_is_message_request_finalized(character varying, integer, jsonb, text)",
        "fn_compute_message_request_success_rate_outcome(character varying, integer, text, jsonb)"};
    for (size_t i = 0; strcmp(schema, "public") == 0 && i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], tag) == 0)
            return true;
    return false;
}

/* Tables of contents write some kinds under other names. */
static bool in_archive(const struct archive *archive, const char *kind, const char *schema, const char *tag)
{
    return archive_find(archive, kind, schema, tag) != NULL
           || (strcmp(kind, "TYPE") == 0 && archive_find(archive, "ENUM TYPE", schema, tag) != NULL);
}

bool live_objects_missing_in(struct job *job, struct pg_conn *conn, const struct archive *archive, const char ***names,
                             size_t *count, struct err *err)
{
    struct pg_result rows;
    bool hub_migrates = archive_find(archive, "TABLE", "drizzle", "__drizzle_migrations") != NULL;
    *names = NULL;
    *count = 0;
    /* As pg_dump, which names the schema of every type. */
    if (!pg_run(conn, err, "SET search_path = ''") || !pg_query(conn, job->arena, &rows, err, list_objects, PG_NO_ARGS))
        return err_wrap(err, "listing the live database's objects");
    for (int i = 0; i < rows.count; i++) {
        const char *kind = pg_text(&rows, i, 0), *schema = pg_text(&rows, i, 1), *tag = pg_text(&rows, i, 2);
        bool made_again = is_log_table(schema, tag) || (hub_migrates && live_objects_is_hubs(schema, tag));
        if (in_archive(archive, kind, schema, tag) || made_again)
            continue;
        char *name = arena_printf(job->arena, "%s %s", kind, pg_text(&rows, i, 3));
        for (size_t letter = 0; letter < strlen(kind); letter++)
            name[letter] = (char)tolower((unsigned char)name[letter]);
        *(const char **)arena_push(job->arena, names, *count, sizeof **names) = text_utf8(job->arena, name);
        (*count)++;
    }
    return true;
}

bool live_hub_level(struct job *job, struct pg_conn *conn, int64_t *level, struct err *err)
{
    struct pg_result rows;
    *level = 0;
    if (!pg_query(conn, job->arena, &rows, err, "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL",
                  PG_NO_ARGS))
        return false;
    if (!pg_bool(&rows, 0, 0))
        return true;
    if (!pg_query(conn, job->arena, &rows, err,
                  "SELECT coalesce(max(created_at), 0)::bigint FROM drizzle.__drizzle_migrations", PG_NO_ARGS))
        return err_wrap(err, "reading the hub's migration ledger");
    *level = pg_int(&rows, 0, 0);
    return true;
}
