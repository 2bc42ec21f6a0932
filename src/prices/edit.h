/* Changing one model's price by hand: set, delete, pin to one of its providers, go back. Each change stands in the
 * history and in the audit log.
 */
#ifndef PRICES_EDIT_H
#define PRICES_EDIT_H

#include "prices/single.h"

/* The price that `single` describes becomes the model's only one, set by hand. PRICE_REFUSED says why it may not be
 * stored. */
bool price_set(const struct price_job *job, const struct price_single *single, struct err *err) MUST_CHECK;

/* No price is left, whoever made it. ERR_PRICE_NOT_FOUND. */
bool price_delete(const struct price_job *job, const char *model, struct err *err) MUST_CHECK;

/* The price that one of the providers in `pricing` of the model's synced price asks becomes the model's, set by hand.
 * When the synced price was replaced before, the history has it. ERR_PRICE_NO_CLOUD, ERR_PRICE_NO_PROVIDER. */
bool price_pin(const struct price_job *job, const char *model, const char *provider, struct err *err) MUST_CHECK;

/* As it was before one change (`id` of the history; 0: the newest), source included; the model goes when it was not
 * there. Going back is a change, too: doing it twice is doing nothing. */
bool price_revert(const struct price_job *job, const char *model, int64_t id, bool *gone, struct err *err) MUST_CHECK;

#endif
