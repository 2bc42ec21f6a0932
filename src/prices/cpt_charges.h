/* The charges of one pricing variant of a CPT table as the hub's price fields. */
#ifndef PRICES_CPT_CHARGES_H
#define PRICES_CPT_CHARGES_H

#include "prices/decimal.h"
#include "base/jtext.h"

/* Add the variant's fields to `out`, each as `"name":value,`. `currency` is the table's. True when one of them can be
 * billed by. */
bool cpt_put_charges(struct arena *arena, struct jtext variant, const char *currency, struct jtext_out *out);

#endif
