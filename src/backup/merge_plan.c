/* What a merge will do, from the archive's table of contents and the live catalogs. */
#include "backup/differences.h"
#include "backup/log_tables.h"
#include "backup/merge_internal.h"
#include "base/text.h"

#include <stdarg.h>

bool merge_query(struct merge *merge, struct pg_result *rows, struct err *err, const char *sql, ...)
{
    va_list args;
    va_start(args, sql);
    const char *text = arena_vprintf(merge->job->arena, sql, args);
    va_end(args);
    return pg_query(merge->conn, merge->job->arena, rows, err, text, PG_NO_ARGS);
}

struct merge_table *merge_find(struct merge *merge, const char *schema, const char *name)
{
    for (size_t i = 0; i < merge->table_count; i++)
        if (strcmp(merge->tables[i].name, name) == 0 && strcmp(merge->tables[i].schema, schema) == 0)
            return &merge->tables[i];
    return NULL;
}

const char *merge_columns(struct merge *merge, const struct merge_table *table, const char *prefix)
{
    const char *list = "";
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].in_archive)
            list = arena_printf(merge->job->arena, "%s%s%s%s", list, *list == '\0' ? "" : ", ", prefix,
                                table->columns[i].name);
    return list;
}

/* ---- The session ------------------------------------------------------------------------------------------------- */

static bool open_session(struct merge *merge, struct err *err)
{
    struct app *app = merge->job->app;
    merge->conn = app_connect(app, NULL, "hubport", merge->job->cancel, err);
    if (merge->conn == NULL)
        return false;
    /* As pg_dump and pg_restore have them, so that texts and names mean what they meant there. */
    return pg_run(merge->conn, err,
                  arena_printf(merge->job->arena,
                               "SET search_path = ''; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';"
                               " SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmloption = content;"
                               " SET standard_conforming_strings = on; SET check_function_bodies = off;"
                               " SET row_security = off; SET client_min_messages = error; SET statement_timeout = 0;"
                               " SET idle_in_transaction_session_timeout = 0; SET temp_buffers = '32MB';"
                               " SET lock_timeout = %lld",
                               (long long)config_ms(app->config, SETTING_DB_LOCK_TIMEOUT)));
}

/* ---- Tables ------------------------------------------------------------------------------------------------------ */

static const char *quote(struct merge *merge, const char *schema, const char *name)
{
    return arena_printf(merge->job->arena, "%s.%s", pg_ident(merge->conn, merge->job->arena, schema),
                        pg_ident(merge->conn, merge->job->arena, name));
}

