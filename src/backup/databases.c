#include "backup/databases.h"

#include "backup/temporary_role.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"

#include <jansson.h>
#include <pthread.h>

#define SHADOW_RANDOM 12
#define SWITCH_TIMEOUT "15s"

static const char *live_name(struct job *job)
{
    return pg_target_database(job->app->target);
}

/* ---- Shadows ----------------------------------------------------------------------------------------------------- */

/* Columns differ between versions (daticulocale in 15 and 16, datlocale from 17): as jsonb they can be asked for all
 * the same. */
static const char describe_live[] =
    "SELECT pg_encoding_to_char(encoding), datcollate, datctype, spcname, rolname, datconnlimit,"
    " coalesce(description->>'datlocprovider', 'c'),"
    " coalesce(description->>'daticulocale', description->>'datlocale'), description->>'daticurules'"
    " FROM (SELECT *, to_jsonb(pg_database) AS description FROM pg_database) databases"
    " JOIN pg_tablespace ON pg_tablespace.oid = dattablespace JOIN pg_roles ON pg_roles.oid = datdba WHERE datname = "
    "$1";

static const char *locale_clause(struct pg_conn *conn, struct arena *arena, const struct pg_result *live)
{
    const char *provider = pg_text(live, 0, 6), *locale = pg_text(live, 0, 7), *rules = pg_text(live, 0, 8);
    if (strcmp(provider, "i") == 0) {
        const char *with_rules =
            rules[0] == '\0' ? "" : arena_printf(arena, " ICU_RULES %s", pg_literal(conn, arena, rules));
        return arena_printf(arena, " LOCALE_PROVIDER icu ICU_LOCALE %s%s", pg_literal(conn, arena, locale), with_rules);
    }
    if (strcmp(provider, "b") == 0)
        return arena_printf(arena, " LOCALE_PROVIDER builtin BUILTIN_LOCALE %s", pg_literal(conn, arena, locale));
    return "";
}

/* Naming even the default one needs a right on it that an owner of databases need not have. */
static const char *tablespace_clause(struct pg_conn *conn, struct arena *arena, const char *tablespace)
{
    return strcmp(tablespace, "pg_default") == 0
               ? ""
               : arena_printf(arena, " TABLESPACE %s", pg_ident(conn, arena, tablespace));
}

const char *shadow_create(struct job *job, struct pg_conn *conn, struct err *err)
{
    struct arena *arena = job->arena;
    struct pg_result live;
    char random[SHADOW_RANDOM + 1];
    text_random(random, SHADOW_RANDOM);
    const char *name = arena_printf(arena, "%s_import_%s", live_name(job), random);
    bool asked = pg_query(conn, arena, &live, err, describe_live, PG_ARGS(live_name(job)));
    if (asked && live.count != 1)
        asked = err_set(err, ERR_DATABASE_UNAVAILABLE, "there is no database %s", live_name(job));
    if (!asked) {
        err_wrap(err, "describing the live database");
        return NULL;
    }
    const char *sql = arena_printf(
        arena,
        "CREATE DATABASE %s TEMPLATE template0 OWNER %s ENCODING %s LC_COLLATE %s LC_CTYPE %s CONNECTION LIMIT %s%s%s",
        pg_ident(conn, arena, name), pg_ident(conn, arena, pg_text(&live, 0, 4)),
        pg_literal(conn, arena, pg_text(&live, 0, 0)), pg_literal(conn, arena, pg_text(&live, 0, 1)),
        pg_literal(conn, arena, pg_text(&live, 0, 2)), pg_text(&live, 0, 5),
        tablespace_clause(conn, arena, pg_text(&live, 0, 3)), locale_clause(conn, arena, &live));
    /* A cancel could arrive when the server has it already: then nobody would know of the database. */
    pg_set_cancel(conn, NULL);
    bool created = pg_run(conn, err, sql);
    pg_set_cancel(conn, job->cancel);
    if (!created) {
        err_wrap(err, "creating the shadow database");
        return NULL;
    }
    return name;
}

