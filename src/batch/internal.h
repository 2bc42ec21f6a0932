/* What the parts of an operation share. Inside batch/ only. */
#ifndef BATCH_INTERNAL_H
#define BATCH_INTERNAL_H

#include "batch/batch.h"

/* An operation on its way: a connection in a transaction. */
struct operation {
    const struct batch_job *job;
    struct batch_request request; /* its rows ascend */
    struct batch_result *result;
    struct pg_conn *conn;
    const char *ids; /* "{1,2,3}", ascending */
    json_t *columns; /* {column: SQL type} of those that change, in the field table's order; NULL: none */
};

/* batch.c: a transaction on a connection of the pool. A commit is not cancelled: what happened would not be known. */
void operation_open(struct operation *operation, const struct batch_job *job, const struct batch_request *request,
                    struct batch_result *result);
bool operation_begin(struct operation *operation, struct err *err) MUST_CHECK;
bool operation_commit(struct operation *operation, struct err *err) MUST_CHECK;
void operation_close(struct operation *operation, bool ok); /* rolls back unless ok */

bool changes_column(const struct operation *operation, const char *column);

/* rows.c: what the batch changes, as the database has it now; the rows locked in the order of their ids and compared
 * with what is expected; written by one statement. */
bool rows_find_columns(struct operation *operation, struct err *err) MUST_CHECK;
bool rows_lock(struct operation *operation, struct err *err) MUST_CHECK;
bool rows_write(struct operation *operation, struct err *err) MUST_CHECK;
bool rows_refuse_missing(struct operation *operation, struct err *err);                /* those in the result; false */
const char *rows_ids(struct arena *arena, const struct batch_row *rows, size_t count); /* "{1,2,3}" */

/* invariants.c: before the rows are locked, and after they are written. */
bool invariants_lock(struct operation *operation, struct err *err) MUST_CHECK;
bool invariants_check(struct operation *operation, struct err *err) MUST_CHECK;
bool invariants_endpoints(struct operation *operation, struct err *err) MUST_CHECK; /* of enabled providers */

/* effects.c: after the commit. */
void effects_publish(struct operation *operation);
void effects_deleted(struct operation *operation);  /* providers that are gone */
void effects_restored(struct operation *operation); /* providers that are back */

#endif
