/* A private PostgreSQL for one test program: a temporary directory, a Unix socket only, no fsync. Runs as `postgres`
 * when we are root. It dies with the test program. Tests use a database each, so that none sees what another left.
 */
#ifndef UNIT_SUPPORT_POSTGRES_H
#define UNIT_SUPPORT_POSTGRES_H

#include "base/arena.h"

struct test_postgres;

struct test_postgres *test_postgres_start(void);       /* NULL when it does not come up; the reason is on stderr */
void test_postgres_stop(struct test_postgres *server); /* stops it and removes its directory; NULL is ignored */

/* A libpq connection string. `user` NULL is the superuser; any other role must exist, no password is asked. */
const char *test_postgres_dsn(const struct test_postgres *server, struct arena *arena, const char *database,
                              const char *user);

/* Any number of statements, as the superuser, on a connection of their own; one that fails, fails the test. */
void test_postgres_run(const struct test_postgres *server, const char *database, const char *sql);

#endif
