/* Signing in by ADMIN_TOKEN and the one-use code, sessions of every kind, the limit; against a real PostgreSQL and
 * Redis. */
#include "auth/fixture.h"

#include "auth/admin_session.h"
#include "auth/own_session.h"
#include "base/clock.h"
#include "support/threads.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>
#include <cmocka.h>

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
    is_virtual_admin(check(auth, admin_session_make(arena, ADMIN_TOKEN, SESSION_LIFE, clock_wall_ms())));
    check_fails(auth, admin_session_make(arena, "another token", SESSION_LIFE, clock_wall_ms()), ERR_UNAUTHENTICATED);
    check_fails(auth, admin_session_make(arena, ADMIN_TOKEN, SESSION_LIFE, clock_wall_ms() - SESSION_LIFE - 1),
                ERR_UNAUTHENTICATED);
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
        check_fails(none, admin_session_make(arena, "", SESSION_LIFE, clock_wall_ms()), ERR_UNAUTHENTICATED);
        check_fails(none, admin_session_make(arena, "change-me", SESSION_LIFE, clock_wall_ms()), ERR_UNAUTHENTICATED);
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
        pthread_barrier_t barrier;
        auth_free(auth);
        auth = new_auth(ADMIN_TOKEN, pool, redis);
        winners = 0;
        pthread_barrier_init(&barrier, NULL, 2);
        run_threads(2, use_code, &barrier);
        pthread_barrier_destroy(&barrier);
        assert_int_equal(winners, 1);
    }
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
    check_fails(auth, own_session_make(arena, ADMIN_TOKEN, &session, SESSION_LIFE, clock_wall_ms()),
                ERR_UNAUTHENTICATED);
    session.key_id = 11;
    is_key_eleven(check(auth, own_session_make(arena, ADMIN_TOKEN, &session, SESSION_LIFE, clock_wall_ms())));
    session.user_id = 4;
    check_fails(auth, own_session_make(arena, ADMIN_TOKEN, &session, SESSION_LIFE, clock_wall_ms()),
                ERR_UNAUTHENTICATED);
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
    (void)state;
    run_threads(6, sign_in_and_out, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_auth, close_auth)

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
