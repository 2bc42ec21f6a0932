#include "backup/plan.h"

#include "backup/allow.h"
#include "backup/contents.h"
#include "backup/live_objects.h"
#include "backup/server.h"
#include "base/log.h"
#include "base/text.h"
#include "os/directory.h"

/* A database's name plus "_before_20260101T000000" must fit into PostgreSQL's 63 bytes. */
#define NAME_MAX_BYTES "40"

/* Each row: a query on the live database that gives a reason not to switch, or no row. What is named here cannot be
 * carried over by a rename of databases, or could not be done with our rights. */
static const char *const obstacles[] = {
    "SELECT 'the role may not create databases' FROM pg_roles"
    " WHERE rolname = current_user AND NOT rolsuper AND NOT rolcreatedb",

    "SELECT 'the role does not own the database' FROM pg_database"
    " WHERE datname = current_database() AND NOT pg_has_role(current_user, datdba, 'MEMBER')",

    "SELECT 'the database''s name is too long' FROM pg_database"
    " WHERE datname = current_database() AND octet_length(datname) > " NAME_MAX_BYTES,

    /* Of other roles' connections we see little else than whose they are. */
    "SELECT 'connections of the role ' || usename || ' cannot be ended' FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"
    " AND coalesce(backend_type, 'client backend') = 'client backend'"
    " AND NOT pg_has_role(current_user, usesysid, 'MEMBER') LIMIT 1",

    "SELECT 'replication slot ' || slot_name FROM pg_replication_slots WHERE database = current_database() LIMIT 1",

    "SELECT 'publication ' || pubname FROM pg_publication LIMIT 1",

    "SELECT 'subscription ' || subname FROM pg_subscription"
    " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1",

    "SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts WHERE database = current_database() LIMIT 1",

    /* Settings of the database that we may not set again. One that is not listed is of a module that is not loaded, or
     * of nobody: only a superuser may set it. */
    "SELECT 'setting ' || name || ' of the database needs a superuser'"
    " FROM pg_roles me, pg_db_role_setting, unnest(setconfig) AS entry, split_part(entry, '=', 1) AS name"
    " WHERE me.rolname = current_user AND NOT me.rolsuper"
    " AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ((setrole <> 0 AND setrole <> me.oid)"
    "      OR lower(name) NOT IN (SELECT lower(known.name) FROM pg_settings known WHERE context IN ('user', "
    "'backend')))"
    " LIMIT 1",

    "SELECT 'a grant on the database was made by ' || grantor::regrole"
    " FROM pg_database, aclexplode(datacl) WHERE datname = current_database() AND grantor <> datdba LIMIT 1",

    "SELECT 'default privileges of the role ' || defaclrole::regrole FROM pg_default_acl"
    " WHERE NOT pg_has_role(current_user, defaclrole, 'USAGE') LIMIT 1",

    "SELECT 'security label on the database' FROM pg_shseclabel"
    " WHERE classoid = 'pg_database'::regclass"
    " AND objoid = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1",
};

/* An extension of the archive and of the live database that we may not create in another database: `plan->reason`. */
static bool find_extension(struct job *job, struct pg_conn *conn, const struct archive *archive, struct plan *plan,
                           struct err *err)
{
    static const char question[] = "SELECT 'extension ' || extname || ' needs a superuser' FROM pg_extension, pg_roles"
                                   " WHERE extname = $1 AND rolname = current_user AND NOT rolsuper AND NOT EXISTS ("
                                   "SELECT FROM pg_available_extension_versions v WHERE name = extname"
                                   /* PostgreSQL 12 has no column `trusted`. */
                                   " AND (NOT superuser OR coalesce((to_jsonb(v) ->> 'trusted')::boolean, false)))";
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        struct pg_result rows;
        if (strcmp(entry->desc, "EXTENSION") != 0 || allow_never_runs(entry))
            continue;
        if (!pg_query(conn, job->arena, &rows, err, question, PG_ARGS(entry->tag)))
            return err_wrap(err, "looking at the extension %s", entry->tag);
        if (rows.count > 0)
            plan->reason = pg_text(&rows, 0, 0);
    }
    return true;
}

