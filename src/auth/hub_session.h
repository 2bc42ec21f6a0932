/* The hub's sessions in Redis: `sid_<uuid>`, JSON under `cch:session:<sid>` (hub-contract section 2.1). Those that we
 * make are good at the hub, and the other way round.
 */
#ifndef AUTH_HUB_SESSION_H
#define AUTH_HUB_SESSION_H

#include "auth/signed_token.h"
#include "base/err.h"
#include "net/redis.h"

#define HUB_SESSION_PREFIX "sid_"

struct hub_session {
    int64_t user_id;                    /* -1: ADMIN_TOKEN */
    const char *role;                   /* for making only: what a session says about rights is not believed */
    char fingerprint[FINGERPRINT_SIZE]; /* of the key's text, or of ADMIN_TOKEN */
    bool admin_token;                   /* credentialType "admin-token" */
};

/* Make a session of an API key; the token lives in the arena. ERR_REDIS_UNAVAILABLE. */
const char *hub_session_make(struct redis *redis, struct arena *arena, const struct hub_session *session,
                             int64_t ttl_ms, int64_t now_ms, struct err *err) MUST_CHECK;

/* ERR_UNAUTHENTICATED when there is no living session of this name, ERR_REDIS_UNAVAILABLE when that cannot be known. */
bool hub_session_find(struct redis *redis, struct arena *arena, const char *token, int64_t now_ms,
                      struct hub_session *session, struct err *err) MUST_CHECK;

bool hub_session_end(struct redis *redis, struct arena *arena, const char *token, struct err *err) MUST_CHECK;

#endif
