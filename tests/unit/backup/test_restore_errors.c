#include "backup/restore_errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SQL_ERROR "pg_restore: error: could not execute query: ERROR:  "

static void the_requirements_ignorable_errors_are_ignorable(void **state)
{
    static const char *const lines[] = {
        SQL_ERROR "relation \"users\" already exists",
        SQL_ERROR "multiple primary keys for table \"users\" are not allowed",
        "pg_restore: error: COPY failed for table \"users\": ERROR:  duplicate key value violates unique constraint \"users_pkey\"",
        SQL_ERROR "role \"hub\" does not exist",
        SQL_ERROR "unrecognized configuration parameter \"transaction_timeout\"",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(restore_classify_line(lines[i]), RESTORE_IGNORABLE);
}

static void the_requirements_fatal_errors_are_fatal(void **state)
{
    static const char *const lines[] = {
        "pg_restore: error: could not connect to database",
        "pg_restore: error: connection to server at \"h\" (::1), port 5432 failed: Connection refused",
        "pg_restore: error: FATAL:  password authentication failed for user \"x\"",
        SQL_ERROR "permission denied for schema public",
        "pg_restore: error: FATAL:  database \"hub\" does not exist",
        SQL_ERROR "out of memory",
        "pg_restore: error: disk full",
        SQL_ERROR "could not extend file \"base/1/2\": No space left on device",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(restore_classify_line(lines[i]), RESTORE_FATAL);
}

static void unknown_errors_are_fatal(void **state)
{
    (void)state;
    assert_int_equal(restore_classify_line(SQL_ERROR "insert or update on table \"a\" violates foreign key constraint"), RESTORE_FATAL);
    assert_int_equal(restore_classify_line("pg_restore: error: something new"), RESTORE_FATAL);
}

static void an_error_on_both_lists_is_fatal(void **state)
{
    (void)state;
    assert_int_equal(restore_classify_line(SQL_ERROR "permission denied: it already exists"), RESTORE_FATAL);
}

/* The hub counted whole chunks of output: an unknown error beside "already exists" passed. */
static void what_pg_restore_only_quotes_is_no_error(void **state)
{
    static const char *const lines[] = {
        "Command was: SELECT 'pg_restore: error: already exists';",
        "CREATE FUNCTION f() -- error: out of memory",
        "pg_restore: warning: errors ignored on restore: 3",
        "pg_restore: from TOC entry 3; 1259 16 TABLE error: hub",
        "pg_restore: creating TABLE \"public.error: x\"",
        "",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(restore_classify_line(lines[i]), RESTORE_NO_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_requirements_ignorable_errors_are_ignorable),
        cmocka_unit_test(the_requirements_fatal_errors_are_fatal),
        cmocka_unit_test(unknown_errors_are_fatal),
        cmocka_unit_test(an_error_on_both_lists_is_fatal),
        cmocka_unit_test(what_pg_restore_only_quotes_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
