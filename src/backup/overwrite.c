#include "backup/overwrite.h"

#include "backup/counts.h"
#include "backup/restore.h"
#include "pg/migrate.h"

bool overwrite_restore(struct overwrite *overwrite, const char *database, const struct contents_filter *filter,
                       struct err *err)
{
    struct job *job = overwrite->job;
    struct restore_outcome outcome;
    struct tempfile *list = tempfile_create(config_text(job->app->config, SETTING_TMP_DIR), "list", err);
    bool ok = list != NULL && contents_write_list(overwrite->archive, filter, list, err);
    if (ok) {
        struct restore_spec spec = {.database = database,
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
