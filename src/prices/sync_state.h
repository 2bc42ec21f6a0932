/* The state of the synchronisation, one row for all servers of a database (hubport.price_sync), and the lock that lets
 * one of them sync at a time: an advisory lock on a connection of its own, which ends with its owner.
 */
#ifndef PRICES_SYNC_STATE_H
#define PRICES_SYNC_STATE_H

#include "prices/job.h"

#include <jansson.h>

/* Take the lock, or ERR_PRICE_SYNC_BUSY at once. */
struct pg_conn *sync_lock_take(const struct price_job *job, struct err *err) MUST_CHECK;
void sync_lock_drop(const struct price_job *job, struct pg_conn *conn); /* NULL is ignored */

/* Is the schedule's next sync due? At a time in the row that all servers see; at once, whatever it says, when
 * `now_if_empty` and there are no prices at all. `*wait_ms` until then. Plans it when nobody has yet. */
bool sync_state_due(const struct price_job *job, bool now_if_empty, bool *due, int64_t *wait_ms,
                    struct err *err) MUST_CHECK;

/* Under the lock: a try begins. The schedule's clock starts anew. */
bool sync_state_begin(const struct price_job *job, struct pg_conn *conn, bool automatic, struct err *err) MUST_CHECK;

struct sync_success {
    const char *version, *sha256;
    bool applied, from_cache;
    json_t *result; /* borrowed */
};

/* ... and ends; one of the two is NULL. */
void sync_state_end(const struct price_job *job, struct pg_conn *conn, const struct sync_success *success,
                    const struct err *failure);

/* Did the last try fail by this code? So that a cloud that is away is told once, not every half hour. */
bool sync_state_failed_by(const struct price_job *job, struct pg_conn *conn, enum err_code code);

/* For people and scripts: {enabled, intervalSeconds, url, running, lastTriedAt, lastTriedBy, lastOutcome, lastError,
 * lastSucceededAt, version, sha256, fromCache, nextAt, result}. */
json_t *sync_state_json(const struct price_job *job, struct err *err);

#endif
