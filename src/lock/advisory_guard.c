#include "lock/advisory_guard.h"

#include <ctype.h>

/* One number for the live database's name, the same on every server. */
#define KEY_SQL "hashtextextended('hubport:backup:' || $1, 0)"

#define NAME_MAX_BYTES 63 /* application_name is cut there (NAMEDATALEN - 1) */

/* "hubport:<operation>:<user>:<since>": printable ASCII, since PostgreSQL shows anything else as "?"; a user name that
 * does not fit is cut, the time is not. */
static const char *holder_name(struct arena *arena, const struct lock_holder *holder)
{
    char user[64];
    size_t used = 0;
    const char *since = arena_printf(arena, "%lld", (long long)holder->since_ms);
    size_t room = NAME_MAX_BYTES - strlen("hubport:::") - strlen(holder->operation) - strlen(since);
    for (const char *at = holder->user; *at != '\0' && used < room && used + 1 < sizeof user; at++)
        user[used++] = *at == ':' || !isprint((unsigned char)*at) ? '_' : *at;
    user[used] = '\0';
    return arena_printf(arena, "hubport:%s:%s:%s", holder->operation, user, since);
}

static bool parse_name(const char *name, struct lock_holder *holder)
{
    long long since = 0;
    *holder = (struct lock_holder){.operation = "backup", .user = "?"};
    if (sscanf(name, "hubport:%15[^:]:%63[^:]:%lld", holder->operation, holder->user, &since) != 3)
        return false;
    holder->since_ms = since;
    return true;
}

static struct pg_conn *connect_to(struct app *app, const char *name, bool *in_live, struct err *err)
{
    const char *database = config_text(app->config, SETTING_LOCK_DATABASE);
    *in_live = strcmp(database, pg_target_database(app->target)) == 0;
    struct pg_conn *conn = app_connect(app, database, name, NULL, err);
    if (conn == NULL && err->code == ERR_DATABASE_UNAVAILABLE && !*in_live) {
        struct err first = *err;
        conn = app_connect(app, NULL, name, NULL, err);
        if (conn == NULL)
            *err = first;
        *in_live = true;
    }
    return conn;
}

/* Who holds the advisory lock, by the name of the connection that does. */
static bool find_holder(struct app *app, struct pg_conn *conn, struct arena *arena, struct lock_holder *holder)
{
    struct pg_result rows;
    struct err err;
    if (!pg_query(conn, arena, &rows, &err,
                  "SELECT activity.application_name FROM pg_locks locks JOIN pg_stat_activity activity USING (pid)"
                  " JOIN pg_database databases ON databases.oid = locks.database"
                  " WHERE locks.locktype = 'advisory' AND locks.objsubid = 1 AND locks.granted"
                  " AND databases.datname = current_database()"
                  " AND (locks.classid::bigint << 32 | locks.objid::bigint) = " KEY_SQL,
                  PG_ARGS(pg_target_database(app->target)))
        || rows.count == 0)
        return false;
    (void)parse_name(pg_text(&rows, 0, 0), holder);
    return true;
}

static const char *identity_of(struct app *app, struct pg_conn *conn, struct arena *arena)
{
    struct pg_result rows;
    struct err err;
    if (!pg_query(conn, arena, &rows, &err, "SELECT system_identifier FROM pg_control_system()", PG_NO_ARGS)
        || rows.count != 1)
        return "";
    return arena_printf(arena, "%s/%s", pg_text(&rows, 0, 0), pg_target_database(app->target));
}

bool advisory_guard_take(struct app *app, const struct lock_holder *ours, struct arena *arena,
                         struct advisory_guard *guard, struct lock_holder *holder, struct err *err)
{
    struct pg_result taken;
    *guard = (struct advisory_guard){0};
    guard->conn = connect_to(app, holder_name(arena, ours), &guard->in_live_database, err);
    if (guard->conn == NULL)
        return false;
    bool asked = pg_query(guard->conn, arena, &taken, err, "SELECT pg_try_advisory_lock(" KEY_SQL ")",
                          PG_ARGS(pg_target_database(app->target)));
    if (asked && pg_bool(&taken, 0, 0)) {
        guard->identity = identity_of(app, guard->conn, arena);
        return true;
    }
    if (asked) {
        if (!find_holder(app, guard->conn, arena, holder))
            *holder = (struct lock_holder){.operation = "backup", .user = "?"};
        err_set(err, ERR_BACKUP_BUSY, "the advisory lock is held by %s (%s)", holder->user, holder->operation);
    }
    pg_close(guard->conn);
    guard->conn = NULL;
    return false;
}

bool advisory_guard_held(struct advisory_guard *guard, struct arena *arena, struct err *err)
{
    struct pg_result one;
    return pg_query(guard->conn, arena, &one, err, "SELECT 1", PG_NO_ARGS);
}

void advisory_guard_drop(struct advisory_guard *guard, struct arena *arena)
{
    struct err ignored;
    struct pg_result result;
    /* Closing alone would free it a moment later, and the next request may follow at once. */
    if (guard->conn != NULL
        && pg_query(guard->conn, arena, &result, &ignored, "SELECT pg_advisory_unlock_all()", PG_NO_ARGS))
        ignored = ERR_NONE_YET;
    pg_close(guard->conn);
    guard->conn = NULL;
}

bool advisory_guard_peek(struct app *app, struct arena *arena, struct lock_holder *holder)
{
    struct err err;
    bool in_live;
    struct pg_conn *conn = connect_to(app, "hubport", &in_live, &err);
    bool found = conn != NULL && find_holder(app, conn, arena, holder);
    pg_close(conn);
    return found;
}
