#include "auth/signed_token.h"

#include "base/text.h"

#include <sodium.h>

#define BASE64_VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static void sign(const char *text, size_t length, struct signing_key key,
                 unsigned char out[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.bytes, key.size);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, length);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

static const char *encode(struct arena *arena, const void *bytes, size_t size)
{
    size_t room = sodium_base64_encoded_len(size, BASE64_VARIANT);
    return sodium_bin2base64(arena_alloc(arena, room), room, bytes, size, BASE64_VARIANT);
}

const char *signed_token_make(struct arena *arena, const char *prefix, struct signing_key key, json_t *payload)
{
    unsigned char signature[crypto_auth_hmacsha256_BYTES];
    char *text = json_dumps(payload, JSON_COMPACT);
    json_decref(payload);
    if (text == NULL)
        abort();
    const char *value = arena_printf(arena, "%s.%s", prefix, encode(arena, text, strlen(text)));
    free(text);
    sign(value, strlen(value), key, signature);
    return arena_printf(arena, "%s.%s", value, encode(arena, signature, sizeof signature));
}

json_t *signed_token_open(const char *token, const char *prefix, struct signing_key key)
{
    unsigned char expected[crypto_auth_hmacsha256_BYTES], signature[crypto_auth_hmacsha256_BYTES];
    char payload[SIGNED_TOKEN_MAX];
    size_t prefix_length = strlen(prefix), size;
    if (strnlen(token, SIGNED_TOKEN_MAX + 1) > SIGNED_TOKEN_MAX)
        return NULL;
    if (!text_starts(token, prefix) || token[prefix_length] != '.')
        return NULL;
    const char *start = token + prefix_length + 1;
    const char *dot = strchr(start, '.');
    if (dot == NULL)
        return NULL;

    /* Without an end pointer, sodium refuses text that has anything but base64 in it, a further dot included. */
    if (sodium_base642bin(signature, sizeof signature, dot + 1, strlen(dot + 1), NULL, &size, NULL, BASE64_VARIANT) != 0
        || size != sizeof signature)
        return NULL;
    sign(token, (size_t)(dot - token), key, expected);
    if (sodium_memcmp(signature, expected, sizeof expected) != 0)
        return NULL;
    if (sodium_base642bin((unsigned char *)payload, sizeof payload, start, (size_t)(dot - start), NULL, &size, NULL,
                          BASE64_VARIANT)
        != 0)
        return NULL;
    json_t *object = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

json_t *signed_token_payload(const char *type, int64_t now_ms, int64_t ttl_ms)
{
    char nonce[UUID_SIZE];
    uuid_random(nonce);
    json_t *payload = json_pack("{s:i, s:s, s:I, s:I, s:s}", "v", 1, "typ", type, "iat", (json_int_t)now_ms, "exp",
                                (json_int_t)(now_ms + ttl_ms), "nonce", nonce);
    if (payload == NULL)
        abort();
    return payload;
}

bool signed_token_alive(const json_t *payload, const char *type, int64_t now_ms, int64_t ttl_ms, int64_t *expires_ms)
{
    json_t *version = json_object_get(payload, "v"), *issued = json_object_get(payload, "iat");
    json_t *expires = json_object_get(payload, "exp");
    const char *found_type = json_string_value(json_object_get(payload, "typ"));
    const char *nonce = json_string_value(json_object_get(payload, "nonce"));
    if (!json_is_integer(version) || json_integer_value(version) != 1 || found_type == NULL
        || strcmp(found_type, type) != 0)
        return false;
    if (!json_is_integer(issued) || !json_is_integer(expires) || nonce == NULL || nonce[0] == '\0')
        return false;
    int64_t iat = json_integer_value(issued), exp = json_integer_value(expires);
    if (iat < 0 || exp <= iat || iat > now_ms + SIGNED_TOKEN_SKEW_MS)
        return false;
    *expires_ms = MIN(exp, iat + ttl_ms);
    return *expires_ms > now_ms;
}

void uuid_random(char out[UUID_SIZE])
{
    unsigned char bytes[16];
    char hex[33];
    randombytes_buf(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    text_hex(bytes, sizeof bytes, hex);
    snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void fingerprint_of(const char *text, char out[FINGERPRINT_SIZE])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[sizeof hash * 2 + 1];
    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    text_hex(hash, sizeof hash, hex);
    snprintf(out, FINGERPRINT_SIZE, "sha256:%s", hex);
}
