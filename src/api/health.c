/* Health for load balancers and people. */
#include "api/api.h"

#include "ops/health.h"

void api_livez(struct request *request)
{
    reply_json(request, 200, json_pack("{s:s}", "status", "ok"));
}

void api_v1_health(struct request *request)
{
    reply_json(request, 200, json_pack("{s:s, s:s}", "status", "ok", "apiVersion", API_V1_VERSION));
}

void api_readyz(struct request *request)
{
    struct health_check *checks;
    size_t count;
    enum health_state state = health_glance(api_of(request)->app, request_arena(request), &checks, &count);
    json_t *list = json_object();
    /* Names and states only: addresses and versions are for those who signed in. */
    for (size_t i = 0; i < count; i++)
        json_object_set_new(list, checks[i].name, json_string(health_state_name(checks[i].state)));
    const char *status = state == HEALTH_FAILED ? "unavailable" : state == HEALTH_DEGRADED ? "degraded" : "ready";
    reply_json(request, state == HEALTH_FAILED ? 503 : 200, json_pack("{s:s, s:o}", "status", status, "checks", list));
}
