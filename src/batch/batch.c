#include "batch/internal.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- The transaction --------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const struct batch_row *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

void operation_open(struct operation *operation, const struct batch_job *job, const struct batch_request *request,
                    struct batch_result *result)
{
    struct batch_row *rows = arena_alloc(job->arena, (request->count + 1) * sizeof *rows);
    if (request->count > 0) {
        memcpy(rows, request->rows, request->count * sizeof *rows);
        qsort(rows, request->count, sizeof *rows, by_id);
    }
    *operation = (struct operation){
        .job = job, .request = *request, .result = result, .ids = rows_ids(job->arena, rows, request->count)};
    operation->request.rows = rows;
    result->warnings = json_array();
}

bool operation_begin(struct operation *operation, struct err *err)
{
    operation->conn = pg_pool_take(operation->job->app->pool, operation->job->cancel, err);
    return operation->conn != NULL && pg_run(operation->conn, err, "BEGIN; SET LOCAL lock_timeout = '10s'");
}

bool operation_commit(struct operation *operation, struct err *err)
{
    return operation->request.dry_run ? pg_run(operation->conn, err, "ROLLBACK") : pg_commit(operation->conn, err);
}

/* The connection goes back to the pool without a transaction; one that cannot is closed there. */
void operation_close(struct operation *operation, bool ok)
{
    struct err ignored;
    if (operation->conn != NULL && !ok) {
        pg_set_cancel(operation->conn, NULL); /* the rollback must not be cancelled, too */
        (void)!pg_run(operation->conn, &ignored, "ROLLBACK");
    }
    pg_pool_give(operation->job->app->pool, operation->conn);
    operation->conn = NULL;
}

bool changes_column(const struct operation *operation, const char *column)
{
    return json_object_get(operation->columns, column) != NULL;
}

/* ---- Audit ------------------------------------------------------------------------------------------------------- */

static struct audit_event event_of(const struct kind *kind, const char *type, json_t *before, json_t *after,
                                   const struct err *failure)
{
    return (struct audit_event){.category = kind->category,
                                .type = type,
                                .target_type = kind->name,
                                .before = before,
                                .after = after,
                                .success = failure == NULL,
                                .error = failure == NULL ? NULL : err_name(failure->code)};
}

void batch_audit(const struct batch_job *job, const struct kind *kind, const char *type, json_t *before, json_t *after,
                 const struct err *failure)
{
    struct audit_event event = event_of(kind, type, before, after, failure);
    audit_write(job->app, &job->actor, &event);
}

static bool changes_secret(const struct operation *operation)
{
    const struct kind *kind = operation->request.kind;
    for (size_t i = 0; i < kind->field_count; i++)
        if (kind->fields[i].secret && changes_column(operation, kind->fields[i].column))
            return true;
    return false;
}

static json_t *redacted(const struct kind *kind, const json_t *state)
{
    json_t *copy = json_copy((json_t *)state);
    for (size_t i = 0; copy != NULL && i < kind->field_count; i++)
        if (kind->fields[i].secret && json_object_get(copy, kind->fields[i].name))
            json_object_set_new(copy, kind->fields[i].name, json_string("[REDACTED]"));
    return copy;
}

/* {id: {name: value}}; secrets are left out. */
static json_t *states_of(const struct operation *operation, const char *side)
{
    bool secret = changes_secret(operation);
    json_t *states = json_object(), *row;
    size_t index;
    char id[24];
    json_array_foreach(operation->result->rows, index, row)
    {
        json_t *state = json_object_get(row, side);
        snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(row, "id")));
        json_object_set_new_nocheck(states, id,
                                    state == NULL ? json_null()
                                    : secret      ? redacted(operation->request.kind, state)
                                                  : json_incref(state));
    }
    return states;
}

static json_t *ids_of(const struct batch_request *request)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < request->count; i++)
        json_array_append_new(ids, json_integer((json_int_t)request->rows[i].id));
    return ids;
}

/* With what it tells of: both are committed, or neither. */
static bool audit_done(const struct operation *operation, struct err *err)
{
    const struct batch_request *request = &operation->request;
    if (request->dry_run || request->audit_type == NULL)
        return true;
    json_t *before = states_of(operation, "before");
    json_t *after = json_pack("{s:o, s:o}", "ids", ids_of(request), "rows", states_of(operation, "after"));
    struct audit_event event = event_of(request->kind, request->audit_type, before, after, NULL);
    bool ok = audit_write_within(operation->conn, &operation->job->actor, &event, err);
    json_decref(before);
    json_decref(after);
    return ok;
}

static void audit_failed(const struct operation *operation, const struct err *failure)
{
    const struct batch_request *request = &operation->request;
    if (request->dry_run || request->audit_type == NULL || operation->result->replayed)
        return;
    json_t *before = states_of(operation, "before");
    json_t *after = json_pack("{s:o, s:n}", "ids", ids_of(request), "rows");
    batch_audit(operation->job, request->kind, request->audit_type, before, after, failure);
    json_decref(before);
    json_decref(after);
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static bool work(struct operation *operation, struct err *err)
{
    const struct batch_hooks *hooks = operation->request.hooks;
    return operation_begin(operation, err) && FAIL_POINT(BATCH_BEGUN, err) && rows_find_columns(operation, err)
           && (hooks == NULL || hooks->before == NULL || hooks->before(operation->conn, hooks->context, err))
           && invariants_lock(operation, err) && rows_lock(operation, err) && FAIL_POINT(BATCH_LOCKED, err)
           && rows_write(operation, err) && FAIL_POINT(BATCH_WRITTEN, err) && invariants_check(operation, err)
           && (hooks == NULL || hooks->after(operation->conn, operation->result, hooks->context, err))
           && audit_done(operation, err) && FAIL_POINT(BATCH_AUDITED, err) && operation_commit(operation, err);
}

bool batch_run(const struct batch_job *job, const struct batch_request *request, struct batch_result *result,
               struct err *err)
{
    struct operation operation;
    operation_open(&operation, job, request, result);
    bool ok = work(&operation, err);
    operation_close(&operation, ok);
    if (ok && !request->dry_run) {
        FAIL_POINT_PAST(BATCH_COMMITTED);
        effects_publish(&operation);
    }
    if (!ok)
        audit_failed(&operation, err);
    json_decref(operation.columns);
    return ok;
}

void batch_result_free(struct batch_result *result)
{
    json_decref(result->rows);
    json_decref(result->watched);
    json_decref(result->stale);
    json_decref(result->changed);
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
    if (result->changed != NULL)
        json_object_set(params, "changed", result->changed);
    if (result->missing != NULL)
        json_object_set(params, "ids", result->missing);
    if (result->users != NULL)
        json_object_set(params, "users", result->users);
    if (json_object_size(params) > 0)
        return json_pack("{s:o}", "errorParams", params);
    json_decref(params);
    return NULL;
}

json_t *batch_skipped(const struct batch_result *result)
{
    json_t *skipped = json_array(), *id;
    size_t index;
    json_array_foreach(result->stale, index, id)
        json_array_append_new(skipped, json_pack("{s:O, s:s}", "id", id, "reason", "changed"));
    json_array_foreach(result->missing, index, id)
        json_array_append_new(skipped, json_pack("{s:O, s:s}", "id", id, "reason", "missing"));
    return skipped;
}
