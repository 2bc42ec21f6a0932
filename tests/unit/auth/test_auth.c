/* Signing in against a real PostgreSQL and a real Redis. */
#include "auth/auth.h"

#include "auth/admin_session.h"
#include "auth/own_session.h"
#include "base/clock.h"
#include "base/log.h"
#include "support/servers.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>
#include <cmocka.h>

#define ADMIN_TOKEN "an admin token of the tests"
#define CODE "one-use-code"
#define WEEK ((int64_t)604800000)

static struct test_postgres *postgres;
static struct test_redis *redis_server;
static struct arena *arena;
static struct pg_pool *pool, *dead_pool;
static struct redis *redis, *no_redis;
static struct auth *auth;

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

static int start_servers(void **state)
{
    (void)state;
    log_set_level(LOG_OFF);
    postgres = test_postgres_start();
    redis_server = test_redis_start(NULL);
    return 0;
}

static int stop_servers(void **state)
{
    (void)state;
    test_redis_stop(redis_server);
    test_postgres_stop(postgres);
    return 0;
}

static struct auth *new_auth(const char *admin_token, struct pg_pool *database, struct redis *sessions)
{
    const struct auth_options options = {
        .admin_token = admin_token, .session_ttl_ms = WEEK, .sign_in_code = CODE, .pool = database, .redis = sessions};
    return auth_new(&options);
}

static int make(void **state)
{
    struct err err;
    char url[64];
    (void)state;
    test_postgres_run(postgres, schema);
    arena = arena_new();
    snprintf(url, sizeof url, "redis://127.0.0.1:%d/1", test_redis_port(redis_server));
    redis = redis_new(url, &err);
    no_redis = redis_new(NULL, &err);
    pool = pg_pool_new(test_postgres_conninfo(postgres), "auth test", 4);
    dead_pool = pg_pool_new("host=/nonexistent", "auth test", 4);
    auth = new_auth(ADMIN_TOKEN, pool, redis);
    return 0;
}

static int unmake(void **state)
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

static const char *login_to(struct auth *to, const char *key, struct auth_user **user)
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

static void login_fails(struct auth *to, const char *key, const char *address, enum err_code code)
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

static struct auth_user *check(struct auth *by, const char *credential)
{
    struct err err = ERR_NONE_YET;
    struct auth_user *user = auth_check(by, arena, credential, NULL, &err);
    if (user == NULL)
        fail_msg("%s", err.words);
    return user;
}

static void check_fails(struct auth *by, const char *credential, enum err_code code)
{
    struct err err = ERR_NONE_YET;
    assert_null(auth_check(by, arena, credential, NULL, &err));
    if (err.code != code)
        fail_msg("%s instead of %s: %s", err_name(err.code), err_name(code), err.words);
}

static void is_virtual_admin(const struct auth_user *user)
{
    assert_int_equal(user->user_id, -1);
    assert_string_equal(user->user_name, "Admin Token");
    assert_string_equal(user->role, "admin");
    assert_int_equal(user->key_id, -1);
    assert_string_equal(user->key_name, "ADMIN_TOKEN");
    assert_true(user->admin);
}

/* ---- ADMIN_TOKEN -------------------------------------------------------------------------------------------- */

static void the_admin_token_works_while_database_and_redis_are_down(void **state)
{
    struct auth_user *user;
    (void)state;
    struct auth *alone = new_auth(ADMIN_TOKEN, dead_pool, no_redis);
    is_virtual_admin(check(alone, ADMIN_TOKEN));
    const char *token = login_to(alone, ADMIN_TOKEN, &user);
    is_virtual_admin(user);
    assert_true(strncmp(token, "cch_admin_session_v1.", 21) == 0);
    is_virtual_admin(check(alone, token));
    auth_free(alone);
}

static void an_admin_session_of_the_hub_is_taken_and_one_of_another_token_is_not(void **state)
{
    (void)state;
    is_virtual_admin(check(auth, admin_session_make(arena, ADMIN_TOKEN, WEEK, clock_wall_ms())));
    check_fails(auth, admin_session_make(arena, "another token", WEEK, clock_wall_ms()), ERR_UNAUTHENTICATED);
    check_fails(auth, admin_session_make(arena, ADMIN_TOKEN, WEEK, clock_wall_ms() - WEEK - 1), ERR_UNAUTHENTICATED);
}

