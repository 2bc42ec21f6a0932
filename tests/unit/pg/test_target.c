#include "pg/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct pg_target *target_of(const char *dsn)
{
    struct err err;
    struct pg_target *target = pg_target_new(dsn, "DSN", &err);
    assert_non_null(target);
    return target;
}

static void what_a_dsn_does_not_say_has_the_requirements_defaults(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    struct pg_target *target = target_of("postgresql://");
    assert_string_equal(pg_target_database(target), "postgres");
    assert_string_equal(pg_target_user(target), "postgres");
    assert_string_equal(pg_target_where(target), "localhost:5432");
    assert_non_null(strstr(pg_target_conninfo(target, arena, NULL), "host='localhost'"));
    pg_target_free(target);
    arena_free(arena);
}

static void percent_encoding_sslmode_and_several_hosts_are_honoured(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    struct pg_target *target = target_of("postgresql://h%40b:p%2Fw%27d@one:1,two:2/my%20db?sslmode=disable");
    const char *conninfo = pg_target_conninfo(target, arena, NULL);
    assert_non_null(strstr(conninfo, "user='h@b'"));
    assert_non_null(strstr(conninfo, "password='p/w\\'d'"));
    assert_non_null(strstr(conninfo, "dbname='my db'"));
    assert_non_null(strstr(conninfo, "host='one,two'"));
    assert_non_null(strstr(conninfo, "port='1,2'"));
    assert_non_null(strstr(conninfo, "sslmode='disable'"));
    pg_target_free(target);
    arena_free(arena);
}

static void tools_get_the_password_by_environment_only(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    struct pg_target *target = target_of("postgresql://u:secret@h/d");
    const char *argument = pg_target_argument(target, arena, "other'db");
    const char *const *env = pg_target_env(target, arena, "-c x=y");
    bool password = false, options = false, c_locale = false;
    assert_null(strstr(argument, "secret"));
    assert_non_null(strstr(argument, "dbname='other\\'db'"));
    for (size_t i = 0; env[i] != NULL; i++) {
        password = password || strcmp(env[i], "PGPASSWORD=secret") == 0;
        options = options || strcmp(env[i], "PGOPTIONS=-c x=y") == 0;
        c_locale = c_locale || strcmp(env[i], "LC_ALL=C") == 0;
    }
    assert_true(password && options && c_locale);
    pg_target_free(target);
    arena_free(arena);
}

static void a_dsn_that_is_none_is_refused_without_showing_it(void **state)
{
    struct err err;
    (void)state;
    assert_null(pg_target_new("postgresql://u:top%zzsecret@h/d", "DSN", &err));
    assert_int_equal(err.code, ERR_CONFIG_INVALID);
    assert_string_equal(err.args[0], "DSN");
    assert_null(strstr(err.words, "secret"));
}

/* Threads share a target: what is told of it is made once. */
static void telling_where_it_is_takes_no_memory(void **state)
{
    (void)state;
    struct pg_target *target = target_of("hostaddr=127.0.0.1 port=5");
    const char *where = pg_target_where(target);
    assert_string_equal(where, "127.0.0.1:5");
    assert_ptr_equal(pg_target_where(target), where);
    pg_target_free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_dsn_does_not_say_has_the_requirements_defaults),
        cmocka_unit_test(percent_encoding_sslmode_and_several_hosts_are_honoured),
        cmocka_unit_test(tools_get_the_password_by_environment_only),
        cmocka_unit_test(a_dsn_that_is_none_is_refused_without_showing_it),
        cmocka_unit_test(telling_where_it_is_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
