/* Synchronising the price table with the cloud's: check, sync, state (hub-contract section 4.7). */
#include "api/prices.h"

#include "prices/sync.h"
#include "prices/sync_state.h"

void api_prices_sync_check(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    const char *answer;
    if (price_sync_check(&job, &answer, &err))
        reply_json_text(request, 200, answer);
    else
        reply_err(request, &err, NULL);
}

static bool read_names(struct arena *arena, json_t *body, const char *member, struct price_names *names,
                       struct err *err)
{
    json_t *list = json_object_get(body, member), *one;
    size_t index;
    bool ok = list == NULL || json_is_array(list);
    json_array_foreach(list, index, one)
    {
        ok = ok && json_is_string(one);
        *(const char **)arena_push(arena, &names->items, names->count++, sizeof *names->items) =
            arena_strdup(arena, json_string_value(one));
    }
    if (!ok)
        err_set(err, ERR_VALIDATION_FAILED, "%s must be a list of models", member);
    return ok || err_args(err, member, NULL);
}

static bool read_options(struct request *request, struct price_sync_options *options, struct err *err)
{
    const char *name;
    json_t *value;
    json_t *body = request_json(request, err);
    if (body == NULL)
        return false;
    bool ok = read_names(request_arena(request), body, "overwriteManual", &options->overwrite_manual, err)
              && read_names(request_arena(request), body, "confirm", &options->confirm, err);
    json_object_foreach(body, name, value)
    {
        if (!ok || strcmp(name, "overwriteManual") == 0 || strcmp(name, "confirm") == 0)
            continue;
        ok = err_set(err, ERR_VALIDATION_FAILED, "%s is not known here", name) || err_args(err, name, NULL);
    }
    json_decref(body);
    return ok;
}

static json_t *sync_now(struct request *request, bool legacy)
{
    struct price_job job = api_price_job(request);
    struct price_sync_options options = {.legacy = legacy};
    struct err err;
    json_t *answer;
    if (read_options(request, &options, &err) && price_sync_run(&job, &options, &answer, &err))
        return answer;
    reply_err(request, &err, NULL);
    return NULL;
}

void api_prices_sync(struct request *request)
{
    json_t *answer = sync_now(request, false);
    if (answer != NULL)
        reply_json(request, 200, answer);
}

void api_prices_sync_action(struct request *request)
{
    json_t *answer = sync_now(request, true);
    if (answer != NULL)
        api_reply_action(request, answer);
}

void api_prices_sync_state(struct request *request)
{
    struct price_job job = api_price_job(request);
    struct err err;
    json_t *state = sync_state_json(&job, &err);
    if (state != NULL)
        reply_json(request, 200, state);
    else
        reply_err(request, &err, NULL);
}