/* Statements that give `shadow` what belongs to the database itself and is in no dump of it. */
static const char dress_statements[] =
    "WITH live AS (SELECT * FROM pg_database WHERE datname = $1), shadow AS (SELECT $2::text AS name)"
    /* Settings; a list (search_path) is stored quoted already, but an empty name in it cannot be said so. */
    " SELECT format('ALTER %s SET %I TO %s',"
    "   CASE setrole WHEN 0 THEN format('DATABASE %I', shadow.name) ELSE format('ROLE %I IN DATABASE %I', "
    "pg_get_userbyid(setrole), shadow.name) END,"
    "   setting_name, CASE WHEN setting_name IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', "
    "'local_preload_libraries')"
    "     THEN regexp_replace(value, '(^|, )\"\"(?=,|$)', '\\1''''', 'g') ELSE quote_literal(value) END)"
    " FROM shadow, live JOIN pg_db_role_setting ON setdatabase = live.oid, unnest(setconfig) AS setting,"
    "   split_part(setting, '=', 1) AS setting_name, substr(setting, strpos(setting, '=') + 1) AS value"
    " UNION ALL"
    " SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', shadow.name) FROM shadow, live WHERE datacl IS NOT NULL"
    " UNION ALL"
    " SELECT format('GRANT %s ON DATABASE %I TO %s%s', privilege_type, shadow.name,"
    "   CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,"
    "   CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
    " FROM shadow, live, aclexplode(datacl)"
    " UNION ALL"
    " SELECT format('COMMENT ON DATABASE %I IS %L', shadow.name, description) FROM shadow, live"
    "   JOIN pg_shdescription ON classoid = 'pg_database'::regclass AND objoid = live.oid";

bool shadow_dress(struct job *job, struct pg_conn *conn, const char *shadow, struct err *err)
{
    struct pg_result statements;
    /* Whoever filled it owned it, and may have set something. */
    if (!pg_run(conn, err, arena_printf(job->arena, "ALTER DATABASE %s RESET ALL", pg_ident(conn, job->arena, shadow))))
        return err_wrap(err, "resetting the shadow's settings");
    if (!pg_query(conn, job->arena, &statements, err, dress_statements, PG_ARGS(live_name(job), shadow)))
        return err_wrap(err, "reading the live database's settings and grants");
    for (int i = 0; i < statements.count; i++)
        if (!pg_run(conn, err, pg_text(&statements, i, 0)))
            return err_wrap(err, "copying the live database's settings and grants");
    return true;
}

static bool end_connections(struct pg_conn *conn, struct arena *arena, const char *name, struct err *err)
{
    struct pg_result ended;
    return pg_query(
        conn, arena, &ended, err,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
        " AND backend_type IN ('client backend', 'parallel worker')",
        PG_ARGS(name));
}

bool database_drop(struct job *job, struct pg_conn *conn, const char *name, struct err *err)
{
    /* A drop must happen also after a cancel: nothing may be left. */
    pg_set_cancel(conn, NULL);
    for (int tries = 0;; tries++) {
        if (!end_connections(conn, job->arena, name, err))
            return false;
        if (pg_run(conn, err, arena_printf(job->arena, "DROP DATABASE IF EXISTS %s", pg_ident(conn, job->arena, name))))
            return true;
        if (tries == 5 || strcmp(pg_sqlstate(conn), "55006") != 0) /* object_in_use */
            return err_wrap(err, "dropping the database %s", name);
    }
}

/* ---- Previous databases ------------------------------------------------------------------------------------------ */

static json_t *read_comment(const char *text)
{
    return text_starts(text, "hubport:") ? json_loads(text + strlen("hubport:"), 0, NULL) : NULL;
}

/* What the comment of a database that becomes a previous one says; the user's own comment on it is kept inside. */
static const char *previous_comment(struct arena *arena, const struct previous *previous, const char *users_own)
{
    json_t *comment = json_pack("{s:I, s:I, s:b, s:s}", "since", (json_int_t)previous->since_ms, "until",
                                (json_int_t)previous->until_ms, "pinned", previous->pinned, "comment", users_own);
    char *text = json_dumps(comment, JSON_COMPACT);
    const char *kept = arena_printf(arena, "hubport:%s", text);
    free(text);
    json_decref(comment);
    return kept;
}

/* The user's own comment on a database: of a previous one, the one that it had. */
static bool users_comment(struct pg_conn *conn, struct arena *arena, const char *name, const char **comment,
                          struct err *err)
{
    struct pg_result rows;
    const char *kept = "";
    if (!pg_query(conn, arena, &rows, err,
                  "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", PG_ARGS(name)))
        return false;
    *comment = rows.count == 0 ? "" : pg_text(&rows, 0, 0);
    if (text_starts(*comment, "hubport:")) {
        json_t *ours = read_comment(*comment);
        (void)json_unpack(ours, "{s:s}", "comment", &kept);
        *comment = arena_strdup(arena, kept);
        json_decref(ours);
    }
    return true;
}

