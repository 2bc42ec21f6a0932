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
