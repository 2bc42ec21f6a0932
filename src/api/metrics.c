/* GET /metrics, for a Prometheus. */
#include "ops/metrics.h"

#include "api/api.h"

#include <arpa/inet.h>

void api_count_request(void *context, const struct http_finished *finished)
{
    struct api *api = context;
    struct metrics_done done = {.route = finished->route,
                                .status = finished->status,
                                .received = finished->received,
                                .sent = finished->sent,
                                .ms = finished->ms};
    metrics_count(api->metrics, &done);
}

/* A proxy on this machine brings everybody's requests from a loopback address; the headers tell. */
static bool is_local(struct request *request)
{
    static const char *const forwarded[] = {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"};
    const char *remote = request_remote(request);
    struct in_addr address;
    for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
        if (request_header(request, forwarded[i]) != NULL)
            return false;
    return strcmp(remote, "::1") == 0
           || (inet_pton(AF_INET, remote, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

bool api_guard_metrics(struct request *request, struct err *err)
{
    const char *readers = config_text(api_of(request)->app->config, SETTING_METRICS);
    if (strcmp(readers, "off") == 0)
        return err_set(err, ERR_NOT_FOUND, "HUBPORT_METRICS is off");
    if (strcmp(readers, "local") == 0 && is_local(request))
        return true;
    return api_guard_admin(request, err);
}

void api_metrics(struct request *request)
{
    struct arena *arena = request_arena(request);
    struct metrics_route *routes = arena_alloc(arena, api_route_count * sizeof *routes);
    for (size_t i = 0; i < api_route_count; i++)
        routes[i] = (struct metrics_route){.method = api_routes[i].method, .path = api_routes[i].path};
    const char *text =
        metrics_text(api_of(request)->metrics, api_of(request)->app, arena, routes, request_cancel(request));
    reply_header(request, "Cache-Control", "no-store");
    reply_bytes(request, 200, METRICS_TYPE, text, strlen(text));
}
