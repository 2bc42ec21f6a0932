/* Changes that are seen first and can be taken back: POST /api/v1/{users,keys,providers}:batchPatch:preview, :apply and
 * :undoPatch; providers:batchDelete and :undoDelete; GET /api/v1/batch-operations (hub-contract section 5). */
#include "api/batch.h"

#include "base/text.h"
#include "batch/delete.h"
#include "batch/patch.h"
#include "batch/records.h"

#include <ctype.h>
#include <string.h>

#define TOKEN_MAX 256
#define KEY_MAX 128
#define PAGE_SIZE 50
#define PAGE_SIZE_MAX 200

enum step { STEP_PREVIEW, STEP_APPLY };

/* ---- Shared ------------------------------------------------------------------------------------------------------ */

static const char *type_of(struct request *request, const struct kind *kind, const char *operation)
{
    return arena_printf(request_arena(request), "%s.%s", kind->name, operation);
}

/* Takes the answer, frees the result. */
static void reply_result(struct request *request, bool ok, struct batch_result *result, json_t *answer, bool action,
                         const struct err *err)
{
    if (ok && json_array_size(result->warnings) > 0)
        json_object_set(answer, "warnings", result->warnings);
    if (!ok)
        reply_err(request, err, batch_refusal(result));
    else if (action)
        api_reply_action(request, answer);
    else
        reply_json(request, 200, answer);
    batch_result_free(result);
}

/* "excludeProviderIds" */
static const char *exclude_member(struct arena *arena, const struct kind *kind)
{
    return arena_printf(arena, "exclude%c%s", toupper((unsigned char)kind->ids_member[0]), kind->ids_member + 1);
}

/* ---- Preview and apply ------------------------------------------------------------------------------------------- */

static void read_excluded(json_t *body, const char *member, struct patch_request *patch,
                          struct batch_problems *problems)
{
    size_t at = 0;
    if (json_object_get(body, member) == NULL)
        return;
    patch->excluded = input_id_list(body, member, problems, &patch->excluded_count);
    for (size_t i = 0; i < patch->excluded_count; i++) {
        while (at < patch->count && patch->rows[at].id < patch->excluded[i].id)
            at++;
        if (at == patch->count || patch->rows[at].id != patch->excluded[i].id)
            problem_add(
                problems, member,
                arena_printf(problems->arena, "%lld is none of those previewed", (long long)patch->excluded[i].id));
    }
}

static bool refuse_shape(struct request *request, struct batch_problems *problems, const struct kind *kind,
                         const char *audited)
{
    struct err err;
    json_t *first = json_array_get(problems->list, 0);
    err_set(&err, ERR_INVALID_PATCH_SHAPE, "%s %s", json_string_value(json_object_get(first, "path")),
            json_string_value(json_object_get(first, "message")));
    api_batch_reply_refusal(request, &err, json_pack("{s:o}", "invalidParams", problems->list), kind, audited);
    return false;
}

/* False: replied. The changes are the caller's to decref. */
static bool read_patch(struct request *request, enum step step, json_t *body, struct batch_problems *problems,
                       struct patch_request *patch)
{
    const struct kind *kind = patch->kind;
    const char *exclude = exclude_member(request_arena(request), kind);
    const char *const known[] = {kind->ids_member,  "patch",          "previewToken",
                                 "previewRevision", "idempotencyKey", exclude};
    const char *audited = step == STEP_APPLY ? type_of(request, kind, "batch_patch") : NULL;
    input_strict(body, known, step == STEP_APPLY ? ARRAY_LEN(known) : 2, problems);
    patch->rows = input_ids(kind, body, problems, &patch->count);
    if (step == STEP_APPLY) {
        patch->token = input_text(body, "previewToken", TOKEN_MAX, true, problems);
        patch->revision = input_text(body, "previewRevision", TOKEN_MAX, true, problems);
        patch->idempotency_key = input_text(body, "idempotencyKey", KEY_MAX, false, problems);
        read_excluded(body, exclude, patch, problems);
    }
    bool well = json_array_size(problems->list) == 0;
    patch->changes = input_patch(kind, json_object_get(body, "patch"), problems);
    if (well && json_array_size(problems->list) > 0)
        return refuse_shape(request, problems, kind, audited);
    if (api_batch_problems(request, problems, kind, audited))
        return false;
    if (patch->count > 0 && json_object_size(patch->changes) > 0)
        return true;
    api_batch_refuse(request, patch->count == 0 ? ERR_REQUIRED_FIELD : ERR_NOTHING_TO_APPLY, kind->ids_member, kind,
                     audited);
    return false;
}

static void patch_step(struct request *request, enum kind_id id, enum step step)
{
    struct batch_job job = api_batch_job(request);
    struct patch_request patch = {.kind = &batch_kinds[id]};
    struct batch_result result = {0};
    struct batch_problems problems;
    struct err err;
    json_t *answer = NULL, *body = api_batch_body(request, &problems);
    if (body == NULL)
        return;
    if (read_patch(request, step, body, &problems, &patch)) {
        bool ok = step == STEP_APPLY ? patch_apply(&job, &patch, &result, &answer, &err)
                                     : patch_preview(&job, &patch, &result, &answer, &err);
        reply_result(request, ok, &result, answer, false, &err);
    }
    json_decref(patch.changes);
    json_decref(body);
}

