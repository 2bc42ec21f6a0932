/* The parser of command lines, with a table of its own instead of cli/commands.c. */
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static struct {
    const char *name;
    size_t operands;
    char last[32];
} called;

static int record(struct invocation *invocation)
{
    called.name = invocation->command->name;
    called.operands = invocation->operand_count;
    if (invocation->operand_count > 0)
        snprintf(called.last, sizeof called.last, "%s", invocation->operands[invocation->operand_count - 1]);
    return 0;
}

const struct command commands[] = {
    {"look", NULL, {"", ""}, NULL, record},           {"fruit", NULL, {"", "About fruit"}, NULL, NULL},
    {"fruit eat", "NAME", {"", ""}, NULL, record},    {"fruit name", "OLD NEW", {"", ""}, NULL, record},
    {"fruit list", "[NAME]", {"", ""}, NULL, record}, {"fruit mix", "NAME...", {"", ""}, NULL, record},
};
const size_t command_count = ARRAY_LEN(commands);

#define RUN(...) run_words((const char *[]){"hubport", __VA_ARGS__, NULL})

static int run_words(const char **words)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    called.name = NULL;
    called.operands = 0;
    return command_main(count, (char **)words);
}

static void a_command_may_have_a_name_of_two_words(void **state)
{
    (void)state;
    assert_int_equal(RUN("fruit", "eat", "apple"), 0);
    assert_string_equal(called.name, "fruit eat");
    assert_string_equal(called.last, "apple");
    assert_int_equal(RUN("look"), 0);
    assert_string_equal(called.name, "look");
}

static void a_group_alone_or_with_an_unknown_word_is_wrong_use(void **state)
{
    (void)state;
    assert_int_equal(RUN("fruit"), 2);
    assert_int_equal(RUN("fruit", "burn"), 2);
    assert_int_equal(RUN("fruit", "--json"), 2);
    assert_int_equal(RUN("eat", "apple"), 2);
    assert_null(called.name);
}

static void help_is_no_failure_and_runs_nothing(void **state)
{
    (void)state;
    assert_int_equal(RUN("fruit", "--help"), 0);
    assert_int_equal(RUN("fruit", "eat", "--help"), 0);
    assert_int_equal(RUN("help"), 0);
    assert_null(called.name);
}

static void the_number_of_operands_is_what_the_row_says(void **state)
{
    (void)state;
    assert_int_equal(RUN("look", "at"), 2);
    assert_int_equal(RUN("fruit", "eat"), 2);
    assert_int_equal(RUN("fruit", "eat", "apple", "pear"), 2);
    assert_int_equal(RUN("fruit", "name", "apple"), 2);
    assert_int_equal(RUN("fruit", "name", "apple", "pear"), 0);
    assert_int_equal(called.operands, 2);
    assert_int_equal(RUN("fruit", "list"), 0);
    assert_int_equal(RUN("fruit", "list", "apple"), 0);
    assert_int_equal(RUN("fruit", "list", "apple", "pear"), 2);
    assert_int_equal(RUN("fruit", "mix"), 2);
    assert_int_equal(RUN("fruit", "mix", "a", "b", "c", "d", "e", "f", "g", "h", "i"), 0);
    assert_int_equal(called.operands, 9);
    assert_string_equal(called.last, "i");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_may_have_a_name_of_two_words),
        cmocka_unit_test(a_group_alone_or_with_an_unknown_word_is_wrong_use),
        cmocka_unit_test(help_is_no_failure_and_runs_nothing),
        cmocka_unit_test(the_number_of_operands_is_what_the_row_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
