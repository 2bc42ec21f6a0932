#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct arena *arena;
static char top[64], path[80], partial[96];

static int make_top(void **state)
{
    (void)state;
    arena = arena_new();
    snprintf(top, sizeof top, "/tmp/hubport-unit-output.XXXXXX");
    snprintf(path, sizeof path, "%s/result", mkdtemp(top));
    snprintf(partial, sizeof partial, "%s.partial", path);
    return 0;
}

static int remove_top(void **state)
{
    (void)state;
    arena_free(arena);
    unlink(path);
    return rmdir(top);
}

static void expect_text(const char *text)
{
    char found[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, found, sizeof found - 1) >= 0);
    close(fd);
    assert_string_equal(found, text);
}

static void write_result(const char *text, bool ok)
{
    struct output output;
    struct err err;
    assert_true(output_open(arena, path, &output, &err));
    assert_int_equal(write(output.fd, text, strlen(text)), strlen(text));
    assert_int_equal(output_close(&output, ok, &err), ok);
    assert_int_equal(access(partial, F_OK), -1);
}

static void what_was_there_stays_until_the_new_file_is_whole(void **state)
{
    (void)state;
    struct stat status;
    write_result("old", true);
    write_result("new, but not all of it", false);
    expect_text("old");
    write_result("new", true);
    expect_text("new");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void what_stands_in_the_place_of_the_partial_file_is_not_written_to(void **state)
{
    (void)state;
    write_result("old", true);
    assert_int_equal(symlink(path, partial), 0);
    write_result("new, but not all of it", false);
    expect_text("old");
}

static void a_directory_is_refused_before_anything_is_written(void **state)
{
    (void)state;
    struct output output;
    struct err err;
    assert_false(output_open(arena, top, &output, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.words, top));
    assert_non_null(strstr(err.words, strerror(EISDIR)));
    assert_false(output_close(&output, false, &err));
    assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD) < 0, 0);
}

static void a_rename_that_fails_leaves_no_partial_file(void **state)
{
    (void)state;
    struct output output;
    struct err err;
    assert_true(output_open(arena, path, &output, &err));
    assert_int_equal(mkdir(path, 0700), 0);
    bool renamed = output_close(&output, true, &err);
    rmdir(path);
    assert_false(renamed);
    assert_non_null(strstr(err.words, partial));
    assert_int_equal(access(partial, F_OK), -1);
}

static void a_directory_that_is_missing_is_named(void **state)
{
    (void)state;
    struct output output;
    struct err err;
    assert_false(output_open(arena, arena_printf(arena, "%s/none/result", top), &output, &err));
    assert_non_null(strstr(err.words, "/none/result"));
}

static void a_device_is_written_to_as_it_is(void **state)
{
    (void)state;
    struct output output;
    struct err err;
    assert_true(output_open(arena, "/dev/null", &output, &err));
    assert_int_equal(write(output.fd, "x", 1), 1);
    assert_true(output_close(&output, true, &err));
    assert_int_equal(access("/dev/null.partial", F_OK), -1);
}

#define PLACED(name) cmocka_unit_test_setup_teardown(name, make_top, remove_top)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACED(what_was_there_stays_until_the_new_file_is_whole),
        PLACED(what_stands_in_the_place_of_the_partial_file_is_not_written_to),
        PLACED(a_directory_is_refused_before_anything_is_written),
        PLACED(a_rename_that_fails_leaves_no_partial_file),
        PLACED(a_directory_that_is_missing_is_named),
        PLACED(a_device_is_written_to_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
