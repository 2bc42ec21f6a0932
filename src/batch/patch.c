#include "batch/patch.h"

#include "base/sha256.h"
#include "base/text.h"
#include "batch/internal.h"
#include "batch/lists.h"
#include "batch/records.h"
#include "batch/values.h"

#include <stdlib.h>
#include <string.h>

/* ---- Shared ------------------------------------------------------------------------------------------------------ */

/* Takes the reference. */
static const char *digest_of(struct arena *arena, json_t *value)
{
    unsigned char digest[SHA256_SIZE];
    struct sha256 sha;
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS), *hex = arena_alloc(arena, 2 * SHA256_SIZE + 1);
    sha256_open(&sha);
    sha256_add(&sha, text, strlen(text));
    sha256_now(&sha, digest);
    sha256_close(&sha);
    text_hex(digest, sizeof digest, hex);
    free(text);
    json_decref(value);
    return hex;
}

static json_t *ids_json(const struct batch_row *rows, size_t count)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(ids, json_integer((json_int_t)rows[i].id));
    return ids;
}

static const char *fingerprint_of_preview(struct arena *arena, const struct patch_request *request)
{
    return digest_of(arena, json_pack("{s:s, s:o, s:O}", "kind", request->kind->name, "ids",
                                      ids_json(request->rows, request->count), "changes", request->changes));
}

static const char *fingerprint_of_apply(struct arena *arena, const struct patch_request *request)
{
    return digest_of(arena, json_pack("{s:s, s:s, s:s, s:o}", "preview", fingerprint_of_preview(arena, request),
                                      "token", request->token, "revision", request->revision, "excluded",
                                      ids_json(request->excluded, request->excluded_count)));
}

static const char *field_name(const struct kind *kind, const struct field *field)
{
    return kind->id == KIND_PROVIDERS ? field->column : field->name; /* as the hub's clients say it */
}

static void audit_refusal(const struct batch_job *job, const struct kind *kind, const char *type, json_t *ids,
                          const struct err *err)
{
    json_t *after = json_pack("{s:o}", "ids", ids);
    batch_audit(job, kind, type, NULL, after, err);
    json_decref(after);
}

/* ---- Preview ----------------------------------------------------------------------------------------------------- */

/* A row's own changes: without the fields that a provider's type does not have, and lists as they become. */
static bool make_own(const struct batch_job *job, const struct patch_request *request, struct batch_row *row,
                     const char *type, json_t *lists, struct err *err)
{
    for (size_t i = 0; i < request->kind->field_count; i++) {
        const struct field *field = &request->kind->fields[i];
        json_t *change = json_object_get(row->changes, field->column), *current = json_object_get(lists, field->column);
        const char *problem = NULL;
        if (type != NULL && !field_is_for(field, type)) {
            json_object_del(row->changes, field->column);
        } else if (list_is_change(change)) {
            json_t *value = list_change(field, change, current, job->arena, &problem);
            if (value == NULL) {
                err_set(err, ERR_VALIDATION_FAILED, "%s of %lld %s", field->name, (long long)row->id, problem);
                return err_args(err, field->name, NULL);
            }
            json_object_set_new(row->changes, field->column, value);
            json_object_set(row->expected, field->name, current);
        }
    }
    if (type != NULL)
        json_object_set_new(row->expected, "providerType", json_string(text_utf8(job->arena, type)));
    return true;
}

/* jsonb_build_object('tags', t.tags, ...) of the lists that change by what they hold. */
static const char *lists_sql(const struct batch_job *job, const struct patch_request *request)
{
    const char *sql = "jsonb_build_object(", *comma = "";
    for (size_t i = 0; i < request->kind->field_count; i++) {
        const char *column = request->kind->fields[i].column;
        if (!list_is_change(json_object_get(request->changes, column)))
            continue;
        sql = arena_printf(job->arena, "%s%s'%s', t.%s", sql, comma, column, column);
        comma = ", ";
    }
    return arena_printf(job->arena, "%s)", sql);
}

