#include "backup/copy_text.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void a_field_lies_between_tabs_and_may_be_empty(void **state)
{
    static const char line[] = "12\t\ta\\tb\tend";
    static const char *const fields[] = {"12", "", "a\\tb", "end"};
    const char *start;
    size_t length;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        assert_true(copy_text_field(line, sizeof line - 1, i, &start, &length));
        assert_int_equal(length, strlen(fields[i]));
        assert_memory_equal(start, fields[i], length);
    }
    assert_false(copy_text_field(line, sizeof line - 1, 4, &start, &length));
    assert_true(copy_text_field("", 0, 0, &start, &length));
    assert_int_equal(length, 0);
}

static void an_integer_is_what_postgresql_writes_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"7", 7},
                {"-1", -1},
                {"2147483648", 2147483648},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "01",
                                      "-0",
                                      "\\N",
                                      "1a",
                                      "1.",
                                      "0x1",
                                      "1e3",
                                      "\\61",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "18446744073709551616",
                                      "99999999999999999999"};
    int64_t value;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(copy_text_integer(good[i].text, strlen(good[i].text), &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(copy_text_integer(bad[i], strlen(bad[i]), &value));
}

/* What was taken, pieces joined; each run of whole lines must be whole. */
struct taken {
    struct arena *arena;
    const char *text;
    int long_pieces;
    bool refuse;
};

static bool take(void *context, const char *text, size_t size, bool whole, struct err *err)
{
    struct taken *taken = context;
    if (taken->refuse)
        return err_set(err, ERR_CANCELLED, "enough");
    if (whole)
        assert_int_equal(text[size - 1], '\n');
    taken->long_pieces += !whole;
    taken->text = arena_printf(taken->arena, "%s%.*s", taken->text, (int)size, text);
    return true;
}

/* The text in pieces of `step` bytes through a buffer of `capacity`. */
static bool pass(struct taken *taken, const char *text, size_t step, size_t capacity, struct err *err)
{
    struct copy_text lines;
    bool ok = true;
    taken->text = "";
    taken->long_pieces = 0;
    copy_text_begin(&lines, capacity, take, taken);
    for (size_t at = 0, size = strlen(text); ok && at < size; at += step)
        ok = copy_text_add(&lines, text + at, MIN(step, size - at), err);
    ok = ok && copy_text_end(&lines, err);
    copy_text_free(&lines);
    return ok;
}

static void lines_are_whole_wherever_the_text_is_cut(void **state)
{
    static const char text[] = "1\ta\n22\t\\\\.\n\n333\tlong long long long\n\\\\.\n4\n\\.\n\n\n";
    static const char rows[] = "1\ta\n22\t\\\\.\n\n333\tlong long long long\n\\\\.\n4\n";
    struct taken taken = {.arena = *state};
    struct err err;
    for (size_t capacity = 4; capacity < 64; capacity++)
        for (size_t step = 1; step < sizeof text; step++) {
            assert_true(pass(&taken, text, step, capacity, &err));
            assert_string_equal(taken.text, rows);
            assert_int_equal(taken.long_pieces > 0, capacity < sizeof "333\tlong long long long\n" - 1);
        }
}

static void what_follows_the_end_is_dropped_and_an_end_is_not_needed(void **state)
{
    struct taken taken = {.arena = *state};
    struct err err;
    assert_true(pass(&taken, "1\n\\.\n2\n3\n", 1, 64, &err));
    assert_string_equal(taken.text, "1\n");
    assert_true(pass(&taken, "1\n2\n", 1, 64, &err));
    assert_string_equal(taken.text, "1\n2\n");
    assert_true(pass(&taken, "", 1, 64, &err));
    assert_string_equal(taken.text, "");
}

static void a_last_row_without_its_end_is_damage(void **state)
{
    struct taken taken = {.arena = *state};
    struct err err;
    assert_false(pass(&taken, "1\n2", 1, 64, &err));
    assert_int_equal(err.code, ERR_ARCHIVE_DAMAGED);
    assert_false(pass(&taken, "a line that is longer than the buffer", 5, 8, &err));
    assert_int_equal(err.code, ERR_ARCHIVE_DAMAGED);
}

static void a_refusal_stops_it(void **state)
{
    struct taken taken = {.arena = *state, .refuse = true};
    struct err err;
    assert_false(pass(&taken, "1\n\\.\n", 1, 64, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
}

static int set_up(void **state)
{
    *state = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_field_lies_between_tabs_and_may_be_empty),
        TEST(an_integer_is_what_postgresql_writes_and_nothing_else),
        TEST(lines_are_whole_wherever_the_text_is_cut),
        TEST(what_follows_the_end_is_dropped_and_an_end_is_not_needed),
        TEST(a_last_row_without_its_end_is_damage),
        TEST(a_refusal_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
