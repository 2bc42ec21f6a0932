/* The shapes of answers and queries that the resources share. */
#include "api/api.h"

#include "base/text.h"

void api_reply_action(struct request *request, json_t *data)
{
    reply_json(request, 200, json_pack("{s:b, s:o}", "ok", 1, "data", data));
}

void api_reply_action_text(struct request *request, const char *json)
{
    reply_json_text(request, 200, arena_printf(request_arena(request), "{\"ok\":true,\"data\":%s}", json));
}

bool api_query_int(struct request *request, const char *name, int64_t fallback, int64_t min, int64_t max,
                   int64_t *value, struct err *err)
{
    const char *text = request_query(request, name);
    *value = fallback;
    if (text == NULL || text_parse_integer(text, min, max, value))
        return true;
    err_set(err, ERR_VALIDATION_FAILED, "%s must be a whole number from %lld to %lld", name, (long long)min,
            (long long)max);
    return err_args(err, name, NULL);
}

bool api_query_page(struct request *request, int64_t default_size, int64_t max_size, struct api_page *page,
                    struct err *err)
{
    return api_query_int(request, "page", 1, 1, INT32_MAX, &page->number, err)
           && api_query_int(request, "pageSize", default_size, 1, max_size, &page->size, err);
}

const char *api_page_text(struct request *request, const struct api_page *page, int64_t total, const char *name,
                          const char *items)
{
    return arena_printf(request_arena(request),
                        "{\"%s\":%s,\"page\":%lld,\"pageSize\":%lld,\"total\":%lld,\"totalPages\":%lld}", name, items,
                        (long long)page->number, (long long)page->size, (long long)total,
                        (long long)((total + page->size - 1) / page->size));
}

void api_reply_page_text(struct request *request, const struct api_page *page, int64_t total, const char *items)
{
    reply_json_text(request, 200, api_page_text(request, page, total, "items", items));
}