static void wrong_credentials_are_nobody(void **state)
{
    static const char *const wrong[] = {
        NULL,
        "",
        " ",
        "x",
        ADMIN_TOKEN " ",
        "an admin token of the test",
        "sk-admin",
        CODE,
        "sid_",
        "sid_../x",
        "sid_00000000-0000-4000-8000-000000000000",
        "cch_admin_session_v1",
        "cch_admin_session_v1.",
        "hps1.",
        "hps1.a.b",
        "Bearer " ADMIN_TOKEN,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        check_fails(auth, wrong[i], ERR_UNAUTHENTICATED);
}

static void no_admin_token_means_none_is_right(void **state)
{
    static const char *const unset[] = {NULL, "", "change-me"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unset); i++) {
        struct auth *none = new_auth(unset[i], pool, no_redis);
        check_fails(none, "", ERR_UNAUTHENTICATED);
        check_fails(none, "change-me", ERR_UNAUTHENTICATED);
        login_fails(none, "change-me", "10.0.0.1", ERR_KEY_INVALID);
        check_fails(none, admin_session_make(arena, "", WEEK, clock_wall_ms()), ERR_UNAUTHENTICATED);
        check_fails(none, admin_session_make(arena, "change-me", WEEK, clock_wall_ms()), ERR_UNAUTHENTICATED);
        /* Its own sessions work, until the process ends. */
        const char *token = login_to(none, "sk-admin", NULL);
        assert_int_equal(check(none, token)->user_id, 1);
        struct auth *restarted = new_auth(unset[i], pool, no_redis);
        check_fails(restarted, token, ERR_UNAUTHENTICATED);
        is_virtual_admin(check(none, login_to(none, CODE, NULL)));
        auth_free(restarted);
        auth_free(none);
    }
}

static void nothing_to_sign_in_with_is_told_apart(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        login_fails(auth, "", "10.9.9.9", ERR_KEY_REQUIRED);
        login_fails(auth, NULL, "10.9.9.9", ERR_KEY_REQUIRED);
    }
}

/* ---- The one-use code --------------------------------------------------------------------------------------- */

static void the_code_gives_one_admin_session(void **state)
{
    struct auth_user *user;
    (void)state;
    const char *token = login_to(auth, CODE, &user);
    is_virtual_admin(user);
    is_virtual_admin(check(auth, token));
    login_fails(auth, CODE, "10.0.0.1", ERR_KEY_INVALID);
}

static _Atomic int winners;

static void *use_code(void *barrier)
{
    struct err err;
    struct arena *own = arena_new();
    const char *token;
    pthread_barrier_wait(barrier);
    if (auth_login(auth, own, CODE, "10.0.0.1", NULL, &token, &err) != NULL)
        winners++;
    arena_free(own);
    return NULL;
}

static void of_two_threads_one_signs_in_with_the_code(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        pthread_t threads[2];
        pthread_barrier_t barrier;
        auth_free(auth);
        auth = new_auth(ADMIN_TOKEN, pool, redis);
        winners = 0;
        pthread_barrier_init(&barrier, NULL, ARRAY_LEN(threads));
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            pthread_create(&threads[i], NULL, use_code, &barrier);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&barrier);
        assert_int_equal(winners, 1);
    }
}

/* ---- Keys --------------------------------------------------------------------------------------------------- */

static void is_key_eleven(const struct auth_user *user)
{
    assert_int_equal(user->user_id, 1);
    assert_string_equal(user->user_name, "管理员");
    assert_string_equal(user->role, "admin");
    assert_string_equal(user->description, "runs it");
    assert_int_equal(user->key_id, 11);
    assert_string_equal(user->key_name, "laptop");
    assert_true(user->admin);
}

