#include "batch/file.h"

#include "base/sheet.h"
#include "base/text.h"
#include "batch/file_columns.h"
#include "batch/records.h"
#include "batch/values.h"
#include "batch/wide.h"

#include <stdlib.h>
#include <string.h>

/* A row of the file. */
struct entry {
    const char *at; /* "line 7", "items.5" */
    int64_t id;
    json_t *cells;     /* {column: value}; of CSV all values are texts */
    struct jtext text; /* the same as it stands in a JSON file */
};

/* And what of it differs from the database. */
struct edit {
    const char *at;
    struct batch_row row;
};

struct import {
    const struct batch_job *job;
    const struct file_import *request;
    struct batch_problems *problems;
    struct entry *entries;
    size_t entry_count;
    struct edit *edits;
    size_t edit_count, cell_count;
    json_t *keep_alive;
    json_t *rows, *chunks, *warnings; /* of the answer */
};

/* ---- Reading the file -------------------------------------------------------------------------------------------- */

static bool full(const struct import *import)
{
    return json_array_size(import->problems->list) >= PROBLEMS_MAX;
}

static void problem_at(struct import *import, const char *at, const char *column, const char *message)
{
    const char *join = import->request->format == FILE_CSV ? ": " : ".";
    if (!full(import))
        problem_add(import->problems, arena_printf(import->job->arena, "%s%s%s", at, join, column), message);
}

static void add_entry(struct import *import, const char *at, int64_t id, json_t *cells, struct jtext text)
{
    *(struct entry *)arena_push(import->job->arena, &import->entries, import->entry_count++, sizeof(struct entry)) =
        (struct entry){at, id, cells, text};
    json_array_append(import->keep_alive, cells);
}

static bool known_column(const struct import *import, const char *name)
{
    const char *names[FILE_COLUMNS_MAX];
    size_t count = file_columns(import->request->kind, names);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return kind_field(import->request->kind, name) != NULL;
}

/* Every column once, and the id among them; says where the id is. */
static size_t check_header(struct import *import, const struct sheet_row *header)
{
    size_t id = header->count;
    for (size_t i = 0; i < header->count; i++) {
        const char *name = header->cells[i];
        if (strcmp(name, "id") == 0)
            id = i;
        if (!known_column(import, name))
            problem_at(import, "line 1", name, "is no column of this kind");
        for (size_t j = 0; j < i; j++)
            if (strcmp(header->cells[j], name) == 0)
                problem_at(import, "line 1", name, "stands there twice");
    }
    if (id == header->count)
        problem_at(import, "line 1", "id", "is needed: the column that tells which row is which");
    return id;
}

static void read_sheet_row(struct import *import, const struct sheet_row *header, const struct sheet_row *row,
                           size_t id_column)
{
    struct arena *arena = import->job->arena;
    const char *at = arena_printf(arena, "line %zu", row->line);
    int64_t id;
    if (row->count != header->count) {
        problem_at(import, at, "cells",
                   arena_printf(arena, "are %zu, and the header's %zu", row->count, header->count));
        return;
    }
    if (!text_parse_integer(row->cells[id_column], 1, INT32_MAX, &id)) {
        problem_at(import, at, "id", "must be a whole number above 0");
        return;
    }
    json_t *cells = json_object();
    for (size_t i = 0; i < row->count; i++)
        if (i != id_column)
            json_object_set_new(cells, header->cells[i], json_string(row->cells[i]));
    add_entry(import, at, id, cells, (struct jtext){0});
    json_decref(cells);
}

static bool read_csv(struct import *import, struct err *err)
{
    struct sheet sheet;
    if (!sheet_read(import->job->arena, import->request->text, import->request->size, &sheet, err))
        return false;
    if (sheet.count == 0)
        return err_set(err, ERR_MALFORMED_BODY, "the file is empty; its first line must name the columns");
    size_t id = check_header(import, &sheet.rows[0]);
    if (json_array_size(import->problems->list) > 0)
        return true;
    for (size_t i = 1; i < sheet.count && !full(import); i++)
        read_sheet_row(import, &sheet.rows[0], &sheet.rows[i], id);
    return true;
}

