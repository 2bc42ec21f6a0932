#include "batch/delete.h"

#include "base/text.h"
#include "batch/internal.h"
#include "batch/records.h"

#define PROVIDERS (&batch_kinds[KIND_PROVIDERS])

static void audit(const struct operation *operation, const char *type, const struct err *failure)
{
    json_t *names = json_object(), *ids = json_array(), *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row)
    {
        long long id = (long long)json_integer_value(json_object_get(row, "id"));
        json_object_set(names, arena_printf(operation->job->arena, "%lld", id), json_object_get(row, "name"));
    }
    for (size_t i = 0; i < operation->request.count; i++)
        json_array_append_new(ids, json_integer((json_int_t)operation->request.rows[i].id));
    json_t *after = json_pack("{s:o, s:o}", "ids", ids, "names", names);
    batch_audit(operation->job, PROVIDERS, type, NULL, after, failure);
    json_decref(after);
}

/* ---- Delete ------------------------------------------------------------------------------------------------------ */

/* `endpoints` gets [{id, enabled}] of those that were deleted with their providers. */
static bool mark_deleted(struct operation *operation, const char **endpoints, struct err *err)
{
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    if (!pg_query(operation->conn, arena, &rows, err,
                  "UPDATE public.providers SET deleted_at = now(), updated_at = now() WHERE id = ANY ($1::int[])"
                  " AND deleted_at IS NULL",
                  PG_ARGS(operation->ids)))
        return false;
    if ((size_t)rows.affected != operation->request.count)
        return err_set(err, ERR_UPDATE_FAILED, "%ld rows were deleted instead of %zu", rows.affected,
                       operation->request.count);
    if (!pg_query(operation->conn, arena, &rows, err,
                  "WITH alone AS (SELECT e.id, e.is_enabled FROM public.provider_endpoints e"
                  " WHERE e.deleted_at IS NULL AND EXISTS (SELECT FROM public.providers p WHERE p.id = ANY ($1::int[])"
                  "   AND p.provider_vendor_id = e.vendor_id AND p.provider_type = e.provider_type AND p.url = e.url)"
                  " AND NOT EXISTS (SELECT FROM public.providers o WHERE o.deleted_at IS NULL AND o.is_enabled"
                  "   AND o.provider_vendor_id = e.vendor_id AND o.provider_type = e.provider_type AND o.url = e.url)"
                  " ORDER BY e.id FOR UPDATE), gone AS (UPDATE public.provider_endpoints e SET deleted_at = now(),"
                  " is_enabled = false, updated_at = now() FROM alone WHERE e.id = alone.id"
                  " RETURNING e.id, alone.is_enabled)"
                  " SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'enabled', is_enabled)), '[]') FROM gone",
                  PG_ARGS(operation->ids)))
        return false;
    *endpoints = pg_text(&rows, 0, 0);
    return true;
}

static bool remember(struct operation *operation, const char *endpoints, const char **result, struct err *err)
{
    struct record_applied applied = {
        .action = "delete", .fields = json_array(), .rows = json_array(), .endpoints = endpoints};
    json_t *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row) json_array_append_new(
        applied.rows, json_pack("{s:O, s:O}", "id", json_object_get(row, "id"), "name", json_object_get(row, "name")));
    bool ok = records_apply(operation->job, operation->conn, PROVIDERS, &applied, result, err);
    json_decref(applied.fields);
    json_decref(applied.rows);
    return ok;
}

bool providers_delete(const struct batch_job *job, const struct batch_row *rows, size_t count,
                      struct batch_result *result, json_t **answer, struct err *err)
{
    struct batch_request request = {.kind = PROVIDERS, .rows = rows, .count = count};
    struct operation operation;
    const char *endpoints = NULL, *kept = NULL;
    operation_open(&operation, job, &request, result);
    bool ok = operation_begin(&operation, err) && rows_lock(&operation, err)
              && mark_deleted(&operation, &endpoints, err) && remember(&operation, endpoints, &kept, err)
              && operation_commit(&operation, err);
    operation_close(&operation, ok);
    if (ok) {
        effects_deleted(&operation);
        json_t *stored = json_loads(kept, 0, NULL);
        *answer = json_pack("{s:I, s:O, s:O, s:O}", "deletedCount", (json_int_t)count, "undoToken",
                            json_object_get(stored, "undoToken"), "operationId", json_object_get(stored, "operationId"),
                            "undoExpiresAt", json_object_get(stored, "undoExpiresAt"));
        json_decref(stored);
    }
    audit(&operation, "providers.batch_delete", ok ? NULL : err);
    return ok;
}

/* ---- Undo -------------------------------------------------------------------------------------------------------- */

