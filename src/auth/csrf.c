/* The hub's CSRF token (hub-contract section 2.2): `<bucket>.<signature>`, where the bucket is half an hour and the
 * signature is HMAC-SHA256 over "<credential>:<user id>:<bucket>". */
#include "auth/internal.h"

#include "base/clock.h"
#include "base/text.h"

#include <sodium.h>

#define BUCKET_MS (30 * 60 * 1000)

static const char *token_of(const struct auth *auth, struct arena *arena, const char *credential, int64_t user_id,
                            int64_t bucket)
{
    unsigned char signature[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    size_t room = sodium_base64_encoded_len(sizeof signature, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    const char *text = arena_printf(arena, "%s:%lld:%lld", credential, (long long)user_id, (long long)bucket);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)auth->csrf_secret, strlen(auth->csrf_secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, signature);
    return arena_printf(arena, "%lld.%s", (long long)bucket,
                        sodium_bin2base64(arena_alloc(arena, room), room, signature, sizeof signature,
                                          sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

const char *auth_csrf_token(struct auth *auth, struct arena *arena, const char *credential,
                            const struct auth_user *user)
{
    return token_of(auth, arena, credential, user->user_id, clock_wall_ms() / BUCKET_MS);
}

bool auth_csrf_check(struct auth *auth, struct arena *arena, const char *credential, const struct auth_user *user,
                     const char *token)
{
    int64_t now = clock_wall_ms() / BUCKET_MS;
    for (int64_t bucket = now - 1; token != NULL && bucket <= now; bucket++) {
        const char *right = token_of(auth, arena, credential, user->user_id, bucket);
        if (strlen(right) == strlen(token) && sodium_memcmp(right, token, strlen(right)) == 0)
            return true;
    }
    return false;
}
