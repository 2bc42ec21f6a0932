/* The progress of an export or import on a terminal: one line that is written over, with rate and percent where known.
 * Nothing when stderr is no terminal, or with --json.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "backup/job.h"

struct progress_line {
    bool enabled;
    int64_t started_ms, shown_ms;
    bool open; /* a line stands there without its end */
};

void progress_begin(struct progress_line *line, struct job *job, bool quiet);
void progress_end(struct progress_line *line);

#endif