static bool read_json(struct import *import, struct err *err)
{
    struct arena *arena = import->job->arena;
    json_error_t fault;
    struct jtext root, key, text;
    struct jtext_fault nesting;
    json_t *body = wide_loadb(import->request->text, import->request->size, JSON_REJECT_DUPLICATES, &fault), *item;
    size_t index;
    if (body == NULL)
        return err_set(err, ERR_MALFORMED_BODY, "line %d, column %d: %s", fault.line, fault.column, fault.text);
    json_array_append_new(import->keep_alive, body);
    if (!jtext_check(import->request->text, import->request->size, &root, &nesting))
        return err_set(err, ERR_MALFORMED_BODY, "line %zu, column %zu: %s", nesting.line, nesting.column, nesting.what);
    json_t *items = json_is_object(body) ? json_object_get(body, "items") : body;
    if (!json_is_array(items)) {
        problem_add(import->problems, "items", "must be a list of objects");
        return true;
    }
    struct jtext_walk walk = jtext_enter(json_is_object(body) ? jtext_member(root, "items") : root);
    json_array_foreach(items, index, item)
    {
        const char *at = arena_printf(arena, "items.%zu", index);
        jtext_next(&walk, &key, &text);
        json_t *id = json_object_get(item, "id");
        if (!json_is_integer(id) || json_integer_value(id) < 1 || json_integer_value(id) > INT32_MAX)
            problem_at(import, at, "id", "must be a whole number above 0");
        else
            add_entry(import, at, json_integer_value(id), item, text);
        if (full(import))
            break;
    }
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

static void refuse_repeated(struct import *import)
{
    if (import->entry_count == 0)
        return;
    struct entry *sorted = arena_alloc(import->job->arena, (import->entry_count + 1) * sizeof *sorted);
    memcpy(sorted, import->entries, import->entry_count * sizeof *sorted);
    qsort(sorted, import->entry_count, sizeof *sorted, by_id);
    for (size_t i = 1; i < import->entry_count; i++)
        if (sorted[i].id == sorted[i - 1].id)
            problem_at(
                import, sorted[i].at, "id",
                arena_printf(import->job->arena, "%lld is also in %s", (long long)sorted[i].id, sorted[i - 1].at));
}

/* ---- What differs from the database ------------------------------------------------------------------------------ */

/* The value that a cell stands for; NULL with a problem. */
static json_t *value_of(const struct import *import, const struct field *field, json_t *cell, const char **problem)
{
    return import->request->format == FILE_CSV
               ? value_parse(field, json_string_value(cell), import->job->arena, problem)
               : value_check(field, cell, import->job->arena, problem);
}

/* As it is in the database, perhaps written in another way: TRUE, 1.50. */
static bool is_same(const struct import *import, const struct field *field, json_t *value, json_t *current)
{
    const char *ignored;
    json_t *cell = import->request->format == FILE_CSV ? json_string(file_cell(import->job->arena, current))
                                                       : json_incref(current);
    json_t *own = value_of(import, field, cell, &ignored);
    bool same = json_equal(current, value) || (own != NULL && json_equal(own, value));
    json_decref(cell);
    json_decref(own);
    return same;
}

static bool is_untouched(const struct import *import, json_t *cell, json_t *current)
{
    return import->request->format == FILE_CSV
               ? strcmp(json_string_value(cell), file_cell(import->job->arena, current)) == 0
               : json_equal(cell, current);
}

/* What was edited must be written as it stands in the file. */
static void check_digits(struct import *import, const struct entry *entry, const char *name)
{
    struct jtext cell = jtext_member(entry->text, name);
    if (full(import))
        return;
    if (cell.at != NULL)
        input_numbers_of(cell, arena_printf(import->job->arena, "%s.%s", entry->at, name), import->problems);
    else /* its name is written with escapes; of CSV there is no text */
        input_numbers_of(entry->text, entry->at, import->problems);
}

/* A cell that was edited goes into the row's changes, unless something is wrong with it; what it was compared with is
 * expected of the row when it is written (secrets are not known here). */
static void compare_cell(struct import *import, const struct entry *entry, const char *name, json_t *cell, json_t *item,
                         struct batch_row *row)
{
    const struct field *field = kind_field(import->request->kind, name);
    json_t *current = json_object_get(item, field == NULL ? name : field->name);
    const char *type = json_string_value(json_object_get(item, "providerType")), *problem = NULL;
    if (current == NULL) {
        problem_at(import, entry->at, name, "is not known here");
    } else if (!is_untouched(import, cell, current)) {
        if (field == NULL) {
            problem_at(import, entry->at, name,
                       strcmp(name, "updatedAt") == 0
                           ? "differs: the row was changed since the file was made; export it "
                             "again, or leave the column out to overwrite"
                           : "cannot be changed here");
            return;
        }
        json_t *value = value_of(import, field, cell, &problem);
        if (value == NULL) {
            problem_at(import, entry->at, name, problem);
            return;
        }
        check_digits(import, entry, name);
        if (json_object_get(row->changes, field->column) != NULL)
            problem_at(import, entry->at, name, "stands there twice, by two names");
        else if (!is_same(import, field, value, current)) {
            if (type != NULL && !field_is_for(field, type))
                problem_at(import, entry->at, name, arena_printf(import->job->arena, "is not for the type %s", type));
            else if (json_object_set(row->changes, field->column, value) == 0 && !field->secret)
                json_object_set(row->expected, field->name, current);
        }
        json_decref(value);
    }
}

static void compare_entry(struct import *import, const struct entry *entry, json_t *item)
{
    struct batch_row row = {.id = entry->id, .changes = json_object(), .expected = json_object()};
    const char *name;
    json_t *cell;
    json_object_foreach(entry->cells, name, cell) if (strcmp(name, "id") != 0)
        compare_cell(import, entry, name, cell, item, &row);
    if (json_object_size(row.changes) > 0) {
        *(struct edit *)arena_push(import->job->arena, &import->edits, import->edit_count++, sizeof(struct edit)) =
            (struct edit){entry->at, row};
        import->cell_count += json_object_size(row.changes);
        json_array_append(import->keep_alive, row.changes);
        json_array_append(import->keep_alive, row.expected);
    }
    json_decref(row.changes);
    json_decref(row.expected);
}

static const char *ids_only(void *context, const char *name)
{
    return strcmp(name, "ids") == 0 ? context : NULL;
}

/* {id: item} of some entries, as the database has them now. */
static json_t *load_items(struct import *import, const struct entry *entries, size_t count, struct err *err)
{
    struct arena *arena = import->job->arena;
    char *ids = arena_alloc(arena, count * 12 + 1), id[24];
    size_t used = 0, index;
    int64_t total;
    const char *text;
    for (size_t i = 0; i < count; i++)
        used +=
            (size_t)snprintf(ids + used, count * 12 + 1 - used, "%s%lld", i == 0 ? "" : ",", (long long)entries[i].id);
    struct list_query query = {.value = ids_only, .context = ids, .limit = (int64_t)count};
    if (!list_items(import->job, import->request->kind, &query, &text, &total, err))
        return NULL;
    json_t *list = wide_loads(text), *items = json_object(), *item;
    if (list == NULL) {
        json_decref(items);
        err_set(err, ERR_UPDATE_FAILED, "a row holds a number that is too large");
        return NULL;
    }
    json_array_foreach(list, index, item)
    {
        snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(item, "id")));
        json_object_set(items, id, item);
    }
    json_decref(list);
    return items;
}