/* ---- Undo -------------------------------------------------------------------------------------------------------- */

typedef bool undo_function(const struct batch_job *job, const struct kind *kind, const char *token,
                           const char *operation_id, struct batch_result *result, json_t **answer, struct err *err);

static void undo(struct request *request, enum kind_id id, const char *type, undo_function *function)
{
    static const char *const known[] = {"undoToken", "operationId"};
    const struct kind *kind = &batch_kinds[id];
    struct batch_job job = api_batch_job(request);
    struct batch_result result = {0};
    struct batch_problems problems;
    struct err err;
    json_t *answer = NULL, *body = api_batch_body(request, &problems);
    if (body == NULL)
        return;
    input_strict(body, known, ARRAY_LEN(known), &problems);
    const char *token = input_text(body, "undoToken", TOKEN_MAX, true, &problems);
    const char *operation_id = input_text(body, "operationId", TOKEN_MAX, true, &problems);
    if (!api_batch_problems(request, &problems, kind, type_of(request, kind, type))) {
        bool ok = function(&job, kind, token, operation_id, &result, &answer, &err);
        reply_result(request, ok, &result, answer, false, &err);
    }
    json_decref(body);
}

static bool undo_delete(const struct batch_job *job, const struct kind *kind, const char *token,
                        const char *operation_id, struct batch_result *result, json_t **answer, struct err *err)
{
    (void)kind;
    return providers_undo_delete(job, token, operation_id, result, answer, err);
}

/* ---- Delete ------------------------------------------------------------------------------------------------------ */

static void delete_providers(struct request *request, bool action)
{
    const struct kind *kind = &batch_kinds[KIND_PROVIDERS];
    const char *type = "providers.batch_delete";
    struct batch_job job = api_batch_job(request);
    struct batch_result result = {0};
    struct batch_problems problems;
    struct err err;
    size_t count;
    json_t *answer = NULL, *body = api_batch_body(request, &problems);
    if (body == NULL)
        return;
    input_strict(body, &kind->ids_member, 1, &problems);
    struct batch_row *rows = input_ids(kind, body, &problems, &count);
    json_decref(body);
    if (api_batch_problems(request, &problems, kind, type))
        return;
    if (count == 0) {
        api_batch_refuse(request, ERR_NO_PROVIDERS_TO_DELETE, kind->ids_member, kind, type);
        return;
    }
    bool ok = providers_delete(&job, rows, count, &result, &answer, &err);
    reply_result(request, ok, &result, answer, action, &err);
}

/* ---- The endpoints ----------------------------------------------------------------------------------------------- */

#define PATCH_HANDLERS(name, kind)                                                                                     \
    void api_##name##_patch_preview(struct request *request)                                                           \
    {                                                                                                                  \
        patch_step(request, kind, STEP_PREVIEW);                                                                       \
    }                                                                                                                  \
    void api_##name##_patch_apply(struct request *request)                                                             \
    {                                                                                                                  \
        patch_step(request, kind, STEP_APPLY);                                                                         \
    }                                                                                                                  \
    void api_##name##_patch_undo(struct request *request)                                                              \
    {                                                                                                                  \
        undo(request, kind, "undo_patch", patch_undo);                                                                 \
    }
PATCH_HANDLERS(users, KIND_USERS)
PATCH_HANDLERS(keys, KIND_KEYS)
PATCH_HANDLERS(providers, KIND_PROVIDERS)

void api_providers_delete(struct request *request)
{
    delete_providers(request, false);
}

void api_providers_delete_action(struct request *request)
{
    delete_providers(request, true);
}

void api_providers_undo_delete(struct request *request)
{
    undo(request, KIND_PROVIDERS, "undo_delete", undo_delete);
}

void api_batch_operations(struct request *request)
{
    struct batch_job job = api_batch_job(request);
    const char *name = request_query(request, "kind"), *items = NULL;
    const struct kind *kind = NULL;
    struct api_page page;
    struct err err;
    int64_t total;
    for (size_t i = 0; name != NULL && i < KIND_COUNT; i++)
        if (strcmp(batch_kinds[i].name, name) == 0)
            kind = &batch_kinds[i];
    if (name != NULL && kind == NULL) {
        err_set(&err, ERR_VALIDATION_FAILED, "kind must be users, keys or providers");
        err_args(&err, "kind", NULL);
    } else if (api_query_page(request, PAGE_SIZE, PAGE_SIZE_MAX, &page, &err)) {
        items = records_list(&job, kind, (page.number - 1) * page.size, page.size, &total, &err);
    }
    if (items == NULL)
        reply_err(request, &err, NULL);
    else
        api_reply_page_text(request, &page, total, items);
}
