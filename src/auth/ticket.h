/* One-use tickets, 60 s: for an export by cookie whose request says nothing about where it comes from. Thread-safe. */
#ifndef AUTH_TICKET_H
#define AUTH_TICKET_H

#include "auth/token_set.h"
#include "base/arena.h"

#define TICKET_LIFE_MS 60000
#define TICKETS_MAX 1000 /* more than that at a time: the oldest are dropped */

/* `tickets` is a token_set of its own; times are of the monotonic clock. */
const char *ticket_make(struct token_set *tickets, struct arena *arena, int64_t now_ms);
bool ticket_use(struct token_set *tickets, const char *ticket, int64_t now_ms) MUST_CHECK;

#endif