static bool compare_all(struct import *import, struct err *err)
{
    char id[24];
    for (size_t from = 0; from < import->entry_count && !full(import); from += BATCH_MAX) {
        size_t count = MIN(import->entry_count - from, (size_t)BATCH_MAX);
        json_t *items = load_items(import, import->entries + from, count, err);
        if (items == NULL)
            return false;
        for (size_t i = from; i < from + count; i++) {
            snprintf(id, sizeof id, "%lld", (long long)import->entries[i].id);
            json_t *item = json_object_get(items, id);
            if (item == NULL)
                problem_at(import, import->entries[i].at, "id",
                           arena_printf(import->job->arena, "%s does not exist", id));
            else
                compare_entry(import, &import->entries[i], item);
        }
        json_decref(items);
    }
    if (import->edit_count > BATCH_MAX && !import->request->chunk)
        problem_add(import->problems, "chunk",
                    arena_printf(import->job->arena, "must be true for %zu rows that change: one batch has %d",
                                 import->edit_count, BATCH_MAX));
    return true;
}

/* ---- The batches ------------------------------------------------------------------------------------------------- */

struct chunk {
    struct import *import;
    struct batch_row *rows; /* ascending */
    size_t count;
    const char *record; /* JSON; NULL: a dry run */
};

static int by_row(const void *a, const void *b)
{
    const struct edit *left = a, *right = b;
    return left->row.id < right->row.id ? -1 : left->row.id > right->row.id;
}

/* So that it can be taken back. */
static bool keep_record(struct pg_conn *conn, const struct batch_result *result, void *context, struct err *err)
{
    struct chunk *chunk = context;
    const struct kind *kind = chunk->import->request->kind;
    struct record_applied applied = {.action = "patch"};
    if (chunk->import->request->dry_run)
        return true;
    records_describe(&applied, kind, result, chunk->rows);
    bool ok = records_apply(chunk->import->job, conn, kind, &applied, &chunk->record, err);
    json_decref(applied.fields);
    json_decref(applied.rows);
    return ok;
}

