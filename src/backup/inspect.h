/* Inspection: what a backup file is and holds, after every byte of it was checked. `hubport verify`, POST
 * /api/admin/database/inspect.
 *
 * Changes nothing and takes no lock. Without a database it tells everything that can run code; with one it leaves out
 * what the live database has in the very same words, and what is in a file that this installation exported.
 */
#ifndef BACKUP_INSPECT_H
#define BACKUP_INSPECT_H

#include "backup/allow.h"
#include "backup/job.h"

struct inspect_spec {
    const struct config *config;
    struct arena *arena;
    const struct cancel *cancel; /* NULL: never */
    struct job *job;             /* whose database is compared with; NULL: none */
    const char *sha256;          /* of the file, where it is known; NULL */
};

struct inspection {
    struct archive *archive; /* verified */
    const char *sha256;
    bool is_hub;      /* has the hub's tables */
    bool checksummed; /* a changed bit in the data would have been found: by the seal, or by zlib's checksums */
    bool has_logs;    /* rows of a log table */
    bool compared;    /* with a database */
    /* The hub's own migrations: */
    bool has_ledger;
    uint64_t migrations;
    int64_t last_migration_ms;
    const char *last_migration; /* its hash; "" without */
    /* Unusual for a hub's backup: names, NULL-terminated arrays. */
    const char **schemas, **extensions, **event_triggers;
    uint64_t large_objects;
    struct allow_finding *findings; /* what can run code or is no text of pg_dump's */
    size_t finding_count;
    int64_t ms;
};

/* Errors are those of archive_open() and archive_verify(). */
bool inspect_run(const struct inspect_spec *spec, int fd, struct inspection *inspection, struct err *err) MUST_CHECK;

/* The report, as the API and --json have it. */
json_t *inspect_json(const struct inspection *inspection, struct arena *arena);

/* How much an archive may unpack to: the settings, and `room` where it is not 0 (what does not fit on the disk is not
 * worth unpacking). Before archive_verify(). */
void inspect_limit(struct archive *archive, const struct config *config, uint64_t room);

/* The file's digest, lower-case hex, into `*sha256` unless that is known. In the job's arena. */
bool inspect_digest(struct job *job, int fd, const char **sha256, struct err *err) MUST_CHECK;

#endif