static void an_admins_key_gives_a_session_that_the_hub_reads(void **state)
{
    struct auth_user *user;
    struct redis_reply reply;
    struct err err = ERR_NONE_YET;
    (void)state;
    const char *token = login_to(auth, "sk-admin", &user);
    is_key_eleven(user);
    assert_true(strncmp(token, "sid_", 4) == 0);
    assert_int_equal(strlen(token), 4 + 36);
    is_key_eleven(check(auth, token));

    const char *key = arena_printf(arena, "cch:session:%s", token);
    assert_true(REDIS_CALL(redis, arena, &reply, &err, "GET", key));
    json_t *session = json_loads(reply.text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(session, "sessionId")), token);
    /* printf sk-admin | sha256sum */
    assert_string_equal(json_string_value(json_object_get(session, "keyFingerprint")),
                        "sha256:46db358cf47822ef17fa2cea371f2dd33512fb20ae94b092a5efb955d515b410");
    assert_string_equal(json_string_value(json_object_get(session, "credentialType")), "session");
    assert_int_equal(json_integer_value(json_object_get(session, "userId")), 1);
    assert_string_equal(json_string_value(json_object_get(session, "userRole")), "admin");
    int64_t created = json_integer_value(json_object_get(session, "createdAt"));
    assert_in_range(clock_wall_ms() - created, 0, 60000);
    assert_int_equal(json_integer_value(json_object_get(session, "expiresAt")), created + WEEK);
    json_decref(session);
    assert_true(REDIS_CALL(redis, arena, &reply, &err, "TTL", key));
    assert_in_range(reply.number, 604700, 604800);
}

static void who_is_no_admin_or_may_not_sign_in_is_forbidden_and_not_counted(void **state)
{
    static const char *const keys[] = {"sk-user", "sk-no-role", "sk-admin-api"};
    (void)state;
    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            login_fails(auth, keys[i], "10.0.0.2", ERR_FORBIDDEN);
}

static void a_key_that_is_not_alive_is_invalid(void **state)
{
    static const char *const ends[] = {
        "UPDATE keys SET deleted_at = now() WHERE id = 11",
        "UPDATE keys SET is_enabled = false WHERE id = 11",
        "UPDATE keys SET is_enabled = NULL WHERE id = 11",
        "UPDATE keys SET expires_at = now() - interval '1 s' WHERE id = 11",
        "DELETE FROM keys WHERE id = 11",
        "UPDATE keys SET key = 'sk-renewed' WHERE id = 11",
        "UPDATE users SET deleted_at = now() WHERE id = 1",
        "UPDATE users SET is_enabled = false WHERE id = 1",
        "UPDATE users SET expires_at = now() - interval '1 s' WHERE id = 1",
        "DELETE FROM users WHERE id = 1",
    };
    (void)state;
    struct auth *without_redis = new_auth(ADMIN_TOKEN, pool, no_redis);
    login_fails(auth, "sk-orphan", "10.0.0.3", ERR_KEY_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char address[16];
        snprintf(address, sizeof address, "10.1.0.%zu", i);
        test_postgres_run(postgres, schema);
        const char *in_redis = login_to(auth, "sk-admin", NULL), *own = login_to(without_redis, "sk-admin", NULL);
        is_key_eleven(check(auth, in_redis));
        is_key_eleven(check(auth, own));
        test_postgres_run(postgres, ends[i]);
        login_fails(auth, "sk-admin", address, ERR_KEY_INVALID);
        /* Its sessions end with it, at the next use. */
        check_fails(auth, in_redis, ERR_UNAUTHENTICATED);
        check_fails(auth, own, ERR_UNAUTHENTICATED);
    }
    auth_free(without_redis);
}

static void a_key_that_expires_later_is_alive(void **state)
{
    (void)state;
    test_postgres_run(postgres,
                      "UPDATE keys SET expires_at = now() + interval '1 h'; UPDATE users SET expires_at = now() + "
                      "interval '1 h'");
    is_key_eleven(check(auth, login_to(auth, "sk-admin", NULL)));
}

static void a_session_loses_rights_with_its_user(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    test_postgres_run(postgres, "UPDATE users SET role = 'user' WHERE id = 1");
    assert_false(check(auth, token)->admin);
    test_postgres_run(postgres, "UPDATE keys SET can_login_web_ui = false WHERE id = 11");
    check_fails(auth, token, ERR_UNAUTHENTICATED);
}

static void of_several_rows_with_the_same_key_any_good_one_counts(void **state)
{
    struct auth_user *user;
    (void)state;
    test_postgres_run(postgres,
                      "UPDATE keys SET is_enabled = false WHERE id = 11;"
                      "INSERT INTO keys (id, user_id, key, name, can_login_web_ui) VALUES"
                      " (5, 2, 'sk-admin', 'a stranger with the same key', true), (61, 4, 'sk-admin', 'good', true)");
    const char *token = login_to(auth, "sk-admin", &user);
    assert_int_equal(user->key_id, 61);
    assert_int_equal(check(auth, token)->key_id, 61);
}

