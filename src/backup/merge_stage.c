/* The archive's rows into temporary tables. Rows of which the very line is here already are left out while reading,
 * where that can be seen cheaply: a second connection gives the live rows with the ids of a piece of the archive, as
 * COPY text, and equal lines are equal rows. */
#include "backup/copy_text.h"
#include "backup/merge_internal.h"
#include "base/text.h"
#include "pg/copy.h"

#include <sodium.h>

#define PIECE (4 * MIB)              /* of COPY text that is looked at at once */
#define FILTER_MIN_BYTES (512 * KIB) /* of a table's data: below, asking costs more than staging */

/* ---- Staging tables ---------------------------------------------------------------------------------------------- */

/* Like the live table, without its constraints: what would violate one is told row by row. A column that the archive
 * lacks holds its default, for the unique indexes that name it; one that the archive has alone is read into a text. */
static bool make_stage(struct merge *merge, const struct merge_table *table, struct err *err)
{
    struct arena *arena = merge->job->arena;
    const char *alter = "";
    for (size_t i = 0; i < table->column_count; i++) {
        const struct merge_column *column = &table->columns[i];
        if (column->not_null)
            alter = arena_printf(arena, "%s, ALTER %s DROP NOT NULL", alter, column->name);
        if (column->fill != NULL)
            alter = arena_printf(arena, "%s, ALTER %s SET DEFAULT %s", alter, column->name, column->fill);
    }
    for (size_t i = 0; i < table->copy.column_count; i++)
        alter = arena_printf(arena, "%s, ADD \"hubport drop %zu\" text", alter, i);
    return pg_run(merge->conn, err,
                  arena_printf(arena,
                               "CREATE TEMPORARY TABLE %s (LIKE %s INCLUDING GENERATED);"
                               " ALTER TABLE %s ADD " STATUS " \"char\" DEFAULT " ADD "%s",
                               table->stage + strlen("pg_temp."), table->sql, table->stage, alter));
}

static bool is_common(const struct merge_table *table, const char *label)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].in_archive && strcmp(table->columns[i].label, label) == 0)
            return true;
    return false;
}

/* In the archive's order. */
static const char *copy_columns(struct merge *merge, const struct merge_table *table, bool into_stage)
{
    struct arena *arena = merge->job->arena;
    const char *list = "";
    for (size_t i = 0; i < table->copy.column_count; i++) {
        const char *name = table->copy.columns[i];
        const char *column = !into_stage || is_common(table, name) ? pg_ident(merge->conn, arena, name)
                                                                   : arena_printf(arena, "\"hubport drop %zu\"", i);
        list = arena_printf(arena, "%s%s%s", list, i == 0 ? "" : ", ", column);
    }
    return table->copy.column_count == 0 ? "" : arena_printf(arena, " (%s)", list);
}

/* ---- Rows that are here already ---------------------------------------------------------------------------------- */

struct known {
    int64_t id;
    unsigned char hash[crypto_shorthash_BYTES];
};

struct filter {
    struct merge *merge;
    struct merge_table *table;
    struct pg_conn *asking; /* NULL: everything is staged */
    const char *columns;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    struct known *known; /* ordered by id */
    size_t known_count, known_capacity;
    struct copy_text text;
    uint64_t done, total; /* bytes of all entries, for the progress */
};

static int by_id(const void *left, const void *right)
{
    int64_t a = ((const struct known *)left)->id, b = ((const struct known *)right)->id;
    return (a > b) - (a < b);
}

/* `line` has no newline here. */
static bool line_id(const struct filter *filter, const char *line, size_t size, int64_t *id)
{
    const char *field;
    size_t length;
    return copy_text_field(line, size, filter->table->integer_key_field, &field, &length)
           && copy_text_integer(field, length, id);
}

static bool take_known(void *context, const char *line, size_t size, struct err *err)
{
    struct filter *filter = context;
    struct known known;
    if (!line_id(filter, line, size - 1, &known.id))
        return err_set(err, ERR_DATABASE_ERROR, "a row of %s came without its key", filter->table->label);
    crypto_shorthash(known.hash, (const unsigned char *)line, size - 1, filter->secret);
    if (filter->known_count == filter->known_capacity) {
        filter->known_capacity = MAX(filter->known_capacity * 2, (size_t)4096);
        filter->known = realloc(filter->known, filter->known_capacity * sizeof known);
        if (filter->known == NULL)
            abort();
    }
    filter->known[filter->known_count++] = known;
    return true;
}

struct ids {
    char *text; /* "1,2,3" */
    size_t size, capacity;
};

static void add_id(struct ids *ids, int64_t id)
{
    if (ids->capacity - ids->size < 24) {
        ids->capacity = MAX(ids->capacity * 2, 64 * KIB);
        ids->text = realloc(ids->text, ids->capacity);
        if (ids->text == NULL)
            abort();
    }
    ids->size += (size_t)snprintf(ids->text + ids->size, ids->capacity - ids->size, "%s%lld", ids->size == 0 ? "" : ",",
                                  (long long)id);
}

