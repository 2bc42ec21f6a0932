/* Signed admin sessions in the hub's format (hub-contract section 2.1): a sign-in at one serves at the other. */
#ifndef AUTH_ADMIN_SESSION_H
#define AUTH_ADMIN_SESSION_H

#include "base/arena.h"

#define ADMIN_SESSION_PREFIX "cch_admin_session_v1"

/* `secret` is ADMIN_TOKEN. */
const char *admin_session_make(struct arena *arena, const char *secret, int64_t ttl_ms, int64_t now_ms);
bool admin_session_valid(struct arena *arena, const char *token, const char *secret, int64_t ttl_ms, int64_t now_ms,
                         int64_t *expires_ms) MUST_CHECK;

#endif
