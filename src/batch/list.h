/* Lists for choosing: users, keys and providers, a page at a time, with search, filters and sorting by tables of rows.
 * A key or secret is never in clear: its last 4 characters only; addresses without their password.
 */
#ifndef BATCH_LIST_H
#define BATCH_LIST_H

#include "batch/batch.h"

struct list_query {
    /* What the request says for a filter's name ("enabled", "group", "ids" as "1,2,3", ...), or NULL. */
    const char *(*value)(void *context, const char *name);
    void *context;
    int64_t offset, limit;
};

/* A JSON array of items as PostgreSQL wrote it, and how many there are in all. `sort` and filters by their names; one
 * that is not known to the kind is VALIDATION_FAILED. */
bool list_items(const struct batch_job *job, const struct kind *kind, const struct list_query *query,
                const char **items, int64_t *total, struct err *err) MUST_CHECK;

/* A cursor of this name on all items that fit, in the connection's transaction; its rows are one JSON object each. */
bool list_open(const struct batch_job *job, const struct kind *kind, const struct list_query *query,
               struct pg_conn *conn, const char *cursor, struct err *err) MUST_CHECK;

/* The ids only, in order: {"ids": [...], "total"}. At most `limit` of them. */
bool list_ids(const struct batch_job *job, const struct kind *kind, const struct list_query *query, const char **answer,
              struct err *err) MUST_CHECK;

/* One item; else kind_not_found(). */
bool list_one(const struct batch_job *job, const struct kind *kind, int64_t id, const char **item,
              struct err *err) MUST_CHECK;

#endif
