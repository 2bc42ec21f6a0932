/* Not covered: a PostgreSQL before 15 (tests run with the installed one), and statements that fail right after others
 * on the same connection went well. */
#include "backup/temporary_role.h"

#include "base/log.h"
#include "base/text.h"

#define PASSWORD_LENGTH 40
#define COMMENT "hubport:temporary"
#define GONE_WITHIN_MS 5000

/* ---- Making it --------------------------------------------------------------------------------------------------- */

static bool run_all(struct pg_conn *conn, const char *const *statements, size_t count, struct err *err)
{
    struct err ignored;
    for (size_t i = 0; i < count; i++)
        if (!pg_run(conn, err, statements[i])) {
            if (!pg_run(conn, &ignored, "ROLLBACK"))
                log_event(LOG_WARN, "role.rollback", "{s:s}", "error", ignored.words);
            return false;
        }
    return true;
}

static bool make_role(struct job *job, struct pg_conn *conn, const char *name, const char *password, struct err *err)
{
    struct arena *arena = job->arena;
    struct pg_result until;
    const char *role = pg_ident(conn, arena, name);
    if (!pg_query(conn, arena, &until, err, "SELECT (now() + interval '1 day')::text", PG_NO_ARGS))
        return false;
    char *verifier = PQencryptPasswordConn(pg_raw(conn), password, name, NULL);
    if (verifier == NULL)
        return err_set(err, ERR_DATABASE_ERROR, "making a password: %s", PQerrorMessage(pg_raw(conn)));
    const char *const steps[] = {
        "BEGIN",
        /* pg_restore's connections, those that carry over and check, and one that is slow to end. */
        arena_printf(arena, "CREATE ROLE %s LOGIN CONNECTION LIMIT %lld PASSWORD %s VALID UNTIL %s", role,
                     (long long)config_int(job->app->config, SETTING_RESTORE_JOBS) + 5,
                     pg_literal(conn, arena, verifier), pg_literal(conn, arena, pg_text(&until, 0, 0))),
        arena_printf(arena, "COMMENT ON ROLE %s IS '" COMMENT "'", role),
        /* English messages, which the sorting of errors needs: it may not set that for itself. */
        arena_printf(arena, "ALTER ROLE %s SET lc_messages TO 'C'", role),
        arena_printf(arena, "ALTER DATABASE %s OWNER TO %s", role, role),
        "COMMIT",
    };
    PQfreemem(verifier);
    return run_all(conn, steps, ARRAY_LEN(steps), err);
}

/* Before PostgreSQL 15 schema public belongs to a superuser, whoever owns the database. */
static bool give_public(struct job *job, struct pg_conn *maintenance, const char *name, struct err *err)
{
    if (PQserverVersion(pg_raw(maintenance)) >= 150000)
        return true;
    struct pg_conn *shadow = app_connect(job->app, name, "hubport", job->cancel, err);
    bool ok =
        shadow != NULL
        && pg_run(shadow, err,
                  arena_printf(job->arena, "ALTER SCHEMA public OWNER TO %s", pg_ident(shadow, job->arena, name)));
    pg_close(shadow);
    return ok;
}

static bool owner_of(struct job *job, struct pg_conn *conn, const char *question, const char *arg, const char **owner,
                     struct err *err)
{
    struct pg_result rows;
    *owner = NULL;
    if (!pg_query(conn, job->arena, &rows, err, question, PG_ARGS(arg)))
        return err_wrap(err, "asking for owners");
    *owner = rows.count == 0 ? NULL : pg_text(&rows, 0, 0);
    return true;
}

static const char database_owner[] = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1";
static const char schema_owner[] = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1";
static const char tables_owner[] = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relkind IN ('r', 'p')"
                                   " AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) GROUP BY 1 "
                                   "ORDER BY count(*) DESC, 1 LIMIT 1";