bool previous_list(struct job *job, struct pg_conn *conn, struct previous **list, size_t *count, struct err *err)
{
    struct pg_result rows;
    *list = NULL;
    *count = 0;
    if (!pg_query(
            conn, job->arena, &rows, err,
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE starts_with(datname, $1 || '_before_') AND shobj_description(oid, 'pg_database') LIKE 'hubport:%'"
            " ORDER BY datname DESC",
            PG_ARGS(live_name(job))))
        return err_wrap(err, "listing previous databases");
    for (int i = 0; i < rows.count; i++) {
        json_int_t since = 0, until = 0;
        int pinned = 0;
        json_t *comment = read_comment(pg_text(&rows, i, 1));
        if (json_unpack(comment, "{s:I, s:I, s:b}", "since", &since, "until", &until, "pinned", &pinned) == 0) {
            struct previous *one = arena_push(job->arena, list, (*count)++, sizeof **list);
            *one = (struct previous){pg_text(&rows, i, 0), since, until, pinned != 0};
        }
        json_decref(comment);
    }
    return true;
}

/* ---- The switch -------------------------------------------------------------------------------------------------- */

/* Ends the connections of two databases again and again while the renames wait for them to be gone. */
struct ender {
    struct job *job;
    const char *first, *second;
    struct cancel *stop;
};

static void *end_until_stopped(void *context)
{
    struct ender *ender = context;
    struct err err;
    struct arena *arena = arena_new();
    struct pg_conn *conn = app_connect(ender->job->app, config_text(ender->job->app->config, SETTING_LOCK_DATABASE),
                                       "hubport", NULL, &err);
    while (conn != NULL && end_connections(conn, arena, ender->first, &err)
           && end_connections(conn, arena, ender->second, &err) && cancel_sleep(ender->stop, 30, &err))
        ;
    pg_close(conn);
    arena_free(arena);
    return NULL;
}

/* `previous->name` with the time of the switch, to the second; taken names get a number. */
static const char *free_name(struct job *job, struct pg_conn *conn, int64_t now, struct err *err)
{
    struct pg_result taken;
    char stamp[CLOCK_TEXT_SIZE];
    clock_iso(now, stamp);
    char compact[16];
    size_t used = 0;
    for (const char *at = stamp; *at != '.' && used < sizeof compact - 1; at++)
        if (*at != '-' && *at != ':')
            compact[used++] = *at;
    compact[used] = '\0';
    for (int number = 1; number < 100; number++) {
        const char *name = number == 1 ? arena_printf(job->arena, "%s_before_%s", live_name(job), compact)
                                       : arena_printf(job->arena, "%s_before_%s_%d", live_name(job), compact, number);
        if (!pg_query(conn, job->arena, &taken, err, "SELECT 1 FROM pg_database WHERE datname = $1", PG_ARGS(name)))
            return NULL;
        if (taken.count == 0)
            return name;
    }
    err_set(err, ERR_SWITCH_FAILED, "no free name for the previous database");
    return NULL;
}

