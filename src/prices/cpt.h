/* The hub's cloud table, CPT v1 (hub-contract section 4.4), as prices in the internal form. */
#ifndef PRICES_CPT_H
#define PRICES_CPT_H

#include "prices/table.h"

#define CPT_SCHEMA "cchp.pricing-table/v1"

/* Does the root say that it is such a table (of any version)? */
bool cpt_is(const struct price_job *job, struct jtext root);

/* Add its models, and rows for their aliases, to `table`, and what it says of itself. ERR_PRICE_TABLE_SCHEMA,
 * _NO_MODEL_LIST, _NO_PROVIDERS, _MODELS_EMPTY. Models without what they must have, or without a charge that can be
 * billed, are left out, as the hub does it. */
bool cpt_read(const struct price_job *job, struct jtext root, struct price_table *table, struct err *err) MUST_CHECK;

#endif