bool temporary_role_create(struct job *job, struct pg_conn *maintenance, const char *shadow,
                           struct temporary_role *role, struct err *err)
{
    char password[PASSWORD_LENGTH + 1];
    struct err reason;
    const char *owner = NULL;
    *role = (struct temporary_role){0};
    text_random(password, PASSWORD_LENGTH);
    if (!owner_of(job, maintenance, database_owner, shadow, &owner, err))
        return false;
    pg_set_cancel(maintenance, NULL); /* made or not made, nothing that nobody knows of */
    bool made = make_role(job, maintenance, shadow, password, err);
    pg_set_cancel(maintenance, job->cancel);
    if (!made)
        return err_wrap(err, "making the temporary role");
    role->name = shadow;
    if (!give_public(job, maintenance, shadow, err))
        return false;
    role->target = pg_target_as(job->app->target, shadow, password, err);
    if (role->target == NULL)
        return false;
    struct pg_conn *tried = app_connect_as(role->target, shadow, "hubport", job->cancel, &reason);
    if (tried != NULL) {
        pg_close(tried);
        return true;
    }
    if (!cancel_check(job->cancel, err))
        return false;
    log_event(LOG_WARN, "role.no_login", "{s:s}", "error", text_utf8(job->arena, reason.words));
    temporary_role_close(role);
    if (!pg_run(maintenance, err,
                arena_printf(job->arena, "ALTER DATABASE %s OWNER TO %s", pg_ident(maintenance, job->arena, shadow),
                             pg_ident(maintenance, job->arena, owner))))
        return err_wrap(err, "taking the shadow back");
    return temporary_role_drop(job, maintenance, shadow, err);
}

void temporary_role_close(struct temporary_role *role)
{
    pg_target_free(role->target);
    role->target = NULL;
}

/* ---- Handing over ------------------------------------------------------------------------------------------------ */

