#include "auth/ticket.h"

#include "base/text.h"

#define TICKET_LENGTH 32 /* characters of 36 kinds: 165 bits */

const char *ticket_make(struct token_set *tickets, struct arena *arena, int64_t now_ms)
{
    char *ticket = arena_alloc(arena, TICKET_LENGTH + 1);
    text_random(ticket, TICKET_LENGTH);
    token_set_add(tickets, ticket, now_ms, now_ms + TICKET_LIFE_MS);
    return ticket;
}

bool ticket_use(struct token_set *tickets, const char *ticket, int64_t now_ms)
{
    return ticket != NULL && token_set_take(tickets, ticket, now_ms);
}
