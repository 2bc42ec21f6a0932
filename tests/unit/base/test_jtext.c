#include "base/jtext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct jtext checked(const char *text)
{
    struct jtext root;
    struct jtext_fault fault;
    if (!jtext_check(text, strlen(text), &root, &fault))
        fail_msg("%s: line %zu, column %zu: %s", text, fault.line, fault.column, fault.what);
    return root;
}

/* The place and the reason of what is wrong, "" when nothing is. */
static const char *fault_of(const char *text, size_t size)
{
    struct jtext root;
    struct jtext_fault fault;
    /* A copy of its own: reading past the end is then seen. */
    char *copy = calloc(1, size + (size == 0));
    memcpy(copy, text, size);
    bool ok = jtext_check(copy, size, &root, &fault);
    free(copy);
    return ok ? "" : arena_printf(arena, "%zu:%zu %s", fault.line, fault.column, fault.what);
}

#define FAULT(text) fault_of(text, sizeof(text) - 1)

static void what_is_json_passes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",   "[]",   " [1, -0, 0.5e+7, 1E9] ",           "\"a\\u00e9\\n\\\"\"",
        "null", "true", "{\"a\":{\"b\":[{}]},\"a\":2}\r\n", "\xef\xbb\xbf{\"\xe6\xa8\xa1\": 1}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        checked(texts[i]);
}

static void what_is_not_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_string_equal(FAULT(""), "1:1 the text ends too early");
    assert_string_equal(FAULT("{\"a\": 1"), "1:8 the text ends too early");
    assert_string_equal(FAULT("{\n  \"\xe6\xa8\xa1\": NaN}"), "2:8 a value is expected");
    assert_string_equal(FAULT("{\"a\":1,}"), "1:8 a string is expected");
    assert_string_equal(FAULT("[1 2]"), "1:4 a comma or ] is expected");
    assert_string_equal(FAULT("[01]"), "1:4 a number starts with 0");
    assert_string_equal(FAULT("[1.]"), "1:4 a digit is missing in the number");
    assert_string_equal(FAULT("[1e]"), "1:4 a digit is missing in the number");
    assert_string_equal(FAULT("[+1]"), "1:2 a value is expected");
    assert_string_equal(FAULT("[\"\\x\"]"), "1:4 an escape is not one of JSON's");
    assert_string_equal(FAULT("[\"\\u12g4\"]"), "1:7 \\u needs four hexadecimal digits");
    assert_string_equal(FAULT("[\"a\nb\"]"), "1:4 a control character stands in a string");
    assert_string_equal(FAULT("[\"a\0b\"]"), "1:4 a control character stands in a string");
    assert_string_equal(FAULT("[1]\0"), "1:4 something follows after the end");
    assert_string_equal(FAULT("{} {}"), "1:4 something follows after the end");
    assert_string_equal(FAULT("[\"\xff\"]"), "1:3 a byte is not UTF-8");
    assert_string_equal(FAULT("[\"\xe6\xa8\"]"), "1:3 a byte is not UTF-8");
    assert_string_equal(FAULT("<html>"), "1:1 a value is expected");
    assert_string_equal(FAULT("[tru]"), "1:2 a value is expected");
}

static void every_prefix_of_a_text_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\u00e9\": [1.5e-7, true, null, {\"b\": \"\xe6\xa8\xa1\"}], \"c\": false}";
    for (size_t size = 0; size < sizeof text - 1; size++)
        assert_string_not_equal(fault_of(text, size), "");
    assert_string_equal(fault_of(text, sizeof text - 1), "");
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    char *deep = arena_alloc(arena, 200001);
    memset(deep, '[', 100000);
    memset(deep + 100000, ']', 100000);
    assert_string_equal(fault_of(deep, 200000), "1:65 it is nested too deep");
    assert_string_equal(fault_of(deep + 100000 - JTEXT_DEPTH, 2 * JTEXT_DEPTH), "");
}

static void a_walk_gives_members_as_they_were_written(void **state)
{
    (void)state;
    struct jtext root = checked("{ \"a\" : 1.50 , \"b\\\"\":[ 1,{\"x\":\"]}\"} ],\"a\":{} }"), key, value;
    struct jtext_walk walk = jtext_enter(root);
    assert_true(jtext_next(&walk, &key, &value));
    assert_memory_equal(key.at, "\"a\"", key.size);
    assert_int_equal(value.size, 4);
    assert_memory_equal(value.at, "1.50", 4);
    assert_true(jtext_next(&walk, &key, &value));
    assert_string_equal(jtext_string(arena, key, NULL), "b\"");
    assert_int_equal(jtext_kind(value), JTEXT_ARRAY);
    struct jtext_walk inner = jtext_enter(value);
    assert_true(jtext_next(&inner, &key, &value));
    assert_null(key.at);
    assert_true(jtext_next(&inner, &key, &value));
    assert_string_equal(jtext_string(arena, jtext_member(value, "x"), NULL), "]}");
    assert_false(jtext_next(&inner, &key, &value));
    assert_true(jtext_next(&walk, &key, &value));
    assert_int_equal(jtext_kind(value), JTEXT_OBJECT);
    assert_false(jtext_next(&walk, &key, &value));
    assert_null(jtext_member(root, "c").at);
    assert_null(jtext_member(jtext_member(root, "a"), "c").at);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    size_t length;
    assert_string_equal(jtext_string(arena, checked("\"\\u0041\\u00e9\\u6a21\\ud83d\\ude00\\/\\t\""), NULL),
                        "A\xc3\xa9\xe6\xa8\xa1\xf0\x9f\x98\x80/\t");
    assert_string_equal(jtext_string(arena, checked("\"\\ud83d!\""), NULL), "\xef\xbf\xbd!");
    assert_memory_equal(jtext_string(arena, checked("\"a\\u0000b\""), &length), "a\0b", 4);
    assert_int_equal(length, 3);
    assert_true(jtext_storable(checked("[\"\\ud83d\\ude00\", \"\\\\u0000\"]")));
    assert_false(jtext_storable(checked("[\"\\ud83d\"]")));
    assert_false(jtext_storable(checked("[\"\\ude00\"]")));
    assert_false(jtext_storable(checked("{\"\\u0000\": 1}")));
}

static void what_is_written_is_json_again(void **state)
{
    (void)state;
    struct jtext_out out = {0};
    const char text[] = "a\"b\\c\n\x01\xe6\xa8\xa1";
    jtext_put_string(&out, text);
    assert_string_equal(jtext_string(arena, checked(out.text), NULL), text);
    free(out.text);
    out = (struct jtext_out){0};
    jtext_put_value(&out, checked("{ \"a b\" :\n\t[ 1.50 ,\r\n \" \\\" \" , { } ] }"));
    assert_string_equal(out.text, "{\"a b\":[1.50,\" \\\" \",{}]}");
    free(out.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_passes),
        cmocka_unit_test(what_is_not_is_refused_with_its_place),
        cmocka_unit_test(every_prefix_of_a_text_is_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(a_walk_gives_members_as_they_were_written),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(what_is_written_is_json_again),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
