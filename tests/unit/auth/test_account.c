/* Signing in by the hub's API keys, against a real PostgreSQL and Redis. */
#include "auth/fixture.h"

#include "base/clock.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

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
    assert_int_equal(json_integer_value(json_object_get(session, "expiresAt")), created + SESSION_LIFE);
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
        fill_database();
        const char *in_redis = login_to(auth, "sk-admin", NULL), *own = login_to(without_redis, "sk-admin", NULL);
        is_key_eleven(check(auth, in_redis));
        is_key_eleven(check(auth, own));
        run_sql(ends[i]);
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
    run_sql("UPDATE keys SET expires_at = now() + interval '1 h'; UPDATE users SET expires_at = now() + "
            "interval '1 h'");
    is_key_eleven(check(auth, login_to(auth, "sk-admin", NULL)));
}

static void a_session_loses_rights_with_its_user(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    run_sql("UPDATE users SET role = 'user' WHERE id = 1");
    assert_false(check(auth, token)->admin);
    run_sql("UPDATE keys SET can_login_web_ui = false WHERE id = 11");
    check_fails(auth, token, ERR_UNAUTHENTICATED);
}

static void of_several_rows_with_the_same_key_any_good_one_counts(void **state)
{
    struct auth_user *user;
    (void)state;
    run_sql("UPDATE keys SET is_enabled = false WHERE id = 11;"
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
    run_sql("INSERT INTO keys (user_id, key, name, can_login_web_ui) VALUES (1, $$it's; \"quoted\" --$$, 'q', true)");
    login_to(auth, "it's; \"quoted\" --", NULL);
    login_to(auth, "sk-admin", NULL);
}

static void on_a_fresh_database_the_admin_token_works_and_no_key_does(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    run_sql("DROP TABLE keys, users");
    login_fails(auth, "sk-admin", "10.0.0.4", ERR_KEY_INVALID);
    check_fails(auth, token, ERR_UNAUTHENTICATED);
    is_virtual_admin(check(auth, login_to(auth, ADMIN_TOKEN, NULL)));
}

static void a_missing_column_is_named(void **state)
{
    struct err err = ERR_NONE_YET;
    const char *token;
    (void)state;
    run_sql("ALTER TABLE keys DROP COLUMN can_login_web_ui");
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
        run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'auth test'");
        is_key_eleven(check(auth, token));
    }
}

static void a_connection_that_ends_under_the_question_is_replaced_once(void **state)
{
    (void)state;
    const char *token = login_to(auth, "sk-admin", NULL);
    /* A view whose first use, or its first two, end their own backend; a sequence does not roll back. */
    run_sql(
        "CREATE SEQUENCE uses; CREATE TABLE ends_until (use int); INSERT INTO ends_until VALUES (1);"
        "CREATE FUNCTION survive() RETURNS bool LANGUAGE sql VOLATILE AS $$ SELECT CASE WHEN nextval('uses') <= use"
        " THEN pg_terminate_backend(pg_backend_pid()) ELSE true END FROM ends_until $$;"
        "ALTER TABLE keys RENAME TO real_keys;"
        "CREATE VIEW keys AS WITH s AS MATERIALIZED (SELECT survive()) SELECT k.* FROM real_keys k, s WHERE survive");
    is_key_eleven(check(auth, token));
    run_sql("ALTER SEQUENCE uses RESTART; UPDATE ends_until SET use = 2");
    check_fails(auth, token, ERR_DATABASE_UNAVAILABLE);
    is_key_eleven(check(auth, token));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_auth, close_auth)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
