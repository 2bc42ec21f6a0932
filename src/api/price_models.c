/* /api/v1/model-prices/{modelName}: set, delete, pin, history, revert (hub-contract section 4.7). */
#include "api/prices.h"

#include "base/text.h"
#include "prices/edit.h"
#include "prices/history.h"
#include "prices/list.h"

static const char *model_of(struct request *request)
{
    return request_param(request, "modelName");
}

/* The model as it is now, or what went wrong. */
static void reply_model(struct request *request, const struct price_job *job, bool ok, struct err *err)
{
    const char *item;
    if (ok && price_get(job, model_of(request), &item, err))
        reply_json_text(request, 200, item);
    else
        reply_err(request, err, NULL);
}

/* The body is parsed twice: jansson tells what is wrong with it, and the digits of prices are in the text alone. */
static bool read_single(struct request *request, const struct price_job *job, struct price_single *single,
                        struct err *err)
{
    size_t size;
    json_t *body = request_json(request, err);
    if (body == NULL)
        return false;
    json_decref(body);
    const char *text = request_body(request, &size);
    if (!price_single_read(job, text, size, single, err))
        return false;
    if (strcmp(single->model, model_of(request)) == 0)
        return true;
    err_set(err, ERR_PRICE_NAME_DIFFERS, "the address says %s, the body %s", text_utf8(job->arena, model_of(request)),
            text_utf8(job->arena, single->model));
    return err_args(err, text_utf8(job->arena, single->model), NULL);
}

void api_price_put(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct price_single single;
    struct err err;
    bool ok = read_single(request, &job, &single, &err) && price_set(&job, &single, &err);
    reply_model(request, &job, ok, &err);
}

void api_price_delete(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    if (price_delete(&job, model_of(request), &err))
        reply_empty(request, 204);
    else
        reply_err(request, &err, NULL);
}

void api_price_pin(struct request *request)
{
    struct price_job job = api_price_job(request);
    const char *provider = NULL;
    struct err err;
    json_t *body = request_json(request, &err);
    bool ok = body != NULL;
    if (ok && json_unpack(body, "{s:s!}", "pricingProviderKey", &provider) != 0) {
        ok = err_set(&err, ERR_VALIDATION_FAILED, "pricingProviderKey must be a text, and nothing else be there");
        err_args(&err, "pricingProviderKey", NULL);
    }
    ok = ok && price_pin(&job, model_of(request), provider, &err);
    reply_model(request, &job, ok, &err);
    json_decref(body);
}

void api_price_history(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct api_page page;
    struct err err;
    const char *items;
    int64_t total;
    if (api_query_page(request, 20, 100, &page, &err)
        && price_history(&job, model_of(request), (page.number - 1) * page.size, page.size, &items, &total, &err))
        api_reply_page_text(request, &page, total, items);
    else
        reply_err(request, &err, NULL);
}

/* An empty body means the newest change. */
static bool read_change(struct request *request, int64_t *id, struct err *err)
{
    size_t size;
    json_int_t given = 0;
    (void)request_body(request, &size);
    *id = 0;
    if (size == 0)
        return true;
    json_t *body = request_json(request, err);
    if (body == NULL)
        return false;
    bool ok = json_unpack(body, "{s?I!}", "id", &given) == 0 && given >= 0;
    json_decref(body);
    *id = given;
    if (!ok)
        err_set(err, ERR_VALIDATION_FAILED, "id must be the number of a change in the model's history");
    return ok || err_args(err, "id", NULL);
}

void api_price_revert(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    bool gone = false;
    int64_t id;
    bool ok = read_change(request, &id, &err) && price_revert(&job, model_of(request), id, &gone, &err);
    if (ok && gone)
        reply_empty(request, 204);
    else
        reply_model(request, &job, ok, &err);
}
