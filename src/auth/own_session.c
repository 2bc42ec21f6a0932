#include "auth/own_session.h"

#include <sodium.h>

#define TYPE "key-session"

/* Derived, so that no signature made for one purpose can pass for the other. */
static void derive_key(const char *secret, unsigned char out[crypto_auth_hmacsha256_BYTES])
{
    static const char purpose[] = "hubport key session v1";
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, sizeof purpose - 1);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

const char *own_session_make(struct arena *arena, const char *secret, const struct own_session *session, int64_t ttl_ms,
                             int64_t now_ms)
{
    unsigned char key[crypto_auth_hmacsha256_BYTES];
    json_t *payload = signed_token_payload(TYPE, now_ms, ttl_ms);
    if (json_object_set_new(payload, "uid", json_integer(session->user_id)) != 0
        || json_object_set_new(payload, "kid", json_integer(session->key_id)) != 0
        || json_object_set_new(payload, "keyFingerprint", json_string(session->fingerprint)) != 0)
        abort();
    derive_key(secret, key);
    const char *token = signed_token_make(arena, OWN_SESSION_PREFIX, (struct signing_key){key, sizeof key}, payload);
    sodium_memzero(key, sizeof key);
    return token;
}

bool own_session_open(const char *token, const char *secret, int64_t ttl_ms, int64_t now_ms,
                      struct own_session *session)
{
    unsigned char key[crypto_auth_hmacsha256_BYTES];
    derive_key(secret, key);
    json_t *payload = signed_token_open(token, OWN_SESSION_PREFIX, (struct signing_key){key, sizeof key});
    sodium_memzero(key, sizeof key);
    const char *fingerprint = json_string_value(json_object_get(payload, "keyFingerprint"));
    json_t *user = json_object_get(payload, "uid"), *key_id = json_object_get(payload, "kid");
    bool valid = payload != NULL && signed_token_alive(payload, TYPE, now_ms, ttl_ms, &session->expires_ms)
                 && json_is_integer(user) && json_is_integer(key_id) && fingerprint != NULL;
    if (valid) {
        session->user_id = json_integer_value(user);
        session->key_id = json_integer_value(key_id);
        snprintf(session->fingerprint, sizeof session->fingerprint, "%s", fingerprint);
    }
    json_decref(payload);
    return valid;
}