static bool choose_way(struct job *job, struct pg_conn *conn, const struct archive *archive,
                       const struct backup_lock *lock, struct plan *plan, struct err *err)
{
    plan->way = WAY_IN_PLACE;
    if (!backup_lock_allows_switch(lock)) {
        plan->reason = "no maintenance database to work from";
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(obstacles); i++) {
        struct pg_result rows;
        if (!pg_query(conn, job->arena, &rows, err, obstacles[i], PG_NO_ARGS))
            return err_wrap(err, "looking for what forbids a switch");
        if (rows.count > 0) {
            plan->reason = pg_text(&rows, 0, 0);
            return true;
        }
    }
    if (!find_extension(job, conn, archive, plan, err))
        return false;
    plan->way = plan->reason == NULL ? WAY_SWITCH : WAY_IN_PLACE;
    return true;
}

/* The objects' names for the one sentence of the error; the answer carries the whole list. */
static bool refuse_loss(struct job *job, const struct plan *plan, struct err *err)
{
    const char *names = "";
    size_t shown = MIN(plan->other_count, (size_t)3);
    for (size_t i = 0; i < shown; i++)
        names = arena_printf(job->arena, "%s%s%s", names, i == 0 ? "" : ", ", plan->others[i]);
    if (plan->other_count > shown)
        names = arena_printf(job->arena, "%s, ... (%zu)", names, plan->other_count);
    err_set(err, ERR_OTHERS_WOULD_BE_LOST, "%zu objects exist only in the live database", plan->other_count);
    return err_args(err, names, NULL);
}

bool plan_make(struct job *job, const struct archive *archive, const struct backup_lock *lock, bool drop_others,
               struct plan *plan, struct err *err)
{
    *plan = (struct plan){0};
    if (!contents_is_hub(archive) && !drop_others)
        return err_set(err, ERR_ARCHIVE_NOT_HUB,
                       "the archive of the database \"%s\" has not all of the tables users, keys, "
                       "providers; if it is the right one say dropOthers=true",
                       text_utf8(job->arena, archive->database));
    struct pg_conn *conn = app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = conn != NULL && choose_way(job, conn, archive, lock, plan, err)
              && live_hub_level(job, conn, &plan->live_hub_level, err)
              && live_objects_missing_in(job, conn, archive, &plan->others, &plan->other_count, err);
    pg_close(conn);
    if (!ok)
        return false;
    /* In place nothing is lost: what the archive lacks stays as it is. */
    if (plan->way == WAY_SWITCH && plan->other_count > 0 && !drop_others)
        return refuse_loss(job, plan, err);
    log_event(LOG_INFO, "import.planned", "{s:s, s:s}", "way", plan->way == WAY_SWITCH ? "switch" : "in place",
              "reason", plan->reason == NULL ? "" : text_utf8(job->arena, plan->reason));
    return true;
}

/* The server's data directory, when it is on this machine and we may know it; NULL else. */
static const char *visible_data_directory(struct job *job)
{
    struct err err;
    struct pg_result rows;
    if (job->app->cluster != NULL)
        return cluster_directory(job->app->cluster);
    const char *directory = NULL;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, &err);
    if (conn != NULL
        && pg_query(conn, job->arena, &rows, &err,
                    "SELECT current_setting('data_directory')"
                    " WHERE inet_server_addr() IS NULL OR host(inet_server_addr()) IN ('127.0.0.1', '::1')",
                    PG_NO_ARGS)
        && rows.count == 1)
        directory = pg_text(&rows, 0, 0);
    pg_pool_give(job->app->pool, conn);
    return directory;
}

uint64_t plan_disk_room(struct job *job)
{
    uint64_t room;
    const char *directory = visible_data_directory(job);
    return directory != NULL && directory_free_bytes(directory, &room) ? room : 0;
}

bool plan_check_disk(struct job *job, uint64_t bytes, struct err *err)
{
    uint64_t need = bytes * 2 + 64 * MIB; /* measured on a hub: indexes take about as much as the rows */
    uint64_t room = plan_disk_room(job);
    if (room == 0 || room >= need)
        return true;
    return err_set(err, ERR_DISK_FULL, "the server's disk has %s free, a second copy of the data needs about %s",
                   text_bytes(job->arena, room), text_bytes(job->arena, need));
}
