#include "auth/admin_session.h"

#include "auth/own_session.h"
#include "auth/signed_token.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <cmocka.h>

/* Made apart from this program, as the hub makes it (Node's crypto and Python's hmac gave the same):
 *
 *   p = ('{"v":1,"typ":"admin-session","iat":1760000000000,"exp":1760604800000,'
 *        '"nonce":"6f1c1b1e-8a55-4d3b-9c7e-0d2f3a4b5c6d"}')
 *   b = lambda x: base64.urlsafe_b64encode(x).rstrip(b'=').decode()
 *   v = 'cch_admin_session_v1.' + b(p.encode())
 *   v + '.' + b(hmac.new(('cch-admin-session-token-v1:' + ADMIN_TOKEN).encode(), v.encode(), hashlib.sha256).digest())
 */
#define ADMIN_TOKEN "correct horse battery staple"
#define IAT 1760000000000
#define DAY ((int64_t)86400000)
#define WEEK (7 * DAY)
#define PAYLOAD \
    "eyJ2IjoxLCJ0eXAiOiJhZG1pbi1zZXNzaW9uIiwiaWF0IjoxNzYwMDAwMDAwMDAwLCJleHAiOjE3NjA2MDQ4MDAwMDAsIm5vbmNlIjoiNmYxYzFi" \
    "MWUtOGE1NS00" \
    "ZDNiLTljN2UtMGQyZjNhNGI1YzZkIn0"
#define SIGNATURE "mxPyBc-bXk_4Vle1tnAowkAx7pPf3eDnQCcWVosiFBE"
#define HUB_TOKEN "cch_admin_session_v1." PAYLOAD "." SIGNATURE

static struct arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool valid_at(const char *token, int64_t now)
{
    int64_t expires = 0;
    bool valid = admin_session_valid(arena, token, ADMIN_TOKEN, WEEK, now, &expires);
    if (valid)
        assert_true(expires > now);
    return valid;
}

/* A token of any payload with a good signature. */
static const char *signed_payload(const char *payload)
{
    struct signing_key key = {"cch-admin-session-token-v1:" ADMIN_TOKEN,
                              strlen("cch-admin-session-token-v1:" ADMIN_TOKEN)};
    json_t *object = json_loads(payload, 0, NULL);
    assert_non_null(object);
    return signed_token_make(arena, ADMIN_SESSION_PREFIX, key, object);
}

static void the_hubs_token_is_good(void **state)
{
    int64_t expires;
    (void)state;
    assert_true(admin_session_valid(arena, HUB_TOKEN, ADMIN_TOKEN, WEEK, IAT + 1, &expires));
    assert_int_equal(expires, IAT + WEEK);
}