static void characters_that_mean_something_to_sql_are_harmless(void **state)
{
    static const char *const keys[] = {
        "' OR '1'='1",
        "'; DROP TABLE keys; --",
        "\\'; SELECT 1; --",
        "$1",
        "%",
        "sk-admi_",
        "sk-admin' --",
        "\"keys\"",
        "sk-admin\n",
        "E'\\x41'",
        "\\0",
        "\xff\xfe",
        "管理员",
    };
    char address[16], *endless = arena_alloc(arena, 1 * MIB + 1);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        snprintf(address, sizeof address, "10.2.0.%zu", i);
        login_fails(auth, keys[i], address, ERR_KEY_INVALID);
    }
    memset(endless, 'k', MIB);
    login_fails(auth, endless, "10.2.1.0", ERR_KEY_INVALID);
    test_postgres_run(
        postgres,
        "INSERT INTO keys (user_id, key, name, can_login_web_ui) VALUES (1, $$it's; \"quoted\" --$$, 'q', true)");
    login_to(auth, "it's; \"quoted\" --", NULL);
    login_to(auth, "sk-admin", NULL);
}

static void on_a_fresh_database_the_admin_token_works_and_no_key_does(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    test_postgres_run(postgres, "DROP TABLE keys, users");
    login_fails(auth, "sk-admin", "10.0.0.4", ERR_KEY_INVALID);
    check_fails(auth, token, ERR_UNAUTHENTICATED);
    is_virtual_admin(check(auth, login_to(auth, ADMIN_TOKEN, NULL)));
}

static void a_missing_column_is_named(void **state)
{
    struct err err = ERR_NONE_YET;
    const char *token;
    (void)state;
    test_postgres_run(postgres, "ALTER TABLE keys DROP COLUMN can_login_web_ui");
    assert_null(auth_login(auth, arena, "sk-admin", "10.0.0.5", NULL, &token, &err));
    assert_int_equal(err.code, ERR_FEATURE_UNAVAILABLE);
    assert_non_null(strstr(err.words, "can_login_web_ui"));
}

static void while_the_database_is_down_keys_are_not_called_wrong(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    struct auth *cut_off = new_auth(ADMIN_TOKEN, dead_pool, redis);
    for (int i = 0; i < 20; i++)
        login_fails(cut_off, "sk-admin", "10.0.0.6", ERR_DATABASE_UNAVAILABLE);
    check_fails(cut_off, token, ERR_DATABASE_UNAVAILABLE);
    auth_free(cut_off);
}

