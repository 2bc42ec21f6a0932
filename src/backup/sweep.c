#include "backup/sweep.h"

#include "backup/databases.h"
#include "base/log.h"
#include "os/tempfile.h"

/* Whether there is anything to sweep is asked without the lock, so that an idle server takes it only when it must. */
static bool has_leftovers(struct job *job, struct pg_conn *conn)
{
    struct pg_result found;
    struct err err;
    return pg_query(conn, job->arena, &found, &err,
                    "SELECT 1 FROM pg_database WHERE starts_with(datname, $1 || '_import_') OR starts_with(datname, $1 || '_before_')",
                    PG_ARGS(pg_target_database(job->app->target)))
           && found.count > 0;
}

static void sweep_databases(struct job *job)
{
    struct err err;
    struct pg_conn *conn =
        app_connect(job->app, config_text(job->app->config, SETTING_LOCK_DATABASE), "hubport", job->cancel, &err);
    if (conn != NULL && has_leftovers(job, conn)) {
        struct backup_lock *lock = backup_lock_acquire(job->app, "cleanup", "hubport", job->cancel, &job->holder, &err);
        if (lock != NULL)
            databases_sweep(job, conn);
        backup_lock_release(lock);
    }
    pg_close(conn);
}

void backup_sweep(struct app *app, bool at_start, struct cancel *cancel)
{
    struct job job = {.app = app, .arena = arena_new(), .cancel = cancel};
    int64_t min_age = at_start ? 0 : config_ms(app->config, SETTING_TMP_MAX_AGE);
    int removed = tempfile_sweep(config_text(app->config, SETTING_TMP_DIR), min_age);
    if (removed > 0)
        log_event(LOG_INFO, "tempfiles.removed", "{s:i}", "count", removed);
    sweep_databases(&job);
    arena_free(job.arena);
}
