/* Dump process: a pg_dump whose uncompressed archive is read from a pipe. Ends with it when the job is cancelled. */
#ifndef BACKUP_DUMP_PROCESS_H
#define BACKUP_DUMP_PROCESS_H

#include "archive/dump_stream.h"
#include "backup/job.h"

struct dump_process;

/* `options`: besides those that every export has; NULL ends them. */
struct dump_process *dump_process_start(struct job *job, const char *const *options, struct err *err) MUST_CHECK;
void dump_process_free(struct dump_process *process); /* and ends it; NULL is ignored */

/* End it; what was read of its table of contents stays. */
void dump_process_end(struct dump_process *process);

/* Wait for its table of contents. After a failure the error is what pg_dump said. */
bool dump_process_open(struct dump_process *process, struct err *err) MUST_CHECK;
struct dump_stream *dump_process_stream(const struct dump_process *process);

/* All its data, as dump_stream_copy; true only when it then ended well. */
bool dump_process_copy(struct dump_process *process, struct writer *writer,
                       int32_t (*dump_id_of)(void *context, const struct archive_entry *entry), void *context,
                       struct err *err) MUST_CHECK;

#endif
