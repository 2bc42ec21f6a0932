/* The private cluster's failures, with programs in the place of PostgreSQL's. tests/integration/cluster.test.mjs has
 * the real ones. */
#include "pg/cluster.h"

#include "base/log.h"
#include "support/fake.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const char *data_dir(const struct fake *fake)
{
    return arena_printf(fake->arena, "%s/data", fake->directory);
}

/* The words with which a cluster does not open. */
static const char *opening_fails(const struct fake *fake, const char *initdb, const char *server, enum err_code code)
{
    struct pg_tools tools = {.directory = fake->directory,
                             .initdb = initdb == NULL ? NULL : fake_program(fake, "initdb", initdb),
                             .server = server == NULL ? NULL : fake_program(fake, "postgres", server)};
    struct err err;
    assert_null(cluster_open(data_dir(fake), &tools, false, &err));
    assert_int_equal(err.code, code);
    return arena_strdup(fake->arena, err.words);
}

static void put(const struct fake *fake, const char *name, const char *text)
{
    FILE *file = fopen(arena_printf(fake->arena, "%s/%s", data_dir(fake), name), "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void without_the_servers_programs_it_says_so(void **state)
{
    struct fake *fake = *state;
    opening_fails(fake, NULL, "exit 0", ERR_TOOLS_MISSING);
    opening_fails(fake, "exit 0", NULL, ERR_TOOLS_MISSING);
    assert_int_not_equal(access(data_dir(fake), F_OK), 0);
}

static void an_initdb_that_fails_leaves_no_cluster_and_names_its_log(void **state)
{
    struct fake *fake = *state;
    const char *log = arena_printf(fake->arena, "%s/postgres.log", data_dir(fake));
    char text[4096] = "";
    assert_non_null(strstr(opening_fails(fake, "echo no space left; exit 1", "exit 0", ERR_DATABASE_UNAVAILABLE), log));
    assert_int_not_equal(access(arena_printf(fake->arena, "%s/pg", data_dir(fake)), F_OK), 0);
    FILE *file = fopen(log, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "no space left\n"));
}

static void a_server_that_ends_at_its_start_is_told_at_once(void **state)
{
    struct fake *fake = *state;
    const char *words = opening_fails(fake, "exit 0", "echo damaged; exit 1", ERR_DATABASE_UNAVAILABLE);
    assert_non_null(strstr(words, "ended at its start"));
    assert_non_null(strstr(words, "postgres.log"));
}

/* A pid file of a server that is gone, of a number that another program has, and one without a number: none of them is
 * waited for, and nothing is signalled. */
static void a_pid_file_that_is_stale_does_not_stop_a_start(void **state)
{
    struct fake *fake = *state;
    const char *const files[] = {"4194304\n", arena_printf(fake->arena, "%d\n", (int)getpid()), "", "0\n", "-1\n"};
    opening_fails(fake, "exit 0", "exit 1", ERR_DATABASE_UNAVAILABLE);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        put(fake, "pg/postmaster.pid", files[i]);
        const char *words = opening_fails(fake, "exit 2", "exit 1", ERR_DATABASE_UNAVAILABLE);
        assert_non_null(strstr(words, "ended at its start"));
    }
}

static void a_file_in_the_place_of_the_data_is_named(void **state)
{
    struct fake *fake = *state;
    fake_program(fake, "data", "");
    assert_non_null(strstr(opening_fails(fake, "exit 0", "exit 1", ERR_SYSTEM), data_dir(fake)));
}

static void a_log_or_lock_that_cannot_be_opened_is_named(void **state)
{
    struct fake *fake = *state;
    const char *log = arena_printf(fake->arena, "%s/postgres.log", data_dir(fake));
    const char *lock = arena_printf(fake->arena, "%s/lock", data_dir(fake));
    assert_int_equal(mkdir(data_dir(fake), 0711), 0);
    assert_int_equal(mkdir(log, 0700), 0);
    assert_non_null(strstr(opening_fails(fake, "exit 0", "exit 1", ERR_SYSTEM), log));
    assert_int_equal(mkdir(arena_printf(fake->arena, "%s/pg", data_dir(fake)), 0700), 0);
    assert_non_null(strstr(opening_fails(fake, "exit 0", "exit 1", ERR_SYSTEM), log));
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(mkdir(lock, 0700), 0);
    assert_non_null(strstr(opening_fails(fake, "exit 0", "exit 1", ERR_SYSTEM), lock));
}

int main(void)
{
#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_open, fake_close)
    const struct CMUnitTest tests[] = {
        WITH_FAKE(without_the_servers_programs_it_says_so),
        WITH_FAKE(an_initdb_that_fails_leaves_no_cluster_and_names_its_log),
        WITH_FAKE(a_server_that_ends_at_its_start_is_told_at_once),
        WITH_FAKE(a_pid_file_that_is_stale_does_not_stop_a_start),
        WITH_FAKE(a_file_in_the_place_of_the_data_is_named),
        WITH_FAKE(a_log_or_lock_that_cannot_be_opened_is_named),
    };
    log_set_level(LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
