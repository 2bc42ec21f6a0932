#include "backup/job.h"

const char *phase_name(enum phase phase)
{
    static const char *const names[] = {"verify", "restore", "check", "migrate", "switch", "stage", "compare", "merge"};
    return names[phase];
}

static enum message percent_message(enum phase phase)
{
    switch (phase) {
    case PHASE_VERIFY:
        return MSG_VERIFY_PERCENT;
    case PHASE_STAGE:
        return MSG_STAGE_PERCENT;
    case PHASE_COMPARE:
        return MSG_COMPARE_PERCENT;
    case PHASE_MERGE:
        return MSG_MERGE_PERCENT;
    default:
        return MSG_RESTORE_PERCENT;
    }
}

void job_report_table(struct job *job, enum phase phase, const char *message, json_t *table)
{
    struct progress progress = {.phase = phase, .percent = -1, .message = message, .way = job->way, .table = table};
    if (job->report != NULL)
        job->report(job->report_context, &progress);
    json_decref(table);
}

void job_report(struct job *job, enum phase phase, int percent, const char *message)
{
    struct progress progress = {.phase = phase, .percent = percent, .message = message, .way = job->way};
    if (job->report == NULL)
        return;
    if (message == NULL) {
        const char *number = arena_printf(job->arena, "%d", percent);
        progress.message = MESSAGE(job->arena, job->lang, percent_message(phase), number);
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
