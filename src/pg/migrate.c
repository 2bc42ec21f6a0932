#include "pg/migrate.h"

#include "base/embedded.h"
#include "base/failpoint.h"

#define LEDGER "hubport.migrations"
#define HUB_NUMBER 1 /* 0001_hub.sql: the hub's tables */

enum file_kind {
    KIND_HUB,    /* changes the hub's tables: only where hubport made them */
    KIND_HUBPORT /* changes schema hubport: always */
};

/* A numbered file, read from its name and first line. */
struct migration {
    int number;
    enum file_kind kind;
    const struct embedded_file *file;
};

/* What the database looked like when the lock was ours. */
struct survey {
    bool drizzle;     /* the hub's ledger is there */
    bool hub_tables;  /* any of the hub's tables is */
    bool schema;      /* schema hubport is there */
    bool ledger;      /* hubport.migrations is there */
    bool created_hub; /* it says that 0001 was applied */
};

struct run {
    struct pg_conn *conn;
    struct arena *arena;
    struct survey found;
    bool make_hub; /* create the hub's tables now */
    struct migrate_result *result;
};

/* All tables of the hub's in public, also those that hubport never makes: one of them is enough to keep hands off. */
static const char hub_tables_query[] =
    "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname IN ("
    " 'audit_log', 'cloud_pricing_catalog', 'error_rules', 'keys', 'message_request', 'model_prices',"
    " 'notification_settings', 'notification_target_bindings', 'provider_batch_apply_operations',"
    " 'provider_cache_effectiveness', 'provider_endpoint_probe_logs', 'provider_endpoints', 'provider_groups',"
    " 'provider_vendors', 'providers', 'replay_payloads', 'request_filters', 'sensitive_words', 'system_settings',"
    " 'usage_ledger', 'users', 'webhook_targets'))";

/* The catalogue rather than to_regclass() or IF NOT EXISTS: those ask for rights that a role may lack, and that it
 * does not need where nothing is pending. */
static const char schema_query[] = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'hubport'),"
                                   " EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                                   "  WHERE n.nspname = 'hubport' AND c.relname = 'migrations'),"
                                   " EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                                   "  WHERE n.nspname = 'drizzle' AND c.relname = '__drizzle_migrations')";

/* The hub takes the same lock for its own migrations. READ COMMITTED, so that what is read after the wait is what the
 * other one left; the wait itself is ended by the cancel, not by a limit that the role happens to have. */
