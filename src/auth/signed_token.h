/* Tokens that carry what they say and a signature: `<prefix>.<payload>.<signature>`, base64url without padding, the
 * signature being HMAC-SHA256 over the text before it. This is the hub's form for admin sessions and ours for sessions
 * of keys.
 */
#ifndef AUTH_SIGNED_TOKEN_H
#define AUTH_SIGNED_TOKEN_H

#include "base/arena.h"

#include <jansson.h>

#define SIGNED_TOKEN_MAX 4096                /* bytes; longer ones are refused */
#define SIGNED_TOKEN_SKEW_MS (5 * 60 * 1000) /* how far in the future the issuer's clock may be */

struct signing_key {
    const void *bytes;
    size_t size;
};

/* Takes the reference to `payload`. */
const char *signed_token_make(struct arena *arena, const char *prefix, struct signing_key key, json_t *payload);

/* The payload, for the caller to decref; NULL when the token is not of this prefix, or its signature is not of this
 * key. */
json_t *signed_token_open(const char *token, const char *prefix, struct signing_key key) MUST_CHECK;

/* The members that both kinds have: {"v":1,"typ":...,"iat":ms,"exp":ms,"nonce":uuid}. */
json_t *signed_token_payload(const char *type, int64_t now_ms, int64_t ttl_ms);

/* Whether these members are there and the token is alive; it ends at exp, or `ttl_ms` after iat where that is sooner (a
 * shorter setting also shortens tokens that are out). */
bool signed_token_alive(const json_t *payload, const char *type, int64_t now_ms, int64_t ttl_ms,
                        int64_t *expires_ms) MUST_CHECK;

#define UUID_SIZE 37
void uuid_random(char out[UUID_SIZE]); /* version 4 */

#define FINGERPRINT_SIZE 72 /* "sha256:" and 64 digits */
void fingerprint_of(const char *text, char out[FINGERPRINT_SIZE]);

#endif
