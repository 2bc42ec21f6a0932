/* What a model's price object must be like to be stored. */
#ifndef PRICES_RULES_H
#define PRICES_RULES_H

#include "prices/job.h"
#include "base/jtext.h"

/* Why it may not be stored, in the job's language; NULL when it may. Looks at: the kind, `mode`, repeated names and
 * names that JavaScript gives a meaning (__proto__, constructor, prototype) at every depth, numbers that PostgreSQL or
 * the hub could not hold, and prices: members at any depth (but not in `metadata`) whose name holds "cost_per_" or
 * "token_cost", or, below one of those, any number; and *_multiplier below long_context_pricing. A price is a number,
 * not negative, at most PRICE_MAX_PER_TOKEN for a token and 10,000 times that for anything else. Other members may be
 * anything and are kept as they are. */
const char *price_fault(const struct price_job *job, struct jtext data);

/* Is a member of this name a price? */
bool price_is_price_name(const char *name);

/* __proto__, constructor, prototype */
bool price_is_forbidden_name(const char *name);

#endif
