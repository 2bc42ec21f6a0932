#include "os/directory.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char top[64], below[128];

static int make_top(void **state)
{
    (void)state;
    snprintf(top, sizeof top, "/tmp/hubport-unit-directory.XXXXXX");
    snprintf(below, sizeof below, "%s/below", mkdtemp(top));
    return 0;
}

static int remove_top(void **state)
{
    (void)state;
    rmdir(below);
    unlink(below);
    return rmdir(top);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 0777;
}

static void parents_are_made_and_what_is_there_stays(void **state)
{
    char deep[160];
    struct err err;
    (void)state;
    snprintf(deep, sizeof deep, "%s/deep", below);
    assert_true(directory_make(deep, 0711, &err));
    assert_int_equal(chmod(deep, 0750), 0);
    assert_true(directory_make(deep, 0711, &err));
    assert_int_equal(mode_of(deep), 0750);
    assert_int_equal(rmdir(deep), 0);
}

static void a_name_that_is_none_is_refused_by_name(void **state)
{
    static char endless[PATH_MAX + 2];
    struct err err;
    (void)state;
    assert_false(directory_make("", 0700, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    memset(endless, 'x', sizeof endless - 1);
    assert_false(directory_make(endless, 0700, &err));
    assert_non_null(strstr(err.words, "not a usable directory name"));
    assert_false(directory_make("/dev/null/below", 0700, &err));
    assert_non_null(strstr(err.words, "/dev/null/below: Not a directory"));
}

static void a_private_directory_is_ours_and_closed(void **state)
{
    struct err err;
    (void)state;
    assert_true(directory_make_private(below, NULL, &err));
    assert_int_equal(mode_of(below), 0700);
    assert_true(directory_make_private(below, NULL, &err));
}

static void what_others_can_enter_or_another_put_there_is_not_private(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(mkdir(below, 0700), 0);
    assert_int_equal(chmod(below, 0750), 0);
    assert_false(directory_make_private(below, NULL, &err));
    assert_non_null(strstr(err.words, "0700"));
    assert_int_equal(rmdir(below), 0);

    assert_int_equal(symlink("/", below), 0);
    assert_false(directory_make_private(below, NULL, &err));
    assert_non_null(strstr(err.words, below));
}

static void a_private_directory_without_its_parent_or_its_user_is_an_error(void **state)
{
    char deep[160];
    struct err err;
    (void)state;
    snprintf(deep, sizeof deep, "%s/deep", below);
    assert_false(directory_make_private(deep, NULL, &err));
    assert_non_null(strstr(err.words, "No such file"));
    assert_false(directory_make_private(below, "nobody-of-this-name", &err));
    assert_non_null(strstr(err.words, "nobody-of-this-name"));
    assert_int_not_equal(access(below, F_OK), 0);
}

static void free_space_is_known_of_what_exists(void **state)
{
    uint64_t bytes = 0;
    (void)state;
    assert_true(directory_free_bytes(top, &bytes));
    assert_true(bytes > 0);
    assert_false(directory_free_bytes(below, &bytes));
}

int main(void)
{
#define IN_TOP(test) cmocka_unit_test_setup_teardown(test, make_top, remove_top)
    const struct CMUnitTest tests[] = {
        IN_TOP(parents_are_made_and_what_is_there_stays),
        IN_TOP(a_name_that_is_none_is_refused_by_name),
        IN_TOP(a_private_directory_is_ours_and_closed),
        IN_TOP(what_others_can_enter_or_another_put_there_is_not_private),
        IN_TOP(a_private_directory_without_its_parent_or_its_user_is_an_error),
        IN_TOP(free_space_is_known_of_what_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