static bool depends_on_row(const struct patch_request *request)
{
    json_t *change;
    const char *column;
    bool depends = request->kind->id == KIND_PROVIDERS;
    json_object_foreach(request->changes, column, change) depends = depends || list_is_change(change);
    return depends;
}

/* Each row's changes may depend on what it is; that it still is so is expected later. Rows that are missing are told by the
 * batch. */
static bool spread(const struct batch_job *job, const struct patch_request *request, struct batch_row *rows,
                   json_t *keep_alive, struct err *err)
{
    struct pg_result found;
    size_t at = 0;
    if (!depends_on_row(request)) {
        for (size_t i = 0; i < request->count; i++)
            rows[i] = (struct batch_row){.id = request->rows[i].id, .changes = request->changes};
        return true;
    }
    for (size_t i = 0; i < request->count; i++) {
        rows[i] = (struct batch_row){
            .id = request->rows[i].id, .changes = json_copy(request->changes), .expected = json_object()};
        json_array_append_new(keep_alive, rows[i].changes);
        json_array_append_new(keep_alive, rows[i].expected);
    }
    bool providers = request->kind->id == KIND_PROVIDERS;
    const char *sql =
        arena_printf(job->arena,
                     "SELECT t.id, %s, %s FROM public.%s t WHERE t.id = ANY ($1::int[]) AND t.deleted_at "
                     "IS NULL ORDER BY t.id",
                     providers ? "t.provider_type" : "NULL", lists_sql(job, request), request->kind->name);
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL
              && pg_query(conn, job->arena, &found, err, sql, PG_ARGS(rows_ids(job->arena, rows, request->count)));
    pg_pool_give(job->app->pool, conn);
    for (int i = 0; ok && i < found.count; i++) {
        while (rows[at].id != pg_int(&found, i, 0)) /* both ascend, and what was found was asked for */
            at++;
        json_t *lists = json_loads(pg_text(&found, i, 2), 0, NULL);
        ok = make_own(job, request, &rows[at], providers ? pg_text(&found, i, 1) : NULL, lists, err);
        json_decref(lists);
    }
    return ok;
}

static json_t *preview_row(const struct batch_job *job, const struct kind *kind, const struct field *field, json_t *row,
                           bool skipped)
{
    json_t *before = json_object_get(json_object_get(row, "before"), field->name);
    json_t *after = json_object_get(json_object_get(row, "after"), field->name);
    const char *name = arena_printf(job->arena, "%sName", kind->category);
    const char *status = skipped ? "skipped" : json_equal(before, after) ? "unchanged" : "changed";
    json_t *one = json_pack("{s:O, s:O, s:s, s:s, s:o, s:o}", kind->id_member, json_object_get(row, "id"), name,
                            json_object_get(row, "name"), "field", field_name(kind, field), "status", status, "before",
                            value_shown(field, before, job->arena), "after", value_shown(field, after, job->arena));
    if (skipped)
        json_object_set_new(one, "skipReason", json_string(MESSAGE(job->arena, job->lang, MSG_FIELD_NOT_FOR_TYPE)));
    return one;
}

/* The lines of one row for people; how many of its fields are skipped. */
static json_int_t describe_row(const struct batch_job *job, const struct patch_request *request,
                               const struct batch_row *own, json_t *row, json_t *lines)
{
    const struct kind *kind = request->kind;
    json_int_t skipped = 0;
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        if (json_object_get(request->changes, field->column) == NULL)
            continue;
        bool skip = json_object_get(own->changes, field->column) == NULL;
        skipped += skip;
        json_array_append_new(lines, preview_row(job, kind, field, row, skip));
    }
    return skipped;
}

