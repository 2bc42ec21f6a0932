#include "auth/admin_session.h"

#include "auth/signed_token.h"

#define TYPE "admin-session"

static struct signing_key key_of(struct arena *arena, const char *secret)
{
    const char *text = arena_printf(arena, "cch-admin-session-token-v1:%s", secret);
    return (struct signing_key){text, strlen(text)};
}

const char *admin_session_make(struct arena *arena, const char *secret, int64_t ttl_ms, int64_t now_ms)
{
    return signed_token_make(arena, ADMIN_SESSION_PREFIX, key_of(arena, secret),
                             signed_token_payload(TYPE, now_ms, ttl_ms));
}

bool admin_session_valid(struct arena *arena, const char *token, const char *secret, int64_t ttl_ms, int64_t now_ms,
                         int64_t *expires_ms)
{
    json_t *payload = signed_token_open(token, ADMIN_SESSION_PREFIX, key_of(arena, secret));
    bool valid = payload != NULL && signed_token_alive(payload, TYPE, now_ms, ttl_ms, expires_ms);
    json_decref(payload);
    return valid;
}
