#include "ops/overview.h"

#include "api/api.h"

#define DAYS_DEFAULT 14

void api_overview(struct request *request)
{
    struct err err;
    int64_t days;
    const char *time_zone = request_query(request, "timeZone");
    json_t *overview = NULL;
    if (api_query_int(request, "days", DAYS_DEFAULT, 1, OVERVIEW_DAYS_MAX, &days, &err))
        overview = overview_make(api_of(request)->app, request_arena(request), request_lang(request), (int)days,
                                 time_zone == NULL ? "UTC" : time_zone, request_cancel(request), &err);
    if (overview == NULL)
        reply_err(request, &err, NULL);
    else
        reply_json(request, 200, overview);
}
