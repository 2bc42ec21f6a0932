#include "batch/internal.h"

#include "base/text.h"
#include "batch/values.h"
#include "batch/wide.h"

#include <stdlib.h>
#include <string.h>

const char *rows_ids(struct arena *arena, const struct batch_row *rows, size_t count)
{
    size_t size = count * 12 + 3, used = 1;
    char *text = arena_alloc(arena, size);
    text[0] = '{';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i == 0 ? "" : ",", (long long)rows[i].id);
    memcpy(text + used, "}", 2);
    return text;
}

/* ---- Columns ----------------------------------------------------------------------------------------------------- */

static bool any_row_changes(const struct batch_request *request, const char *column)
{
    for (size_t i = 0; i < request->count; i++)
        if (json_object_get(request->rows[i].changes, column) != NULL)
            return true;
    return false;
}

/* Their types as this database has them. */
bool rows_find_columns(struct operation *operation, struct err *err)
{
    const struct kind *kind = operation->request.kind;
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    if (!pg_query(operation->conn, arena, &rows, err,
                  "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                  " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
                  PG_ARGS(arena_printf(arena, "public.%s", kind->name))))
        return false;
    json_t *types = json_object();
    for (int i = 0; i < rows.count; i++)
        json_object_set_new(types, pg_text(&rows, i, 0), json_string(pg_text(&rows, i, 1)));
    operation->columns = json_object();
    bool ok = true;
    for (size_t i = 0; i < kind->field_count && ok; i++) {
        const char *column = kind->fields[i].column;
        if (!any_row_changes(&operation->request, column))
            continue;
        ok = json_object_get(types, column) != NULL;
        if (!ok) {
            const char *name = arena_printf(arena, "%s.%s", kind->name, column);
            err_set(err, ERR_FEATURE_UNAVAILABLE, "the column %s is missing", name);
            err_args(err, name, NULL);
        }
        json_object_set(operation->columns, column, json_object_get(types, column));
    }
    json_decref(types);
    return ok;
}

static bool is_json_column(json_t *type)
{
    return strcmp(json_string_value(type), "jsonb") == 0;
}

/* jsonb_build_object('rpm', t.rpm_limit, ...) of the columns that change; amounts as texts with all their digits. */
static const char *state_sql(const struct operation *operation)
{
    const struct kind *kind = operation->request.kind;
    struct arena *arena = operation->job->arena;
    const char *sql = "jsonb_build_object(", *comma = "";
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if (!changes_column(operation, field->column))
            continue;
        sql = arena_printf(arena, "%s%s'%s', t.%s%s", sql, comma, field->name, field->column,
                           field->type == FIELD_DECIMAL ? "::text" : "");
        comma = ", ";
    }
    return arena_printf(arena, "%s)", sql);
}

/* A row's state. The text is PostgreSQL's. */
static json_t *load_state(const char *text, struct err *err)
{
    json_t *state = wide_loads(text);
    if (state == NULL)
        err_set(err, ERR_UPDATE_FAILED, "a row holds a number that is too large");
    return state;
}

/* ---- Lock -------------------------------------------------------------------------------------------------------- */

bool rows_refuse_missing(struct operation *operation, struct err *err)
{
    struct arena *arena = operation->job->arena;
    const char *names = "";
    json_t *id;
    size_t index;
    json_array_foreach(operation->result->missing, index, id) names =
        arena_printf(arena, "%s%s%lld", names, index == 0 ? "" : ", ", (long long)json_integer_value(id));
    err_set(err, kind_not_found(operation->request.kind), "%s: %s", operation->request.kind->name, names);
    return err_args(err, names, NULL);
}

static void append(json_t **list, json_t *value)
{
    if (*list == NULL)
        *list = json_array();
    json_array_append_new(*list, value);
}

static json_t *shown_or_null(const struct kind *kind, const char *name, json_t *value, struct arena *arena)
{
    const struct field *field = kind_field(kind, name);
    return value == NULL ? json_null() : field == NULL ? json_incref(value) : value_shown(field, value, arena);
}

