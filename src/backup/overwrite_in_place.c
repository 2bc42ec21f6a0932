/* Overwrite in place: pg_restore in one transaction; then, each alone, what must not undo it when it fails. */
#include "backup/overwrite.h"

#include "base/failpoint.h"

bool overwrite_in_place(struct overwrite *overwrite, bool *committed, struct err *err)
{
    struct job *job = overwrite->job;
    struct contents_filter filter = {.skip_logs = overwrite->skip_logs, .in_place = true};
    *committed = false;
    if (!FAIL_POINT(IN_PLACE_STARTED, err) || !backup_lock_held(overwrite->lock, err)
        || !overwrite_restore(overwrite, pg_target_database(job->app->target), &filter, err))
        return false;
    *committed = true;
    if (!FAIL_POINT(IN_PLACE_RESTORED, err))
        return false;
    struct pg_conn *live = app_connect(job->app, NULL, "hubport", NULL, err);
    /* Rows are not counted: a transaction that stops at the first error has all or none, and others write again by now.
     */
    bool ok =
        live != NULL && overwrite_apply_later(overwrite, live, &filter, err) && overwrite_migrate(overwrite, live, err);
    pg_close(live);
    return ok;
}
