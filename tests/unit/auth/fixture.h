/* What the tests of signing in share: a private PostgreSQL with the hub's tables, a private Redis, and short ways to
 * sign in and to ask who somebody is.
 */
#ifndef UNIT_AUTH_FIXTURE_H
#define UNIT_AUTH_FIXTURE_H

#include "auth/auth.h"
#include "support/redis.h"

#define ADMIN_TOKEN "an admin token of the tests"
#define CODE "one-use-code"
#define SESSION_LIFE ((int64_t)604800000) /* ms */

/* For cmocka. */
int start_servers(void **state);
int stop_servers(void **state);
int open_auth(void **state); /* with the tables as fill_database() leaves them */
int close_auth(void **state);

extern struct test_redis *redis_server; /* of the program */

/* Of one test. */
extern struct arena *arena;
extern struct pg_pool *pool, *dead_pool; /* connections of `pool` are named "auth test"; `dead_pool` leads nowhere */
extern struct redis *redis, *no_redis;   /* `no_redis` is not configured */
extern struct auth *auth;                /* ADMIN_TOKEN, CODE, pool, redis */

struct auth *new_auth(const char *admin_token, struct pg_pool *database, struct redis *sessions);

void run_sql(const char *sql);

/* (Re-)makes users and keys. Administrators: user 1 with the keys 11 'sk-admin' and 12 'sk-admin-api' (may not sign
 * in), 4 with 41 'sk-other-admin'. Others: 2 with 21 'sk-user', 3 with 31 'sk-no-role', nobody with 51 'sk-orphan'. */
void fill_database(void);

/* They fail the test when it goes otherwise. Strings live in `arena`. `user` may be NULL. */
const char *login_to(struct auth *to, const char *key, struct auth_user **user); /* the session's token */
void login_fails(struct auth *to, const char *key, const char *address, enum err_code code);
struct auth_user *check(struct auth *by, const char *credential);
void check_fails(struct auth *by, const char *credential, enum err_code code);
void is_virtual_admin(const struct auth_user *user); /* who has ADMIN_TOKEN */
void is_key_eleven(const struct auth_user *user);

#endif
