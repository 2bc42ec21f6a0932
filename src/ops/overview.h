/* Overview: what an administrator should look at first, and how much the hub was used.
 */
#ifndef OPS_OVERVIEW_H
#define OPS_OVERVIEW_H

#include "app/app.h"

#include <jansson.h>

#define OVERVIEW_DAYS_MAX 90

/* {"attention": [{"kind", "level": "info" | "warning" | "error", "text", "count"}], "backup": {"lastAt", "fileName",
 * "bytes", "userName"} or null, "counts": {"users", "keys", "providers", "models"}, "usage": {"days": [{"date",
 * "requests", "failures", "costUsd"}]} or null}.
 *
 * `days`: how many calendar days of `time_zone` (a name that PostgreSQL knows; VALIDATION_FAILED otherwise), today
 * included, each present. `kind` is a health check's name, "backup", "priceSync", "unpriced" or "circuits". costUsd is an exact decimal. What cannot be known is null; the health checks that are not
 * well are in `attention`. Reading the ledger ends after 5 s: usage is null then. */
json_t *overview_make(struct app *app, struct arena *arena, enum lang lang, int days, const char *time_zone,
                      const struct cancel *cancel, struct err *err) MUST_CHECK;

#endif