/* What is answered; `kept` gets what is compared with later. */
static json_t *describe(const struct batch_job *job, const struct patch_request *request, const struct batch_row *rows,
                        const struct batch_result *result, json_t *kept)
{
    const struct kind *kind = request->kind;
    json_t *fields = json_array(), *lines = json_array();
    json_int_t skipped = 0;
    for (size_t i = 0; i < kind->field_count; i++)
        if (json_object_get(request->changes, kind->fields[i].column) != NULL)
            json_array_append_new(fields, json_string(field_name(kind, &kind->fields[i])));
    for (size_t i = 0; i < request->count; i++) {
        json_t *row = json_array_get(result->rows, i);
        skipped += describe_row(job, request, &rows[i], row, lines);
        json_array_append_new(kept,
                              json_pack("{s:O, s:O, s:o, s:O, s:O}", "id", json_object_get(row, "id"), "name",
                                        json_object_get(row, "name"), "before",
                                        records_state(kind, json_object_get(row, "before"), rows[i].changes), "watched",
                                        json_array_get(result->watched, i), "changes", rows[i].changes));
    }
    json_t *summary =
        json_pack("{s:I, s:I, s:I}", arena_printf(job->arena, "%sCount", kind->category), (json_int_t)request->count,
                  "fieldCount", (json_int_t)json_array_size(fields), "skipCount", skipped);
    return json_pack("{s:o, s:o, s:o, s:o}", kind->ids_member, ids_json(request->rows, request->count), "changedFields",
                     fields, "rows", lines, "summary", summary);
}

bool patch_preview(const struct batch_job *job, const struct patch_request *request, struct batch_result *result,
                   json_t **answer, struct err *err)
{
    struct batch_row *rows = arena_alloc(job->arena, (request->count + 1) * sizeof *rows);
    json_t *keep_alive = json_array(), *kept = json_array(), *description = NULL;
    struct batch_request asked = {.kind = request->kind, .rows = rows, .count = request->count, .dry_run = true};
    bool ok = spread(job, request, rows, keep_alive, err) && batch_run(job, &asked, result, err);
    if (ok) {
        description = describe(job, request, rows, result, kept);
        struct record_preview preview = {.rows = kept, .fingerprint = fingerprint_of_preview(job->arena, request)};
        preview.revision = digest_of(job->arena, json_pack("{s:O, s:s}", "rows", kept, "asked", preview.fingerprint));
        ok = records_add_preview(job, request->kind, &preview, answer, err);
    }
    if (ok)
        json_object_update(*answer, description);
    json_decref(description);
    json_decref(kept);
    json_decref(keep_alive);
    return ok;
}

/* ---- Apply ------------------------------------------------------------------------------------------------------- */

struct applying {
    const struct batch_job *job;
    const struct patch_request *request;
    const char *fingerprint;
    struct batch_result *result;
    const struct batch_row *rows; /* as the batch has them */
    size_t count;
    struct record preview;
    const char *answer; /* of this application, or of the one before it */
};

/* It was done before: by the same request, or by another. */
static bool refuse_done(struct applying *applying, const struct record *done, bool by_key, struct err *err)
{
    bool same_claim = (done->idempotency_key == NULL) == (applying->request->idempotency_key == NULL);
    if (same_claim && strcmp(done->fingerprint, applying->fingerprint) == 0) {
        applying->answer = done->result;
        applying->result->replayed = true;
        return err_set(err, ERR_IDEMPOTENCY_CONFLICT, "it was done before");
    }
    return by_key ? err_set(err, ERR_IDEMPOTENCY_CONFLICT, "the request is another one")
                  : err_set(err, ERR_PREVIEW_STALE, "the preview was applied already");
}

