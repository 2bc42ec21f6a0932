/* GET /api/v1/audit-logs, as the hub's (hub-contract section 7), with a search. */
#include "api/api.h"

#include "audit/list.h"
#include "base/text.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 100

static void answer(struct request *request, const char *json, const struct err *err)
{
    if (json == NULL)
        reply_err(request, err, NULL);
    else
        reply_json_text(request, 200, json);
}

void api_audit_logs(struct request *request)
{
    struct err err;
    const char *json = NULL;
    struct audit_filter filter = {.cursor = request_query(request, "cursor"),
                                  .category = request_query(request, "category"),
                                  .success = request_query(request, "success"),
                                  .from = request_query(request, "from"),
                                  .to = request_query(request, "to"),
                                  .search = request_query(request, "search")};
    if (api_query_int(request, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX, &filter.limit, &err))
        json = audit_list(api_of(request)->app, request_arena(request), &filter, request_cancel(request), &err);
    answer(request, json, &err);
}

void api_audit_log(struct request *request)
{
    struct err err;
    int64_t id;
    const char *json = NULL;
    if (text_parse_integer(request_param(request, "id"), 1, INT32_MAX, &id))
        json = audit_get(api_of(request)->app, request_arena(request), id, request_cancel(request), &err);
    else
        err_set(&err, ERR_NOT_FOUND, "an id is a number");
    answer(request, json, &err);
}
