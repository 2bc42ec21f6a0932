/* What the parts of an operation share. Inside batch/ only. */
#ifndef BATCH_INTERNAL_H
#define BATCH_INTERNAL_H

#include "batch/batch.h"

/* An operation on its way: a connection in a transaction. */
struct operation {
    const struct batch_job *job;
    const struct batch_request *request;
    struct batch_result *result;
    struct pg_conn *conn;
    const char *ids; /* "{1,2,3}", ascending */
    json_t *columns; /* {column: SQL type} of those that change, in the field table's order */
};

bool changes_column(const struct operation *operation, const char *column);

/* invariants.c: before the rows are locked, and after they are written. */
bool invariants_lock(struct operation *operation, struct err *err) MUST_CHECK;
bool invariants_check(struct operation *operation, struct err *err) MUST_CHECK;

/* effects.c: after the commit. */
void effects_publish(struct operation *operation);

#endif
