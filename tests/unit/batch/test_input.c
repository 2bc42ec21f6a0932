/* Bodies made to cost much: what is refused is refused at once, by an answer of bounded size. */
#include "batch/input.h"

#include "batch/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* `start`, then `piece` that many times, then `end`. */
static const char *repeated(const char *start, const char *piece, size_t count, const char *end)
{
    size_t size = strlen(piece), head = strlen(start);
    char *text = arena_alloc(arena, head + size * count + strlen(end) + 1);
    memcpy(text, start, head);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head + i * size, piece, size);
    memcpy(text + head + size * count, end, strlen(end));
    return text;
}

static const struct field *field_of(enum kind_id kind, const char *name)
{
    const struct field *field = kind_field(&batch_kinds[kind], name);
    assert_non_null(field);
    return field;
}

static const char *problem_of(const struct field *field, const char *text)
{
    const char *problem = NULL;
    json_t *value = value_parse(field, text, arena, &problem);
    json_decref(value);
    return value == NULL ? problem : NULL;
}

static void a_long_name_is_not_copied_for_each_value_below_it(void **state)
{
    const char *name = repeated("{\"", "k", 2000000, "\":[");
    const char *text = repeated(name, "[],", 600000, "0.12345678901234567890]}");
    struct batch_problems problems = {arena, json_array()};
    (void)state;
    input_numbers(text, strlen(text), &problems);
    assert_int_equal(json_array_size(problems.list), 1);
    const char *path = json_string_value(json_object_get(json_array_get(problems.list, 0), "path"));
    assert_int_equal(strlen(path), PROBLEM_PATH_MAX);
    json_decref(problems.list);
}

static void a_value_is_named_by_its_place(void **state)
{
    const char *text = "{\"a\":{\"b\":[1,{\"c\":0.12345678901234567890}]}}";
    struct batch_problems problems = {arena, json_array()};
    (void)state;
    input_numbers(text, strlen(text), &problems);
    assert_string_equal(json_string_value(json_object_get(json_array_get(problems.list, 0), "path")), "a.b.1.c");
    json_decref(problems.list);
}

static void not_more_than_a_hundred_problems_are_told(void **state)
{
    const char *text = repeated("[", "0.12345678901234567890,", 100000, "0]");
    struct batch_problems problems = {arena, json_array()};
    (void)state;
    input_numbers(text, strlen(text), &problems);
    assert_int_equal(json_array_size(problems.list), PROBLEMS_MAX);
    json_decref(problems.list);
}

static void groups_end_at_the_first_that_is_too_much(void **state)
{
    char *text = arena_alloc(arena, 4 << 20);
    (void)state;
    for (size_t i = 0, used = 0; i < 300000; i++)
        used += (size_t)snprintf(text + used, 16, "g%zu,", i);
    assert_non_null(strstr(problem_of(field_of(KIND_KEYS, "providerGroup"), text), "characters"));
    assert_non_null(problem_of(field_of(KIND_KEYS, "providerGroup"), repeated("", "x", 1000000, "")));
}

static void groups_are_cut_at_commas_of_either_kind_and_stand_there_once(void **state)
{
    const char *problem = NULL;
    (void)state;
    const char *text = repeated("b, a，c\n、", "a,", 20000, "");
    json_t *value = value_parse(field_of(KIND_KEYS, "providerGroup"), text, arena, &problem);
    assert_string_equal(json_string_value(value), "a,b,c,、a");
    json_decref(value);
}

static void a_regular_expression_may_not_grow_by_counting(void **state)
{
    const struct field *allowed = field_of(KIND_PROVIDERS, "allowedModels");
    static const char *const refused[] = {
        "(((a{255}){255}){255})",
        "((a{200}){200}+{200})",
        "a{2,}{500}{600}",
        "[[:alpha:]](((.{99}){99}){99})",
        "a++++++++++++++++++++++++++++++++",
        "(()++++++++++++++++++++++++++++++++)",
    };
    static const char *const taken[] = {"^claude-[0-9]{1,3}(-[a-z]{2,10}){2}$",
                                        "[^]({]{1000}",
                                        "a{,5}",
                                        "x{999}",
                                        "(a{10}){10}",
                                        "^(?:a|b)(?=c)",
                                        "(?<name>a)\\\\1\\\\d"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const char *rule = arena_printf(arena, "[{\"matchType\":\"regex\",\"pattern\":\"%s\"}]", refused[i]);
        assert_memory_equal(problem_of(allowed, rule), "rule 1: the regular expression does not compile at", 49);
    }
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        const char *rule = arena_printf(arena, "[{\"matchType\":\"regex\",\"pattern\":\"%s\"}]", taken[i]);
        if (problem_of(allowed, rule) != NULL)
            fail_msg("%s: %s", taken[i], problem_of(allowed, rule));
    }
}

static void the_password_of_an_address_is_not_shown_whatever_it_holds(void **state)
{
    const struct field *proxy = field_of(KIND_PROVIDERS, "proxyUrl");
    static const char *const addresses[][2] = {{"http://u:secret@h:1/x", "http://***@h:1/x"},
                                               {"http://u:sec@ret@h", "http://***@h"},
                                               {"http://u:sec?ret@h", "http://***@h"},
                                               {"http://u:sec#ret@h/?key=secret", "http://***@h/?***"},
                                               {"u:secret@h", "***@h"},
                                               {"http://h/x?key=secret", "http://h/x?***"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        json_t *value = json_string(addresses[i][0]), *shown = value_shown(proxy, value, arena);
        assert_string_equal(json_string_value(shown), addresses[i][1]);
        json_decref(shown);
        json_decref(value);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_long_name_is_not_copied_for_each_value_below_it),
        TEST(a_value_is_named_by_its_place),
        TEST(not_more_than_a_hundred_problems_are_told),
        TEST(groups_end_at_the_first_that_is_too_much),
        TEST(groups_are_cut_at_commas_of_either_kind_and_stand_there_once),
        TEST(a_regular_expression_may_not_grow_by_counting),
        TEST(the_password_of_an_address_is_not_shown_whatever_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
