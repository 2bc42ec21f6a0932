#include "cli/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void a_file_is_read_to_its_end_or_just_beyond_the_limit(void **state)
{
    char path[] = "/tmp/hubport-unit-source.XXXXXX";
    static char bytes[100 * KIB];
    struct jtext_out text = {0};
    struct err err;
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    bool whole = source_read(path, sizeof bytes, &text, &err);
    size_t size = text.size;
    free(text.text);
    text = (struct jtext_out){0};
    bool cut = source_read(path, 10, &text, &err);
    size_t cut_size = text.size;
    free(text.text);
    unlink(path);
    assert_true(whole);
    assert_int_equal(size, sizeof bytes);
    assert_true(cut);
    assert_true(cut_size > 10 && cut_size < sizeof bytes);
}

static void what_is_not_there_and_what_is_no_file_are_named(void **state)
{
    struct jtext_out text = {0};
    struct err err;
    (void)state;
    assert_false(source_read("/tmp/hubport-unit-none", 10, &text, &err));
    assert_int_equal(err.code, ERR_FILE_MISSING);
    assert_non_null(strstr(err.words, "/tmp/hubport-unit-none"));
    assert_false(source_read("/tmp", 10, &text, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.words, "/tmp: Is a directory"));
    free(text.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_to_its_end_or_just_beyond_the_limit),
        cmocka_unit_test(what_is_not_there_and_what_is_no_file_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