static void our_bytes_are_the_hubs(void **state)
{
    (void)state;
    assert_string_equal(signed_payload("{\"v\":1,\"typ\":\"admin-session\",\"iat\":1760000000000,\"exp\":1760604800000,"
                                       "\"nonce\":\"6f1c1b1e-8a55-4d3b-9c7e-0d2f3a4b5c6d\"}"),
                        HUB_TOKEN);
    /* What admin_session_make() writes differs in the nonce only. */
    const char *token = admin_session_make(arena, ADMIN_TOKEN, WEEK, IAT);
    unsigned char ours[256] = {0}, hubs[256] = {0};
    size_t size, hub_size;
    const char *payload = token + strlen("cch_admin_session_v1.");
    assert_int_equal(sodium_base642bin(ours, sizeof ours, payload, strcspn(payload, "."), NULL, &size, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    assert_int_equal(sodium_base642bin(hubs, sizeof hubs, PAYLOAD, strlen(PAYLOAD), NULL, &hub_size, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    assert_int_equal(size, hub_size);
    size_t nonce = (size_t)(strstr((char *)hubs, "6f1c1b1e") - (char *)hubs);
    assert_memory_equal(ours, hubs, nonce);
    assert_memory_not_equal(ours + nonce, hubs + nonce, 36);
    assert_memory_equal(ours + nonce + 36, hubs + nonce + 36, size - nonce - 36);
    assert_true(valid_at(token, IAT));
}

static void it_ends_at_exp(void **state)
{
    (void)state;
    assert_true(valid_at(HUB_TOKEN, IAT + WEEK - 1));
    assert_false(valid_at(HUB_TOKEN, IAT + WEEK));
    assert_false(valid_at(HUB_TOKEN, IAT + 100 * WEEK));
}

static void a_shorter_setting_shortens_tokens_that_are_out(void **state)
{
    int64_t expires;
    (void)state;
    assert_true(admin_session_valid(arena, HUB_TOKEN, ADMIN_TOKEN, DAY, IAT + DAY - 1, &expires));
    assert_int_equal(expires, IAT + DAY);
    assert_false(admin_session_valid(arena, HUB_TOKEN, ADMIN_TOKEN, DAY, IAT + DAY, &expires));
    assert_true(admin_session_valid(arena, HUB_TOKEN, ADMIN_TOKEN, 100 * WEEK, IAT + WEEK - 1, &expires));
    assert_int_equal(expires, IAT + WEEK);
}

static void an_issuer_may_be_five_minutes_ahead_and_no_more(void **state)
{
    (void)state;
    assert_true(valid_at(HUB_TOKEN, IAT - 300000));
    assert_false(valid_at(HUB_TOKEN, IAT - 300001));
}

static void another_admin_token_is_refused(void **state)
{
    static const char *const others[] = {"", "correct horse battery stapl", "correct horse battery staple ", "x"};
    int64_t expires;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(admin_session_valid(arena, HUB_TOKEN, others[i], WEEK, IAT, &expires));
}

static void every_changed_character_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < strlen(HUB_TOKEN); i++) {
        char *forged = arena_strdup(arena, HUB_TOKEN);
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        if (valid_at(forged, IAT))
            fail_msg("good with character %zu changed", i);
    }
}

static void every_truncated_token_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < strlen(HUB_TOKEN); length++)
        if (valid_at(arena_strndup(arena, HUB_TOKEN, length), IAT))
            fail_msg("good with %zu characters", length);
}

static void further_text_is_refused(void **state)
{
    (void)state;
    assert_false(valid_at(HUB_TOKEN ".", IAT));
    assert_false(valid_at(HUB_TOKEN "." SIGNATURE, IAT));
    assert_false(valid_at(HUB_TOKEN "=", IAT));
    assert_false(valid_at(HUB_TOKEN " ", IAT));
    assert_false(valid_at(" " HUB_TOKEN, IAT));
    assert_false(valid_at("cch_admin_session_v1.." SIGNATURE, IAT));
    assert_false(valid_at("cch_admin_session_v1." PAYLOAD ".", IAT));
}

static void a_signed_token_of_another_version_or_kind_is_refused(void **state)
{
#define TIMES "\"iat\":1760000000000,\"exp\":1760604800000"
    static const char *const payloads[] = {
        "{\"v\":2,\"typ\":\"admin-session\"," TIMES ",\"nonce\":\"n\"}",
        "{\"v\":\"1\",\"typ\":\"admin-session\"," TIMES ",\"nonce\":\"n\"}",
        "{\"typ\":\"admin-session\"," TIMES ",\"nonce\":\"n\"}",
        "{\"v\":1,\"typ\":\"key-session\"," TIMES ",\"nonce\":\"n\"}",
        "{\"v\":1," TIMES ",\"nonce\":\"n\"}",
        "{\"v\":1,\"typ\":\"admin-session\"," TIMES "}",
        "{\"v\":1,\"typ\":\"admin-session\"," TIMES ",\"nonce\":\"\"}",
        "{\"v\":1,\"typ\":\"admin-session\",\"iat\":1760000000000,\"nonce\":\"n\"}",
        "{\"v\":1,\"typ\":\"admin-session\",\"iat\":\"1760000000000\",\"exp\":1760604800000,\"nonce\":\"n\"}",
        "{\"v\":1,\"typ\":\"admin-session\",\"iat\":1760000000000,\"exp\":1760000000000,\"nonce\":\"n\"}",
        "{\"v\":1,\"typ\":\"admin-session\",\"iat\":-9223372036854775807,\"exp\":9223372036854775807,\"nonce\":\"n\"}",
        "{\"v\":1,\"typ\":\"admin-session\",\"iat\":9223372036854775806,\"exp\":9223372036854775807,\"nonce\":\"n\"}",
        "[1]",
    };
    (void)state;
    assert_true(
        valid_at(signed_payload("{\"v\":1,\"typ\":\"admin-session\"," TIMES ",\"nonce\":\"n\",\"more\":[]}"), IAT));
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++)
        if (valid_at(signed_payload(payloads[i]), IAT) || valid_at(signed_payload(payloads[i]), IAT - 1000))
            fail_msg("%s was taken", payloads[i]);
}

