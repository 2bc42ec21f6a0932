#include "os/write.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static void a_reader_that_is_gone_is_a_cancel_a_full_disk_is_named(void **state)
{
    static const char bytes[] = "text";
    int ends[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct err err;
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_false(write_all(ends[1], bytes, sizeof bytes) || write_err(&err, "the answer"));
    assert_int_equal(err.code, ERR_CANCELLED);
    close(ends[1]);

    assert_false(write_all(full, bytes, sizeof bytes) || write_err(&err, "the archive"));
    assert_int_equal(err.code, ERR_DISK_FULL);
    assert_non_null(strstr(err.words, "the archive"));
    close(full);

    assert_false(write_all(-1, bytes, sizeof bytes) || write_err(&err, "the list"));
    assert_int_equal(err.code, ERR_SYSTEM);
}

static void a_text_is_empty_after_it_was_written_and_after_it_was_not(void **state)
{
    struct jtext_out out = {0};
    char text[16] = "";
    struct err err;
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    jtext_put(&out, "hello", 5);
    assert_true(write_text(&out, ends[1], "a greeting", &err));
    assert_int_equal(out.size, 0);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 5);
    assert_string_equal(text, "hello");
    close(ends[0]);
    close(ends[1]);

    jtext_put(&out, "again", 5);
    assert_false(write_text(&out, -1, "a greeting", &err));
    assert_non_null(strstr(err.words, "a greeting"));
    assert_int_equal(out.size, 0);
    free(out.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_is_gone_is_a_cancel_a_full_disk_is_named),
        cmocka_unit_test(a_text_is_empty_after_it_was_written_and_after_it_was_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
