#include "prices/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *const names[] = {
    "claude-opus-4-1-20250805",
    "claude-sonnet-4-5",
    "claude-sonnet-4",
    "gemini-2.5-pro",
    "gpt-5",
    "gpt-5-mini",
    "openai/gpt-5-nano",
    "",
};

static size_t find(const char *name, const char *found[NEAREST_MAX])
{
    struct arena *arena = arena_new();
    size_t count = nearest_find(nearest_new(arena, names, ARRAY_LEN(names)), name, found);
    arena_free(arena);
    return count;
}

static void the_name_most_alike_comes_first(void **state)
{
    static const char *const pairs[][2] = {
        {"claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},       {"Claude_Sonnet.4.5", "claude-sonnet-4-5"},
        {"anthropic/claude-opus-4-1", "claude-opus-4-1-20250805"}, {"gpt5-mini", "gpt-5-mini"},
        {"models/gemini-2.5-pro-preview", "gemini-2.5-pro"},       {"gpt-5-nano", "openai/gpt-5-nano"},
    };
    const char *found[NEAREST_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        assert_int_not_equal(find(pairs[i][0], found), 0);
        assert_string_equal(found[0], pairs[i][1]);
    }
}

static void at_most_three_are_given_none_twice_and_never_the_name_itself(void **state)
{
    const char *found[NEAREST_MAX];
    (void)state;
    size_t count = find("gpt-5", found);
    assert_in_range(count, 1, NEAREST_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_string_not_equal(found[i], "gpt-5");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(found[i], found[j]);
    }
}

static void what_is_like_none_gets_none(void **state)
{
    static const char *const strangers[] = {"", "/", "---", "zzz", "数据", "\xff\xfe", "dall-e-3"};
    const char *found[NEAREST_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
        if (find(strangers[i], found) != 0)
            fail_msg("%s is like %s", strangers[i], found[0]);
    struct arena *arena = arena_new();
    assert_int_equal(nearest_find(nearest_new(arena, NULL, 0), "gpt-5", found), 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_most_alike_comes_first),
        cmocka_unit_test(at_most_three_are_given_none_twice_and_never_the_name_itself),
        cmocka_unit_test(what_is_like_none_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