static void a_token_over_4096_bytes_is_refused(void **state)
{
    char *nonce = arena_alloc(arena, 4097);
    (void)state;
    for (size_t length = 2800; length <= 3100; length++) { /* on both sides of the limit */
        memset(nonce, 'n', length);
        const char *token = signed_payload(
            arena_printf(arena, "{\"v\":1,\"typ\":\"admin-session\"," TIMES ",\"nonce\":\"%s\"}", nonce));
        assert_int_equal(valid_at(token, IAT), strlen(token) <= 4096);
    }
}

#define SECRET "a secret"

static const struct own_session session = {.user_id = 7, .key_id = 12, .fingerprint = "sha256:00ff"};

static void a_key_session_says_whose_it_is(void **state)
{
    struct own_session found = {0};
    (void)state;
    const char *token = own_session_make(arena, SECRET, &session, WEEK, IAT);
    assert_true(strncmp(token, "hps1.", 5) == 0);
    assert_true(own_session_open(token, SECRET, WEEK, IAT, &found));
    assert_int_equal(found.user_id, 7);
    assert_int_equal(found.key_id, 12);
    assert_string_equal(found.fingerprint, "sha256:00ff");
    assert_int_equal(found.expires_ms, IAT + WEEK);
}

static void a_key_session_that_is_forged_old_early_or_cut_is_refused(void **state)
{
    struct own_session found;
    (void)state;
    const char *token = own_session_make(arena, SECRET, &session, WEEK, IAT);
    assert_false(own_session_open(token, "another secret", WEEK, IAT, &found));
    assert_false(own_session_open(token, SECRET, WEEK, IAT + WEEK, &found));
    assert_false(own_session_open(token, SECRET, DAY, IAT + DAY, &found));
    assert_false(own_session_open(token, SECRET, WEEK, IAT - 300001, &found));
    for (size_t length = 0; length < strlen(token); length++)
        assert_false(own_session_open(arena_strndup(arena, token, length), SECRET, WEEK, IAT, &found));
    for (size_t i = 0; i < strlen(token); i++) {
        char *forged = arena_strdup(arena, token);
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        assert_false(own_session_open(forged, SECRET, WEEK, IAT, &found));
    }
}

static void a_session_of_one_kind_does_not_pass_for_the_other(void **state)
{
    struct own_session found;
    int64_t expires;
    (void)state;
    const char *own = own_session_make(arena, ADMIN_TOKEN, &session, WEEK, IAT);
    const char *renamed = arena_printf(arena, "cch_admin_session_v1%s", strchr(own, '.'));
    assert_false(admin_session_valid(arena, renamed, ADMIN_TOKEN, WEEK, IAT, &expires));
    assert_false(own_session_open("hps1." PAYLOAD "." SIGNATURE, ADMIN_TOKEN, WEEK, IAT, &found));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_hubs_token_is_good),
        TEST(our_bytes_are_the_hubs),
        TEST(it_ends_at_exp),
        TEST(a_shorter_setting_shortens_tokens_that_are_out),
        TEST(an_issuer_may_be_five_minutes_ahead_and_no_more),
        TEST(another_admin_token_is_refused),
        TEST(every_changed_character_is_refused),
        TEST(every_truncated_token_is_refused),
        TEST(further_text_is_refused),
        TEST(a_signed_token_of_another_version_or_kind_is_refused),
        TEST(a_token_over_4096_bytes_is_refused),
        TEST(a_key_session_says_whose_it_is),
        TEST(a_key_session_that_is_forged_old_early_or_cut_is_refused),
        TEST(a_session_of_one_kind_does_not_pass_for_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
