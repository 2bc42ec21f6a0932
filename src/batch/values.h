/* A value for a field, checked and made into what is stored.
 */
#ifndef BATCH_VALUES_H
#define BATCH_VALUES_H

#include "base/arena.h"
#include "batch/fields.h"

#include <jansson.h>

/* What the column gets, as JSON: decimals are texts with all their digits, so that no double is in the way. NULL: the
 * value is not one for the field, and `*problem` says why (English, in the arena). */
json_t *value_check(const struct field *field, json_t *value, struct arena *arena, const char **problem) MUST_CHECK;

/* The same for text, as in a file's cell: "" is null where the field takes it, true/false, digits, lists, also of
 * allowed models, separated by commas or JSON, JSON for redirects and objects. */
json_t *value_parse(const struct field *field, const char *text, struct arena *arena, const char **problem) MUST_CHECK;

/* The value as people may see it: of an address that holds a secret neither password nor query. A new reference. */
json_t *value_shown(const struct field *field, json_t *value, struct arena *arena);

#endif