/* Is it still to be done? False: it was done (then `answer` is set), or is refused. */
static bool claim(struct applying *applying, struct pg_conn *conn, bool lock, struct err *err)
{
    const struct patch_request *request = applying->request;
    struct arena *arena = applying->job->arena;
    struct record keyed = {0}, *preview = &applying->preview;
    if (request->idempotency_key != NULL
        && !records_find(conn, arena, request->kind, RECORD_BY_KEY, request->idempotency_key, lock, &keyed, err))
        return false;
    if (keyed.id != NULL)
        return refuse_done(applying, &keyed, true, err);
    if (!records_find(conn, arena, request->kind, RECORD_BY_PREVIEW, request->token, lock, preview, err))
        return false;
    if (preview->id == NULL)
        return err_set(err, ERR_PREVIEW_EXPIRED, "there is no such preview, or it is forgotten");
    if (strcmp(preview->state, "previewed") != 0)
        return refuse_done(applying, preview, false, err);
    if (preview->over)
        return err_set(err, ERR_PREVIEW_EXPIRED, "the preview is too old");
    if (strcmp(preview->revision, request->revision) != 0
        || strcmp(preview->fingerprint, fingerprint_of_preview(arena, request)) != 0)
        return err_set(err, ERR_PREVIEW_STALE, "this is not what was previewed");
    return true;
}

static bool begin_apply(struct pg_conn *conn, void *context, struct err *err)
{
    struct applying *applying = context;
    const struct patch_request *request = applying->request;
    const char *key = request->idempotency_key == NULL ? request->token : request->idempotency_key;
    return pg_query(conn, applying->job->arena, NULL, err,
                    "SELECT pg_advisory_xact_lock(hashtext('hubport:batch:' || $1), hashtext($2))",
                    PG_ARGS(request->kind->name, key))
           && claim(applying, conn, true, err);
}

static bool finish_apply(struct pg_conn *conn, const struct batch_result *result, void *context, struct err *err)
{
    struct applying *applying = context;
    const struct kind *kind = applying->request->kind;
    struct record_applied applied = {.id = applying->preview.id,
                                     .action = "patch",
                                     .idempotency_key = applying->request->idempotency_key,
                                     .fingerprint = applying->fingerprint,
                                     .preview_token = applying->request->token};
    records_describe(&applied, kind, result, applying->rows);
    bool ok = records_apply(applying->job, conn, kind, &applied, &applying->answer, err);
    json_decref(applied.fields);
    json_decref(applied.rows);
    return ok;
}

static bool is_excluded(const struct patch_request *request, int64_t id)
{
    for (size_t i = 0; i < request->excluded_count; i++)
        if (request->excluded[i].id == id)
            return true;
    return false;
}

/* The previewed rows, each with its changes and what it must still be. */
static bool take_preview(struct applying *applying, json_t *kept, struct err *err)
{
    const struct patch_request *request = applying->request;
    struct batch_row *rows = arena_alloc(applying->job->arena, (json_array_size(kept) + 1) * sizeof *rows);
    size_t index, changing = 0;
    json_t *row;
    json_array_foreach(kept, index, row)
    {
        int64_t id = json_integer_value(json_object_get(row, "id"));
        json_t *expected = json_object_get(row, "before");
        if (is_excluded(request, id))
            continue;
        json_object_update(expected, json_object_get(row, "watched"));
        rows[applying->count] =
            (struct batch_row){.id = id, .changes = json_object_get(row, "changes"), .expected = expected};
        changing += json_object_size(rows[applying->count++].changes) > 0;
    }
    applying->rows = rows;
    return changing > 0 || err_set(err, ERR_NOTHING_TO_APPLY, "every row is excluded or skipped");
}

static bool run_apply(struct applying *applying, const char *type, struct err *err)
{
    struct batch_hooks hooks = {begin_apply, finish_apply, applying};
    struct batch_request asked = {.kind = applying->request->kind,
                                  .rows = applying->rows,
                                  .count = applying->count,
                                  .audit_type = type,
                                  .hooks = &hooks};
    bool ok = batch_run(applying->job, &asked, applying->result, err);
    if (!ok && err->code == kind_not_found(asked.kind)) /* a row that is gone is one that was changed */
        err->code = ERR_PREVIEW_STALE;
    return ok;
}

