/* Rules of a provider: model_redirects [{matchType, source, target}] and allowed_models ["name" | {matchType, pattern}]
 * (hub-contract section 5.4).
 *
 * matchType is exact, prefix, suffix, contains or regex. A regular expression must compile (by PCRE2, in the
 * way nearest to the hub's JavaScript, into at most 64 KB) and may not nest unbounded repetition, which a backtracking
 * engine as the hub's runs for ever on.
 */
#ifndef BATCH_RULES_H
#define BATCH_RULES_H

#include "base/arena.h"
#include "batch/fields.h"

#include <jansson.h>

/* As value_check(); an empty list of allowed models is null. */
json_t *rules_check(const struct field *field, json_t *value, struct arena *arena, const char **problem) MUST_CHECK;

#endif
