/* Lists of users, keys and providers, single ones, and the providers' circuits. */
#include "api/batch.h"

#include "base/text.h"
#include "batch/circuits.h"
#include "batch/list.h"

#include <string.h>

#define PAGE_SIZE 50
#define PAGE_SIZE_MAX 500
#define IDS_MAX 5000

static const char *query_value(void *context, const char *name)
{
    return request_query(context, name);
}

/* ---- Lists ------------------------------------------------------------------------------------------------------- */

static void reply_list(struct request *request, enum kind_id id)
{
    struct batch_job job = api_batch_job(request);
    struct list_query query = {.value = query_value, .context = request};
    struct api_page page;
    struct err err;
    const char *items;
    int64_t total;
    bool ok = api_query_page(request, PAGE_SIZE, PAGE_SIZE_MAX, &page, &err);
    query.offset = ok ? (page.number - 1) * page.size : 0;
    query.limit = ok ? page.size : 0;
    if (ok && list_items(&job, &batch_kinds[id], &query, &items, &total, &err))
        api_reply_page_text(request, &page, total, items);
    else
        reply_err(request, &err, NULL);
}

static void reply_ids(struct request *request, enum kind_id id)
{
    struct batch_job job = api_batch_job(request);
    struct list_query query = {.value = query_value, .context = request, .limit = IDS_MAX};
    struct err err;
    const char *answer;
    if (list_ids(&job, &batch_kinds[id], &query, &answer, &err))
        reply_json_text(request, 200, answer);
    else
        reply_err(request, &err, NULL);
}

static void reply_one(struct request *request, enum kind_id kind)
{
    struct batch_job job = api_batch_job(request);
    struct err err;
    const char *item, *text = request_param(request, "id");
    int64_t id;
    if (!text_parse_integer(text, 1, INT32_MAX, &id)) {
        err_set(&err, ERR_VALIDATION_FAILED, "id must be a number above 0");
        err_args(&err, "id", NULL);
        reply_err(request, &err, NULL);
    } else if (list_one(&job, &batch_kinds[kind], id, &item, &err)) {
        reply_json_text(request, 200, item);
    } else {
        reply_err(request, &err, NULL);
    }
}

#define HANDLERS(name, kind)                                                                                           \
    void api_##name##_list(struct request *request)                                                                    \
    {                                                                                                                  \
        reply_list(request, kind);                                                                                     \
    }                                                                                                                  \
    void api_##name##_ids(struct request *request)                                                                     \
    {                                                                                                                  \
        reply_ids(request, kind);                                                                                      \
    }                                                                                                                  \
    void api_##name##_one(struct request *request)                                                                     \
    {                                                                                                                  \
        reply_one(request, kind);                                                                                      \
    }

HANDLERS(users, KIND_USERS)
HANDLERS(keys, KIND_KEYS)
HANDLERS(providers, KIND_PROVIDERS)

/* ---- Circuits ---------------------------------------------------------------------------------------------------- */

void api_circuits_list(struct request *request)
{
    struct batch_job job = api_batch_job(request);
    struct err err;
    json_t *answer = circuits_list(&job, &err);
    if (answer != NULL)
        reply_json(request, 200, answer);
    else
        reply_err(request, &err, NULL);
}

static json_t *reset_many(struct request *request)
{
    const struct kind *kind = &batch_kinds[KIND_PROVIDERS];
    const char *type = "providers.reset_circuits";
    struct batch_job job = api_batch_job(request);
    struct batch_problems problems;
    struct batch_result result = {0};
    struct err err;
    size_t count = 0;
    json_t *answer = NULL, *body = api_batch_body(request, &problems);
    if (body == NULL)
        return NULL;
    input_strict(body, &kind->ids_member, 1, &problems);
    struct batch_row *rows = input_ids(kind, body, &problems, &count);
    json_decref(body);
    if (api_batch_problems(request, &problems, kind, type))
        return NULL;
    if (count == 0) {
        api_batch_refuse(request, ERR_NO_PROVIDERS_TO_RESET, kind->ids_member, kind, type);
        return NULL;
    }
    if (circuits_reset(&job, rows, count, &result, &err))
        answer = json_pack("{s:I}", "resetCount", (json_int_t)count);
    else
        reply_err(request, &err, batch_refusal(&result));
    batch_result_free(&result);
    return answer;
}

void api_circuits_reset(struct request *request)
{
    json_t *answer = reset_many(request);
    if (answer != NULL)
        reply_json(request, 200, answer);
}

void api_circuits_reset_action(struct request *request)
{
    json_t *answer = reset_many(request);
    if (answer != NULL)
        api_reply_action(request, answer);
}

void api_circuit_reset(struct request *request)
{
    struct batch_job job = api_batch_job(request);
    struct batch_row row = {0};
    struct batch_result result = {0};
    struct err err;
    bool ok = text_parse_integer(request_param(request, "id"), 1, INT32_MAX, &row.id);
    if (!ok) {
        err_set(&err, ERR_VALIDATION_FAILED, "id must be a number above 0");
        err_args(&err, "id", NULL);
    }
    if (ok && circuits_reset(&job, &row, 1, &result, &err))
        reply_json(request, 200, json_pack("{s:b}", "ok", 1));
    else
        reply_err(request, &err, batch_refusal(&result));
    batch_result_free(&result);
}
