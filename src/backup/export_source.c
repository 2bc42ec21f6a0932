#include "backup/export_source.h"

#include "backup/server.h"
#include "base/log.h"

#include <string.h>

const struct pg_target *export_source(const struct job *job)
{
    return job->app->export_target == NULL ? job->app->target : job->app->export_target;
}

struct pg_conn *export_source_connect(struct job *job, struct err *err)
{
    struct pg_conn *conn = app_connect_as(export_source(job), NULL, "hubport", job->cancel, err);
    if (conn == NULL && job->app->export_target != NULL)
        err_wrap(err, "EXPORT_DSN");
    return conn;
}

/* The system's number is the primary's and its replicas', and nobody else's. NULL where our role may not see it. */
static bool read_number(struct pg_conn *conn, struct arena *arena, const char **number, struct err *err)
{
    struct pg_result row;
    *number = NULL;
    if (pg_query(conn, arena, &row, err, "SELECT system_identifier FROM pg_control_system()", PG_NO_ARGS))
        *number = pg_text(&row, 0, 0);
    return *number != NULL || strcmp(pg_sqlstate(conn), PG_INSUFFICIENT_PRIVILEGE) == 0;
}

bool export_source_same(struct arena *arena, struct pg_conn *live, struct pg_conn *source, struct err *err)
{
    const char *ours, *theirs, *database = PQdb(pg_raw(live)), *other = PQdb(pg_raw(source));
    if (!read_number(live, arena, &ours, err) || !read_number(source, arena, &theirs, err))
        return false;
    if (ours != NULL && theirs != NULL && strcmp(ours, theirs) != 0)
        return err_set(err, ERR_EXPORT_SOURCE_OTHER, "EXPORT_DSN's server is system %s, DSN's is system %s", theirs,
                       ours);
    return strcmp(database, other) == 0
           || err_set(err, ERR_EXPORT_SOURCE_OTHER, "EXPORT_DSN's database is %s, DSN's is %s", other, database);
}

#define TABLES                                                                                                         \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"                     \
    " AND c.relpersistence <> 't' AND n.nspname !~ '^pg_|^information_schema$|^hubport$'"

/* What is new at DSN's and not yet here is told. So is a table whose rows no replica has: pg_dump would leave them out
 * there without a word. */
static bool check_tables(struct job *job, struct pg_conn *live, struct pg_conn *source, struct err *err)
{
    const char *where = pg_target_where(job->app->export_target);
    struct pg_result names, missing, unlogged;
    if (!pg_query(live, job->arena, &names, err,
                  "SELECT coalesce(array_agg(format('%I.%I', n.nspname, c.relname)), '{}')" TABLES, PG_NO_ARGS)
        || !pg_query(source, job->arena, &missing, err,
                     "SELECT name FROM unnest($1::text[]) name WHERE to_regclass(name) IS NULL ORDER BY name LIMIT 1",
                     PG_ARGS(pg_text(&names, 0, 0)))
        || !pg_query(source, job->arena, &unlogged, err,
                     "SELECT format('%I.%I', n.nspname, c.relname)" TABLES
                     " AND pg_is_in_recovery() AND c.relpersistence = 'u' ORDER BY 1 LIMIT 1",
                     PG_NO_ARGS))
        return false;
    if (missing.count > 0) {
        err_set(err, ERR_EXPORT_SOURCE_DIFFERS, "the replica at %s has no table %s", where, pg_text(&missing, 0, 0));
        return err_args(err, pg_text(&missing, 0, 0), NULL);
    }
    if (unlogged.count > 0) {
        err_set(err, ERR_EXPORT_SOURCE_UNLOGGED, "the replica at %s has no rows of %s", where,
                pg_text(&unlogged, 0, 0));
        return err_args(err, pg_text(&unlogged, 0, 0), NULL);
    }
    return true;
}

/* Behind DSN's server, not behind what has arrived: a replica that lost its primary has replayed all that it has. */
static bool log_lag(struct job *job, struct pg_conn *live, struct pg_conn *source, struct err *err)
{
    static const char question[] =
        "SELECT replica, greatest(CASE WHEN replica THEN $1::pg_lsn - pg_last_wal_replay_lsn() END, 0)::bigint,"
        " CASE WHEN replica AND pg_last_wal_replay_lsn() < $1::pg_lsn THEN"
        "  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 ELSE 0 END::bigint"
        " FROM pg_is_in_recovery() replica";
    struct pg_result now, lag;
    if (!pg_query(live, job->arena, &now, err, "SELECT pg_current_wal_lsn()", PG_NO_ARGS)
        || !pg_query(source, job->arena, &lag, err, question, PG_ARGS(pg_text(&now, 0, 0))))
        return err_wrap(err, "how far the replica is behind");
    /* No transaction replayed since its start: there is no time to tell, and the bytes must do. */
    json_t *ms = pg_text(&lag, 0, 2)[0] == '\0' ? json_null() : json_integer((json_int_t)pg_int(&lag, 0, 2));
    log_event(LOG_INFO, "export.source", "{s:s, s:b, s:I, s:o}", "server", pg_target_where(job->app->export_target),
              "replica", pg_bool(&lag, 0, 0), "lagBytes", (json_int_t)pg_int(&lag, 0, 1), "lagMs", ms);
    return true;
}

bool export_source_check(struct job *job, struct err *err)
{
    if (job->app->export_target == NULL)
        return server_check(job, err);
    struct pg_conn *source = export_source_connect(job, err);
    struct pg_conn *live = source == NULL ? NULL : app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = live != NULL && pg_tools_check(&job->app->tools, PQserverVersion(pg_raw(source)), err)
              && export_source_same(job->arena, live, source, err) && check_tables(job, live, source, err)
              && log_lag(job, live, source, err);
    pg_close(live);
    pg_close(source);
    return ok;
}
