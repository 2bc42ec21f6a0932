/* Reading the audit log: a page of rows, newest first, or one row.
 */
#ifndef AUDIT_LIST_H
#define AUDIT_LIST_H

#include "app/app.h"

/* NULL or "": any. */
struct audit_filter {
    const char *cursor; /* of the page before */
    const char *category;
    const char *success;   /* "true", "false" */
    const char *from, *to; /* ISO 8601; from is included, to is not */
    const char *search;    /* in type, target, operator and address; case does not matter */
    int64_t limit;
};

/* JSON text in the arena, as the hub's /api/v1/audit-logs: {"items", "pageInfo": {"nextCursor", "hasMore", "limit"}}.
 * VALIDATION_FAILED for a filter that makes no sense, FEATURE_UNAVAILABLE where the table is missing. */
const char *audit_list(struct app *app, struct arena *arena, const struct audit_filter *filter,
                       const struct cancel *cancel, struct err *err) MUST_CHECK;

/* One row as JSON text; NOT_FOUND. */
const char *audit_get(struct app *app, struct arena *arena, int64_t id, const struct cancel *cancel,
                      struct err *err) MUST_CHECK;

#endif