static bool end_sessions(struct job *job, struct pg_conn *maintenance, const char *name, struct err *err)
{
    struct pg_result left;
    for (int waited = 0;; waited += 20) {
        if (!pg_query(maintenance, job->arena, &left, err,
                      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", PG_ARGS(name)))
            return false;
        if (left.count == 0)
            return true;
        if (waited >= GONE_WITHIN_MS)
            return err_set(err, ERR_IMPORT_FAILED, "connections of the temporary role do not end");
        if (!cancel_sleep(job->cancel, 20, err))
            return false;
    }
}

/* Schema hubport tells which archives are trusted: it stays its owner's. */
static bool give_hubport(struct job *job, struct pg_conn *shadow, const char *owner, struct err *err)
{
    struct pg_result statements;
    if (!pg_query(
            shadow, job->arena, &statements, err,
            "SELECT format('ALTER %s %s OWNER TO %I', kind, name, $1::text) FROM ("
            " SELECT 'SCHEMA' AS kind, quote_ident(nspname) AS name FROM pg_namespace WHERE nspname = 'hubport'"
            " UNION ALL"
            " SELECT 'TABLE', format('%I.%I', 'hubport', relname) FROM pg_class"
            " WHERE relnamespace = to_regnamespace('hubport') AND relkind IN ('r', 'p', 'v')"
            " UNION ALL"
            " SELECT 'SEQUENCE', format('%I.%I', 'hubport', relname) FROM pg_class"
            " WHERE relnamespace = to_regnamespace('hubport') AND relkind = 'S'"
            " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i'))) things",
            PG_ARGS(owner)))
        return false;
    for (int i = 0; i < statements.count; i++)
        if (!pg_run(shadow, err, pg_text(&statements, i, 0)))
            return false;
    return true;
}

struct owners {
    const char *database, *tables, *public, *hubport; /* NULL: no such thing */
};

static bool find_owners(struct job *job, struct pg_conn *live, struct owners *owners, struct err *err)
{
    return owner_of(job, live, database_owner, pg_target_database(job->app->target), &owners->database, err)
           && owner_of(job, live, tables_owner, "public", &owners->tables, err)
           && owner_of(job, live, schema_owner, "public", &owners->public, err)
           && owner_of(job, live, schema_owner, "hubport", &owners->hubport, err);
}

static bool give_all(struct job *job, struct pg_conn *shadow, const char *name, const struct owners *owners,
                     struct err *err)
{
    struct arena *arena = job->arena;
    struct pg_result public;
    const char *role = pg_ident(shadow, arena, name);
    const char *heir = pg_ident(shadow, arena, owners->tables == NULL ? owners->database : owners->tables);
    if (!pg_run(shadow, err, "BEGIN") || !pg_run(shadow, err, "SET LOCAL search_path TO pg_catalog")
        || !pg_run(shadow, err, arena_printf(arena, "REASSIGN OWNED BY %s TO %s", role, heir))
        || (owners->hubport != NULL && !give_hubport(job, shadow, owners->hubport, err))
        || !pg_query(shadow, arena, &public, err, "SELECT 1 FROM pg_namespace WHERE nspname = 'public'", PG_NO_ARGS))
        return false;
    if (owners->public != NULL && public.count == 1
        && !pg_run(shadow, err,
                   arena_printf(arena, "ALTER SCHEMA public OWNER TO %s", pg_ident(shadow, arena, owners->public))))
        return false;
    return pg_run(shadow, err,
                  arena_printf(arena, "ALTER DATABASE %s OWNER TO %s", role, pg_ident(shadow, arena, owners->database)))
           && pg_run(shadow, err, arena_printf(arena, "DROP OWNED BY %s", role)) /* grants to it */
           && pg_run(shadow, err, "COMMIT");
}

bool temporary_role_hand_over(struct job *job, struct pg_conn *maintenance, struct pg_conn *live,
                              const struct temporary_role *role, struct err *err)
{
    struct arena *arena = job->arena;
    struct owners owners = {0};
    const char *name = pg_ident(maintenance, arena, role->name);
    if (!find_owners(job, live, &owners, err)
        || !pg_run(maintenance, err, arena_printf(arena, "ALTER ROLE %s NOLOGIN", name))
        || !end_sessions(job, maintenance, role->name, err)
        || !pg_run(maintenance, err, arena_printf(arena, "ALTER DATABASE %s RESET ALL", name)))
        return err_wrap(err, "taking the shadow from the temporary role");
    struct pg_conn *shadow = app_connect(job->app, role->name, "hubport", job->cancel, err);
    bool ok = shadow != NULL && give_all(job, shadow, role->name, &owners, err);
    pg_close(shadow);
    if (!ok)
        return err_wrap(err, "giving the shadow to its owner");
    return temporary_role_drop(job, maintenance, role->name, err);
}

/* ---- Its end ----------------------------------------------------------------------------------------------------- */

bool temporary_role_drop(struct job *job, struct pg_conn *maintenance, const char *name, struct err *err)
{
    pg_set_cancel(maintenance, NULL); /* also after a cancel: nothing may be left */
    bool ok = pg_run(maintenance, err,
                     arena_printf(job->arena, "DROP ROLE IF EXISTS %s", pg_ident(maintenance, job->arena, name)));
    pg_set_cancel(maintenance, job->cancel);
    return ok || err_wrap(err, "dropping the temporary role");
}

bool temporary_roles_list(struct job *job, struct pg_conn *maintenance, struct pg_result *names, struct err *err)
{
    return pg_query(maintenance, job->arena, names, err,
                    "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1 || '_import_')"
                    " AND substr(rolname, length($1 || '_import_') + 1) ~ '^[a-z0-9]{12}$'"
                    " AND shobj_description(oid, 'pg_authid') = '" COMMENT "'"
                    " AND (SELECT rolsuper FROM pg_roles me WHERE me.rolname = current_user)",
                    PG_ARGS(pg_target_database(job->app->target)));
}
