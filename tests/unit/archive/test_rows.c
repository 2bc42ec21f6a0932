#include "archive/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    const char *text;
    uint64_t count;
    bool ended, good; /* good: nothing after the end */
} cases[] = {
    {"", 0, false, true},
    {"\\.\n", 0, true, true},
    {"\\.\n\n\n", 0, true, true},
    {"1\n\n22\n333\n\\.\n\n\n", 4, true, true},
    {"\\.x\nx\\.\n\\\\.\n..\n\\\\\n\\N\n\\.\n", 6, true, true},
    {"\\.  ", 0, false, true},
    {"1\n\\.", 1, false, true},
    {"1\n\\.\n2\n", 1, true, false},
    {"\\.\n\\.\n", 0, true, false},
    {"\\.\n\n\n ", 0, true, false},
};

static void assert_case(size_t i, const struct rows *rows, bool good)
{
    if (rows->count != cases[i].count || rows->ended != cases[i].ended || good != cases[i].good)
        fail_msg("case %zu: %llu rows, ended %d, good %d", i, (unsigned long long)rows->count, rows->ended, good);
}

static void text_may_be_cut_at_any_two_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const unsigned char *text = (const unsigned char *)cases[i].text;
        size_t size = strlen(cases[i].text);
        for (size_t first = 0; first <= size; first++)
            for (size_t second = first; second <= size; second++) {
                struct rows rows = {0};
                bool good = rows_add(&rows, text, first);
                good = rows_add(&rows, text + first, second - first) && good;
                good = rows_add(&rows, text + second, size - second) && good;
                assert_case(i, &rows, good);
            }
    }
}

static void text_may_come_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rows rows = {0};
        bool good = true;
        for (const char *at = cases[i].text; *at != '\0'; at++)
            good = rows_add(&rows, (const unsigned char *)at, 1) && good;
        assert_case(i, &rows, good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_may_be_cut_at_any_two_places),
        cmocka_unit_test(text_may_come_byte_by_byte),
    };
    return cmocka_run_group_tests_name("archive/rows", tests, NULL, NULL);
}
