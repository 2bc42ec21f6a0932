#include "backup/differences.h"

#include "base/text.h"

bool differences_passes_by(const char *schema)
{
    static const char *const schemas[] = {"drizzle", "hubport", "information_schema"};
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
        if (strcmp(schemas[i], schema) == 0)
            return true;
    return text_starts(schema, "pg_");
}

struct walk {
    struct arena *arena;
    const struct archive *archive;
    struct schema_differences *differences;
    struct pg_result live; /* one row a column: schema, table, column ("": it has none), generated */
};

static void add(struct walk *walk, const char ***list, size_t *count, const char *schema, const char *table,
                const char *column)
{
    const char *name = arena_printf(walk->arena, "%s.%s%s%s", schema, table, *column == '\0' ? "" : ".", column);
    *(const char **)arena_push(walk->arena, list, *count, sizeof **list) = text_utf8(walk->arena, name);
    (*count)++;
}

static bool is_column(const struct walk *walk, int from, int to, const char *name)
{
    for (int i = from; i < to; i++)
        if (strcmp(pg_text(&walk->live, i, 2), name) == 0)
            return true;
    return false;
}

static bool is_copied(const struct archive_copy *copy, const char *name)
{
    for (size_t i = 0; i < copy->column_count; i++)
        if (strcmp(copy->columns[i], name) == 0)
            return true;
    return false;
}

/* The live table whose columns are rows `from` to `to`. */
static bool compare_table(struct walk *walk, int from, int to, struct err *err)
{
    struct schema_differences *differences = walk->differences;
    const char *schema = pg_text(&walk->live, from, 0), *table = pg_text(&walk->live, from, 1);
    const struct archive_entry *data = archive_find(walk->archive, "TABLE DATA", schema, table);
    struct archive_copy copy;
    if (data == NULL && archive_find(walk->archive, "TABLE", schema, table) == NULL) {
        add(walk, &differences->tables_here, &differences->table_here_count, schema, table, "");
        return true;
    }
    if (data == NULL || data->copy[0] == '\0')
        return true;
    if (!archive_copy_columns(data, walk->arena, &copy, err))
        return false;
    for (int i = from; i < to; i++)
        if (!pg_bool(&walk->live, i, 3) && pg_text(&walk->live, i, 2)[0] != '\0'
            && !is_copied(&copy, pg_text(&walk->live, i, 2)))
            add(walk, &differences->columns_here, &differences->column_here_count, schema, table,
                pg_text(&walk->live, i, 2));
    for (size_t i = 0; i < copy.column_count; i++)
        if (!is_column(walk, from, to, copy.columns[i]))
            add(walk, &differences->columns_there, &differences->column_there_count, schema, table, copy.columns[i]);
    return true;
}

static bool is_live(const struct walk *walk, const struct archive_entry *entry)
{
    for (int i = 0; i < walk->live.count; i++)
        if (strcmp(pg_text(&walk->live, i, 1), entry->tag) == 0
            && strcmp(pg_text(&walk->live, i, 0), entry->schema) == 0)
            return true;
    return false;
}

bool differences_find(struct job *job, struct pg_conn *conn, const struct archive *archive,
                      struct schema_differences *differences, struct err *err)
{
    struct walk walk = {.arena = job->arena, .archive = archive, .differences = differences};
    if (!pg_query(conn, job->arena, &walk.live, err,
                  "SELECT nspname, relname, attname, attgenerated <> '' FROM pg_class c"
                  " JOIN pg_namespace n ON n.oid = relnamespace"
                  " LEFT JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
                  " WHERE relkind IN ('r', 'p') AND relpersistence <> 't' ORDER BY 1, 2, attnum",
                  PG_NO_ARGS))
        return err_wrap(err, "listing the tables");
    for (int from = 0, to; from < walk.live.count; from = to) {
        for (to = from + 1; to < walk.live.count; to++)
            if (strcmp(pg_text(&walk.live, to, 1), pg_text(&walk.live, from, 1)) != 0
                || strcmp(pg_text(&walk.live, to, 0), pg_text(&walk.live, from, 0)) != 0)
                break;
        if (!differences_passes_by(pg_text(&walk.live, from, 0)) && !compare_table(&walk, from, to, err))
            return false;
    }
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (strcmp(entry->desc, "TABLE") == 0 && !differences_passes_by(entry->schema) && !is_live(&walk, entry))
            add(&walk, &differences->tables_there, &differences->table_there_count, entry->schema, entry->tag, "");
    }
    return true;
}
