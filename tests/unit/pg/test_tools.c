#include "pg/tools.h"

#include "support/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void find(struct fake *fake, struct pg_tools *tools)
{
    pg_tools_find(fake->directory, fake->arena, tools);
}

static void tools_are_those_of_the_directory_with_their_versions(void **state)
{
    struct fake *fake = *state;
    struct pg_tools tools;
    struct err err;
    fake_program(fake, "pg_dump", "echo 'pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)'");
    fake_program(fake, "pg_restore", "echo 'pg_restore (PostgreSQL) 17beta1'");
    find(fake, &tools);
    assert_string_equal(tools.dump, arena_printf(fake->arena, "%s/pg_dump", fake->directory));
    assert_int_equal(tools.dump_version, 150020);
    assert_int_equal(tools.restore_version, 170000);
    assert_null(tools.server);
    assert_null(tools.initdb);
    assert_true(pg_tools_check(&tools, 150004, &err));
    assert_string_equal(pg_version_text(fake->arena, tools.dump_version), "15.20");
    assert_string_equal(pg_version_text(fake->arena, 0), "");
}

static void tools_older_than_the_server_are_refused_with_what_to_install(void **state)
{
    struct fake *fake = *state;
    struct pg_tools tools;
    struct err err;
    fake_program(fake, "pg_dump", "echo 'pg_dump (PostgreSQL) 17.1'");
    fake_program(fake, "pg_restore", "echo 'pg_restore (PostgreSQL) 15.9'");
    find(fake, &tools);
    assert_false(pg_tools_check(&tools, 160002, &err));
    assert_int_equal(err.code, ERR_TOOLS_TOO_OLD);
    assert_string_equal(err.args[0], "pg_restore");
    assert_non_null(strstr(err.words, "postgresql-client-16"));
}

static void a_program_that_fails_or_says_no_version_is_missing(void **state)
{
    static const char *const scripts[] = {"exit 1", "echo hello", "echo '(PostgreSQL) of today'"};
    struct fake *fake = *state;
    struct pg_tools tools;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        fake_program(fake, "pg_dump", scripts[i]);
        find(fake, &tools);
        assert_int_equal(tools.dump_version, 0);
        assert_false(pg_tools_check(&tools, 150000, &err));
        assert_int_equal(err.code, ERR_TOOLS_MISSING);
        assert_string_equal(err.args[0], "pg_dump");
        assert_non_null(strstr(err.words, fake->directory));
    }
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)
    const struct CMUnitTest tests[] = {
        WITH_FAKE(tools_are_those_of_the_directory_with_their_versions),
        WITH_FAKE(tools_older_than_the_server_are_refused_with_what_to_install),
        WITH_FAKE(a_program_that_fails_or_says_no_version_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
