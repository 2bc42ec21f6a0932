/* Our own signed sessions of API keys, `hps1.<payload>.<signature>`, for when Redis is not there. They say whose key it
 * was; the key is validated again in the database on each use.
 */
#ifndef AUTH_OWN_SESSION_H
#define AUTH_OWN_SESSION_H

#include "auth/signed_token.h"

#define OWN_SESSION_PREFIX "hps1"

struct own_session {
    int64_t user_id;
    int64_t key_id;
    char fingerprint[FINGERPRINT_SIZE]; /* of the key's text */
    int64_t expires_ms;                 /* set by own_session_open() */
};

/* `secret` is ADMIN_TOKEN, or random when there is none; the signing key is derived from it. */
const char *own_session_make(struct arena *arena, const char *secret, const struct own_session *session, int64_t ttl_ms,
                             int64_t now_ms);
bool own_session_open(const char *token, const char *secret, int64_t ttl_ms, int64_t now_ms,
                      struct own_session *session) MUST_CHECK;

#endif
