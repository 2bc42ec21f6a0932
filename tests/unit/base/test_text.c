#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void sizes_are_read_with_their_units(void **state)
{
    uint64_t bytes = 1;
    (void)state;
    assert_true(text_parse_bytes("500MB", &bytes));
    assert_int_equal(bytes, 524288000);
    assert_true(text_parse_bytes("64kb", &bytes));
    assert_int_equal(bytes, 65536);
    assert_true(text_parse_bytes("1048576", &bytes));
    assert_int_equal(bytes, 1048576);
    assert_true(text_parse_bytes("0", &bytes));
    assert_int_equal(bytes, 0);
}

static void sizes_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"", "MB", "-1", "1.5MB", "12 MB", "5XB", "99999999999999999999", "4611686018427387905KB"};
    uint64_t bytes;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(text_parse_bytes(bad[i], &bytes));
}

static void durations_need_a_unit_unless_they_are_zero(void **state)
{
    int64_t ms = 1;
    (void)state;
    assert_true(text_parse_duration("5m", &ms));
    assert_int_equal(ms, 300000);
    assert_true(text_parse_duration("250ms", &ms));
    assert_int_equal(ms, 250);
    assert_true(text_parse_duration("1d", &ms));
    assert_int_equal(ms, 86400000);
    assert_true(text_parse_duration("0", &ms));
    assert_int_equal(ms, 0);
    assert_false(text_parse_duration("5", &ms));
    assert_false(text_parse_duration("-5m", &ms));
    assert_false(text_parse_duration("m", &ms));
}

static void integers_are_whole_and_in_range(void **state)
{
    int64_t value;
    (void)state;
    assert_true(text_parse_integer("32", 1, 32, &value));
    assert_int_equal(value, 32);
    assert_true(text_parse_integer("-3", -5, 5, &value));
    assert_int_equal(value, -3);
    assert_false(text_parse_integer("33", 1, 32, &value));
    assert_false(text_parse_integer("1x", 1, 32, &value));
    assert_false(text_parse_integer("", 0, 32, &value));
    assert_false(text_parse_integer(" 1", 0, 32, &value));
}

static void text_that_is_no_utf8_gets_replacement_characters(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    assert_string_equal(text_utf8(arena, "数据 ok"), "数据 ok");
    assert_string_equal(text_utf8(arena, "a\xff\x62"), "a\xef\xbf\xbd\x62");
    assert_string_equal(text_utf8(arena, "\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd"); /* overlong */
    assert_string_equal(text_utf8(arena, NULL), "");
    assert_false(text_is_utf8("\xed\xa0\x80", 3)); /* a surrogate */
    assert_false(text_is_utf8("\xf4\x90\x80\x80", 4)); /* beyond U+10FFFF */
    assert_true(text_is_utf8("\xf0\x9f\x98\x80", 4));
    arena_free(arena);
}

static void a_cut_character_is_dropped_whole(void **state)
{
    char cut[] = "ab\xe6\x95";
    char whole[] = "ab\xe6\x95\xb0";
    char ascii[] = "abc";
    (void)state;
    text_cut_utf8(cut);
    text_cut_utf8(whole);
    text_cut_utf8(ascii);
    assert_string_equal(cut, "ab");
    assert_string_equal(whole, "ab\xe6\x95\xb0");
    assert_string_equal(ascii, "abc");
}

static void sizes_are_written_as_the_hub_writes_them(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    assert_string_equal(text_bytes(arena, 524288000), "500MB");
    assert_string_equal(text_bytes(arena, 629145600 + 5243), "600.01MB");
    arena_free(arena);
}

static void random_texts_differ(void **state)
{
    char one[21], other[21];
    (void)state;
    text_random(one, 20);
    text_random(other, 20);
    assert_int_equal(strlen(one), 20);
    assert_int_equal(strspn(one, "abcdefghijklmnopqrstuvwxyz0123456789"), 20);
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_with_their_units),
        cmocka_unit_test(sizes_that_are_none_are_refused),
        cmocka_unit_test(durations_need_a_unit_unless_they_are_zero),
        cmocka_unit_test(integers_are_whole_and_in_range),
        cmocka_unit_test(text_that_is_no_utf8_gets_replacement_characters),
        cmocka_unit_test(a_cut_character_is_dropped_whole),
        cmocka_unit_test(sizes_are_written_as_the_hub_writes_them),
        cmocka_unit_test(random_texts_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
