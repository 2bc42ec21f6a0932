#include "prices/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
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

static struct decimal parsed(const char *text)
{
    struct decimal value;
    if (!decimal_parse(text, strlen(text), &value))
        fail_msg("%s is refused", text);
    return value;
}

static const char *text_of(struct decimal value)
{
    return decimal_text(arena, value);
}

static void decimals_are_read(void **state)
{
    (void)state;
    assert_string_equal(text_of(parsed("3")), "3");
    assert_string_equal(text_of(parsed("0.25")), "25e-2");
    assert_string_equal(text_of(parsed("0.000")), "0");
    assert_string_equal(text_of(parsed("-0")), "0");
    assert_string_equal(text_of(parsed("1500")), "15e2");
    assert_string_equal(text_of(parsed("1.5e-7")), "15e-8");
    assert_string_equal(text_of(parsed("1E+3")), "1e3");
    assert_string_equal(text_of(parsed("0.1234567890123456789999")), "123456789012345679e-18");
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "-1", ".5",  "5.",     "1.2.3", "1e",   "1e+",   "e5",
                                        "1 ",   " 1", "1,5", "inf",    "nan",   "0x10", "1e999", "1e5.5",
                                        "1e 5", "+1", "abc", "1e-999", "--1",   "-0.1", "1f",    "1e99999999999"};
    struct decimal value;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (decimal_parse(texts[i], strlen(texts[i]), &value))
            fail_msg("%s is taken", texts[i]);
}

static void products_and_shifts_are_exact(void **state)
{
    (void)state;
    assert_string_equal(text_of(decimal_times(parsed("0.1"), parsed("0.2"))), "2e-2");
    assert_string_equal(text_of(decimal_times(parsed("123456789012345678"), parsed("987654321098765432"))),
                        "121932631137021794322511812221002896");
    assert_string_equal(text_of(decimal_shift(parsed("3"), -6)), "3e-6");
    assert_string_equal(text_of(decimal_shift(parsed("0"), -6)), "0");
}

static void rounding_is_half_away_from_zero(void **state)
{
    (void)state;
    assert_string_equal(text_of(decimal_round(parsed("1.23456789012499"), 12)), "123456789012e-11");
    assert_string_equal(text_of(decimal_round(parsed("1.234567890125"), 12)), "123456789013e-11");
    assert_string_equal(text_of(decimal_round(parsed("9.9999999999999"), 12)), "1e1");
    assert_string_equal(text_of(decimal_round(parsed("0.3"), 12)), "3e-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_read),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(products_and_shifts_are_exact),
        cmocka_unit_test(rounding_is_half_away_from_zero),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
