/* Overwrite: the database becomes what the archive holds, wholly or not at all.
 *
 * By a switch: restored into a shadow database, checked there, then both databases are renamed in one transaction; the
 * old one is kept as the way back. In place, where a switch is not possible: pg_restore in one transaction. The plan
 * says which (backup/plan.h).
 */
#ifndef BACKUP_OVERWRITE_H
#define BACKUP_OVERWRITE_H

#include "backup/contents.h"
#include "backup/databases.h"
#include "backup/foreign.h"
#include "backup/plan.h"
#include "backup/temporary_role.h"

struct overwrite {
    struct job *job;
    struct backup_lock *lock;
    const struct archive *archive; /* verified */
    const char *archive_path;
    const struct plan *plan;
    const struct foreign *foreign; /* what is confirmed */
    bool skip_logs;
    bool drop_others;
    struct temporary_role role; /* who fills the shadow; without a target: DSN's role */
    /* Filled: */
    int exit_status; /* pg_restore's: 0, or 1 with ignorable errors only */
    int warnings;
    struct previous previous; /* of a switch; name is NULL after one in place */
    bool restart_hub;         /* the hub's ledger is behind the live one's: the hub's start migrates */
};

/* False: the live database is as it was. */
bool overwrite_by_switch(struct overwrite *overwrite, struct err *err) MUST_CHECK;

/* False: the live database is as it was, unless `*committed`: then the rows are the archive's, and err tells what
 * failed afterwards. */
bool overwrite_in_place(struct overwrite *overwrite, bool *committed, struct err *err) MUST_CHECK;

/* Shared steps. */
bool overwrite_restore(struct overwrite *overwrite, const char *database, const struct contents_filter *filter,
                       struct err *err) MUST_CHECK;
bool overwrite_apply_later(struct overwrite *overwrite, struct pg_conn *conn, const struct contents_filter *filter,
                           struct err *err) MUST_CHECK;
bool overwrite_migrate(struct overwrite *overwrite, struct pg_conn *restored, struct err *err) MUST_CHECK;

#endif