static void connections_that_a_switch_ended_are_not_noticed(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    for (int i = 0; i < 20; i++) {
        test_postgres_run(
            postgres, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'auth test'");
        is_key_eleven(check(auth, token));
    }
}

static void a_connection_that_ends_under_the_question_is_replaced_once(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    /* A view whose first use, or its first two, end their own backend; a sequence does not roll back. */
    test_postgres_run(
        postgres,
        "CREATE SEQUENCE uses; CREATE TABLE ends_until (use int); INSERT INTO ends_until VALUES (1);"
        "CREATE FUNCTION survive() RETURNS bool LANGUAGE sql VOLATILE AS $$ SELECT CASE WHEN nextval('uses') <= use"
        " THEN pg_terminate_backend(pg_backend_pid()) ELSE true END FROM ends_until $$;"
        "ALTER TABLE keys RENAME TO real_keys;"
        "CREATE VIEW keys AS WITH s AS MATERIALIZED (SELECT survive()) SELECT k.* FROM real_keys k, s WHERE survive");
    is_key_eleven(check(auth, token));
    test_postgres_run(postgres, "ALTER SEQUENCE uses RESTART; UPDATE ends_until SET use = 2");
    check_fails(auth, token, ERR_DATABASE_UNAVAILABLE);
    is_key_eleven(check(auth, token));
}

/* ---- Sessions ----------------------------------------------------------------------------------------------- */

#define SID "sid_1b4e28ba-2fa1-4d2b-883f-0016d3cca427"

static void hub_writes(const char *json)
{
    struct err err = ERR_NONE_YET;
    assert_true(REDIS_CALL(redis, arena, NULL, &err, "SETEX", "cch:session:" SID, "600", json));
}

static const char *hub_json(const char *fingerprint, const char *type, int user_id, int64_t expires_in)
{
    long long now = (long long)clock_wall_ms();
    return arena_printf(arena,
                        "{\"sessionId\":\"" SID "\",\"keyFingerprint\":\"%s\",%s\"userId\":%d,\"userRole\":\"admin\","
                        "\"createdAt\":%lld,\"expiresAt\":%lld,\"aMemberOfTheFuture\":{\"a\":[null]}}",
                        fingerprint, type, user_id, now - 1000, now + (long long)expires_in);
}

#define TYPE(type) "\"credentialType\":\"" type "\","

static const char *sha256_of(const char *text)
{
    char *fingerprint = arena_alloc(arena, FINGERPRINT_SIZE);
    fingerprint_of(text, fingerprint);
    return fingerprint;
}

static void a_session_made_by_the_hub_is_taken(void **state)
{
    static const char *const types[] = {TYPE("session"), TYPE("user-api-key"), ""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        hub_writes(hub_json(sha256_of("sk-admin"), types[i], 1, 60000));
        is_key_eleven(check(auth, SID));
    }
    hub_writes(hub_json(sha256_of("sk-user"), TYPE("session"), 2, 60000));
    struct auth_user *user = check(auth, SID); /* whatever userRole says */
    assert_int_equal(user->user_id, 2);
    assert_string_equal(user->role, "user");
    assert_string_equal(user->description, "");
    assert_false(user->admin);
}

static void a_hub_session_of_the_admin_token_is_taken_while_the_token_is_the_same(void **state)
{
    (void)state;
    hub_writes(hub_json(sha256_of(ADMIN_TOKEN), TYPE("admin-token"), -1, 60000));
    is_virtual_admin(check(auth, SID));
    struct auth *without_database = new_auth(ADMIN_TOKEN, dead_pool, redis);
    is_virtual_admin(check(without_database, SID));
    struct auth *other = new_auth("another token", pool, redis), *none = new_auth("", pool, redis);
    check_fails(other, SID, ERR_UNAUTHENTICATED);
    check_fails(none, SID, ERR_UNAUTHENTICATED);
    hub_writes(hub_json(sha256_of(""), TYPE("admin-token"), -1, 60000));
    check_fails(none, SID, ERR_UNAUTHENTICATED);
    hub_writes(hub_json(sha256_of("sk-admin"), TYPE("admin-token"), 1, 60000));
    check_fails(auth, SID, ERR_UNAUTHENTICATED);
    auth_free(without_database);
    auth_free(other);
    auth_free(none);
}

static void a_hub_session_that_is_expired_strange_or_of_another_user_is_refused(void **state)
{
    const char *bad[] = {
        hub_json(sha256_of("sk-admin"), TYPE("session"), 1, -1),
        hub_json(sha256_of("sk-admin"), TYPE("session"), 2, 60000),
        hub_json(sha256_of("sk-admin"), TYPE("session"), 99, 60000),
        hub_json(sha256_of("sk-admin"), TYPE("superuser"), 1, 60000),
        hub_json(sha256_of("sk-admin-api"), TYPE("session"), 1, 60000),
        hub_json("sha256:", TYPE("session"), 1, 60000),
        hub_json("", TYPE("session"), 1, 60000),
        "{\"userId\":1}",
        "{\"userId\":\"1\",\"keyFingerprint\":\"x\",\"expiresAt\":99999999999999}",
        "{\"userId\":1,\"keyFingerprint\":\"x\"}",
        "{\"userId\":99999999999999,\"keyFingerprint\":\"x\",\"expiresAt\":99999999999999}",
        "[]",
        "null",
        "\"\"",
        "",
        "{",
        "not json",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        hub_writes(bad[i]);
        check_fails(auth, SID, ERR_UNAUTHENTICATED);
    }
}

static void without_redis_a_key_gets_a_session_of_ours(void **state)
{
    (void)state;
    struct auth *without = new_auth(ADMIN_TOKEN, pool, no_redis);
    const char *token = login_to(without, "sk-admin", NULL);
    assert_true(strncmp(token, "hps1.", 5) == 0);
    is_key_eleven(check(without, token));
    is_key_eleven(check(auth, token)); /* another server with the same ADMIN_TOKEN, or this one after a restart */
    struct auth *other = new_auth("another token", pool, no_redis);
    check_fails(other, token, ERR_UNAUTHENTICATED);
    auth_free(other);
    auth_free(without);
}

static void a_session_of_ours_is_of_one_row_not_of_one_text(void **state)
{
    struct own_session session = {.user_id = 1, .key_id = 12};
    (void)state;
    fingerprint_of("sk-admin", session.fingerprint);
    check_fails(auth, own_session_make(arena, ADMIN_TOKEN, &session, WEEK, clock_wall_ms()), ERR_UNAUTHENTICATED);
    session.key_id = 11;
    is_key_eleven(check(auth, own_session_make(arena, ADMIN_TOKEN, &session, WEEK, clock_wall_ms())));
    session.user_id = 4;
    check_fails(auth, own_session_make(arena, ADMIN_TOKEN, &session, WEEK, clock_wall_ms()), ERR_UNAUTHENTICATED);
}

static void when_redis_dies_sessions_in_it_end_and_signing_in_goes_on(void **state)
{
    (void)state;
    const char *in_redis = login_to(auth, "sk-admin", NULL);
    test_redis_kill(redis_server);
    check_fails(auth, in_redis, ERR_UNAUTHENTICATED);
    const char *own = login_to(auth, "sk-admin", NULL);
    assert_true(strncmp(own, "hps1.", 5) == 0);
    is_key_eleven(check(auth, own));
    is_virtual_admin(check(auth, ADMIN_TOKEN));
    auth_logout(auth, arena, in_redis);
    test_redis_revive(redis_server);
    usleep(1100000);
    assert_true(strncmp(login_to(auth, "sk-admin", NULL), "sid_", 4) == 0);
    is_key_eleven(check(auth, own));
}

static void signing_out_ends_each_kind_of_session(void **state)
{
    (void)state;
    struct auth *without = new_auth(ADMIN_TOKEN, pool, no_redis);
    const char *sessions[] = {login_to(auth, "sk-admin", NULL), login_to(without, "sk-admin", NULL),
                              login_to(auth, ADMIN_TOKEN, NULL)};
    const char *others[] = {login_to(auth, "sk-admin", NULL), login_to(without, "sk-admin", NULL),
                            login_to(auth, ADMIN_TOKEN, NULL)};
    for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
        check(auth, sessions[i]);
        auth_logout(auth, arena, sessions[i]);
        check_fails(auth, sessions[i], ERR_UNAUTHENTICATED);
        check(auth, others[i]);
    }
    auth_free(without);
}

