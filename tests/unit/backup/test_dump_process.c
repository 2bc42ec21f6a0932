/* A pg_dump that goes wrong, with a script in its place. */
#include "backup/dump_process.h"

#include "support/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *const no_options[] = {NULL};

/* The words with which the script's output is no dump. */
static const char *opening_fails(struct fake *fake, const char *script, enum err_code code)
{
    struct err err = ERR_NONE_YET;
    struct app app = {.tools = {.dump = fake_program(fake, "pg_dump", script)},
                      .target = pg_target_new("host=/nonexistent", "DSN", &err)};
    struct job job = {.app = &app, .arena = fake->arena};
    struct dump_process *process = dump_process_start(&job, no_options, &err);
    assert_non_null(process);
    assert_false(dump_process_open(process, &err));
    dump_process_free(process);
    pg_target_free(app.target);
    assert_int_equal(err.code, code);
    return arena_strdup(fake->arena, err.words);
}

static void what_it_said_last_is_the_error(void **state)
{
    const char *words = opening_fails(*state,
                                      "echo 'pg_dump: note' >&2; echo 'pg_dump: error: no such table' >&2; "
                                      "echo 'pg_dump: hint' >&2; exit 3",
                                      ERR_EXPORT_FAILED);
    assert_non_null(strstr(words, "ended with 3: error: no such table"));
    assert_null(strstr(words, "hint"));
}

static void one_that_fails_without_a_word_is_told_as_such(void **state)
{
    assert_non_null(strstr(opening_fails(*state, "exit 7", ERR_EXPORT_FAILED), "ended with 7: no message"));
}

static void one_that_ends_well_without_a_whole_dump_is_a_failure_all_the_same(void **state)
{
    assert_null(strstr(opening_fails(*state, "exit 0", ERR_EXPORT_FAILED), "ended with"));
    assert_null(strstr(opening_fails(*state, "printf PGDMP", ERR_EXPORT_FAILED), "ended with"));
}

static void one_that_is_not_there_is_named(void **state)
{
    struct fake *fake = *state;
    struct err err = ERR_NONE_YET;
    struct app app = {.tools = {.dump = "/nonexistent/pg_dump"},
                      .target = pg_target_new("host=/nonexistent", "DSN", &err)};
    struct job job = {.app = &app, .arena = fake->arena};
    assert_null(dump_process_start(&job, no_options, &err));
    assert_non_null(strstr(err.words, "/nonexistent/pg_dump"));
    pg_target_free(app.target);
}

static void a_cancel_ends_the_wait_for_it(void **state)
{
    struct fake *fake = *state;
    struct err err = ERR_NONE_YET;
    struct app app = {.tools = {.dump = fake_program(fake, "pg_dump", "sleep 60")},
                      .target = pg_target_new("host=/nonexistent", "DSN", &err)};
    struct job job = {.app = &app, .arena = fake->arena, .cancel = cancel_new()};
    struct dump_process *process = dump_process_start(&job, no_options, &err);
    assert_non_null(process);
    cancel_fire(job.cancel, ERR_SHUTTING_DOWN);
    assert_false(dump_process_open(process, &err));
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    dump_process_free(process);
    cancel_free(job.cancel);
    pg_target_free(app.target);
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)
    const struct CMUnitTest tests[] = {
        WITH_FAKE(what_it_said_last_is_the_error),
        WITH_FAKE(one_that_fails_without_a_word_is_told_as_such),
        WITH_FAKE(one_that_ends_well_without_a_whole_dump_is_a_failure_all_the_same),
        WITH_FAKE(one_that_is_not_there_is_named),
        WITH_FAKE(a_cancel_ends_the_wait_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
