/* The providers' circuit breakers, as the hub keeps them in Redis (hub-contract sections 5.4 and 5.6): a hash for each;
 * one that is absent is closed.
 */
#ifndef BATCH_CIRCUITS_H
#define BATCH_CIRCUITS_H

#include "batch/batch.h"

/* {"items": [{"providerId", "state": "closed" | "open" | "half-open", "failureCount", "openUntil", "lastFailureAt",
 * "halfOpenSuccessCount"}]} of all providers, times as milliseconds or null. REDIS_UNAVAILABLE. */
json_t *circuits_list(const struct batch_job *job, struct err *err) MUST_CHECK;

/* Close them all by one pipeline. PROVIDER_NOT_FOUND (in result->missing) before anything is touched;
 * REDIS_UNAVAILABLE; CIRCUITS_NOT_RESET with the ids that failed in result->stale. Writes the audit row. */
bool circuits_reset(const struct batch_job *job, const struct batch_row *rows, size_t count,
                    struct batch_result *result, struct err *err) MUST_CHECK;

#endif
