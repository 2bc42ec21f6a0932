/* Adding to lists and taking from them: {"add": [...]} and {"remove": [...]} of a patch, for tags, clients and groups.
 * What a row gets depends on what it has.
 */
#ifndef BATCH_LISTS_H
#define BATCH_LISTS_H

#include "base/arena.h"
#include "batch/fields.h"

#include <jansson.h>

bool list_field(const struct field *field); /* can it be added to? */

/* Of changes' values: {"add": value} or {"remove": value}, the value as value_check() makes it. */
bool list_is_change(const json_t *value);

/* The row's new value, a new reference; NULL with the problem when it is too long. */
json_t *list_change(const struct field *field, const json_t *change, json_t *current, struct arena *arena,
                    const char **problem) MUST_CHECK;

#endif