/* Is the row as expected? What is not goes into the result. */
static bool compare(struct operation *operation, const struct batch_row *row, const char *name, json_t *before,
                    json_t *watched)
{
    struct arena *arena = operation->job->arena;
    const struct kind *kind = operation->request.kind;
    const char *member;
    json_t *expected;
    bool same = true;
    json_object_foreach(row->expected, member, expected)
    {
        json_t *current = json_object_get(before, member);
        current = current == NULL ? json_object_get(watched, member) : current;
        if (current != NULL && json_equal(current, expected))
            continue;
        same = false;
        append(&operation->result->changed,
               json_pack("{s:I, s:s, s:s, s:o, s:o}", "id", (json_int_t)row->id, "name", name, "field", member,
                         "expected", shown_or_null(kind, member, expected, arena), "current",
                         shown_or_null(kind, member, current, arena)));
    }
    if (!same)
        append(&operation->result->stale, json_integer((json_int_t)row->id));
    return same;
}

/* One row of the request, which the database has. False: it is not as expected, or, with err, cannot be read. */
static bool take_row(struct operation *operation, const struct batch_row *row, const struct pg_result *found, int at,
                     bool *same, struct err *err)
{
    const char *name = text_utf8(operation->job->arena, pg_text(found, at, 1)), *watched_text = pg_text(found, at, 3);
    json_t *before = load_state(pg_text(found, at, 2), err);
    json_t *watched = strcmp(watched_text, "{}") == 0 ? json_object() : load_state(watched_text, err);
    if (before == NULL || watched == NULL) {
        json_decref(before);
        json_decref(watched);
        return false;
    }
    *same = compare(operation, row, name, before, watched);
    if (*same || !operation->request.skip_others) {
        json_array_append_new(operation->result->rows,
                              json_pack("{s:I, s:s, s:O}", "id", (json_int_t)row->id, "name", name, "before", before));
        json_array_append(operation->result->watched, watched);
    }
    json_decref(before);
    json_decref(watched);
    return true;
}

/* With skip_others only those that are there and as expected go on. */
static bool take_rows(struct operation *operation, const struct pg_result *found, struct err *err)
{
    struct batch_request *request = &operation->request;
    struct arena *arena = operation->job->arena;
    struct batch_row *kept = arena_alloc(arena, (request->count + 1) * sizeof *kept);
    size_t count = 0;
    int at = 0;
    operation->result->rows = json_array();
    operation->result->watched = json_array();
    for (size_t i = 0; i < request->count; i++) {
        bool same = true;
        if (at == found->count || pg_int(found, at, 0) != request->rows[i].id) {
            append(&operation->result->missing, json_integer((json_int_t)request->rows[i].id));
            continue;
        }
        if (!take_row(operation, &request->rows[i], found, at++, &same, err))
            return false;
        if (same)
            kept[count++] = request->rows[i];
    }
    if (request->skip_others) {
        request->rows = kept;
        request->count = count;
        operation->ids = rows_ids(arena, kept, count);
        return count > 0 || err_set(err, ERR_UNDO_STALE, "no row is as the operation left it");
    }
    if (operation->result->missing != NULL)
        return rows_refuse_missing(operation, err);
    return operation->result->stale == NULL
           || err_set(err, ERR_PREVIEW_STALE, "%zu rows were changed meanwhile",
                      json_array_size(operation->result->stale));
}

bool rows_lock(struct operation *operation, struct err *err)
{
    const struct kind *kind = operation->request.kind;
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    const char *sql = arena_printf(arena,
                                   "SELECT t.id, t.name, %s, %s FROM public.%s t WHERE t.id = ANY ($1::int[])"
                                   " AND t.deleted_at IS NULL ORDER BY t.id FOR UPDATE",
                                   state_sql(operation), kind->watched, kind->name);
    return pg_query(operation->conn, arena, &rows, err, sql, PG_ARGS(operation->ids))
           && take_rows(operation, &rows, err);
}

/* ---- Write ------------------------------------------------------------------------------------------------------- */

