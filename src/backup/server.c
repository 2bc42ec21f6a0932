#include "backup/server.h"

const char *server_restore_options(struct job *job)
{
    struct pg_result allowed;
    struct err err;
    const char *options = NULL;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, &err);
    bool grantable = conn != NULL && PQserverVersion(pg_raw(conn)) >= 150000; /* before, only a superuser may set it */
    const char *question = grantable ? "SELECT has_parameter_privilege('lc_messages', 'SET')"
                                     : "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    if (conn != NULL && pg_query(conn, job->arena, &allowed, &err, question, PG_NO_ARGS) && allowed.count == 1
        && pg_bool(&allowed, 0, 0))
        options = "-c lc_messages=C";
    pg_pool_give(job->app->pool, conn);
    return options;
}

bool server_check(struct job *job, struct err *err)
{
    struct pg_conn *conn = app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = conn != NULL && pg_tools_check(&job->app->tools, PQserverVersion(pg_raw(conn)), err);
    pg_close(conn);
    return ok;
}