/* The rows of the record become those of the operation. */
static bool find_deleted(struct operation *operation, const char *token, const char *id, struct record *record,
                         struct err *err)
{
    struct arena *arena = operation->job->arena;
    if (!records_find(operation->conn, arena, PROVIDERS, RECORD_BY_UNDO, token, true, record, err)
        || !records_check_undo(record, "delete", id, err))
        return false;
    json_t *kept = json_loads(record->rows, 0, NULL), *row;
    size_t index;
    struct batch_row *rows = arena_alloc(arena, (json_array_size(kept) + 1) * sizeof *rows);
    json_array_foreach(kept, index, row) rows[index].id = json_integer_value(json_object_get(row, "id"));
    operation->request.rows = rows;
    operation->request.count = json_array_size(kept);
    operation->ids = rows_ids(arena, rows, operation->request.count);
    json_decref(kept);
    return true;
}

static void append_id(json_t **list, int64_t id)
{
    if (*list == NULL)
        *list = json_array();
    json_array_append_new(*list, json_integer((json_int_t)id));
}

/* Which of the rows are still as the deletion left them: a deletion's rows have its time; another time, or none, is
 * somebody else's work. */
static void keep_untouched(struct operation *operation, const struct pg_result *rows)
{
    struct batch_result *result = operation->result;
    struct arena *arena = operation->job->arena;
    struct batch_row *kept = arena_alloc(arena, (operation->request.count + 1) * sizeof *kept);
    size_t count = 0;
    int at = 0;
    result->rows = json_array();
    for (size_t i = 0; i < operation->request.count; i++) {
        int64_t id = operation->request.rows[i].id;
        bool found = at < rows->count && pg_int(rows, at, 0) == id;
        if (found && pg_bool(rows, at, 2)) {
            kept[count++].id = id;
            json_array_append_new(result->rows, json_pack("{s:I, s:s}", "id", (json_int_t)id, "name",
                                                          text_utf8(arena, pg_text(rows, at, 1))));
        } else {
            append_id(found ? &result->stale : &result->missing, id);
        }
        at += found;
    }
    operation->request.rows = kept;
    operation->request.count = result->written = count;
    operation->ids = rows_ids(arena, kept, count);
}

static bool restore_rows(struct operation *operation, const struct record *record, struct err *err)
{
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    if (!pg_query(operation->conn, arena, &rows, err,
                  "SELECT id, name, deleted_at IS NOT DISTINCT FROM $2::timestamptz FROM public.providers"
                  " WHERE id = ANY ($1::int[]) ORDER BY id FOR UPDATE",
                  PG_ARGS(operation->ids, record->applied_at)))
        return false;
    keep_untouched(operation, &rows);
    if (operation->request.count == 0)
        return err_set(err, ERR_UNDO_STALE, "no provider is as the deletion left it");
    return pg_query(operation->conn, arena, NULL, err,
                    "UPDATE public.providers SET deleted_at = NULL, updated_at = now() WHERE id = ANY ($1::int[])",
                    PG_ARGS(operation->ids));
}

static bool restore_endpoints(struct operation *operation, const struct record *record, struct err *err)
{
    return pg_query(operation->conn, operation->job->arena, NULL, err,
                    "UPDATE public.provider_endpoints e SET deleted_at = NULL, is_enabled = r.enabled, updated_at = "
                    "now() FROM jsonb_to_recordset($2::jsonb) AS r (id int, enabled boolean) WHERE e.id = r.id"
                    " AND e.deleted_at = $3::timestamptz AND EXISTS (SELECT FROM public.providers p WHERE p.id = ANY "
                    "($1::int[]) AND p.provider_vendor_id = e.vendor_id AND p.provider_type = e.provider_type AND "
                    "p.url = e.url) AND NOT EXISTS (SELECT FROM public.provider_endpoints o WHERE o.deleted_at IS NULL"
                    " AND o.vendor_id = e.vendor_id AND o.provider_type = e.provider_type AND o.url = e.url)",
                    PG_ARGS(operation->ids, record->endpoints, record->applied_at))
           && invariants_endpoints(operation, err);
}

bool providers_undo_delete(const struct batch_job *job, const char *token, const char *operation_id,
                           struct batch_result *result, json_t **answer, struct err *err)
{
    struct batch_request request = {.kind = PROVIDERS};
    struct operation operation;
    struct record record = {0};
    const char *restored_at = "";
    operation_open(&operation, job, &request, result);
    bool ok = operation_begin(&operation, err) && find_deleted(&operation, token, operation_id, &record, err)
              && restore_rows(&operation, &record, err) && restore_endpoints(&operation, &record, err)
              && records_mark_undone(job, operation.conn, operation_id, &restored_at, err)
              && operation_commit(&operation, err);
    operation_close(&operation, ok);
    if (ok) {
        effects_restored(&operation);
        *answer = json_pack("{s:s, s:s, s:I, s:o}", "operationId", operation_id, "restoredAt", restored_at,
                            "restoredCount", (json_int_t)result->written, "skipped", batch_skipped(result));
    }
    audit(&operation, "providers.undo_delete", ok ? NULL : err);
    return ok;
}
