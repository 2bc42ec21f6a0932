/* The one-use code that is printed at start, in the address's fragment. Thread-safe. */
#ifndef AUTH_SIGN_IN_CODE_H
#define AUTH_SIGN_IN_CODE_H

#include "base/macros.h"

#include <stdatomic.h>

#define SIGN_IN_CODE_LIFE_MS ((int64_t)12 * 3600 * 1000)

struct sign_in_code {
    unsigned char hash[32];
    int64_t expires_ms;
    atomic_bool usable;
};

/* `code` NULL or "": none. Times are of the monotonic clock. */
void sign_in_code_set(struct sign_in_code *code, const char *text, int64_t now_ms);
/* Whether it is the code and nobody used it before: of several threads one gets true. */
bool sign_in_code_use(struct sign_in_code *code, const char *text, int64_t now_ms) MUST_CHECK;

#endif
