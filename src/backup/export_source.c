#include "backup/export_source.h"

#include "backup/server.h"
#include "base/log.h"

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

/* A wrong address must not pass for a backup: what is new at DSN's and not yet here is told, too. */
static bool check_tables(struct job *job, struct pg_conn *live, struct pg_conn *source, struct err *err)
{
    static const char tables[] =
        "SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND relpersistence <> 't'"
        " AND relnamespace::regnamespace::text NOT LIKE 'pg\\_%'"
        " AND relnamespace::regnamespace::text NOT IN ('information_schema', 'hubport')";
    struct pg_result names;
    if (!pg_query(live, job->arena, &names, err, tables, PG_NO_ARGS))
        return false;
    for (int i = 0; i < names.count; i++) {
        const char *name = pg_text(&names, i, 0);
        struct pg_result found;
        if (!pg_query(source, job->arena, &found, err, "SELECT to_regclass($1) IS NOT NULL", PG_ARGS(name)))
            return false;
        if (pg_bool(&found, 0, 0))
            continue;
        err_set(err, ERR_EXPORT_SOURCE_DIFFERS, "%s at %s has no table %s", pg_target_database(job->app->export_target),
                pg_target_where(job->app->export_target), name);
        return err_args(err, name, NULL);
    }
    return true;
}

static bool log_lag(struct job *job, struct pg_conn *source, struct err *err)
{
    struct pg_result lag;
    if (!pg_query(source, job->arena, &lag, err,
                  "SELECT pg_is_in_recovery(), coalesce(CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()"
                  " THEN 0 ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END, 0)"
                  "::bigint",
                  PG_NO_ARGS))
        return false;
    log_event(LOG_INFO, "export.source", "{s:s, s:b, s:I}", "server", pg_target_where(job->app->export_target),
              "replica", pg_bool(&lag, 0, 0), "lagMs", (json_int_t)pg_int(&lag, 0, 1));
    return true;
}

bool export_source_check(struct job *job, struct err *err)
{
    if (job->app->export_target == NULL)
        return server_check(job, err);
    struct pg_conn *source = export_source_connect(job, err);
    struct pg_conn *live = source == NULL ? NULL : app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = live != NULL && pg_tools_check(&job->app->tools, PQserverVersion(pg_raw(source)), err)
              && check_tables(job, live, source, err) && log_lag(job, source, err);
    pg_close(live);
    pg_close(source);
    return ok;
}
