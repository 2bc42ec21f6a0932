#include "os/tempfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/hubport-test-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory); /* fails when a test left something */
}

static void a_file_is_private_and_named_as_the_requirement_says(void **state)
{
    struct err err;
    struct stat status;
    (void)state;
    struct tempfile *file = tempfile_create(directory, "import", &err);
    assert_non_null(file);
    assert_int_equal(stat(tempfile_path(file), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_non_null(strstr(tempfile_path(file), "/database_import_1"));
    assert_string_equal(tempfile_path(file) + strlen(tempfile_path(file)) - 5, ".dump");
    tempfile_remove(file);
    assert_int_not_equal(stat(directory, &status), -1);
}

static void a_sweep_leaves_a_living_processes_file(void **state)
{
    struct err err;
    (void)state;
    struct tempfile *file = tempfile_create(directory, "import", &err);
    assert_int_equal(tempfile_sweep(directory, 0), 0);
    assert_int_equal(access(tempfile_path(file), F_OK), 0);
    tempfile_remove(file);
}

/* A child makes a file and is killed. */
static void leave_file_of_killed_process(void)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct err err;
        (void)!tempfile_create(directory, "import", &err);
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

static void a_sweep_removes_the_file_of_a_killed_process(void **state)
{
    (void)state;
    leave_file_of_killed_process();
    assert_int_equal(tempfile_sweep(directory, 0), 1);
}

static void a_periodic_sweep_leaves_dead_files_until_they_are_old(void **state)
{
    (void)state;
    leave_file_of_killed_process();
    assert_int_equal(tempfile_sweep(directory, 3600000), 0);
    assert_int_equal(tempfile_sweep(directory, 0), 1);
}

static void a_sweep_leaves_other_peoples_files_and_links(void **state)
{
    char hubs[128], target[128], link_path[128];
    (void)state;
    snprintf(hubs, sizeof hubs, "%s/database_import_1700000000000_abc123.dump", directory);
    snprintf(target, sizeof target, "%s/precious", directory);
    snprintf(link_path, sizeof link_path, "%s/database_import_1_hpaaaaaaaaaa.dump", directory);
    close(open(hubs, O_CREAT | O_WRONLY, 0600));
    close(open(target, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(symlink(target, link_path), 0);
    assert_int_equal(tempfile_sweep(directory, 0), 0);
    assert_int_equal(unlink(hubs), 0);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(unlink(link_path), 0);
}

static void a_directory_that_is_not_there_is_a_clear_error(void **state)
{
    struct err err;
    (void)state;
    assert_null(tempfile_create("/nonexistent", "import", &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.words, "/nonexistent"));
}

static void a_full_disk_is_told_as_such(void **state)
{
    struct err err;
    (void)state;
    struct tempfile *file = tempfile_create(directory, "import", &err);
    int full = open("/dev/full", O_WRONLY);
    assert_int_not_equal(full, -1);
    assert_int_not_equal(dup2(full, tempfile_fd(file)), -1);
    assert_false(tempfile_write(file, "x", 1, &err));
    assert_int_equal(err.code, ERR_DISK_FULL);
    close(full);
    tempfile_remove(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_private_and_named_as_the_requirement_says),
        cmocka_unit_test(a_sweep_leaves_a_living_processes_file),
        cmocka_unit_test(a_sweep_removes_the_file_of_a_killed_process),
        cmocka_unit_test(a_periodic_sweep_leaves_dead_files_until_they_are_old),
        cmocka_unit_test(a_sweep_leaves_other_peoples_files_and_links),
        cmocka_unit_test(a_directory_that_is_not_there_is_a_clear_error),
        cmocka_unit_test(a_full_disk_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
