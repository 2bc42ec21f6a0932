/* The lock's guard in PostgreSQL: an advisory lock on a connection of its own, whose application_name tells who holds
 * it: `hubport:<operation>:<user>:<since>`.
 */
#ifndef LOCK_ADVISORY_GUARD_H
#define LOCK_ADVISORY_GUARD_H

#include "lock/backup_lock.h"

struct advisory_guard {
    struct pg_conn *conn;  /* NULL: not taken */
    bool in_live_database; /* the maintenance database could not be entered */
    const char *identity;  /* which database of which cluster, the same for every server; "" when it cannot be known */
};

/* ERR_BACKUP_BUSY with the holder when somebody has it. */
bool advisory_guard_take(struct app *app, const struct lock_holder *ours, struct arena *arena,
                         struct advisory_guard *guard, struct lock_holder *holder, struct err *err) MUST_CHECK;

/* Whether its connection still lives at the server. */
bool advisory_guard_held(struct advisory_guard *guard, struct arena *arena, struct err *err) MUST_CHECK;

void advisory_guard_drop(struct advisory_guard *guard, struct arena *arena);

/* Who has it now; false when nobody does. */
bool advisory_guard_peek(struct app *app, struct arena *arena, struct lock_holder *holder);

#endif
