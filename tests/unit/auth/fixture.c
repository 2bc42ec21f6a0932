#include "auth/fixture.h"

#include "base/log.h"
#include "support/postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct test_postgres *postgres;
struct test_redis *redis_server;
struct arena *arena;
struct pg_pool *pool, *dead_pool;
struct redis *redis, *no_redis;
struct auth *auth;

/* The hub's columns that signing in looks at, with the hub's types and defaults, and some that it does not. */
static const char schema[] =
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
    "CREATE TABLE users (id serial PRIMARY KEY, name varchar NOT NULL, description text, role varchar DEFAULT 'user',"
    " rpm_limit int4, deleted_at timestamptz, is_enabled bool NOT NULL DEFAULT true, expires_at timestamptz);"
    "CREATE TABLE keys (id serial PRIMARY KEY, user_id int4 NOT NULL, key varchar NOT NULL, name varchar NOT NULL,"
    " is_enabled bool DEFAULT true, expires_at timestamptz, deleted_at timestamptz, can_login_web_ui bool DEFAULT "
    "false);"
    "CREATE INDEX idx_keys_key ON keys (key);"
    "INSERT INTO users (id, name, role, description) VALUES (1, '管理员', 'admin', 'runs it'), (2, 'somebody', 'user', "
    "NULL),"
    " (3, 'no role', NULL, NULL), (4, 'another admin', 'admin', NULL);"
    "INSERT INTO keys (id, user_id, key, name, can_login_web_ui) VALUES (11, 1, 'sk-admin', 'laptop', true),"
    " (12, 1, 'sk-admin-api', 'api only', false), (21, 2, 'sk-user', 'phone', true), (31, 3, 'sk-no-role', 'x', true),"
    " (41, 4, 'sk-other-admin', 'desk', true), (51, 99, 'sk-orphan', 'gone user', true);";

int start_servers(void **state)
{
    (void)state;
    log_set_level(LOG_OFF);
    postgres = test_postgres_start();
    redis_server = test_redis_start(NULL);
    return postgres == NULL || redis_server == NULL ? -1 : 0;
}

int stop_servers(void **state)
{
    (void)state;
    test_redis_stop(redis_server);
    test_postgres_stop(postgres);
    return 0;
}

void run_sql(const char *sql)
{
    test_postgres_run(postgres, "postgres", sql);
}

void fill_database(void)
{
    run_sql(schema);
}

struct auth *new_auth(const char *admin_token, struct pg_pool *database, struct redis *sessions)
{
    const struct auth_options options = {.admin_token = admin_token,
                                         .session_ttl_ms = SESSION_LIFE,
                                         .sign_in_code = CODE,
                                         .pool = database,
                                         .redis = sessions};
    return auth_new(&options);
}

int open_auth(void **state)
{
    struct err err;
    char url[64];
    (void)state;
    fill_database();
    arena = arena_new();
    snprintf(url, sizeof url, "redis://127.0.0.1:%d/1", test_redis_port(redis_server));
    redis = redis_new(url, &err);
    no_redis = redis_new(NULL, &err);
    pool = pg_pool_new(test_postgres_dsn(postgres, arena, "postgres", NULL), "auth test", 4);
    dead_pool = pg_pool_new("host=/nonexistent", "auth test", 4);
    auth = new_auth(ADMIN_TOKEN, pool, redis);
    return 0;
}

int close_auth(void **state)
{
    (void)state;
    auth_free(auth);
    pg_pool_free(pool);
    pg_pool_free(dead_pool);
    redis_free(redis);
    redis_free(no_redis);
    arena_free(arena);
    return 0;
}

const char *login_to(struct auth *to, const char *key, struct auth_user **user)
{
    struct err err = ERR_NONE_YET;
    const char *token = NULL;
    struct auth_user *found = auth_login(to, arena, key, "10.0.0.1", NULL, &token, &err);
    if (found == NULL)
        fail_msg("%s", err.words);
    assert_non_null(token);
    if (user != NULL)
        *user = found;
    return token;
}

void login_fails(struct auth *to, const char *key, const char *address, enum err_code code)
{
    struct err err = ERR_NONE_YET;
    const char *token = NULL;
    assert_null(auth_login(to, arena, key, address, NULL, &token, &err));
    if (err.code != code)
        fail_msg("%s instead of %s: %s", err_name(err.code), err_name(code), err.words);
    assert_null(token);
    if (key != NULL && key[0] != '\0')
        assert_null(strstr(err.words, key));
}

struct auth_user *check(struct auth *by, const char *credential)
{
    struct err err = ERR_NONE_YET;
    struct auth_user *user = auth_check(by, arena, credential, NULL, &err);
    if (user == NULL)
        fail_msg("%s", err.words);
    return user;
}

void check_fails(struct auth *by, const char *credential, enum err_code code)
{
    struct err err = ERR_NONE_YET;
    assert_null(auth_check(by, arena, credential, NULL, &err));
    if (err.code != code)
        fail_msg("%s instead of %s: %s", err_name(err.code), err_name(code), err.words);
}

void is_virtual_admin(const struct auth_user *user)
{
    assert_int_equal(user->user_id, -1);
    assert_string_equal(user->user_name, "Admin Token");
    assert_string_equal(user->role, "admin");
    assert_int_equal(user->key_id, -1);
    assert_string_equal(user->key_name, "ADMIN_TOKEN");
    assert_true(user->admin);
}

void is_key_eleven(const struct auth_user *user)
{
    assert_int_equal(user->user_id, 1);
    assert_string_equal(user->user_name, "管理员");
    assert_string_equal(user->role, "admin");
    assert_string_equal(user->description, "runs it");
    assert_int_equal(user->key_id, 11);
    assert_string_equal(user->key_name, "laptop");
    assert_true(user->admin);
}
