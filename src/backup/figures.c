#include "backup/figures.h"

struct table_figures figures_total(const struct figures *figures)
{
    struct table_figures total = {0};
    for (size_t i = 0; i < figures->count; i++) {
        const struct table_figures *table = &figures->tables[i];
        total.added += table->added;
        total.updated += table->updated;
        total.identical += table->identical;
        total.conflicting += table->conflicting;
        total.failed += table->failed;
        total.foreign_parent += table->foreign_parent;
        total.old_rows += table->old_rows;
        total.new_rows += table->new_rows;
    }
    return total;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL)
        json_object_set_new(object, key, json_string(text));
}

json_t *figures_table_json(const struct figures *figures, const struct table_figures *table)
{
    json_t *object = json_object();
    set_text(object, "table", table->table);
    if (!figures->merge) {
        json_object_set_new(object, "oldRows", json_integer((json_int_t)table->old_rows));
        json_object_set_new(object, "newRows", json_integer((json_int_t)table->new_rows));
        return object;
    }
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"added", table->added},         {"updated", table->updated},
                  {"identical", table->identical}, {"conflicting", table->conflicting},
                  {"failed", table->failed},       {"foreignParent", table->foreign_parent}};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        json_object_set_new(object, counts[i].name, json_integer((json_int_t)counts[i].value));
    set_text(object, "firstConflicting", table->first_conflicting);
    set_text(object, "firstFailed", table->first_failed);
    set_text(object, "failedBy", table->failed_by);
    set_text(object, "firstForeignParent", table->first_foreign_parent);
    if (table->created)
        json_object_set_new(object, "created", json_true());
    return object;
}

static json_t *list(const char *const *names, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(names[i]));
    return array;
}

json_t *figures_json(const struct figures *figures)
{
    const struct schema_differences *differences = &figures->differences;
    struct table_figures total = figures_total(figures);
    json_t *tables = json_array();
    for (size_t i = 0; i < figures->count; i++)
        json_array_append_new(tables, figures_table_json(figures, &figures->tables[i]));
    json_t *object = json_pack("{s:o, s:o}", "tableResults", tables, "totals", figures_table_json(figures, &total));
    json_object_set_new(object, "schema",
                        json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "tablesOnlyHere",
                                  list(differences->tables_here, differences->table_here_count), "tablesOnlyThere",
                                  list(differences->tables_there, differences->table_there_count), "columnsOnlyHere",
                                  list(differences->columns_here, differences->column_here_count), "columnsOnlyThere",
                                  list(differences->columns_there, differences->column_there_count), "notCreated",
                                  list(differences->not_created, differences->not_created_count), "newerArchive",
                                  figures->newer_archive));
    if (figures->estimate_basis != NULL) {
        json_object_set_new(object, "estimateMs", json_integer(figures->estimate_ms));
        json_object_set_new(object, "estimateBasis", json_string(figures->estimate_basis));
    }
    return object;
}
