#include "net/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void parsed(const char *url, const char *host, const char *port, const char *user, const char *password,
                   const char *database)
{
    struct err err = ERR_NONE_YET;
    struct arena *arena = arena_new();
    struct redis_url parts;
    if (!redis_url_parse(url, arena, &parts, &err))
        fail_msg("%s: %s", url, err.words);
    assert_string_equal(parts.host, host);
    assert_string_equal(parts.port, port);
    assert_string_equal(parts.user, user);
    assert_string_equal(parts.password, password);
    assert_string_equal(parts.database, database);
    arena_free(arena);
}

static void refused(const char *url)
{
    struct err err = ERR_NONE_YET;
    struct arena *arena = arena_new();
    struct redis_url parts;
    if (redis_url_parse(url, arena, &parts, &err))
        fail_msg("%s was taken", url);
    assert_int_equal(err.code, ERR_CONFIG_INVALID);
    assert_string_equal(err.args[0], "REDIS_URL");
    assert_null(strstr(err.words, "s3cret"));
    arena_free(arena);
}

static void a_host_alone_has_the_usual_port_and_database(void **state)
{
    (void)state;
    parsed("redis://localhost", "localhost", "6379", "", "", "0");
    parsed("redis://redis_1.internal-net/", "redis_1.internal-net", "6379", "", "", "0");
}

static void every_part_is_taken(void **state)
{
    (void)state;
    parsed("redis://app:pw@10.0.0.7:6380/12", "10.0.0.7", "6380", "app", "pw", "12");
    parsed("redis://:pw@h:1/0", "h", "1", "", "pw", "0");
    parsed("redis://:@h", "h", "6379", "", "", "0");
}

static void user_and_password_are_percent_decoded(void **state)
{
    (void)state;
    parsed("redis://a%3Ab:p%40s%2fs%25%E4%B8%AD@h", "h", "6379", "a:b", "p@s/s%中", "0");
    parsed("redis://:has@sign:and:colons@h:7", "h", "7", "", "has@sign:and:colons", "0");
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    parsed("redis://[::1]", "::1", "6379", "", "", "0");
    parsed("redis://u:p@[fe80::1%eth0]:6381/3", "fe80::1%eth0", "6381", "u", "p", "3");
}

static void other_forms_are_refused_without_naming_any_part(void **state)
{
    static const char *const urls[] = {
        "rediss://:s3cret@h",
        "http://:s3cret@h",
        "redis:h",
        "redis://",
        "redis://:s3cret@",
        "redis://s3cret@h",
        "redis://s3cret:@h",
        "redis://:s3cret%@h",
        "redis://:s3cret%4@h",
        "redis://:s3cret%zz@h",
        "redis://:s3cret%00@h",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:+1",
        "redis://h:",
        "redis://h:s3cret",
        "redis://h/s3cret",
        "redis://h/-1",
        "redis://h/1/2",
        "redis://h/99999999999",
        "redis://h?x=s3cret",
        "redis://h#s3cret",
        "redis://[::1",
        "redis://[]",
        "redis://[::1]s3cret",
        "redis://:s3cret/x@h",
        "redis://ho st",
        "redis://:s3/cret@h",
        "redis://h/ 1",
        "redis://::1",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++)
        refused(urls[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_alone_has_the_usual_port_and_database),
        cmocka_unit_test(every_part_is_taken),
        cmocka_unit_test(user_and_password_are_percent_decoded),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(other_forms_are_refused_without_naming_any_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