/* The live rows that have an id of this piece. */
static bool ask(struct filter *filter, const char *text, size_t size, struct err *err)
{
    struct ids ids = {0};
    int64_t id;
    filter->known_count = 0;
    for (const char *line = text, *end = text + size, *newline; line < end; line = newline + 1) {
        newline = memchr(line, '\n', (size_t)(end - line));
        if (line_id(filter, line, (size_t)(newline - line), &id))
            add_id(&ids, id);
    }
    bool ok = true;
    if (ids.size > 0) {
        struct arena *arena = arena_new();
        ok = pg_copy_out(filter->asking,
                         arena_printf(arena, "COPY (SELECT %s FROM %s WHERE %s = ANY ('{%s}'::bigint[])) TO STDOUT",
                                      filter->columns, filter->table->only, filter->table->integer_key, ids.text),
                         take_known, filter, err);
        arena_free(arena);
    }
    free(ids.text);
    qsort(filter->known, filter->known_count, sizeof *filter->known, by_id);
    return ok || err_wrap(err, "reading what is here of %s", filter->table->label);
}

static bool is_known(struct filter *filter, const char *line, size_t size)
{
    struct known wanted, *found;
    if (filter->known_count == 0 || !line_id(filter, line, size, &wanted.id))
        return false;
    found = bsearch(&wanted, filter->known, filter->known_count, sizeof wanted, by_id);
    if (found == NULL)
        return false;
    crypto_shorthash(wanted.hash, (const unsigned char *)line, size, filter->secret);
    return memcmp(wanted.hash, found->hash, sizeof wanted.hash) == 0;
}

/* Whole lines: those that are not known go on, in runs. */
static bool stage_lines(struct filter *filter, const char *text, size_t size, struct err *err)
{
    const char *run = text, *end = text + size, *newline;
    for (const char *line = text; line < end; line = newline + 1) {
        newline = memchr(line, '\n', (size_t)(end - line));
        if (!is_known(filter, line, (size_t)(newline - line)))
            continue;
        filter->table->dropped++;
        if (line > run && !pg_copy_put(filter->merge->conn, run, (size_t)(line - run), err))
            return false;
        run = newline + 1;
    }
    return run == end || pg_copy_put(filter->merge->conn, run, (size_t)(end - run), err);
}

static bool take_lines(void *context, const char *text, size_t size, bool whole, struct err *err)
{
    struct filter *filter = context;
    if (!whole || filter->asking == NULL)
        return pg_copy_put(filter->merge->conn, text, size, err);
    return ask(filter, text, size, err) && stage_lines(filter, text, size, err);
}

static bool take_bytes(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    struct filter *filter = context;
    filter->done += size;
    merge_percent(filter->merge, PHASE_STAGE, filter->done, filter->total);
    return copy_text_add(&filter->text, bytes, size, err);
}

/* ---- One table --------------------------------------------------------------------------------------------------- */

/* A value that the live column does not take (another type, an unknown enum label, too long) refuses the whole merge.
 */
static bool explain_copy(const struct merge *merge, const struct merge_table *table, struct err *err)
{
    const char *state = pg_sqlstate(merge->conn);
    if (err->code != ERR_DATABASE_ERROR || strncmp(state, "22", 2) != 0)
        return err_wrap(err, "staging %s", table->label);
    char words[ERR_ARG_SIZE];
    snprintf(words, sizeof words, "%.*s", ERR_ARG_SIZE - 1, err->words);
    text_cut_utf8(words);
    err->code = ERR_MERGE_REFUSED;
    err_args(err, table->label, words);
    return err_wrap(err, "a value of the archive does not fit the column here: %s", table->label);
}

static bool stage_entry(struct filter *filter, const struct archive_entry *entry, struct err *err)
{
    struct merge *merge = filter->merge;
    struct merge_table *table = filter->table;
    uint64_t staged, dropped = table->dropped;
    const char *sql =
        arena_printf(merge->job->arena, "COPY %s%s FROM STDIN", table->stage, copy_columns(merge, table, true));
    if (!pg_copy_in(merge->conn, sql, err))
        return err_wrap(err, "staging %s", table->label);
    copy_text_begin(&filter->text, filter->asking == NULL ? 64 * KIB : PIECE, take_lines, filter);
    bool ok = archive_read(merge->archive, merge->fd, entry, take_bytes, filter, merge->job->cancel, err)
              && copy_text_end(&filter->text, err);
    copy_text_free(&filter->text);
    if (!ok)
        return false;
    if (!pg_copy_end(merge->conn, &staged, err))
        return explain_copy(merge, table, err);
    if (staged + table->dropped - dropped == entry->rows)
        return true;
    return err_set(err, ERR_IMPORT_FAILED, "%s: %llu rows were staged of %llu", table->label,
                   (unsigned long long)staged, (unsigned long long)entry->rows);
}