static void signing_out_with_anything_else_does_nothing(void **state)
{
    struct err err = ERR_NONE_YET;
    struct redis_reply reply;
    (void)state;
    auth_logout(auth, arena, NULL);
    auth_logout(auth, arena, "");
    auth_logout(auth, arena, "hps1.a.b");
    auth_logout(auth, arena, "sid_");
    auth_logout(auth, arena, ADMIN_TOKEN);
    is_virtual_admin(check(auth, ADMIN_TOKEN));
    assert_true(REDIS_CALL(redis, arena, NULL, &err, "SET", "cch:session:sid_*", "x"));
    auth_logout(auth, arena, "sid_*");
    assert_true(REDIS_CALL(redis, arena, &reply, &err, "EXISTS", "cch:session:sid_*"));
    assert_int_equal(reply.number, 1);
}

/* ---- The limit and tickets ---------------------------------------------------------------------------------- */

static void ten_wrong_keys_lock_the_address_even_for_the_right_one(void **state)
{
    struct err err = ERR_NONE_YET;
    const char *token;
    (void)state;
    for (int i = 0; i < 10; i++)
        login_fails(auth, "sk-wrong", "10.0.0.7", ERR_KEY_INVALID);
    assert_null(auth_login(auth, arena, ADMIN_TOKEN, "10.0.0.7", NULL, &token, &err));
    assert_int_equal(err.code, ERR_RATE_LIMITED);
    assert_in_range(strtol(err.args[0], NULL, 10), 890, 900);
    login_to(auth, ADMIN_TOKEN, NULL); /* from another address */
}

