/* Merge: the rows of an archive into the live database, row by row, in one transaction.
 *
 *     merge_plan()      tables, columns, order; refuses what cannot be merged. Nothing is touched
 *     merge_stage()     the archive's rows into temporary tables of one session: no lock on anything live
 *     merge_classify()  every staged row gets its fate: reads live tables only
 *     merge_apply()     one transaction: classify, create, insert, sequences, commit
 *     merge_close()     the session ends, and with it the temporary tables, whatever happened
 *
 * merge_apply() calls merge_classify() itself, anew at each try. A preview ends with it: the same statements, so the
 * same figures.
 *
 * What happens to a row of the archive (backup/figures.h counts them):
 * - with a primary key: added when no row here has its key; identical or conflicting when one has. Without one: rows
 *   that are equal in all columns are the same row, and as often as the archive has it and here not, it is added;
 * - a row that would be added but has another unique constraint's value is conflicting;
 * - one that would break NOT NULL, CHECK or a foreign key fails, with the constraint's name;
 * - one that names a parent that is somebody else here is of a foreign parent (backup/soft_references.h).
 * Only these rows are left out; all others are merged.
 *
 * Columns: those that the archive has alone are read and dropped, those that only the live table has take their
 * default; where such a column is NOT NULL without a default the merge is refused. Content is compared by the bytes of
 * the values of the columns that both have.
 *
 * No SQL of the archive runs for tables that exist. Tables that only the archive has are created from it, with indexes,
 * constraints and sequences, but without triggers, policies, views and grants; those are created only that
 * backup/allow.h accepts as they are. Beside a hub (its ledger is here) no table of the hub's is created: the hub's own
 * migration makes it. Schemas drizzle and hubport are never written.
 */
#ifndef BACKUP_MERGE_H
#define BACKUP_MERGE_H

#include "archive/archive.h"
#include "backup/figures.h"
#include "backup/job.h"

struct merge_table;

struct merge {
    /* Given: */
    struct job *job;
    struct backup_lock *lock;
    const struct archive *archive; /* verified before merge_stage */
    int fd;                        /* of the archive */
    bool skip_logs;
    bool update;                 /* onConflict=update: a row with the same primary key is overwritten */
    bool accept_foreign_parents; /* do not look who the parents are */
    /* Filled: */
    struct pg_conn *conn; /* the session of the staging tables */
    struct merge_table *tables;
    size_t table_count; /* in the order of insertion: parents first */
    const struct archive_entry **creating;
    size_t creating_count; /* entries that create what only the archive has, in the archive's order */
    struct figures figures;
    uint64_t staged_bytes;
    int percent; /* last told */
};

bool merge_plan(struct merge *merge, struct err *err) MUST_CHECK;
bool merge_stage(struct merge *merge, struct err *err) MUST_CHECK;
bool merge_classify(struct merge *merge, struct err *err) MUST_CHECK;

/* `*committed` tells whether the live database was changed, also when it fails afterwards. Waits for locks at most
 * HUBPORT_DB_LOCK_TIMEOUT each, and tries the transaction again when somebody else had them. */
bool merge_apply(struct merge *merge, bool *committed, struct err *err) MUST_CHECK;

void merge_close(struct merge *merge); /* may be called again */

uint64_t merge_table_bytes(const struct merge *merge, size_t i); /* of COPY text, of the ith table of the figures */

#endif