static bool rename_both(struct job *job, struct pg_conn *conn, const char *incoming, const struct previous *previous,
                        struct err *err)
{
    struct arena *arena = job->arena;
    const char *live = pg_ident(conn, arena, live_name(job)), *before = pg_ident(conn, arena, previous->name);
    const char *live_comment, *incoming_comment;
    if (!users_comment(conn, arena, live_name(job), &live_comment, err)
        || !users_comment(conn, arena, incoming, &incoming_comment, err))
        return false;
    const char *const steps[] = {
        "BEGIN",
        "SET LOCAL statement_timeout = '" SWITCH_TIMEOUT "'; SET LOCAL lock_timeout = '" SWITCH_TIMEOUT "'",
        arena_printf(arena, "ALTER DATABASE %s RENAME TO %s", live, before),
        arena_printf(arena, "ALTER DATABASE %s RENAME TO %s", pg_ident(conn, arena, incoming), live),
        arena_printf(arena, "COMMENT ON DATABASE %s IS %s", before,
                     pg_literal(conn, arena, previous_comment(arena, previous, live_comment))),
        /* An empty text removes a comment. */
        arena_printf(arena, "COMMENT ON DATABASE %s IS %s", live, pg_literal(conn, arena, incoming_comment)),
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (!pg_run(conn, err, steps[i])) {
            struct err ignored;
            if (!pg_run(conn, &ignored, "ROLLBACK"))
                log_event(LOG_WARN, "switch.rollback", "{s:s}", "error", text_utf8(arena, ignored.words));
            return false;
        }
    return true;
}

bool databases_switch(struct job *job, struct pg_conn *conn, const char *incoming, bool pin_previous,
                      struct previous *previous, struct err *err)
{
    struct ender ender = {job, live_name(job), incoming, cancel_new()};
    pthread_t thread;
    int64_t now = clock_wall_ms();
    bool ok = false;
    *previous = (struct previous){
        .since_ms = now, .until_ms = now + config_ms(job->app->config, SETTING_KEEP_PREVIOUS), .pinned = pin_previous};
    previous->name = free_name(job, conn, now, err);
    if (previous->name == NULL)
        goto out;
    if (pthread_create(&thread, NULL, end_until_stopped, &ender) != 0) {
        err_set(err, ERR_SYSTEM, "no thread");
        goto out;
    }
    pg_set_cancel(conn, NULL); /* from here it happens or it fails; a cancel in between would be neither */
    ok = rename_both(job, conn, incoming, previous, err) && FAIL_POINT(SWITCH_RENAMED, err) && pg_commit(conn, err);
    if (ok)
        FAIL_POINT_PAST(SWITCH_COMMITTED);
    cancel_fire(ender.stop, ERR_CANCELLED);
    pthread_join(thread, NULL);
out:
    cancel_free(ender.stop);
    if (!ok && err->code != ERR_OUTCOME_UNKNOWN) {
        struct err reason = *err;
        err_set(err, ERR_SWITCH_FAILED, "%s", reason.words);
    }
    return ok;
}

/* ---- Sweeping ---------------------------------------------------------------------------------------------------- */

static int drop_found(struct job *job, struct pg_conn *conn, const char *name, const char *what)
{
    struct err err;
    bool ok = database_drop(job, conn, name, &err);
    if (ok)
        log_event(LOG_INFO, "database.dropped", "{s:s, s:s}", "name", name, "kind", what);
    else
        log_event(LOG_WARN, "database.not_dropped", "{s:s, s:s}", "name", name, "error",
                  text_utf8(job->arena, err.words));
    return ok ? 1 : 0;
}

static bool is_over(const struct previous *previous)
{
    return !previous->pinned && previous->until_ms < clock_wall_ms();
}

static bool list_shadows(struct job *job, struct pg_conn *conn, struct pg_result *shadows, struct err *err)
{
    return pg_query(conn, job->arena, shadows, err,
                    "SELECT datname FROM pg_database WHERE starts_with(datname, $1 || '_import_')"
                    " AND substr(datname, length($1 || '_import_') + 1) ~ '^[a-z0-9]{12}$' AND NOT datistemplate"
                    " AND pg_has_role(current_user, datdba, 'MEMBER')",
                    PG_ARGS(live_name(job)));
}

bool databases_have_leftovers(struct job *job, struct pg_conn *conn)
{
    struct pg_result shadows, roles;
    struct previous *previous;
    struct err err;
    size_t count;
    if (!list_shadows(job, conn, &shadows, &err) || !previous_list(job, conn, &previous, &count, &err))
        return true; /* not known */
    for (size_t i = 0; i < count; i++)
        if (is_over(&previous[i]))
            return true;
    return shadows.count > 0 || !temporary_roles_list(job, conn, &roles, &err) || roles.count > 0;
}

int databases_sweep(struct job *job, struct pg_conn *conn)
{
    struct pg_result shadows, roles;
    struct previous *previous;
    struct err err;
    size_t count;
    int dropped = 0;
    if (list_shadows(job, conn, &shadows, &err))
        for (int i = 0; i < shadows.count; i++)
            dropped += drop_found(job, conn, pg_text(&shadows, i, 0), "shadow");
    if (temporary_roles_list(job, conn, &roles, &err))
        for (int i = 0; i < roles.count; i++)
            if (!temporary_role_drop(job, conn, pg_text(&roles, i, 0), &err))
                log_event(LOG_WARN, "role.left", "{s:s, s:s}", "name", pg_text(&roles, i, 0), "error",
                          text_utf8(job->arena, err.words));
    if (previous_list(job, conn, &previous, &count, &err))
        for (size_t i = 0; i < count; i++)
            if (is_over(&previous[i]))
                dropped += drop_found(job, conn, previous[i].name, "previous");
    return dropped;
}
