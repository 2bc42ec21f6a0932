/* /api/prices and the reading part of /api/v1/model-prices, and its old actions (hub-contract section 4.7). */
#include "api/prices.h"

#include "prices/list.h"
#include "prices/sync.h"
#include "prices/unpriced.h"

#define ALL INT32_MAX

struct price_job api_price_job(struct request *request)
{
    return (struct price_job){.app = api_of(request)->app,
                              .arena = request_arena(request),
                              .cancel = request_cancel(request),
                              .lang = request_lang(request),
                              .actor = api_actor(request, api_user(request))};
}

/* ---- Lists ------------------------------------------------------------------------------------------------------- */

/* An empty one is none. */
static const char *query_text(struct request *request, const char *name)
{
    const char *text = request_query(request, name);
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static bool read_filter(struct request *request, struct price_filter *filter, struct err *err)
{
    static const char *const sources[] = {"manual", "litellm", "cloud"};
    bool known = (filter->source = query_text(request, "source")) == NULL;
    filter->search = query_text(request, "search");
    filter->vendor = query_text(request, "vendor");
    filter->litellm_provider = query_text(request, "litellmProvider");
    filter->mode = query_text(request, "mode");
    for (size_t i = 0; i < ARRAY_LEN(sources) && !known; i++)
        known = strcmp(filter->source, sources[i]) == 0;
    return known || err_set(err, ERR_PRICE_SOURCE_INVALID, "source must be manual, litellm or cloud");
}

/* The part of the list that `page` names, as the hub's page whose items are called `name`; NULL with err. */
static const char *list_json(struct request *request, const struct api_page *page, const char *name,
                             struct price_filter *filter, struct err *err)
{
    struct price_job job = api_price_job(request);
    const char *items;
    int64_t total;
    filter->offset = (page->number - 1) * page->size;
    filter->limit = page->size;
    if (!price_list(&job, filter, &items, &total, err))
        return NULL;
    return api_page_text(request, page, total, name, items);
}

void api_prices_list(struct request *request)
{
    struct price_filter filter = {0};
    struct api_page page;
    struct err err;
    const char *answer = NULL;
    if (api_query_page(request, 20, 100, &page, &err) && read_filter(request, &filter, &err))
        answer = list_json(request, &page, "items", &filter, &err);
    if (answer != NULL)
        reply_json_text(request, 200, answer);
    else
        reply_err(request, &err, NULL);
}

/* The hub's older list says what is wrong with the page in words of its own. */
static bool read_old_page(struct request *request, struct api_page *page, struct err *err)
{
    const char *size = request_query(request, "pageSize") != NULL ? "pageSize" : "size";
    if (!api_query_int(request, "page", 1, 1, INT32_MAX, &page->number, err))
        err->code = ERR_PRICE_PAGE_INVALID;
    else if (!api_query_int(request, size, 50, 1, 200, &page->size, err))
        err->code = ERR_PRICE_PAGE_SIZE_INVALID;
    else
        return true;
    return false;
}

void api_old_prices_list(struct request *request)
{
    struct price_filter filter = {0};
    struct api_page page;
    struct err err;
    const char *answer = NULL;
    if (read_old_page(request, &page, &err) && read_filter(request, &filter, &err))
        answer = list_json(request, &page, "data", &filter, &err);
    if (answer != NULL)
        api_reply_action_text(request, answer);
    else
        reply_err(request, &err, NULL);
}

void api_prices_catalog(struct request *request)
{
    struct price_job job = api_price_job(request);
    const char *scope = request_query(request, "scope"), *items;
    bool all = scope != NULL && strcmp(scope, "all") == 0;
    struct err err;
    if (scope != NULL && !all && strcmp(scope, "chat") != 0) {
        err_set(&err, ERR_VALIDATION_FAILED, "scope must be chat or all");
        err_args(&err, "scope", NULL);
        reply_err(request, &err, NULL);
    } else if (price_catalog(&job, all, &items, &err)) {
        reply_json_text(request, 200, arena_printf(job.arena, "{\"items\":%s}", items));
    } else {
        reply_err(request, &err, NULL);
    }
}

void api_prices_exists(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    bool exists;
    if (price_exists(&job, &exists, &err))
        reply_json(request, 200, json_pack("{s:b}", "exists", exists));
    else
        reply_err(request, &err, NULL);
}

void api_prices_unpriced(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    json_t *answer;
    int64_t days;
    if (api_query_int(request, "days", 7, 1, 365, &days, &err) && price_unpriced(&job, days, &answer, &err))
        reply_json(request, 200, answer);
    else
        reply_err(request, &err, NULL);
}

void api_prices_vendors(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    const char *answer;
    if (price_vendors(&job, &answer, &err))
        api_reply_action_text(request, answer);
    else
        reply_err(request, &err, NULL);
}

void api_prices_cloud_count(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    const char *version;
    size_t count;
    if (price_sync_count(&job, &count, &version, &err))
        api_reply_action(request, json_pack("{s:I, s:s}", "count", (json_int_t)count, "version", version));
    else
        reply_err(request, &err, NULL);
}

/* ---- Old actions ------------------------------------------------------------------------------------------------- */

void api_prices_list_action(struct request *request)
{
    struct price_job job = api_price_job(request);
    const struct price_filter filter = {.limit = ALL};
    struct err err;
    const char *items;
    int64_t total;
    if (price_list(&job, &filter, &items, &total, &err))
        api_reply_action_text(request, items);
    else
        reply_err(request, &err, NULL);
}

void api_prices_exists_action(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    bool exists;
    if (price_exists(&job, &exists, &err))
        api_reply_action(request, json_boolean(exists));
    else
        reply_err(request, &err, NULL);
}

void api_prices_chat_models_action(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    const char *names;
    if (price_chat_models(&job, &names, &err))
        api_reply_action_text(request, names);
    else
        reply_err(request, &err, NULL);
}
