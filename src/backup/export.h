/* Export: the whole database as an archive in PostgreSQL's custom format, streamed.
 *
 *     struct export *export = export_begin(job, &options, err);   // lock, server, tools, pg_dump's table of contents
 *     if (export == NULL)
 *         return false;                                       // nothing was sent yet: a clean error
 *     bool ok = export_copy(export, fd, &result, err);        // all of it, then its seal
 *     export_end(export, ok ? NULL : err);                    // lock free, audit written
 *
 * Schema `hubport` is left out. The archive ends with hubport's seal (archive/archive.h), which stock pg_restore passes
 * by.
 */
#ifndef BACKUP_EXPORT_H
#define BACKUP_EXPORT_H

#include "archive/writer.h"
#include "backup/job.h"

enum export_mode { EXPORT_FULL, EXPORT_EXCLUDE_LOGS, EXPORT_LEDGER_ONLY };

#define EXPORT_MAX_PARALLEL 8

struct export_options {
    enum export_mode mode;
    enum writer_method method;
    int parallel; /* connections that read large tables; 1: pg_dump's own */
};

/* As a query or a command has them; NULL where absent. `mode` is the hub's (full, excludeLogs, ledgerOnly),
 * `exclude_logs` the requirement's (true, false), `compression` balanced, fast, none or zstd (absent: the setting),
 * `parallel` 2 to EXPORT_MAX_PARALLEL (backup/parallel_copy.h; absent: not so).
 * ERR_EXPORT_MODE_INVALID for anything else, or when the first two disagree. */
struct export_request {
    const char *mode, *exclude_logs, *compression, *parallel;
};
bool export_parse(const struct export_request *request, const struct config *config, struct export_options *options,
                  struct err *err) MUST_CHECK;

struct export;

struct export_result {
    uint64_t bytes;
    char sha256[65]; /* of the whole body, seal included */
    int64_t ms;
};

struct export *export_begin(struct job *job, const struct export_options *options, struct err *err) MUST_CHECK;
const char *export_file_name(const struct export *export); /* backup_2025-01-29T10-30-00_no-logs.dump */

/* False when pg_dump failed, the receiver is gone or the job was cancelled: what was written is then no archive. */
bool export_copy(struct export *export, int out, struct export_result *result, struct err *err) MUST_CHECK;

/* pg_dump is gone, the lock free, the audit row written. `failure` is NULL after success. */
void export_end(struct export *export, const struct err *failure);

#endif