/* Every row gets the same: then the changes are one parameter, whatever the number of rows. */
static bool is_uniform(const struct batch_request *request)
{
    for (size_t i = 1; i < request->count; i++)
        if (request->rows[i].changes != request->rows[0].changes
            && !json_equal(request->rows[i].changes, request->rows[0].changes))
            return false;
    return json_object_size(request->rows[0].changes) > 0;
}

/* `changes` is the jsonb of {column: value}. */
static const char *set_sql(const struct operation *operation, const char *changes, bool all)
{
    struct arena *arena = operation->job->arena;
    const char *sql = "updated_at = now()", *column;
    json_t *type;
    json_object_foreach(operation->columns, column, type)
    {
        const char *value = is_json_column(type)
                                ? arena_printf(arena, "nullif(%s -> '%s', 'null'::jsonb)", changes, column)
                                : arena_printf(arena, "(%s ->> '%s')::%s", changes, column, json_string_value(type));
        sql = all ? arena_printf(arena, "%s, %s = %s", sql, column, value)
                  : arena_printf(arena, "%s, %s = CASE WHEN %s ? '%s' THEN %s ELSE t.%s END", sql, column, changes,
                                 column, value, column);
    }
    return sql;
}

static const char *json_text(struct arena *arena, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    const char *kept = arena_strdup(arena, text);
    free(text);
    return kept;
}

/* [{"id", "c": {column: value}}] of the rows that change. */
static const char *changes_text(const struct operation *operation)
{
    const struct batch_request *request = &operation->request;
    json_t *list = json_array();
    for (size_t i = 0; i < request->count; i++)
        if (json_object_size(request->rows[i].changes) > 0)
            json_array_append_new(
                list, json_pack("{s:I, s:O}", "id", (json_int_t)request->rows[i].id, "c", request->rows[i].changes));
    const char *text = json_text(operation->job->arena, list);
    json_decref(list);
    return text;
}

static bool update(struct operation *operation, struct pg_result *rows, struct err *err)
{
    const struct batch_request *request = &operation->request;
    struct arena *arena = operation->job->arena;
    const char *name = request->kind->name, *state = state_sql(operation);
    if (is_uniform(request))
        return pg_query(operation->conn, arena, rows, err,
                        arena_printf(arena,
                                     "WITH changed AS (UPDATE public.%s t SET %s WHERE t.id = ANY ($2::int[]) AND "
                                     "t.deleted_at IS NULL RETURNING t.id, %s AS state)"
                                     " SELECT id, state FROM changed ORDER BY id",
                                     name, set_sql(operation, "$1::jsonb", true), state),
                        PG_ARGS(json_text(arena, request->rows[0].changes), operation->ids));
    return pg_query(operation->conn, arena, rows, err,
                    arena_printf(arena,
                                 "WITH changed AS (UPDATE public.%s t SET %s FROM jsonb_to_recordset($1::jsonb) AS r "
                                 "(id int, c jsonb) WHERE t.id = r.id AND t.deleted_at IS NULL RETURNING t.id, %s AS "
                                 "state) SELECT id, state FROM changed ORDER BY id",
                                 name, set_sql(operation, "r.c", false), state),
                    PG_ARGS(changes_text(operation)));
}

bool rows_write(struct operation *operation, struct err *err)
{
    const struct batch_request *request = &operation->request;
    struct batch_result *result = operation->result;
    struct pg_result rows;
    if (!update(operation, &rows, err))
        return false;
    for (size_t i = 0; i < request->count; i++) {
        json_t *row = json_array_get(result->rows, i), *after;
        if (json_object_size(request->rows[i].changes) == 0) {
            json_object_set(row, "after", json_object_get(row, "before"));
            continue;
        }
        if (result->written == (size_t)rows.count || pg_int(&rows, (int)result->written, 0) != request->rows[i].id)
            return err_set(err, ERR_UPDATE_FAILED, "the row %lld was not written", (long long)request->rows[i].id);
        after = load_state(pg_text(&rows, (int)result->written, 1), err);
        if (after == NULL)
            return false;
        json_object_set_new(row, "after", after);
        result->written++;
    }
    return result->written == (size_t)rows.count
           || err_set(err, ERR_UPDATE_FAILED, "%d rows were written instead of %zu", rows.count, result->written);
}
