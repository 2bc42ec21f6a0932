#include "batch/internal.h"

#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is asked ----------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const struct batch_row *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

static const char *ids_text(struct arena *arena, const struct batch_row *rows, size_t count)
{
    size_t size = count * 12 + 3, used = 1;
    char *text = arena_alloc(arena, size);
    text[0] = '{';
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i == 0 ? "" : ",", (long long)rows[i].id);
    memcpy(text + used, "}", 2);
    return text;
}

bool changes_column(const struct operation *operation, const char *column)
{
    return json_object_get(operation->columns, column) != NULL;
}

/* Which columns change, and their types as this database has them. */
static bool find_columns(struct operation *operation, struct err *err)
{
    const struct kind *kind = operation->request->kind;
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
        bool changed = false;
        for (size_t row = 0; row < operation->request->count && !changed; row++)
            changed = json_object_get(operation->request->rows[row].changes, column) != NULL;
        if (!changed)
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

/* ---- SQL --------------------------------------------------------------------------------------------------------- */

static bool is_json_column(json_t *type)
{
    return strcmp(json_string_value(type), "jsonb") == 0;
}

/* jsonb_build_object('rpm', t.rpm_limit, ...) of the columns that change; amounts as texts with all their digits. */
static const char *state_sql(const struct operation *operation)
{
    const struct kind *kind = operation->request->kind;
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

static const char *set_sql(const struct operation *operation)
{
    struct arena *arena = operation->job->arena;
    const char *sql = "updated_at = now()", *column;
    json_t *type;
    json_object_foreach(operation->columns, column, type)
    {
        const char *value = is_json_column(type)
                                ? arena_printf(arena, "nullif(r.c -> '%s', 'null'::jsonb)", column)
                                : arena_printf(arena, "(r.c ->> '%s')::%s", column, json_string_value(type));
        sql = arena_printf(arena, "%s, %s = CASE WHEN r.c ? '%s' THEN %s ELSE t.%s END", sql, column, column, value,
                           column);
    }
    return sql;
}

static const char *changes_text(const struct operation *operation)
{
    json_t *list = json_array();
    for (size_t i = 0; i < operation->request->count; i++)
        json_array_append_new(list, json_pack("{s:I, s:O}", "id", (json_int_t)operation->request->rows[i].id, "c",
                                              operation->request->rows[i].changes));
    char *text = json_dumps(list, JSON_COMPACT);
    const char *kept = arena_strdup(operation->job->arena, text);
    free(text);
    json_decref(list);
    return kept;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

static bool refuse_missing(struct operation *operation, const struct pg_result *found, struct err *err)
{
    const struct batch_request *request = operation->request;
    struct arena *arena = operation->job->arena;
    const char *names = "";
    int at = 0;
    operation->result->missing = json_array();
    for (size_t i = 0; i < request->count; i++) {
        if (at < found->count && pg_int(found, at, 0) == request->rows[i].id) {
            at++;
            continue;
        }
        json_array_append_new(operation->result->missing, json_integer((json_int_t)request->rows[i].id));
        names = arena_printf(arena, "%s%s%lld", names, names[0] == '\0' ? "" : ", ", (long long)request->rows[i].id);
    }
    err_set(err, request->kind->id == KIND_PROVIDERS ? ERR_PROVIDER_NOT_FOUND : ERR_ROWS_NOT_FOUND, "%s: %s",
            request->kind->name, names);
    return err_args(err, names, NULL);
}

/* The rows as they are, locked; those that are not as expected are stale. */
static bool lock_rows(struct operation *operation, struct err *err)
{
    const struct batch_request *request = operation->request;
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    bool ok = true;
    const char *sql =
        arena_printf(arena,
                     "SELECT t.id, t.name, %s FROM public.%s t WHERE t.id = ANY ($1::int[]) AND t.deleted_at IS "
                     "NULL ORDER BY t.id FOR UPDATE",
                     state_sql(operation), request->kind->name);
    if (!pg_query(operation->conn, arena, &rows, err, sql, PG_ARGS(operation->ids)))
        return false;
    if ((size_t)rows.count != request->count)
        return refuse_missing(operation, &rows, err);
    operation->result->rows = json_array();
    for (int i = 0; i < rows.count; i++) {
        json_t *before = json_loads(pg_text(&rows, i, 2), 0, NULL);
        const char *name;
        json_t *value;
        bool same = true;
        json_object_foreach(request->rows[i].expected, name, value) same =
            same && json_equal(json_object_get(before, name), value);
        if (!same) {
            if (operation->result->stale == NULL)
                operation->result->stale = json_array();
            json_array_append_new(operation->result->stale, json_integer((json_int_t)request->rows[i].id));
            ok = false;
        }
        json_array_append_new(operation->result->rows,
                              json_pack("{s:I, s:s, s:o}", "id", (json_int_t)request->rows[i].id, "name",
                                        text_utf8(arena, pg_text(&rows, i, 1)), "before", before));
    }
    return ok
           || err_set(err, ERR_PREVIEW_STALE, "%zu rows were changed meanwhile",
                      json_array_size(operation->result->stale));
}

static bool write_rows(struct operation *operation, struct err *err)
{
    const struct batch_request *request = operation->request;
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    const char *sql =
        arena_printf(arena,
                     "WITH changed AS (UPDATE public.%s t SET %s FROM jsonb_to_recordset($1::jsonb) AS r (id "
                     "int, c jsonb) WHERE t.id = r.id AND t.deleted_at IS NULL RETURNING t.id, %s AS state)"
                     " SELECT id, state FROM changed ORDER BY id",
                     request->kind->name, set_sql(operation), state_sql(operation));
    if (!pg_query(operation->conn, arena, &rows, err, sql, PG_ARGS(changes_text(operation))))
        return false;
    if ((size_t)rows.count != request->count)
        return err_set(err, ERR_UPDATE_FAILED, "%d rows were written instead of %zu", rows.count, request->count);
    for (int i = 0; i < rows.count; i++)
        json_object_set_new(json_array_get(operation->result->rows, (size_t)i), "after",
                            json_loads(pg_text(&rows, i, 1), 0, NULL));
    return true;
}

static bool work(struct operation *operation, struct err *err)
{
    return find_columns(operation, err) && pg_run(operation->conn, err, "BEGIN; SET LOCAL lock_timeout = '10s'")
           && invariants_lock(operation, err) && lock_rows(operation, err) && write_rows(operation, err)
           && invariants_check(operation, err)
           && pg_run(operation->conn, err, operation->request->dry_run ? "ROLLBACK" : "COMMIT");
}

/* ---- Audit ------------------------------------------------------------------------------------------------------- */

void batch_audit(const struct batch_job *job, const struct kind *kind, const char *type, json_t *before, json_t *after,
                 const struct err *failure)
{
    struct audit_event event = {.category = kind->category,
                                .type = type,
                                .target_type = kind->name,
                                .before = before,
                                .after = after,
                                .success = failure == NULL,
                                .error = failure == NULL ? NULL : err_name(failure->code)};
    audit_write(job->app, &job->actor, &event);
}

/* {id: {name: value}}; secrets are left out. */
static json_t *states_of(const struct operation *operation, const char *side)
{
    json_t *states = json_object(), *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row)
    {
        json_t *state = json_copy(json_object_get(row, side));
        for (size_t i = 0; state != NULL && i < operation->request->kind->field_count; i++)
            if (operation->request->kind->fields[i].secret
                && json_object_get(state, operation->request->kind->fields[i].name))
                json_object_set_new(state, operation->request->kind->fields[i].name, json_string("[REDACTED]"));
        json_object_set_new(
            states,
            arena_printf(operation->job->arena, "%lld", (long long)json_integer_value(json_object_get(row, "id"))),
            state == NULL ? json_null() : state);
    }
    return states;
}

static void audit(const struct operation *operation, const struct err *failure)
{
    const struct batch_request *request = operation->request;
    json_t *ids = json_array(), *before = states_of(operation, "before");
    for (size_t i = 0; i < request->count; i++)
        json_array_append_new(ids, json_integer((json_int_t)request->rows[i].id));
    json_t *after =
        json_pack("{s:o, s:o}", "ids", ids, "rows", failure == NULL ? states_of(operation, "after") : json_null());
    batch_audit(operation->job, request->kind, request->audit_type, before, after, failure);
    json_decref(before);
    json_decref(after);
}

/* The connection goes back to the pool without a transaction; one that cannot is closed there. */
static void end_transaction(struct operation *operation, bool ok)
{
    struct err ignored;
    if (operation->conn != NULL && !ok) {
        pg_set_cancel(operation->conn, NULL); /* the rollback must not be cancelled, too */
        (void)!pg_run(operation->conn, &ignored, "ROLLBACK");
    }
    pg_pool_give(operation->job->app->pool, operation->conn);
    operation->conn = NULL;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

bool batch_run(const struct batch_job *job, const struct batch_request *request, struct batch_result *result,
               struct err *err)
{
    struct batch_row *rows = arena_alloc(job->arena, (request->count + 1) * sizeof *rows);
    memcpy(rows, request->rows, request->count * sizeof *rows);
    qsort(rows, request->count, sizeof *rows, by_id);
    struct batch_request sorted = *request;
    sorted.rows = rows;
    struct operation operation = {
        .job = job, .request = &sorted, .result = result, .ids = ids_text(job->arena, rows, request->count)};
    result->warnings = json_array();
    operation.conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = operation.conn != NULL && work(&operation, err);
    end_transaction(&operation, ok);
    if (ok && !request->dry_run)
        effects_publish(&operation);
    if (!request->dry_run && request->audit_type != NULL)
        audit(&operation, ok ? NULL : err);
    json_decref(operation.columns);
    return ok;
}

void batch_result_free(struct batch_result *result)
{
    json_decref(result->rows);
    json_decref(result->stale);
    json_decref(result->users);
    json_decref(result->missing);
    json_decref(result->warnings);
    *result = (struct batch_result){0};
}

json_t *batch_refusal(const struct batch_result *result)
{
    json_t *params = json_object();
    if (result->stale != NULL)
        json_object_set(params, "ids", result->stale);
    if (result->missing != NULL)
        json_object_set(params, "ids", result->missing);
    if (result->users != NULL)
        json_object_set(params, "users", result->users);
    if (json_object_size(params) > 0)
        return json_pack("{s:o}", "errorParams", params);
    json_decref(params);
    return NULL;
}
