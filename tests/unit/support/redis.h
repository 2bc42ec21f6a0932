/* A private Redis for one test program, on a free port of the loopback. It keeps nothing on disk and dies with the test
 * program.
 */
#ifndef UNIT_SUPPORT_REDIS_H
#define UNIT_SUPPORT_REDIS_H

#include "base/macros.h"

struct test_redis;

/* `password` NULL: none. NULL when it does not come up; the reason is on stderr. */
struct test_redis *test_redis_start(const char *password);
void test_redis_stop(struct test_redis *server); /* and removes its directory; NULL is ignored */
int test_redis_port(const struct test_redis *server);
void test_redis_kill(struct test_redis *server);   /* the port stays its own ... */
void test_redis_revive(struct test_redis *server); /* ... and there it comes back, empty, or fails the test */
void test_redis_pause(struct test_redis *server, bool pause); /* stopped by SIGSTOP: accepts, and never answers */

#endif
