/* Overwrite in place: pg_restore in one transaction; then, each alone, what must not undo it when it fails. */
#include "backup/overwrite.h"

#include "backup/restore_errors.h"
#include "base/log.h"
#include "base/text.h"

/* One grant, publication or subscription under a savepoint. */
static bool try_statement(struct overwrite *overwrite, struct pg_conn *conn, const struct archive_entry *entry,
                          struct err *err)
{
    struct err reason;
    if (!pg_run(conn, err, "SAVEPOINT entry"))
        return false;
    if (pg_run(conn, &reason, entry->definition))
        return pg_run(conn, err, "RELEASE SAVEPOINT entry");
    if (!pg_run(conn, err, "ROLLBACK TO SAVEPOINT entry"))
        return false;
    log_event(LOG_WARN, "restore.entry_failed", "{s:s, s:s}", "entry", text_utf8(overwrite->job->arena, entry->tag),
              "error", text_utf8(overwrite->job->arena, reason.words));
    if (restore_classify_message(reason.words) == RESTORE_IGNORABLE) {
        overwrite->warnings++;
        return true;
    }
    err_set(err, ERR_RESTORE_FATAL, "%s %s: %s", entry->desc, entry->tag, reason.words);
    return err_args(err, "1", reason.words);
}

static bool apply_later_entries(struct overwrite *overwrite, struct pg_conn *conn, const struct contents_filter *filter,
                                struct err *err)
{
    if (!pg_run(conn, err, "BEGIN"))
        return false;
    for (size_t i = 0; i < overwrite->archive->entry_count; i++) {
        const struct archive_entry *entry = &overwrite->archive->entries[i];
        if (contents_use(entry, filter) == CONTENTS_LATER && !try_statement(overwrite, conn, entry, err)) {
            struct err ignored;
            if (!pg_run(conn, &ignored, "ROLLBACK"))
                log_event(LOG_WARN, "restore.rollback", "{s:s}", "error",
                          text_utf8(overwrite->job->arena, ignored.words));
            return false;
        }
    }
    return pg_run(conn, err, "COMMIT");
}

bool overwrite_in_place(struct overwrite *overwrite, bool *committed, struct err *err)
{
    struct job *job = overwrite->job;
    struct contents_filter filter = {.skip_logs = overwrite->skip_logs, .in_place = true};
    *committed = false;
    if (!backup_lock_held(overwrite->lock, err)
        || !overwrite_restore(overwrite, pg_target_database(job->app->target), &filter, err))
        return false;
    *committed = true;
    struct pg_conn *live = app_connect(job->app, NULL, "hubport", NULL, err);
    /* Rows are not counted: a transaction that stops at the first error has all or none, and others write again by now.
     */
    bool ok =
        live != NULL && apply_later_entries(overwrite, live, &filter, err) && overwrite_migrate(overwrite, live, err);
    pg_close(live);
    return ok;
}
