#include "archive/seal.h"

#include "base/text.h"

#include <sodium.h>

#define WORDS "hubport-seal 1 sha256="
#define DIGEST_SIZE ((size_t)32)
#define TEXT_SIZE (sizeof WORDS - 1 + 2 * DIGEST_SIZE + 1)
#define SEAL_SIZE (1 + 5 + 5 + TEXT_SIZE + 5)
#define BLOCK_DATA 1

_Static_assert(SEAL_SIZE <= ARCHIVE_SEAL_MAX, "the seal fits");

static unsigned char *put_int(unsigned char *at, uint32_t value)
{
    *at++ = 0; /* not negative */
    for (int shift = 0; shift < 32; shift += 8)
        *at++ = (unsigned char)(value >> shift);
    return at;
}

/* One chunk as it is, in a compressed archive too: pg_restore decompresses only what it restores, and passes other
 * blocks by their chunks' lengths. */
size_t archive_seal(const unsigned char sha256[32], unsigned char seal[ARCHIVE_SEAL_MAX])
{
    char text[TEXT_SIZE + 1];
    memcpy(text, WORDS, sizeof WORDS - 1);
    text_hex(sha256, DIGEST_SIZE, text + sizeof WORDS - 1);
    text[TEXT_SIZE - 1] = '\n';
    unsigned char *at = seal;
    *at++ = BLOCK_DATA;
    at = put_int(at, ARCHIVE_SEAL_ID);
    at = put_int(at, TEXT_SIZE);
    memcpy(at, text, TEXT_SIZE);
    at = put_int(at + TEXT_SIZE, 0);
    return (size_t)(at - seal);
}

size_t seal_size(void)
{
    return SEAL_SIZE;
}

bool seal_parse(const unsigned char *bytes, unsigned char sha256[32])
{
    unsigned char again[ARCHIVE_SEAL_MAX];
    const char *hex = (const char *)bytes + 11 + sizeof WORDS - 1;
    size_t size;
    if (sodium_hex2bin(sha256, DIGEST_SIZE, hex, 2 * DIGEST_SIZE, NULL, &size, NULL) != 0 || size != DIGEST_SIZE)
        return false;
    /* Written anew it must be the same to the bit (capital letters in the digest are not). */
    return memcmp(bytes, again, archive_seal(sha256, again)) == 0;
}
