#include "base/sheet.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int new_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static struct sheet read_text(struct arena *arena, const char *text)
{
    struct sheet sheet;
    struct err err;
    assert_true(sheet_read(arena, text, strlen(text), &sheet, &err));
    return sheet;
}

static void lines_are_counted_through_quoted_line_feeds_and_empty_lines(void **state)
{
    struct sheet sheet = read_text(*state, SHEET_BOM "a,b\r\n\r\n\"1\nx\",2\r\n3,4\n5,6");
    assert_int_equal(sheet.count, 4);
    assert_string_equal(sheet.rows[0].cells[0], "a");
    assert_int_equal(sheet.rows[1].line, 3);
    assert_string_equal(sheet.rows[1].cells[0], "1\nx");
    assert_int_equal(sheet.rows[2].line, 5);
    assert_int_equal(sheet.rows[3].line, 6);
    assert_string_equal(sheet.rows[3].cells[1], "6");
}

static void blanks_and_empty_cells_are_kept(void **state)
{
    struct sheet sheet = read_text(*state, " a , ,\n");
    assert_int_equal(sheet.rows[0].count, 3);
    assert_string_equal(sheet.rows[0].cells[0], " a ");
    assert_string_equal(sheet.rows[0].cells[1], " ");
    assert_string_equal(sheet.rows[0].cells[2], "");
}

static void semicolons_separate_when_the_first_line_has_no_comma(void **state)
{
    assert_int_equal(read_text(*state, "a;b\n1,5;2\n").rows[1].count, 2);
    assert_int_equal(read_text(*state, "a,b\n1;5,2\n").rows[1].count, 2);
}

static void what_is_written_is_read_back_and_never_a_formula(void **state)
{
    static const char *const texts[] = {"", "plain", "=1+1", "+1", "-1", "@x", "\tx", "'", "'=x", "''", "a \"b\", c\r\nd"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *cell = sheet_cell(*state, texts[i]);
        assert_int_equal(cell[0], '"');
        assert_null(strchr("=+-@\t\r", cell[1] == '\0' ? 'x' : cell[1]));
        struct sheet sheet = read_text(*state, arena_printf(*state, "x,%s\n", cell));
        assert_string_equal(sheet.rows[0].cells[1], texts[i]);
    }
}

static void broken_text_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {{"a,b\n1,\"2\n", "line 2"}, {"a,b\n1,2\n3,4\"5\n", "line 3"}, {"a\n\xff\n", "UTF-8"}};
    struct sheet sheet;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(sheet_read(*state, bad[i].text, strlen(bad[i].text), &sheet, &err));
        assert_int_equal(err.code, ERR_MALFORMED_BODY);
        assert_non_null(strstr(err.words, bad[i].words));
    }
    assert_false(sheet_read(*state, "a\0b", 3, &sheet, &err));
    assert_true(sheet_read(*state, "", 0, &sheet, &err));
    assert_int_equal(sheet.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_counted_through_quoted_line_feeds_and_empty_lines, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(blanks_and_empty_cells_are_kept, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(semicolons_separate_when_the_first_line_has_no_comma, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back_and_never_a_formula, new_arena, free_arena),
        cmocka_unit_test_setup_teardown(broken_text_is_refused_with_its_line, new_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
