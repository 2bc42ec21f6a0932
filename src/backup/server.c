#include "backup/server.h"

bool server_check(struct job *job, struct err *err)
{
    struct pg_conn *conn = app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = conn != NULL && pg_tools_check(&job->app->tools, PQserverVersion(pg_raw(conn)), err);
    pg_close(conn);
    return ok;
}
