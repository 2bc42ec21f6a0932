#include "base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* These fail only without memory. */
static void must(bool done)
{
    if (!done)
        abort();
}

void sha256_open(struct sha256 *sha)
{
    must(OSSL_LIB_CTX_get0_global_default() != NULL); /* OpenSSL 3.0 crashes when its own beginning found no memory */
    sha->context = EVP_MD_CTX_new();
    must(sha->context != NULL && EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) == 1);
}

void sha256_close(struct sha256 *sha)
{
    EVP_MD_CTX_free(sha->context);
    sha->context = NULL;
}

void sha256_restart(struct sha256 *sha)
{
    must(EVP_DigestInit_ex(sha->context, NULL, NULL) == 1);
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t size)
{
    must(EVP_DigestUpdate(sha->context, bytes, size) == 1);
}

void sha256_now(const struct sha256 *sha, unsigned char digest[SHA256_SIZE])
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    must(copy != NULL && EVP_MD_CTX_copy_ex(copy, sha->context) == 1 && EVP_DigestFinal_ex(copy, digest, NULL) == 1);
    EVP_MD_CTX_free(copy);
}
