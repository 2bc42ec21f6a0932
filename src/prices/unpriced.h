/* Models that are used and cost nothing: seen in the request log of the last days, with no price in force, or one of 0.
 */
#ifndef PRICES_UNPRICED_H
#define PRICES_UNPRICED_H

#include "prices/job.h"

#include <jansson.h>

#define UNPRICED_MAX 200 /* models listed, those with most requests first */

/* {days, items: [{model, requests, lastSeenAt, reason: "missing" | "zero", nearest: [names]}], total}. Asks the log by
 * its indexes, at most 5 s: ERR_PRICE_QUERY_SLOW. A name that another price has among its aliases is priced. */
bool price_unpriced(const struct price_job *job, int64_t days, json_t **answer, struct err *err) MUST_CHECK;

#endif
