/* A bounded set of tokens with an end each: tickets that are out, sessions that were ended. Holds hashes, not the
 * tokens. When it is full, the one that ends soonest makes room. Thread-safe.
 */
#ifndef AUTH_TOKEN_SET_H
#define AUTH_TOKEN_SET_H

#include "base/macros.h"

struct token_set;

struct token_set *token_set_new(size_t capacity);
void token_set_free(struct token_set *set); /* NULL is ignored */

/* Times are of any one clock, in milliseconds, the same for all calls on a set. */
void token_set_add(struct token_set *set, const char *token, int64_t now_ms, int64_t expires_ms);
bool token_set_has(struct token_set *set, const char *token, int64_t now_ms);
/* Whether it was in, and out it is: of several threads one gets true. */
bool token_set_take(struct token_set *set, const char *token, int64_t now_ms) MUST_CHECK;

#endif
