#include "backup/overwrite.h"

#include "backup/counts.h"
#include "backup/restore.h"
#include "backup/restore_errors.h"
#include "base/log.h"
#include "base/text.h"
#include "pg/migrate.h"

bool overwrite_restore(struct overwrite *overwrite, const char *database, const struct contents_filter *filter,
                       struct err *err)
{
    struct job *job = overwrite->job;
    struct restore_outcome outcome;
    struct tempfile *list = tempfile_create(config_text(job->app->config, SETTING_TMP_DIR), "list", err);
    bool ok = list != NULL && contents_write_list(overwrite->archive, filter, list, err);
    if (ok) {
        struct restore_spec spec = {.target = overwrite->role.target,
                                    .database = database,
                                    .archive_path = overwrite->archive_path,
                                    .list_path = tempfile_path(list),
                                    .archive = overwrite->archive,
                                    .total_bytes = counts_bytes(overwrite->archive, filter),
                                    .in_place = filter->in_place};
        ok = restore_run(job, &spec, &outcome, err) && restore_accept(&outcome, err);
    }
    tempfile_remove(list);
    if (!ok)
        return false;
    overwrite->exit_status = outcome.exit_status;
    overwrite->warnings += outcome.ignorable;
    const char *skipped = arena_printf(job->arena, "%d", outcome.ignorable);
    job_report(job, PHASE_RESTORE, 100,
               outcome.ignorable > 0 ? MESSAGE(job->arena, job->lang, MSG_IMPORTED_SKIPPED, skipped)
                                     : MESSAGE(job->arena, job->lang, MSG_IMPORTED));
    return true;
}

/* One grant, publication or subscription under a savepoint. */
static bool try_statement(struct overwrite *overwrite, struct pg_conn *conn, const struct archive_entry *entry,
                          struct err *err)
{
    struct err reason;
    if (!pg_run(conn, err, "SAVEPOINT entry"))
        return false;
    if (pg_run(conn, &reason, entry->definition))
        return pg_run(conn, err, "RELEASE SAVEPOINT entry");
    /* Those of another role, which nothing has dropped: they stay as they are. */
    bool stays = strcmp(entry->desc, "DEFAULT ACL") == 0 && strcmp(pg_sqlstate(conn), PG_INSUFFICIENT_PRIVILEGE) == 0;
    if (!pg_run(conn, err, "ROLLBACK TO SAVEPOINT entry"))
        return false;
    log_event(LOG_WARN, "restore.entry_failed", "{s:s, s:s}", "entry", text_utf8(overwrite->job->arena, entry->tag),
              "error", text_utf8(overwrite->job->arena, reason.words));
    if (stays || restore_classify_message(reason.words) == RESTORE_IGNORABLE) {
        overwrite->warnings++;
        return true;
    }
    err_set(err, ERR_RESTORE_FATAL, "%s %s: %s", entry->desc, entry->tag, reason.words);
    return err_args(err, "1", reason.words);
}

bool overwrite_apply_later(struct overwrite *overwrite, struct pg_conn *conn, const struct contents_filter *filter,
                           struct err *err)
{
    if (!pg_run(conn, err, "BEGIN"))
        return false;
    for (size_t i = 0; i < overwrite->archive->entry_count; i++) {
        const struct archive_entry *entry = &overwrite->archive->entries[i];
        if (contents_use(entry, filter) != CONTENTS_LATER)
            continue;
        if (filter->plain_role && foreign_has(overwrite->foreign, entry)) {
            overwrite->warnings++; /* confirmed for a role that is confined, which this connection's is not */
            continue;
        }
        if (!try_statement(overwrite, conn, entry, err)) {
            struct err ignored;
            if (!pg_run(conn, &ignored, "ROLLBACK"))
                log_event(LOG_WARN, "restore.rollback", "{s:s}", "error",
                          text_utf8(overwrite->job->arena, ignored.words));
            return false;
        }
    }
    return pg_commit(conn, err);
}

bool overwrite_migrate(struct overwrite *overwrite, struct pg_conn *restored, struct err *err)
{
    struct job *job = overwrite->job;
    struct migrate_result result;
    job_report(job, PHASE_MIGRATE, -1, MESSAGE(job->arena, job->lang, MSG_MIGRATING));
    if (!migrate_apply(restored, config_bool(job->app->config, SETTING_CREATE_SCHEMA), &result, err))
        return false;
    overwrite->restart_hub = result.hub_ledger && result.hub_level < overwrite->plan->live_hub_level;
    job_report(job, PHASE_MIGRATE, 100, MESSAGE(job->arena, job->lang, MSG_MIGRATED));
    return true;
}
