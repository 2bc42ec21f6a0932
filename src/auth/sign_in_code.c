#include "auth/sign_in_code.h"

#include <sodium.h>

void sign_in_code_set(struct sign_in_code *code, const char *text, int64_t now_ms)
{
    bool given = text != NULL && text[0] != '\0';
    crypto_hash_sha256(code->hash, (const unsigned char *)text, given ? strlen(text) : 0);
    code->expires_ms = now_ms + SIGN_IN_CODE_LIFE_MS;
    atomic_init(&code->usable, given);
}

bool sign_in_code_use(struct sign_in_code *code, const char *text, int64_t now_ms)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    return sodium_memcmp(hash, code->hash, sizeof hash) == 0 && now_ms < code->expires_ms
           && atomic_exchange(&code->usable, false);
}
