#include "backup/sweep.h"

#include "backup/databases.h"
#include "base/log.h"
#include "os/tempfile.h"

/* Asked without the lock whether there is anything to do, so that an idle server never takes it. False: somebody else
 * has it. */
static bool sweep_databases(struct job *job)
{
    struct err err;
    bool done = true;
    struct pg_conn *conn =
        app_connect(job->app, config_text(job->app->config, SETTING_LOCK_DATABASE), "hubport", job->cancel, &err);
    bool found = conn != NULL && (databases_have_leftovers(job, conn) || backup_lock_abandoned(job->app));
    if (conn != NULL && !found)
        atomic_store(&job->app->left_something, false);
    if (found) {
        struct backup_lock *lock = backup_lock_acquire(job->app, "cleanup", "hubport", job->cancel, &job->holder, &err);
        done = lock != NULL;
        if (done)
            databases_sweep(job, conn);
        backup_lock_release(lock);
    }
    pg_close(conn);
    return done;
}

bool backup_sweep(struct app *app, bool at_start, struct cancel *cancel)
{
    struct job job = {.app = app, .arena = arena_new(), .cancel = cancel};
    int64_t min_age = at_start ? 0 : config_ms(app->config, SETTING_TMP_MAX_AGE);
    int removed = tempfile_sweep(config_text(app->config, SETTING_TMP_DIR), min_age);
    if (removed > 0)
        log_event(LOG_INFO, "tempfiles.removed", "{s:i}", "count", removed);
    bool done = sweep_databases(&job);
    arena_free(job.arena);
    return done;
}
