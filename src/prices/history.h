/* What became of one model's price: each change with when, who, by which operation, before and after.
 */
#ifndef PRICES_HISTORY_H
#define PRICES_HISTORY_H

#include "prices/job.h"

/* Newest first: a JSON array of {id, changedAt, userId, userName, action, batch, sourceBefore, sourceAfter, before,
 * after}; before and after are price objects, null where there was, or is, no price. `total` without the limit. */
bool price_history(const struct price_job *job, const char *model, int64_t offset, int64_t limit, const char **items,
                   int64_t *total, struct err *err) MUST_CHECK;

/* The price before one change (`id` 0: the newest), for going back to it. `data` NULL: there was none.
 * ERR_PRICE_NO_HISTORY when the model has no such change. */
bool price_history_before(const struct price_job *job, const char *model, int64_t id, const char **source,
                          const char **data, struct err *err) MUST_CHECK;

#endif
