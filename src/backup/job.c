#include "backup/job.h"

const char *phase_name(enum phase phase)
{
    static const char *const names[] = {"verify", "restore", "check", "migrate", "switch"};
    return names[phase];
}

void job_report(struct job *job, enum phase phase, int percent, const char *message)
{
    struct progress progress = {.phase = phase, .percent = percent, .message = message, .way = job->way};
    if (job->report == NULL)
        return;
    if (message == NULL) {
        const char *number = arena_printf(job->arena, "%d", percent);
        progress.message = phase == PHASE_VERIFY ? MESSAGE(job->arena, job->lang, MSG_VERIFY_PERCENT, number)
                                                 : MESSAGE(job->arena, job->lang, MSG_RESTORE_PERCENT, number);
    }
    job->report(job->report_context, &progress);
}

void job_audit(struct job *job, const char *type, json_t *after, const struct err *failure)
{
    struct audit_event event = {.category = "system_settings", /* the hub's own categories have no better one */
                                .type = type,
                                .target_type = "database",
                                .target_name = pg_target_database(job->app->target),
                                .after = after,
                                .success = failure == NULL,
                                .error = failure == NULL ? NULL : failure->words};
    audit_write(job->app, &job->actor, &event);
    json_decref(after);
}
