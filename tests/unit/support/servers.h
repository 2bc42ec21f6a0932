/* Real servers for tests: a private PostgreSQL on a Unix socket, a private Redis on a free port of the loopback. Both
 * live in temporary directories, lose everything at the end, and die with the thread that started them. What goes wrong
 * ends the test program.
 */
#ifndef SUPPORT_SERVERS_H
#define SUPPORT_SERVERS_H

#include "base/macros.h"

struct test_postgres;
struct test_redis;

struct test_postgres *test_postgres_start(void);
void test_postgres_stop(struct test_postgres *postgres);                  /* NULL is ignored */
const char *test_postgres_conninfo(const struct test_postgres *postgres); /* superuser postgres, database postgres */
void test_postgres_run(struct test_postgres *postgres, const char *sql);  /* on a connection of its own */

struct test_redis *test_redis_start(const char *password); /* NULL: none */
void test_redis_stop(struct test_redis *redis);            /* NULL is ignored */
int test_redis_port(const struct test_redis *redis);
void test_redis_kill(struct test_redis *redis);              /* the port stays its own ... */
void test_redis_revive(struct test_redis *redis);            /* ... and there it comes back, empty */
void test_redis_pause(struct test_redis *redis, bool pause); /* stopped by SIGSTOP: accepts, and never answers */

#endif
