/* Overwrite in place: pg_restore in one transaction; then, each alone, what must not undo it when it fails. */
#include "backup/overwrite.h"

#include "base/failpoint.h"

/* An extension that a superuser has made is not ours to drop, and what depends on it would go too. */
static bool keep_extensions(struct job *job, struct contents_filter *filter, struct err *err)
{
    struct pg_result rows;
    struct pg_conn *live = app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = live != NULL && pg_query(live, job->arena, &rows, err, "SELECT extname FROM pg_extension", PG_NO_ARGS);
    pg_close(live);
    if (!ok)
        return false;
    const char **names = arena_alloc(job->arena, ((size_t)rows.count + 1) * sizeof *names);
    for (int i = 0; i < rows.count; i++)
        names[i] = pg_text(&rows, i, 0);
    names[rows.count] = NULL;
    filter->extensions = names;
    return true;
}

bool overwrite_in_place(struct overwrite *overwrite, bool *committed, struct err *err)
{
    struct job *job = overwrite->job;
    struct contents_filter filter = {.skip_logs = overwrite->skip_logs, .in_place = true};
    *committed = false;
    if (!FAIL_POINT(IN_PLACE_STARTED, err) || !backup_lock_held(overwrite->lock, err)
        || !keep_extensions(job, &filter, err)
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
