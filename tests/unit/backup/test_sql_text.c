#include "backup/sql_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct sql_text read_one(void **state, const char *text)
{
    return sql_read(text, *state);
}

/* "w:select n:Name s:'x'" ... */
static void assert_tokens(void **state, const char *sql, const char *expected)
{
    static const char letters[] = {
        [SQL_WORD] = 'w', [SQL_NAME] = 'n', [SQL_STRING] = 's', [SQL_NUMBER] = 'd', [SQL_SYMBOL] = 'x'};
    struct sql_text text = read_one(state, sql);
    const char *seen = "";
    assert_null(text.error);
    for (size_t i = 0; i < text.count; i++)
        seen = arena_printf(*state, "%s%s%c:%s", seen, i == 0 ? "" : " ", letters[text.tokens[i].kind],
                            text.tokens[i].text);
    assert_string_equal(seen, expected);
}

static void words_are_lowered_and_quoted_names_are_not(void **state)
{
    assert_tokens(state, "SELECT \"Odd \"\"Name\" FROM Users.a$1", "w:select n:Odd \"Name w:from w:users x:. w:a$1");
}

static void a_string_ends_at_its_quote_and_not_before(void **state)
{
    assert_tokens(state, "'a''b;' x", "s:'a''b;' w:x");
    assert_tokens(state, "'a\\' x", "s:'a\\' w:x");         /* a backslash is nothing special */
    assert_tokens(state, "E'a\\'b;' x", "s:E'a\\'b;' w:x"); /* but here */
    assert_tokens(state, "date'1'", "w:date s:'1'");
}

static void a_dollar_quote_ends_at_its_own_tag(void **state)
{
    assert_tokens(state, "$$a;'$x$b$$ y", "s:$$a;'$x$b$$ w:y");
    assert_tokens(state, "$x$a$$;$xx$;$x$ y", "s:$x$a$$;$xx$;$x$ w:y");
    assert_tokens(state, "a$$b", "w:a$$b"); /* inside a name it is a letter */
}

static void comments_nest_and_count_for_nothing(void **state)
{
    assert_tokens(state, "a /* b /* ; */ ' */ c -- d ; '\n e", "w:a w:c w:e");
    assert_tokens(state, "a --x\re", "w:a w:e"); /* a carriage return ends a line too */
    assert_tokens(state, "a+--b\nc", "w:a x:+ w:c");
    assert_tokens(state, "a*/*b*/c", "w:a x:* w:c");
}

static void numbers_and_operators_are_one_token_each(void **state)
{
    assert_tokens(state, "1.5e-3->>2 <=.5", "d:1.5e-3 x:->> d:2 x:<= d:.5");
}

static void what_versions_read_differently_is_an_error(void **state)
{
    static const char *const wrong[] = {
        "'a",
        "\"a",
        "$$a",
        "$x$a$$",
        "/* a",
        "/* /* */",
        "U&'\\0041'",
        "u&\"a\"",
        "$1",
        "1a",
        "0x1F",
        "1_000",
        "a \x01",
        "\\! ls",
        "\"\"",
        "E'a'\n'b\\'; x",
        "a \v b",
        "1.2.3",
        "a123456789012345678901234567890123456789012345678901234567890123",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_non_null(read_one(state, wrong[i]).error);
}

static void a_text_of_very_many_tokens_is_not_read_to_its_end(void **state)
{
    char *text = arena_alloc(*state, 2 * SQL_MAX_TOKENS + 3);
    memset(text, '(', SQL_MAX_TOKENS);
    assert_null(read_one(state, text).error);
    memset(text, '(', SQL_MAX_TOKENS + 1);
    assert_non_null(read_one(state, text).error);
}

static void spaces_and_comments_make_no_difference_and_strings_do(void **state)
{
    struct sql_text first = read_one(state, "CREATE  TABLE a (b -- c\n);"),
                    second = read_one(state, "create table a(b);");
    assert_true(sql_same(&first, &second));
    struct sql_text third = read_one(state, "AS $$a b$$"), fourth = read_one(state, "AS $$a  b$$");
    assert_false(sql_same(&third, &fourth));
    struct sql_text fifth = read_one(state, "a -> b"), sixth = read_one(state, "a - > b");
    assert_false(sql_same(&fifth, &sixth));
    struct sql_text wrong = read_one(state, "'");
    assert_false(sql_same(&wrong, &wrong));
}

static void a_plain_string_has_a_value(void **state)
{
    struct sql_text text = read_one(state, "'a''b' E'a' $$a$$ ''");
    assert_string_equal(sql_string_value(&text.tokens[0], *state), "a'b");
    assert_null(sql_string_value(&text.tokens[1], *state));
    assert_null(sql_string_value(&text.tokens[2], *state));
    assert_string_equal(sql_string_value(&text.tokens[3], *state), "");
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
        TEST(words_are_lowered_and_quoted_names_are_not),
        TEST(a_string_ends_at_its_quote_and_not_before),
        TEST(a_dollar_quote_ends_at_its_own_tag),
        TEST(comments_nest_and_count_for_nothing),
        TEST(numbers_and_operators_are_one_token_each),
        TEST(what_versions_read_differently_is_an_error),
        TEST(a_text_of_very_many_tokens_is_not_read_to_its_end),
        TEST(spaces_and_comments_make_no_difference_and_strings_do),
        TEST(a_plain_string_has_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