bool patch_apply(const struct batch_job *job, const struct patch_request *request, struct batch_result *result,
                 json_t **answer, struct err *err)
{
    struct applying applying = {
        .job = job, .request = request, .result = result, .fingerprint = fingerprint_of_apply(job->arena, request)};
    const char *type = arena_printf(job->arena, "%s.batch_patch", request->kind->name);
    json_t *kept = NULL;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL && claim(&applying, conn, false, err);
    pg_pool_give(job->app->pool, conn);
    if (ok) {
        kept = json_loads(applying.preview.rows, 0, NULL);
        ok = take_preview(&applying, kept, err);
    }
    if (ok)
        ok = run_apply(&applying, type, err);
    else if (!result->replayed)
        audit_refusal(job, request->kind, type, ids_json(request->rows, request->count), err);
    json_decref(kept);
    if (ok || result->replayed)
        *answer = json_loads(applying.answer, 0, NULL);
    return ok || result->replayed;
}

/* ---- Undo -------------------------------------------------------------------------------------------------------- */

struct undoing {
    const struct batch_job *job;
    const struct kind *kind;
    const char *token, *id;
    struct record record;
    const char *at;
};

static bool find_undo(struct undoing *undoing, struct pg_conn *conn, bool lock, struct err *err)
{
    return records_find(conn, undoing->job->arena, undoing->kind, RECORD_BY_UNDO, undoing->token, lock,
                        &undoing->record, err)
           && records_check_undo(&undoing->record, "patch", undoing->id, err);
}

static bool begin_undo(struct pg_conn *conn, void *context, struct err *err)
{
    return find_undo(context, conn, true, err);
}

static bool finish_undo(struct pg_conn *conn, const struct batch_result *result, void *context, struct err *err)
{
    struct undoing *undoing = context;
    (void)result;
    return records_mark_undone(undoing->job, conn, undoing->id, &undoing->at, err);
}

/* Each row's old values, by columns; it must be as the operation left it. */
static struct batch_row *take_applied(const struct undoing *undoing, json_t *kept, json_t *keep_alive)
{
    struct batch_row *rows = arena_alloc(undoing->job->arena, (json_array_size(kept) + 1) * sizeof *rows);
    size_t index;
    json_t *row, *value;
    const char *name;
    json_array_foreach(kept, index, row)
    {
        json_t *changes = json_object();
        json_object_foreach(json_object_get(row, "before"), name, value)
        {
            const struct field *field = kind_field(undoing->kind, name);
            if (field != NULL)
                json_object_set(changes, field->column, value);
        }
        rows[index] = (struct batch_row){.id = json_integer_value(json_object_get(row, "id")),
                                         .changes = changes,
                                         .expected = json_object_get(row, "after")};
        json_array_append_new(keep_alive, changes);
    }
    return rows;
}

bool patch_undo(const struct batch_job *job, const struct kind *kind, const char *token, const char *operation_id,
                struct batch_result *result, json_t **answer, struct err *err)
{
    struct undoing undoing = {.job = job, .kind = kind, .token = token, .id = operation_id};
    struct batch_hooks hooks = {begin_undo, finish_undo, &undoing};
    const char *type = arena_printf(job->arena, "%s.undo_patch", kind->name);
    json_t *kept = NULL, *keep_alive = json_array();
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL && find_undo(&undoing, conn, false, err);
    pg_pool_give(job->app->pool, conn);
    if (ok) {
        kept = json_loads(undoing.record.rows, 0, NULL);
        struct batch_request asked = {.kind = kind,
                                      .rows = take_applied(&undoing, kept, keep_alive),
                                      .count = json_array_size(kept),
                                      .skip_others = true,
                                      .audit_type = type,
                                      .hooks = &hooks};
        ok = batch_run(job, &asked, result, err);
    } else {
        audit_refusal(job, kind, type, json_array(), err);
    }
    if (ok)
        *answer = json_pack("{s:s, s:s, s:I, s:o}", "operationId", operation_id, "revertedAt", undoing.at,
                            "revertedCount", (json_int_t)result->written, "skipped", batch_skipped(result));
    json_decref(kept);
    json_decref(keep_alive);
    return ok;
}
