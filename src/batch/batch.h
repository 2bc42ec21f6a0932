/* Bulk changes: all of them in one transaction, or none.
 *
 * The rows are locked in the order of their ids, all must exist, one UPDATE writes every row's own changes, its count
 * is compared, the kind's invariants are checked (batch/invariants.h), then it commits. After that come the caches and
 * channels in Redis (batch/effects.h), whose failing is a warning, and one row of the audit log, also for a refusal.
 */
#ifndef BATCH_BATCH_H
#define BATCH_BATCH_H

#include "audit/audit.h"
#include "base/messages.h"
#include "batch/fields.h"
#include "os/cancel.h"

#include <jansson.h>

#define BATCH_MAX 500 /* rows */

struct batch_job {
    struct app *app;
    struct arena *arena; /* texts live in it */
    const struct cancel *cancel;
    enum lang lang;
    struct audit_actor actor;
};

struct batch_row {
    int64_t id;
    json_t *changes;  /* {column: value}, as value_check() makes values; empty: locked and compared only; borrowed */
    json_t *expected; /* {name: value} as a result's `before` or `watched` has it: a row that differs is stale; NULL:
                       * any */
};

struct batch_result;

/* What belongs into the same transaction: after its begin (may be NULL), and before its
 * commit. Each may refuse. */
struct batch_hooks {
    bool (*before)(struct pg_conn *conn, void *context, struct err *err);
    bool (*after)(struct pg_conn *conn, const struct batch_result *result, void *context, struct err *err);
    void *context;
};

struct batch_request {
    const struct kind *kind;
    const struct batch_row *rows; /* ids are distinct */
    size_t count;
    bool dry_run;
    bool skip_others;                /* rows that are missing or stale are passed by; UNDO_STALE when none is left */
    const char *audit_type;          /* "users.batch_update"; NULL: the caller writes the row */
    const struct batch_hooks *hooks; /* may be NULL */
};

struct batch_result {
    json_t *rows;     /* [{id, name, before: {name: value}, after: {...}}] in the order of ids */
    json_t *watched;  /* [{name: value}] of the same rows: see struct kind */
    size_t written;   /* rows that had changes */
    bool replayed;    /* a hook found that it was done before: there is no audit row */
    json_t *stale;    /* ids whose row is not as expected */
    json_t *changed;  /* and what of them: [{id, name, field, expected, current}] */
    json_t *users;    /* [{id, name}] who would have no key left, when it is ERR_CANNOT_DISABLE_LAST_KEY */
    json_t *missing;  /* ids that do not exist */
    json_t *warnings; /* texts */
};

/* Start with a zeroed result; batch_result_free() in any case. ERR_FEATURE_UNAVAILABLE names a column that the database
 * lacks. */
bool batch_run(const struct batch_job *job, const struct batch_request *request, struct batch_result *result,
               struct err *err) MUST_CHECK;
void batch_result_free(struct batch_result *result);

/* What a refusal is about, for its answer: {errorParams, ...}; NULL for nothing. */
json_t *batch_refusal(const struct batch_result *result);

/* Rows that were passed by: [{id, reason: "changed" | "missing"}]. */
json_t *batch_skipped(const struct batch_result *result);

/* For those who change rows by statements of their own: the audit row of an operation. */
void batch_audit(const struct batch_job *job, const struct kind *kind, const char *type, json_t *before, json_t *after,
                 const struct err *failure);

#endif