static void signing_in_forgets_wrong_tries_and_a_forbidden_key_does_not(void **state)
{
    struct err err = ERR_NONE_YET;
    const char *token;
    (void)state;
    for (int i = 0; i < 9; i++)
        login_fails(auth, "sk-wrong", "10.0.0.8", ERR_KEY_INVALID);
    assert_non_null(auth_login(auth, arena, "sk-admin", "10.0.0.8", NULL, &token, &err));
    for (int i = 0; i < 9; i++)
        login_fails(auth, "sk-wrong", "10.0.0.8", ERR_KEY_INVALID);
    login_fails(auth, "sk-user", "10.0.0.8", ERR_FORBIDDEN);
    login_fails(auth, "sk-wrong", "10.0.0.8", ERR_KEY_INVALID);
    login_fails(auth, "sk-admin", "10.0.0.8", ERR_RATE_LIMITED);
}

static void a_ticket_is_for_one_export(void **state)
{
    (void)state;
    const char *ticket = auth_ticket_new(auth, arena);
    assert_true(auth_ticket_use(auth, ticket));
    assert_false(auth_ticket_use(auth, ticket));
    assert_false(auth_ticket_use(auth, NULL));
}

static void *sign_in_and_out(void *unused)
{
    struct arena *own = arena_new();
    intptr_t failures = 0;
    (void)unused;
    for (int i = 0; i < 20; i++) {
        static const char *const keys[] = {"sk-admin", ADMIN_TOKEN, "sk-other-admin"};
        struct err err;
        const char *token;
        failures += auth_login(auth, own, keys[i % 3], "10.0.0.9", NULL, &token, &err) == NULL;
        failures += auth_check(auth, own, token, NULL, &err) == NULL;
        auth_logout(auth, own, token);
        failures += auth_check(auth, own, token, NULL, &err) != NULL;
    }
    arena_free(own);
    return (void *)failures;
}

static void many_threads_share_it(void **state)
{
    pthread_t threads[6];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, sign_in_and_out, NULL);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_null(failures);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_admin_token_works_while_database_and_redis_are_down),
        TEST(an_admin_session_of_the_hub_is_taken_and_one_of_another_token_is_not),
        TEST(wrong_credentials_are_nobody),
        TEST(no_admin_token_means_none_is_right),
        TEST(nothing_to_sign_in_with_is_told_apart),
        TEST(the_code_gives_one_admin_session),
        TEST(of_two_threads_one_signs_in_with_the_code),
        TEST(an_admins_key_gives_a_session_that_the_hub_reads),
        TEST(who_is_no_admin_or_may_not_sign_in_is_forbidden_and_not_counted),
        TEST(a_key_that_is_not_alive_is_invalid),
        TEST(a_key_that_expires_later_is_alive),
        TEST(a_session_loses_rights_with_its_user),
        TEST(of_several_rows_with_the_same_key_any_good_one_counts),
        TEST(characters_that_mean_something_to_sql_are_harmless),
        TEST(on_a_fresh_database_the_admin_token_works_and_no_key_does),
        TEST(a_missing_column_is_named),
        TEST(while_the_database_is_down_keys_are_not_called_wrong),
        TEST(connections_that_a_switch_ended_are_not_noticed),
        TEST(a_connection_that_ends_under_the_question_is_replaced_once),
        TEST(a_session_made_by_the_hub_is_taken),
        TEST(a_hub_session_of_the_admin_token_is_taken_while_the_token_is_the_same),
        TEST(a_hub_session_that_is_expired_strange_or_of_another_user_is_refused),
        TEST(without_redis_a_key_gets_a_session_of_ours),
        TEST(a_session_of_ours_is_of_one_row_not_of_one_text),
        TEST(when_redis_dies_sessions_in_it_end_and_signing_in_goes_on),
        TEST(signing_out_ends_each_kind_of_session),
        TEST(signing_out_with_anything_else_does_nothing),
        TEST(ten_wrong_keys_lock_the_address_even_for_the_right_one),
        TEST(signing_in_forgets_wrong_tries_and_a_forbidden_key_does_not),
        TEST(a_ticket_is_for_one_export),
        TEST(many_threads_share_it),
    };
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
