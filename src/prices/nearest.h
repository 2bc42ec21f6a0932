/* Which names are written most like another one: for a model that has no price, because it is spelt otherwise in the
 * table or is a newer one of its family.
 */
#ifndef PRICES_NEAREST_H
#define PRICES_NEAREST_H

#include "base/arena.h"

#define NEAREST_MAX 3

struct nearest; /* the names to choose from, prepared once */

struct nearest *nearest_new(struct arena *arena, const char *const *names, size_t count);

/* At most NEAREST_MAX names, the most alike first, nothing that is not alike at all; returns how many. Case, separators
 * and a path before the name ("openai/gpt-5") count for little. */
size_t nearest_find(const struct nearest *nearest, const char *name, const char *found[NEAREST_MAX]);

#endif