static const char begin_statements[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
                                       "SET LOCAL search_path TO public;"
                                       "SET LOCAL statement_timeout = 0;"
                                       "SET LOCAL lock_timeout = 0;"
                                       "SELECT pg_advisory_xact_lock(hashtext('claude-code-hub:migrations'))";

/* A failure of PostgreSQL's becomes a failed migration; a cancel or a lost connection stays what it is. */
static bool failed(struct err *err, const char *doing)
{
    if (err->code == ERR_DATABASE_ERROR)
        err->code = ERR_MIGRATION_FAILED;
    return err_wrap(err, "%s", doing);
}

/* Not through pg_run(): a fired cancel must not stop the clean-up. A statement that could not even be ended leaves the
 * connection to its owner, who closes it. */
static void roll_back(struct pg_conn *conn)
{
    PGTransactionStatusType status = PQtransactionStatus(pg_raw(conn));
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
        PQclear(PQexec(pg_raw(conn), "ROLLBACK"));
}

static bool begin(struct pg_conn *conn, struct err *err)
{
    if (PQtransactionStatus(pg_raw(conn)) != PQTRANS_IDLE)
        return err_set(err, ERR_INTERNAL_ERROR, "migrating inside somebody's transaction");
    if (pg_run(conn, err, begin_statements))
        return true;
    roll_back(conn);
    return failed(err, "taking the migration lock");
}

/* Commit when all went well, else roll back. A commit that is under way is not cancelled: nobody could tell then
 * whether anything was changed. */
static bool end(struct pg_conn *conn, bool ok, struct err *err)
{
    if (!ok) {
        roll_back(conn);
        return false;
    }
    PGresult *result = PQexec(pg_raw(conn), "COMMIT");
    ok = PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (ok)
        return true;
    enum err_code code = PQstatus(pg_raw(conn)) == CONNECTION_OK ? ERR_MIGRATION_FAILED : ERR_DATABASE_UNAVAILABLE;
    return err_set(err, code, "committing: %s", PQerrorMessage(pg_raw(conn)));
}

/* "0001_hub.sql" -> 1; 0 for a file without a number, such as demo.sql. */
static int file_number(const char *name)
{
    char *end;
    long number = name[0] >= '0' && name[0] <= '9' ? strtol(name, &end, 10) : 0;
    return number > 0 && number < 10000 && *end == '_' ? (int)number : 0;
}

static bool read_migration(const struct embedded_file *file, struct migration *one, struct err *err)
{
    const char *text = (const char *)file->bytes;
    int length = (int)strcspn(text, "\n");
    one->number = file_number(file->name);
    one->file = file;
    if (length == 6 && strncmp(text, "-- hub", 6) == 0)
        one->kind = KIND_HUB;
    else if (length == 10 && strncmp(text, "-- hubport", 10) == 0)
        one->kind = KIND_HUBPORT;
    else
        return err_set(err, ERR_MIGRATION_FAILED, "%s: its first line is neither \"-- hub\" nor \"-- hubport\"",
                       file->name);
    return true;
}

static bool survey_hub(struct run *run, struct err *err)
{
    struct pg_result row;
    if (!pg_query(run->conn, run->arena, &row, err, hub_tables_query, PG_NO_ARGS))
        return false;
    run->found.hub_tables = pg_bool(&row, 0, 0);
    if (!pg_query(run->conn, run->arena, &row, err, schema_query, PG_NO_ARGS))
        return false;
    run->found.schema = pg_bool(&row, 0, 0);
    run->found.ledger = pg_bool(&row, 0, 1);
    run->found.drizzle = run->result->hub_ledger = pg_bool(&row, 0, 2);
    if (!run->found.drizzle)
        return true;
    if (!pg_query(run->conn, run->arena, &row, err,
                  "SELECT coalesce(max(created_at), 0)::bigint FROM drizzle.__drizzle_migrations", PG_NO_ARGS))
        return err_wrap(err, "reading the hub's ledger");
    run->result->hub_level = pg_int(&row, 0, 0);
    return true;
}

/* The schema first: without the right to make it there is one thing for the administrator to do, so say it. */
static bool make_schema(struct run *run, struct err *err)
{
    struct pg_result who;
    if (!pg_query(run->conn, run->arena, &who, err,
                  "SELECT quote_ident(current_user), quote_ident(current_database()),"
                  " has_database_privilege(current_database(), 'CREATE')",
                  PG_NO_ARGS))
        return false;
    if (!pg_bool(&who, 0, 2))
        return err_set(err, ERR_MIGRATION_FAILED,
                       "role %s may not create schema hubport, where hubport keeps its own tables; as a superuser or"
                       " the database's owner run: GRANT CREATE ON DATABASE %s TO %s",
                       pg_text(&who, 0, 0), pg_text(&who, 0, 1), pg_text(&who, 0, 0));
    return pg_run(run->conn, err, "CREATE SCHEMA hubport") || err_wrap(err, "creating schema hubport");
}

static bool open_ledger(struct run *run, struct err *err)
{
    struct pg_result row;
    if (!run->found.schema && !make_schema(run, err))
        return false;
    /* applied_at is NULL where a file was passed by because the tables are the hub's. */
    if (!run->found.ledger
        && !pg_run(run->conn, err,
                   "CREATE TABLE " LEDGER " (number integer PRIMARY KEY, name text NOT NULL,"
                   " applied_at timestamptz, created_hub boolean NOT NULL DEFAULT false)"))
        return err_wrap(err, "creating " LEDGER);
    if (!pg_query(run->conn, run->arena, &row, err,
                  "SELECT coalesce(bool_or(created_hub), false) FROM " LEDGER " WHERE number = 1", PG_NO_ARGS))
        return err_wrap(err, "reading " LEDGER);
    run->found.created_hub = pg_bool(&row, 0, 0);
    return true;
}

/* Whether the ledger has the file, and as applied. */
static bool look_up(struct run *run, int number, bool *recorded, bool *applied, struct err *err)
{
    struct pg_result row;
    const char *text = arena_printf(run->arena, "%d", number);
    if (!pg_query(run->conn, run->arena, &row, err, "SELECT applied_at IS NOT NULL FROM " LEDGER " WHERE number = $1",
                  PG_ARGS(text)))
        return err_wrap(err, "reading " LEDGER);
    *recorded = row.count > 0;
    *applied = row.count > 0 && pg_bool(&row, 0, 0);
    return true;
}

static bool record(struct run *run, const struct migration *one, bool applied, struct err *err)
{
    const char *number = arena_printf(run->arena, "%d", one->number);
    const char *created = applied && one->number == HUB_NUMBER ? "true" : "false";
    return pg_query(run->conn, run->arena, NULL, err,
                    "INSERT INTO " LEDGER " (number, name, applied_at, created_hub)"
                    " VALUES ($1, $2, CASE WHEN $3::boolean THEN now() END, $4)"
                    " ON CONFLICT (number) DO UPDATE SET name = EXCLUDED.name, applied_at = EXCLUDED.applied_at,"
                    " created_hub = EXCLUDED.created_hub",
                    PG_ARGS(number, one->file->name, applied ? "true" : "false", created))
           || err_wrap(err, "writing " LEDGER);
}

/* Does the file's SQL run now? The ledger alone does not decide about the hub's tables: a switch carries it over to
 * tables that another installation made, or to none. */
static bool is_due(const struct run *run, const struct migration *one, bool applied)
{
    if (one->kind == KIND_HUBPORT)
        return !applied;
    if (run->make_hub)
        return true; /* the tables are made anew, so all that was done to them is done again */
    return one->number != HUB_NUMBER && run->found.created_hub && !run->found.drizzle && !applied;
}

static bool apply_one(struct run *run, const struct migration *one, struct err *err)
{
    bool recorded = false, applied = false;
    if (!look_up(run, one->number, &recorded, &applied, err))
        return false;
    if (!is_due(run, one, applied))
        return recorded || record(run, one, false, err);
    if (!pg_run(run->conn, err, (const char *)one->file->bytes))
        return failed(err, one->file->name);
    run->result->applied++;
    if (one->number == HUB_NUMBER)
        run->result->created_hub = true;
    return record(run, one, true, err) && FAIL_POINT(MIGRATE_APPLIED, err);
}

static bool apply_pending(struct run *run, const struct embedded_file *files, bool create_hub, struct err *err)
{
    if (!survey_hub(run, err) || !open_ledger(run, err))
        return false;
    run->make_hub = create_hub && !run->found.drizzle && !run->found.hub_tables;
    for (const struct embedded_file *file = files; file->name != NULL; file++) {
        struct migration one = {0};
        if (file_number(file->name) == 0)
            continue;
        if (!read_migration(file, &one, err) || !apply_one(run, &one, err))
            return false;
    }
    return true;
}

bool migrate_files(struct pg_conn *conn, const struct embedded_file *files, bool create_hub,
                   struct migrate_result *result, struct err *err)
{
    *result = (struct migrate_result){0};
    if (!begin(conn, err))
        return false;
    struct run run = {.conn = conn, .arena = arena_new(), .result = result};
    bool ok =
        (FAIL_POINT(MIGRATE_BEGUN, err) && apply_pending(&run, files, create_hub, err)) || failed(err, "migrating");
    ok = end(conn, ok, err);
    if (ok)
        FAIL_POINT_PAST(MIGRATE_COMMITTED);
    if (!ok) {
        result->applied = 0;
        result->created_hub = false;
    }
    arena_free(run.arena);
    return ok;
}

bool migrate_apply(struct pg_conn *conn, bool create_hub, struct migrate_result *result, struct err *err)
{
    return migrate_files(conn, embedded_sql, create_hub, result, err);
}

static bool not_empty(struct err *err, const char *table)
{
    err_set(err, ERR_VALIDATION_FAILED, "the demo's data needs an empty database; %s holds rows", table);
    return err_args(err, table, NULL);
}

static bool missing(struct err *err, const char *table)
{
    err_set(err, ERR_FEATURE_UNAVAILABLE, "the demo's data needs table public.%s", table);
    return err_args(err, table, NULL);
}

/* Every table that the demo fills with chosen ids must be there and empty. */
static bool check_empty(struct pg_conn *conn, struct arena *arena, struct err *err)
{
    static const char *const tables[] = {
        "users", "keys", "providers", "provider_vendors", "provider_endpoints", "message_request", "usage_ledger"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct pg_result row;
        if (!pg_query(conn, arena, &row, err, "SELECT to_regclass('public.' || $1) IS NOT NULL", PG_ARGS(tables[i])))
            return err_wrap(err, "looking for table %s", tables[i]);
        if (!pg_bool(&row, 0, 0))
            return missing(err, tables[i]);
        const char *sql = arena_printf(arena, "SELECT EXISTS (SELECT FROM public.%s)", tables[i]);
        if (!pg_query(conn, arena, &row, err, sql, PG_NO_ARGS))
            return err_wrap(err, "reading table %s", tables[i]);
        if (pg_bool(&row, 0, 0))
            return not_empty(err, tables[i]);
    }
    return true;
}

bool migrate_demo(struct pg_conn *conn, struct err *err)
{
    if (!begin(conn, err))
        return false;
    const struct embedded_file *file = embedded_sql;
    struct arena *arena = arena_new();
    while (strcmp(file->name, "demo.sql") != 0) /* sql/meson.build embeds it */
        file++;
    bool ok = check_empty(conn, arena, err)
              && (pg_run(conn, err, (const char *)file->bytes) || err_wrap(err, "%s", file->name));
    arena_free(arena);
    return end(conn, ok, err);
}
