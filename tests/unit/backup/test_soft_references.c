#include "backup/soft_references.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

/* A name that is misspelt in the table would silently check nothing: every table and column that hubport's own schema
 * has is looked up there. */
static char *schema;

static bool has_column(const char *table, const char *column)
{
    char head[128];
    snprintf(head, sizeof head, "CREATE TABLE %s (", table);
    const char *start = strstr(schema, head), *end = start == NULL ? NULL : strstr(start, "\n);");
    if (start == NULL)
        return true; /* one of the tables that only the hub makes */
    char line[128];
    snprintf(line, sizeof line, "\n    %s ", column);
    const char *found = strstr(start, line);
    return found != NULL && found < end;
}

static void every_parent_has_an_identity(void **state)
{
    (void)state;
    for (const struct soft_reference *soft = soft_references; soft->child != NULL; soft++)
        assert_non_null(identity_of("public", soft->parent));
    assert_null(identity_of("public", "model_prices"));
    assert_null(identity_of("others", "users"));
}

static void every_column_is_one_of_the_schema(void **state)
{
    (void)state;
    assert_true(has_column("keys", "user_id"));
    assert_false(has_column("keys", "no_such"));
    for (const struct soft_reference *soft = soft_references; soft->child != NULL; soft++) {
        assert_true(has_column(soft->child, soft->column));
        assert_true(has_column(soft->parent, "id"));
    }
    for (const struct identity *identity = identities; identity->table != NULL; identity++)
        for (size_t i = 0; i < IDENTITY_COLUMNS && identity->columns[i][0] != '\0'; i++)
            assert_true(has_column(identity->table, identity->columns[i]));
}

static int read_schema(void **state)
{
    (void)state;
    FILE *file = fopen(SCHEMA_FILE, "re");
    if (file == NULL)
        return -1;
    schema = calloc(1, MIB);
    size_t size = schema == NULL ? 0 : fread(schema, 1, MIB - 1, file);
    fclose(file);
    return size > 0 ? 0 : -1;
}

static int forget_schema(void **state)
{
    (void)state;
    free(schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parent_has_an_identity),
        cmocka_unit_test(every_column_is_one_of_the_schema),
    };
    return cmocka_run_group_tests(tests, read_schema, forget_schema);
}
