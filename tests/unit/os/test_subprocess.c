#include "os/lines.h"
#include "os/subprocess.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SH(script) ((const char *const[]){"/bin/sh", "-c", script, NULL})

static struct subprocess *start(const char *const *argv, const char *const *env, int out, int error)
{
    struct err err;
    struct subprocess_spec spec = {.argv = argv, .env = env, .in = SUBPROCESS_NULL, .out = out, .error = error};
    struct subprocess *process = subprocess_start(&spec, &err);
    assert_non_null(process);
    return process;
}

static void output_is_read_and_the_status_known(void **state)
{
    struct err err;
    char text[16] = "";
    (void)state;
    struct subprocess *process = start(SH("printf hello; exit 3"), NULL, SUBPROCESS_PIPE, SUBPROCESS_NULL);
    assert_int_equal(read(subprocess_out(process), text, sizeof text - 1), 5);
    assert_string_equal(text, "hello");
    assert_int_equal(subprocess_wait(process, NULL, 5000, &err), 1);
    assert_int_equal(subprocess_status(process), 3);
    subprocess_free(process);
}

static void variables_are_replaced_not_doubled(void **state)
{
    char text[64] = "";
    (void)state;
    setenv("HUBPORT_UNIT_VARIABLE", "old", 1);
    struct subprocess *process = start(SH("env | grep HUBPORT_UNIT_VARIABLE"), (const char *const[]){"HUBPORT_UNIT_VARIABLE=new", NULL},
                                       SUBPROCESS_PIPE, SUBPROCESS_NULL);
    ssize_t got = read(subprocess_out(process), text, sizeof text - 1);
    assert_true(got > 0);
    assert_string_equal(text, "HUBPORT_UNIT_VARIABLE=new\n");
    subprocess_free(process);
}

static void a_program_that_is_not_there_is_an_error_at_once(void **state)
{
    struct err err;
    struct subprocess_spec spec = {.argv = (const char *const[]){"/nonexistent/tool", NULL}, .in = SUBPROCESS_NULL,
                                   .out = SUBPROCESS_NULL, .error = SUBPROCESS_NULL};
    (void)state;
    assert_null(subprocess_start(&spec, &err));
    assert_non_null(strstr(err.words, "/nonexistent/tool"));
}

static void a_user_that_is_not_there_is_named(void **state)
{
    struct err err;
    struct subprocess_spec spec = {.argv = SH("exit 0"), .in = SUBPROCESS_NULL, .out = SUBPROCESS_NULL,
                                   .error = SUBPROCESS_NULL, .user = "nobody-of-this-name"};
    (void)state;
    assert_null(subprocess_start(&spec, &err));
    assert_non_null(strstr(err.words, "nobody-of-this-name"));
}

static void output_counts_only_when_the_program_succeeds(void **state)
{
    struct err err;
    const char *output = NULL;
    struct arena *arena = arena_new();
    (void)state;
    assert_true(subprocess_output(SH("echo 15.4"), arena, &output, &err));
    assert_string_equal(output, "15.4\n");
    assert_false(subprocess_output(SH("echo 15.4; exit 3"), arena, &output, &err));
    assert_non_null(strstr(err.words, "exit status 3"));
    assert_false(subprocess_output((const char *const[]){"/nonexistent/tool", NULL}, arena, &output, &err));
    assert_non_null(strstr(err.words, "/nonexistent/tool"));
    arena_free(arena);
}

static void freeing_ends_the_whole_group_even_when_it_ignores_sigterm(void **state)
{
    char text[32] = "";
    (void)state;
    struct subprocess *process = start(SH("trap '' TERM; sleep 60 & echo $!; wait; sleep 60"), NULL, SUBPROCESS_PIPE, SUBPROCESS_NULL);
    assert_true(read(subprocess_out(process), text, sizeof text - 1) > 0);
    pid_t grandchild = atoi(text);
    int64_t started = clock_mono_ms();
    subprocess_free(process);
    assert_true(clock_mono_ms() - started < 30000);
    for (int i = 0; i < 100 && kill(grandchild, 0) == 0; i++)
        usleep(10000); /* it is init's to reap */
    /* A zombie that nobody reaps still answers kill(0); a running sleep would be in state S. */
    char path[64], stat_line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        assert_non_null(fgets(stat_line, sizeof stat_line, file));
        fclose(file);
        assert_non_null(strstr(stat_line, ") Z "));
    }
}

