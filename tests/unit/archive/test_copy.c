#include "archive/archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct arena *arena;
static struct archive_copy copy;

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool parse(const char *statement)
{
    struct err err = ERR_NONE_YET;
    const struct archive_entry entry = {.desc = "TABLE DATA", .schema = "public", .tag = "t", .copy = statement};
    bool ok = archive_copy_columns(&entry, arena, &copy, &err);
    if (!ok)
        assert_int_equal(err.code, ERR_ARCHIVE_UNSUPPORTED);
    return ok;
}

static void names_come_without_their_quotes(void **state)
{
    (void)state;
    assert_true(
        parse("COPY public.users (id, \"Name\", \"odd \"\"one\"\"\", \"a, b) FROM stdin;\", \"\xe5\x90\x8d\") FROM "
              "stdin;\n"));
    assert_string_equal(copy.schema, "public");
    assert_string_equal(copy.table, "users");
    assert_int_equal(copy.column_count, 5);
    static const char *const names[] = {"id", "Name", "odd \"one\"", "a, b) FROM stdin;", "\xe5\x90\x8d"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(copy.columns[i], names[i]);
    assert_true(parse("COPY \"My Schema\".\"T.\"\"x\" (\"\"\"\") FROM stdin;\n"));
    assert_string_equal(copy.schema, "My Schema");
    assert_string_equal(copy.table, "T.\"x");
    assert_string_equal(copy.columns[0], "\"");
}

static void a_schema_and_columns_may_be_missing(void **state)
{
    (void)state;
    assert_true(parse("COPY t (a) FROM stdin;\n"));
    assert_string_equal(copy.schema, "");
    assert_true(parse("COPY public.t  FROM stdin;\n"));
    assert_int_equal(copy.column_count, 0);
}

static void anything_else_is_refused(void **state)
{
    static const char *const statements[] = {
        "",
        "COPY ",
        "COPY t",
        "COPY t (a) FROM stdin",
        "COPY t (a) FROM PROGRAM 'id';\n",
        "COPY t (a) FROM stdin; DROP TABLE t;\n",
        "COPY t (a) FROM stdin;\nDROP TABLE t;\n",
        "COPY T (a) FROM stdin;\n",
        "COPY t (A) FROM stdin;\n",
        "COPY t (1a) FROM stdin;\n",
        "COPY t (a b) FROM stdin;\n",
        "COPY t (a,b) FROM stdin;\n",
        "COPY t (a, ) FROM stdin;\n",
        "COPY t () FROM stdin;\n",
        "COPY t (\"\") FROM stdin;\n",
        "COPY t (\"a) FROM stdin;\n",
        "COPY t (\"a\"\"",
        "COPY a.b.c (a) FROM stdin;\n",
        "COPY t(a) FROM stdin;\n",
        "COPY t (a) TO stdout;\n",
        "copy t (a) from stdin;\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statements); i++)
        if (parse(statements[i]))
            fail_msg("%s", statements[i]);
}

static char *long_statement(char quote, size_t name_size, size_t columns)
{
    char *text = arena_alloc(arena, columns * (name_size + 4) + 64), *at = text + snprintf(text, 16, "COPY t (");
    for (size_t i = 0; i < columns; i++) {
        at += snprintf(at, 3, "%s", i == 0 ? "" : ", ");
        if (quote != '\0')
            *at++ = quote;
        memset(at, 'x', name_size);
        at += name_size;
        if (quote != '\0')
            *at++ = quote;
    }
    snprintf(at, 32, ") FROM stdin;\n");
    return text;
}

static void names_and_columns_are_bounded(void **state)
{
    (void)state;
    for (int quoted = 0; quoted <= 1; quoted++) {
        char quote = quoted ? '"' : '\0';
        assert_true(parse(long_statement(quote, ARCHIVE_MAX_NAME, 2)));
        assert_int_equal(strlen(copy.columns[1]), ARCHIVE_MAX_NAME);
        assert_false(parse(long_statement(quote, ARCHIVE_MAX_NAME + 1, 1)));
        assert_false(parse(long_statement(quote, 100000, 1)));
        assert_true(parse(long_statement(quote, 2, ARCHIVE_MAX_COLUMNS)));
        assert_int_equal(copy.column_count, ARCHIVE_MAX_COLUMNS);
        assert_false(parse(long_statement(quote, 2, ARCHIVE_MAX_COLUMNS + 1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_without_their_quotes),
        cmocka_unit_test(a_schema_and_columns_may_be_missing),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(names_and_columns_are_bounded),
    };
    return cmocka_run_group_tests_name("archive/copy", tests, start, end);
}