/* What the joins need to know; statistics of wide columns cost more than they are worth. */
static bool analyze(struct merge *merge, const struct merge_table *table, struct err *err)
{
    const char *columns = STATUS;
    for (size_t i = 0; i < table->key_count; i++)
        columns = arena_printf(merge->job->arena, "%s, %s", columns, table->key[i]);
    return pg_run(merge->conn, err, arena_printf(merge->job->arena, "ANALYZE %s (%s)", table->stage, columns));
}

static bool stage_table(struct filter *filter, struct err *err)
{
    struct merge *merge = filter->merge;
    struct merge_table *table = filter->table;
    struct pg_conn *asking = filter->asking;
    uint64_t bytes = 0;
    bool ok = make_stage(merge, table, err) || err_wrap(err, "making a place for %s", table->label);
    for (size_t i = 0; i < table->entry_count; i++)
        bytes += table->entries[i]->bytes;
    filter->columns = copy_columns(merge, table, false);
    if (*filter->columns != '\0') /* without its parentheses */
        filter->columns = arena_strndup(merge->job->arena, filter->columns + 2, strlen(filter->columns) - 3);
    if (table->integer_key == NULL || !table->comparable || bytes < FILTER_MIN_BYTES)
        filter->asking = NULL;
    for (size_t i = 0; ok && i < table->entry_count; i++)
        ok = stage_entry(filter, table->entries[i], err);
    filter->asking = asking;
    return ok && (bytes < FILTER_MIN_BYTES || analyze(merge, table, err));
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

/* What the archive's ENCODING entry says its texts are in. */
static const char *archive_encoding(const struct merge *merge)
{
    static const char prefix[] = "SET client_encoding = '";
    const struct archive_entry *entry = archive_find(merge->archive, "ENCODING", "", "ENCODING");
    if (entry == NULL || !text_starts(entry->definition, prefix))
        return "UTF8";
    const char *name = entry->definition + sizeof prefix - 1;
    return arena_strndup(merge->job->arena, name, strcspn(name, "'"));
}

static bool set_encoding(struct pg_conn *conn, struct arena *arena, const char *encoding, struct err *err)
{
    const char *sql = arena_printf(arena, "SET client_encoding = %s", pg_literal(conn, arena, encoding));
    return pg_run(conn, err, sql);
}

/* The second session renders texts as the first one reads them. */
static bool open_asking(struct merge *merge, struct filter *filter, const char *encoding, struct err *err)
{
    struct job *job = merge->job;
    filter->asking = app_connect(job->app, NULL, "hubport", job->cancel, err);
    return filter->asking != NULL
           && pg_run(filter->asking, err,
                     "SET search_path = ''; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres';"
                     " SET extra_float_digits = 3; SET bytea_output = 'hex'; SET row_security = off;"
                     " SET default_transaction_read_only = on; SET statement_timeout = 0")
           && set_encoding(filter->asking, job->arena, encoding, err);
}

static uint64_t bytes_to_stage(const struct merge *merge)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < merge->table_count; i++)
        for (size_t j = 0; !merge->tables[i].created && j < merge->tables[i].entry_count; j++)
            bytes += merge->tables[i].entries[j]->bytes;
    return bytes;
}

bool merge_stage(struct merge *merge, struct err *err)
{
    struct job *job = merge->job;
    struct filter filter = {.merge = merge};
    const char *encoding = archive_encoding(merge);
    merge->percent = -1;
    if (!merge_plan_creation(merge, err))
        return false;
    merge->staged_bytes = filter.total = bytes_to_stage(merge);
    job_report(job, PHASE_STAGE, 0, MESSAGE(job->arena, job->lang, MSG_STAGING));
    randombytes_buf(filter.secret, sizeof filter.secret);
    bool ok = set_encoding(merge->conn, job->arena, encoding, err) && open_asking(merge, &filter, encoding, err);
    for (size_t i = 0; ok && i < merge->table_count; i++) {
        filter.table = &merge->tables[i];
        if (!filter.table->created)
            ok = stage_table(&filter, err);
    }
    ok = ok && set_encoding(merge->conn, job->arena, "UTF8", err);
    pg_close(filter.asking);
    free(filter.known);
    if (ok)
        merge_percent(merge, PHASE_STAGE, 1, 1);
    return ok;
}

void merge_percent(struct merge *merge, enum phase phase, uint64_t done, uint64_t total)
{
    int percent = (int)(done * 100 / MAX(total, (uint64_t)1));
    if (percent < merge->percent + 5 && percent < 100)
        return;
    if (percent != merge->percent)
        job_report(merge->job, phase, percent, NULL);
    merge->percent = percent;
}
