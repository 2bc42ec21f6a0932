/* One model's price as a form sends it (hub-contract 4.7, "single upsert"), made into the object that is stored.
 */
#ifndef PRICES_SINGLE_H
#define PRICES_SINGLE_H

#include "prices/job.h"

struct price_single {
    const char *model; /* trimmed */
    const char *data;  /* JSON: every price with the digits that it came with */
};

/* `body`: a JSON object with modelName, mode and the members of the contract, nothing else. Members of extraFieldsJson
 * (an object, or a text that holds one) come after the others; prices in it may be texts. VALIDATION_FAILED,
 * MALFORMED_BODY, PRICE_..., with the hub's words. */
bool price_single_read(const struct price_job *job, const char *body, size_t size, struct price_single *single,
                       struct err *err) MUST_CHECK;

#endif
