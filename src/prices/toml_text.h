/* Price objects as TOML. TOML has no null: such members, and such elements of arrays, are left out. */
#ifndef PRICES_TOML_TEXT_H
#define PRICES_TOML_TEXT_H

#include "base/jtext.h"

/* The table [models."name"] with the members of `data`, an object as PostgreSQL prints jsonb. */
void toml_put_model(struct arena *scratch, struct jtext_out *out, const char *name, struct jtext data);

#endif
