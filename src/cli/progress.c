#include "cli/progress.h"

#include "base/clock.h"

#include <unistd.h>

#define SHOW_EVERY_MS 200

static void show_bytes(void *context, uint64_t bytes)
{
    struct progress_line *line = context;
    int64_t now = clock_mono_ms();
    if (now - line->shown_ms < SHOW_EVERY_MS)
        return;
    double megabytes = (double)bytes / (double)MIB, seconds = (double)(now - line->started_ms) / 1000;
    fprintf(stderr, "\r%.1f MB, %.1f MB/s \033[K", megabytes, megabytes / MAX(seconds, 0.001));
    line->shown_ms = now;
    line->open = true;
}

static void show_progress(void *context, const struct progress *progress)
{
    struct progress_line *line = context;
    if (progress->percent >= 0)
        fprintf(stderr, "\r[%s %3d%%] %.120s\033[K", phase_name(progress->phase), progress->percent, progress->message);
    else
        fprintf(stderr, "\r[%s] %.120s\033[K", phase_name(progress->phase), progress->message);
    line->open = true;
}

void progress_begin(struct progress_line *line, struct job *job, bool quiet)
{
    *line = (struct progress_line){.enabled = !quiet && isatty(STDERR_FILENO), .started_ms = clock_mono_ms()};
    if (!line->enabled)
        return;
    job->report = show_progress;
    job->report_bytes = show_bytes;
    job->report_context = line;
}

void progress_end(struct progress_line *line)
{
    if (line->open)
        fputs("\r\033[K", stderr);
    line->open = false;
}
