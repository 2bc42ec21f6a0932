/* The login limit: 10 wrong tries from one address within 5 minutes lock it for 15 (as the hub does). The addresses of
 * an IPv6 network (/64) count as one.
 *
 * Every try is announced before the credential is looked at, so that many tries at once cannot slip through together:
 * tries of an address that could be its tenth wait for those under way. In this process only. At most 10,000 addresses
 * are remembered; beyond it the one seen longest ago is forgotten, a locked one only when all are locked. Thread-safe.
 */
#ifndef AUTH_LOGIN_LIMIT_H
#define AUTH_LOGIN_LIMIT_H

#include "base/macros.h"

#define LOGIN_LIMIT_TRIES 10
#define LOGIN_LIMIT_WINDOW_MS (300 * 1000)
#define LOGIN_LIMIT_LOCK_MS (900 * 1000)
#define LOGIN_LIMIT_ADDRESSES 10000

struct login_limit;

struct login_limit *login_limit_new(size_t addresses);
void login_limit_free(struct login_limit *limit); /* NULL is ignored */

/* Times are of the monotonic clock. False: locked, for `*wait_ms` more. After true one login_limit_end() must follow.
 */
bool login_limit_begin(struct login_limit *limit, const char *address, int64_t now_ms, int64_t *wait_ms) MUST_CHECK;

enum login_outcome {
    LOGIN_WRONG,
    LOGIN_RIGHT,   /* forgets the wrong tries before it */
    LOGIN_NEITHER, /* could not be told, or right but not enough: counts for nothing */
};
void login_limit_end(struct login_limit *limit, const char *address, int64_t now_ms, enum login_outcome outcome);

#endif
