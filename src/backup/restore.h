/* pg_restore, run and watched: its messages sorted, its progress measured.
 */
#ifndef BACKUP_RESTORE_H
#define BACKUP_RESTORE_H

#include "archive/archive.h"
#include "backup/job.h"

struct restore_spec {
    const struct pg_target *target; /* as whom; NULL: as DSN says */
    const char *database;           /* into which */
    const char *archive_path;
    const char *list_path;         /* of contents_write_list() */
    const struct archive *archive; /* verified: its sizes are the measure of progress */
    uint64_t total_bytes;          /* uncompressed, of what will be restored */
    bool in_place;                 /* one transaction that stops at the first error; else parallel */
};

struct restore_outcome {
    int exit_status;
    int ignorable, fatal; /* errors */
    char first_fatal[512];
};

/* True when pg_restore ran to its end, whatever the outcome says; false when it could not run, was cancelled, or waited
 * too long for a lock. */
bool restore_run(struct job *job, const struct restore_spec *spec, struct restore_outcome *outcome,
                 struct err *err) MUST_CHECK;

/* Success: no error, or ignorable ones only. Else ERR_RESTORE_FATAL. */
bool restore_accept(const struct restore_outcome *outcome, struct err *err) MUST_CHECK;

#endif