static bool refuse(const struct merge_table *table, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
static bool refuse(const struct merge_table *table, struct err *err, const char *format, ...)
{
    char words[ERR_ARG_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    text_cut_utf8(words);
    err_set(err, ERR_MERGE_REFUSED, "%s: %s", table->label, words);
    return err_args(err, table->label, words);
}

static bool in_list(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The live table's columns, held against the archive's. */
static bool read_columns(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct pg_result rows;
    if (!merge_query(merge, &rows, err,
                     "SELECT attname, attgenerated <> '', attidentity = 'a', attnotnull,"
                     " attidentity <> '' OR adbin IS NOT NULL, pg_get_expr(adbin, adrelid)"
                     " FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
                     " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                     table->oid))
        return false;
    table->column_count = (size_t)rows.count;
    table->columns = arena_alloc(arena, table->column_count * sizeof *table->columns);
    size_t common = 0;
    for (int i = 0; i < rows.count; i++) {
        struct merge_column *column = &table->columns[i];
        const char *fill = pg_text(&rows, i, 5);
        *column = (struct merge_column){.label = pg_text(&rows, i, 0),
                                        .name = pg_ident(merge->conn, arena, pg_text(&rows, i, 0)),
                                        .generated = pg_bool(&rows, i, 1),
                                        .identity_always = pg_bool(&rows, i, 2),
                                        .not_null = pg_bool(&rows, i, 3)};
        column->in_archive =
            !column->generated && in_list(column->label, table->copy.columns, table->copy.column_count);
        common += column->in_archive;
        if (column->in_archive || column->generated)
            continue;
        if (column->not_null && !pg_bool(&rows, i, 4))
            return refuse(table, err, "the column %s must not be null, has no default, and the archive lacks it",
                          text_utf8(arena, column->label));
        /* A default that counts would count here too. */
        column->fill = *fill == '\0' || strstr(fill, "nextval(") != NULL ? NULL : fill;
    }
    table->comparable = common == table->copy.column_count;
    return common > 0 || table->copy.column_count == 0 || refuse(table, err, "no column of the archive is here");
}

static bool read_key(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct pg_result rows;
    if (!merge_query(
            merge, &rows, err,
            "SELECT attname, " EQUALITY(
                "place.class") ", atttypid IN (20, 21, 23)"
                               " FROM pg_index, unnest(indkey::int2[], indclass::oid[]) WITH ORDINALITY AS place(num, "
                               "class, nth)"
                               " JOIN pg_attribute ON attnum = place.num WHERE indrelid = %s AND attrelid = indrelid"
                               " AND indisprimary AND nth <= indnkeyatts ORDER BY nth",
            table->oid))
        return false;
    for (int i = 0; i < rows.count; i++)
        if (!in_list(pg_text(&rows, i, 0), table->copy.columns, table->copy.column_count))
            return true;
    table->key_count = (size_t)rows.count;
    table->key = arena_alloc(arena, table->key_count * sizeof *table->key);
    table->key_labels = arena_alloc(arena, table->key_count * sizeof *table->key_labels);
    table->key_equals = arena_alloc(arena, table->key_count * sizeof *table->key_equals);
    for (int i = 0; i < rows.count; i++) {
        table->key[i] = pg_ident(merge->conn, arena, pg_text(&rows, i, 0));
        table->key_labels[i] = pg_text(&rows, i, 0);
        table->key_equals[i] = pg_text(&rows, i, 1);
    }
    if (rows.count != 1 || !pg_bool(&rows, 0, 2))
        return true;
    table->integer_key = table->key[0];
    while (strcmp(table->copy.columns[table->integer_key_field], pg_text(&rows, 0, 0)) != 0)
        table->integer_key_field++;
    return true;
}

static bool read_table(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct pg_result rows;
    const char *args[] = {table->schema, table->name};
    if (!pg_query(merge->conn, merge->job->arena, &rows, err,
                  "SELECT c.oid, relkind, EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal"
                  " AND tgenabled IN ('O', 'A')) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                  " WHERE nspname = $1 AND relname = $2",
                  args, 2))
        return false;
    if (rows.count == 0) {
        table->created = true;
        return true;
    }
    const char kind = pg_text(&rows, 0, 1)[0];
    if (kind != 'r' && kind != 'p')
        return refuse(table, err, "here it is no table");
    table->oid = pg_text(&rows, 0, 0);
    table->silences = pg_bool(&rows, 0, 2);
    table->only = kind == 'p' ? table->sql : arena_printf(merge->job->arena, "ONLY %s", table->sql);
    return read_columns(merge, table, err) && read_key(merge, table, err);
}

/* Several entries of one table must have the same columns: one COPY takes them all. */
static bool same_columns(const struct archive_copy *left, const struct archive_copy *right)
{
    if (left->column_count != right->column_count)
        return false;
    for (size_t i = 0; i < left->column_count; i++)
        if (strcmp(left->columns[i], right->columns[i]) != 0)
            return false;
    return true;
}

static bool add_entry(struct merge *merge, const struct archive_entry *entry, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct merge_table new = {0};
    if (differences_passes_by(entry->schema) || (merge->skip_logs && is_log_table(entry->schema, entry->tag)))
        return true;
    if (!archive_copy_columns(entry, arena, &new.copy, err))
        return false;
    new.schema = new.copy.schema[0] == '\0' ? entry->schema : new.copy.schema;
    new.name = new.copy.table;
    if (differences_passes_by(new.schema) || (merge->skip_logs && is_log_table(new.schema, new.name)))
        return true;
    struct merge_table *table = merge_find(merge, new.schema, new.name);
    if (table != NULL && !same_columns(&table->copy, &new.copy))
        return refuse(table, err, "its data stands in the archive twice, with different columns");
    if (table == NULL) {
        new.label = text_utf8(arena, arena_printf(arena, "%s.%s", new.schema, new.name));
        new.sql = quote(merge, new.schema, new.name);
        new.stage = arena_printf(arena, "pg_temp.\"hubport stage %zu\"", merge->table_count);
        if (!read_table(merge, &new, err))
            return err_wrap(err, "%s", new.label);
        table = arena_push(arena, &merge->tables, merge->table_count++, sizeof *merge->tables);
        *table = new;
    }
    *(const struct archive_entry **)arena_push(arena, &table->entries, table->entry_count++, sizeof entry) = entry;
    return true;
}

/* ---- Order ------------------------------------------------------------------------------------------------------- */

struct edges {
    const struct merge_table **children, **parents;
    size_t count;
};

static struct merge_table *find_oid(struct merge *merge, const char *oid)
{
    for (size_t i = 0; i < merge->table_count; i++)
        if (merge->tables[i].oid != NULL && strcmp(merge->tables[i].oid, oid) == 0)
            return &merge->tables[i];
    return NULL;
}

static void add_edge(struct merge *merge, struct edges *edges, const struct merge_table *child,
                     const struct merge_table *parent)
{
    if (child == NULL || parent == NULL || child == parent)
        return;
    *(const struct merge_table **)arena_push(merge->job->arena, &edges->children, edges->count, sizeof child) = child;
    *(const struct merge_table **)arena_push(merge->job->arena, &edges->parents, edges->count, sizeof parent) = parent;
    edges->count++;
}

static bool read_edges(struct merge *merge, struct edges *edges, struct err *err)
{
    struct pg_result rows;
    if (!merge_query(merge, &rows, err,
                     "SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f'"
                     " UNION SELECT conrelid, relid FROM pg_constraint, pg_partition_tree(confrelid)"
                     " WHERE contype = 'f' AND relid IS NOT NULL"))
        return false;
    for (int i = 0; i < rows.count; i++)
        add_edge(merge, edges, find_oid(merge, pg_text(&rows, i, 0)), find_oid(merge, pg_text(&rows, i, 1)));
    for (const struct soft_reference *soft = soft_references; soft->child != NULL; soft++)
        add_edge(merge, edges, merge_find(merge, "public", soft->child), merge_find(merge, "public", soft->parent));
    return true;
}

static bool is_ready(const struct edges *edges, const struct merge_table *table, const bool *placed,
                     const struct merge_table *first)
{
    for (size_t i = 0; i < edges->count; i++)
        if (edges->children[i] == table && !placed[edges->parents[i] - first])
            return false;
    return true;
}

/* Whether `left` comes before `right` when both may: those whose triggers are silenced keep the hub waiting from then
 * on, so they come late; then by name, so that all merges lock in one order. */
static bool comes_before(const struct merge_table *left, const struct merge_table *right)
{
    if (left->silences != right->silences)
        return right->silences;
    return strcmp(left->label, right->label) < 0;
}

/* Parents first. Where references go round in a circle, the first by name goes first: its foreign keys are then checked
 * at the end, if they can be deferred. */
static bool order_tables(struct merge *merge, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct edges edges = {0};
    if (!read_edges(merge, &edges, err))
        return false;
    struct merge_table *ordered = arena_alloc(arena, (merge->table_count + 1) * sizeof *ordered);
    bool *placed = arena_alloc(arena, merge->table_count + 1);
    for (size_t done = 0; done < merge->table_count; done++) {
        const struct merge_table *next = NULL, *any = NULL;
        for (size_t i = 0; i < merge->table_count; i++) {
            const struct merge_table *table = &merge->tables[i];
            if (placed[i])
                continue;
            if (any == NULL || comes_before(table, any))
                any = table;
            if (is_ready(&edges, table, placed, merge->tables) && (next == NULL || comes_before(table, next)))
                next = table;
        }
        next = next == NULL ? any : next;
        placed[next - merge->tables] = true;
        ordered[done] = *next;
    }
    merge->tables = ordered;
    return true;
}

bool merge_plan(struct merge *merge, struct err *err)
{
    if (!open_session(merge, err))
        return false;
    for (size_t i = 0; i < merge->archive->entry_count; i++)
        if (strcmp(merge->archive->entries[i].desc, "TABLE DATA") == 0
            && !add_entry(merge, &merge->archive->entries[i], err))
            return false;
    merge->figures.merge = true;
    return order_tables(merge, err)
           && differences_find(merge->job, merge->conn, merge->archive, &merge->figures.differences, err);
}

void merge_close(struct merge *merge)
{
    pg_close(merge->conn);
    merge->conn = NULL;
}

uint64_t merge_table_bytes(const struct merge *merge, size_t i)
{
    uint64_t bytes = 0;
    for (size_t j = 0; j < merge->tables[i].entry_count; j++)
        bytes += merge->tables[i].entries[j]->bytes;
    return bytes;
}