/* The lines for people: which cells of which row. */
static void describe(struct import *import, const struct edit *edits, const struct batch_result *result)
{
    const struct kind *kind = import->request->kind;
    json_t *row;
    size_t index;
    json_array_foreach(result->rows, index, row)
    {
        json_t *changes = json_array();
        for (size_t i = 0; i < kind->field_count; i++) {
            const struct field *field = &kind->fields[i];
            json_t *before = json_object_get(json_object_get(row, "before"), field->name);
            json_t *after = json_object_get(json_object_get(row, "after"), field->name);
            if (json_object_get(edits[index].row.changes, field->column) != NULL)
                json_array_append_new(changes, json_pack("{s:s, s:o, s:o}", "field", field->name, "before",
                                                         value_shown(field, before, import->job->arena), "after",
                                                         value_shown(field, after, import->job->arena)));
        }
        json_array_append_new(import->rows,
                              json_pack("{s:O, s:O, s:s, s:o}", "id", json_object_get(row, "id"), "name",
                                        json_object_get(row, "name"), "at", edits[index].at, "changes", changes));
    }
}

static void report_chunk(struct import *import, const char *from, const char *to, size_t count, const char *status,
                         const char *record)
{
    json_t *chunk =
        json_pack("{s:s, s:s, s:I, s:s}", "from", from, "to", to, "rowCount", (json_int_t)count, "status", status);
    json_t *kept = record == NULL ? NULL : json_loads(record, 0, NULL);
    if (kept != NULL)
        json_object_update_missing(chunk, kept);
    json_decref(kept);
    json_array_append_new(import->chunks, chunk);
}

static bool run_chunk(struct import *import, struct edit *edits, size_t count, struct err *err)
{
    const struct file_import *request = import->request;
    struct chunk chunk = {import, arena_alloc(import->job->arena, count * sizeof *chunk.rows), count, NULL};
    struct batch_hooks hooks = {.after = keep_record, .context = &chunk};
    struct batch_result result = {0};
    const char *from = edits[0].at, *to = edits[count - 1].at;
    qsort(edits, count, sizeof *edits, by_row);
    for (size_t i = 0; i < count; i++)
        chunk.rows[i] = edits[i].row;
    struct batch_request batch = {.kind = request->kind,
                                  .rows = chunk.rows,
                                  .count = count,
                                  .dry_run = request->dry_run,
                                  .audit_type =
                                      arena_printf(import->job->arena, "%s.batch_import", request->kind->name),
                                  .hooks = &hooks};
    bool ok = batch_run(import->job, &batch, &result, err);
    if (ok)
        describe(import, edits, &result);
    json_array_extend(import->warnings, result.warnings);
    report_chunk(import, from, to, count, !ok ? "failed" : request->dry_run ? "previewed" : "applied", chunk.record);
    if (!ok) {
        json_t *refusal = batch_refusal(&result);
        if (refusal != NULL)
            json_object_update(json_array_get(import->chunks, json_array_size(import->chunks) - 1), refusal);
        json_decref(refusal);
    }
    batch_result_free(&result);
    return ok;
}

/* One after the other; after one that fails none is tried. */
static bool run_chunks(struct import *import, struct err *err)
{
    bool ok = true;
    for (size_t from = 0; from < import->edit_count; from += BATCH_MAX) {
        struct edit *edits = import->edits + from;
        size_t count = MIN(import->edit_count - from, (size_t)BATCH_MAX);
        if (ok)
            ok = run_chunk(import, edits, count, err);
        else
            report_chunk(import, edits[0].at, edits[count - 1].at, count, "notRun", NULL);
    }
    return ok;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

bool file_import(const struct batch_job *job, const struct file_import *request, struct batch_problems *problems,
                 json_t **answer, struct err *err)
{
    struct import import = {.job = job,
                            .request = request,
                            .problems = problems,
                            .keep_alive = json_array(),
                            .rows = json_array(),
                            .chunks = json_array(),
                            .warnings = json_array()};
    bool ok = request->format == FILE_CSV ? read_csv(&import, err) : read_json(&import, err);
    if (ok)
        refuse_repeated(&import);
    ok = ok && compare_all(&import, err);
    *answer = NULL;
    if (ok && json_array_size(problems->list) == 0) {
        ok = run_chunks(&import, err);
        *answer = json_pack("{s:I, s:I, s:I, s:b, s:O, s:O}", "rowCount", (json_int_t)import.entry_count,
                            "changedCount", (json_int_t)import.edit_count, "cellCount", (json_int_t)import.cell_count,
                            "dryRun", request->dry_run, "rows", import.rows, "chunks", import.chunks);
        if (json_array_size(import.warnings) > 0)
            json_object_set(*answer, "warnings", import.warnings);
    }
    json_decref(import.keep_alive);
    json_decref(import.rows);
    json_decref(import.chunks);
    json_decref(import.warnings);
    return ok;
}
