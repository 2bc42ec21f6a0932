/* The plan of an overwrite, made before anything is touched: which way it goes, and what it would lose.
 */
#ifndef BACKUP_PLAN_H
#define BACKUP_PLAN_H

#include "archive/archive.h"
#include "backup/job.h"

enum overwrite_way {
    WAY_SWITCH,   /* restore into a database beside, then rename both in one transaction */
    WAY_IN_PLACE, /* one transaction in the live database */
};

struct plan {
    enum overwrite_way way;
    const char *reason;  /* why not the switch; NULL */
    const char **others; /* objects that only the live database has, "table public.notes" */
    size_t other_count;
    int64_t live_hub_level; /* of the hub's migration ledger, ms; 0 without */
};

/* `drop_others` says that losing plan->others is wanted; without it such a plan fails with ERR_OTHERS_WOULD_BE_LOST
 * (plan->others is filled). ERR_ARCHIVE_NOT_HUB, ERR_DISK_FULL. */
bool plan_make(struct job *job, const struct archive *archive, const struct backup_lock *lock, bool drop_others,
               struct plan *plan, struct err *err) MUST_CHECK;

/* Free bytes on the server's disk where it can be seen, else 0. */
uint64_t plan_disk_room(struct job *job);

/* Room for `bytes` of table data and their indexes on the server's disk, where that disk can be seen: ERR_DISK_FULL. */
bool plan_check_disk(struct job *job, uint64_t bytes, struct err *err) MUST_CHECK;

#endif