static void a_cancel_ends_the_wait(void **state)
{
    struct err err;
    struct cancel *cancel = cancel_new();
    (void)state;
    struct subprocess *process = start(SH("sleep 60"), NULL, SUBPROCESS_NULL, SUBPROCESS_NULL);
    cancel_fire(cancel, ERR_SHUTTING_DOWN);
    assert_int_equal(subprocess_wait(process, cancel, -1, &err), -1);
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    subprocess_free(process);
    cancel_free(cancel);
}

/* The parent starts a child through subprocess_start and is killed: the child must be gone too. */
static void a_child_does_not_outlive_a_killed_parent(void **state)
{
    int out[2];
    char text[32] = "";
    (void)state;
    assert_int_equal(pipe(out), 0);
    pid_t parent = fork();
    if (parent == 0) {
        struct subprocess *process = start(SH("sleep 60"), NULL, SUBPROCESS_NULL, SUBPROCESS_NULL);
        dprintf(out[1], "%d\n", subprocess_pid(process));
        pause();
    }
    assert_true(read(out[0], text, sizeof text - 1) > 0);
    pid_t child = atoi(text);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)child);
    bool gone = false;
    for (int i = 0; i < 200 && !gone; i++) {
        FILE *file = fopen(path, "r");
        gone = file == NULL || fgetc(file) == EOF; /* a zombie has no command line */
        if (file != NULL)
            fclose(file);
        usleep(10000);
    }
    assert_true(gone);
    close(out[0]);
    close(out[1]);
}

static void lines_come_whole_and_the_last_needs_no_newline(void **state)
{
    struct err err;
    struct lines lines;
    char *line;
    (void)state;
    struct subprocess *process = start(SH("printf 'one\\ntwo\\n\\nlast' >&2"), NULL, SUBPROCESS_NULL, SUBPROCESS_PIPE);
    static const char *const expected[] = {"one", "two", "", "last"};
    lines_init(&lines, subprocess_error(process));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(lines_next(&lines, NULL, 5000, &line, &err), 1);
        assert_string_equal(line, expected[i]);
    }
    assert_int_equal(lines_next(&lines, NULL, 5000, &line, &err), 0);
    subprocess_free(process);
}

static void a_long_line_is_cut_wherever_its_end_is_in_the_buffer(void **state)
{
    int ends[2];
    char text[LINE_MAX_SIZE + 6];
    struct lines lines;
    struct err err;
    char *line;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof text - 5, "\nend\n", 5); /* the line is two bytes too long */
    assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
    close(ends[1]);
    lines_init(&lines, ends[0]);
    assert_int_equal(lines_next(&lines, NULL, 5000, &line, &err), 1);
    assert_int_equal(strlen(line), LINE_MAX_SIZE - 1);
    assert_int_equal(lines_next(&lines, NULL, 5000, &line, &err), 1);
    assert_string_equal(line, "x");
    assert_int_equal(lines_next(&lines, NULL, 5000, &line, &err), 1);
    assert_string_equal(line, "end");
    assert_int_equal(lines_next(&lines, NULL, 5000, &line, &err), 0);
    close(ends[0]);
}

static void an_endless_line_is_cut_not_kept(void **state)
{
    struct err err;
    struct lines lines;
    char *line;
    size_t total = 0;
    (void)state;
    struct subprocess *process = start(SH("head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2"), NULL,
                                       SUBPROCESS_NULL, SUBPROCESS_PIPE);
    lines_init(&lines, subprocess_error(process));
    while (lines_next(&lines, NULL, 5000, &line, &err) == 1 && strcmp(line, "end") != 0) {
        assert_true(strlen(line) < LINE_MAX_SIZE);
        total += strlen(line);
    }
    assert_string_equal(line, "end");
    assert_true(total > 90000);
    subprocess_free(process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_read_and_the_status_known),
        cmocka_unit_test(variables_are_replaced_not_doubled),
        cmocka_unit_test(a_program_that_is_not_there_is_an_error_at_once),
        cmocka_unit_test(a_user_that_is_not_there_is_named),
        cmocka_unit_test(output_counts_only_when_the_program_succeeds),
        cmocka_unit_test(freeing_ends_the_whole_group_even_when_it_ignores_sigterm),
        cmocka_unit_test(a_cancel_ends_the_wait),
        cmocka_unit_test(a_child_does_not_outlive_a_killed_parent),
        cmocka_unit_test(lines_come_whole_and_the_last_needs_no_newline),
        cmocka_unit_test(a_long_line_is_cut_wherever_its_end_is_in_the_buffer),
        cmocka_unit_test(an_endless_line_is_cut_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
