/* Import: an archive into the database, verified before it is trusted: an overwrite, a merge, or the preview of one.
 *
 *     struct import *import = import_begin(job, fd, path, &options, err);  // contents, lock, server, plan: nothing
 * touched yet if (import == NULL)
 *         ...                                                             // a clean error, with a status of its own
 *     bool ok = import_run(import, &result, err);                         // verify, restore, migrate, check, switch
 *     import_end(import, ok ? NULL : err);                                // nothing left behind, lock free, audit
 * written
 */
#ifndef BACKUP_IMPORT_H
#define BACKUP_IMPORT_H

#include "backup/figures.h"
#include "backup/foreign.h"

struct import_options {
    bool clean_first;            /* overwrite; else merge */
    bool dry_run;                /* a preview: figures, nothing changed */
    bool update;                 /* a merge's onConflict=update */
    bool accept_foreign_parents; /* a merge: rows may belong to somebody else here */
    bool skip_logs;              /* no rows of log tables */
    bool drop_others;            /* objects that only the live database has may go */
    bool allow_foreign;          /* what can run code and nobody vouches for is wanted (backup/foreign.h) */
    const char *file_name;       /* for the audit; NULL unknown */
    const char *sha256;          /* of the file, lower-case hex; NULL: taken while verifying */
};

struct import_result {
    int exit_status; /* 0, or 1 with warnings: what pg_restore ended with */
    int warnings;    /* objects that existed already; of a merge, rows that failed or have a foreign parent */
    bool switched;
    const char *previous;      /* name of the database that is kept; NULL after an import in place */
    int64_t previous_until_ms; /* 0: it is never dropped by itself */
    bool restart_hub;
    uint64_t rows, tables; /* restored; without those that skip_logs leaves out; of a merge, rows added or updated */
    bool sealed;           /* one of hubport's own, checksum agrees */
    int64_t ms;
    struct figures *figures; /* of a merge or a preview; NULL */
};

struct import;

/* What a refusal is about; empty for most. */
struct import_refusal {
    const char **others; /* ERR_OTHERS_WOULD_BE_LOST: what only the live database has */
    size_t other_count;
    const struct allow_finding *foreign; /* ERR_ARCHIVE_FOREIGN_*, _FORGED: what can run code; see foreign_json() */
    size_t foreign_count;
};

/* `fd` and `path` are the same file; both stay the caller's. */
struct import *import_begin(struct job *job, int fd, const char *path, const struct import_options *options,
                            struct import_refusal *refusal, struct err *err) MUST_CHECK;

bool import_run(struct import *import, struct import_result *result, struct err *err) MUST_CHECK;

/* Whether the live data was changed although import_run() failed (in place, after the commit). */
bool import_changed(const struct import *import);

void import_end(struct import *import, const struct err *failure);

/* Write the audit row of an import that was refused before it began. */
void import_audit_refusal(struct job *job, const struct import_options *options, const struct err *failure);

#endif
