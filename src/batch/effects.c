/* What the hub must learn of a batch, in Redis, after its commit (hub-contract section 5.6): one pipeline. */
#include "batch/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <sodium.h>
#include <string.h>

#define SCAN_COUNT "500"
#define SCAN_ROUNDS 10000

struct pipeline {
    struct arena *arena;
    struct redis_command *commands;
    size_t count;
};

#define ADD(pipeline, ...)                                                                                             \
    add(pipeline, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void add(struct pipeline *pipeline, const char *const *args, size_t count)
{
    const char **kept = arena_alloc(pipeline->arena, count * sizeof *kept);
    memcpy(kept, args, count * sizeof *kept);
    *(struct redis_command *)arena_push(pipeline->arena, &pipeline->commands, pipeline->count++,
                                        sizeof *pipeline->commands) = (struct redis_command){kept, count};
}

static void publish_now(struct pipeline *pipeline, const char *channel)
{
    ADD(pipeline, "PUBLISH", channel, arena_printf(pipeline->arena, "%lld", (long long)clock_wall_ms()));
}

static const char *id_of(struct pipeline *pipeline, json_t *row)
{
    return arena_printf(pipeline->arena, "%lld", (long long)json_integer_value(json_object_get(row, "id")));
}

/* All keys that a pattern matches, deleted. SCAN, not KEYS: it blocks nobody. */
static bool forget_matching(const struct batch_job *job, struct pipeline *pipeline, const char *pattern,
                            struct err *err)
{
    const char *cursor = "0";
    for (int round = 0; round < SCAN_ROUNDS; round++) {
        struct redis_reply reply;
        if (!REDIS_CALL(job->app->redis, pipeline->arena, &reply, err, "SCAN", cursor, "MATCH", pattern, "COUNT",
                        SCAN_COUNT))
            return false;
        if (reply.kind != REDIS_LIST || reply.count != 2)
            return err_set(err, ERR_REDIS_UNAVAILABLE, "SCAN answered something else than a list");
        for (size_t i = 0; i < reply.items[1].count; i++)
            ADD(pipeline, "DEL", reply.items[1].items[i].text);
        cursor = reply.items[0].text;
        if (strcmp(cursor, "0") == 0)
            return true;
    }
    return true;
}

/* How the spending was counted has changed: its counters and leases begin anew. */
static bool forget_spending(struct operation *operation, struct pipeline *pipeline, const char *singular,
                            struct err *err)
{
    json_t *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row)
    {
        const char *id = id_of(pipeline, row);
        if (!forget_matching(operation->job, pipeline, arena_printf(pipeline->arena, "%s:%s:cost_*", singular, id), err)
            || !forget_matching(operation->job, pipeline, arena_printf(pipeline->arena, "lease:%s:%s:*", singular, id),
                                err))
            return false;
    }
    return true;
}

/* A key is known to the cache by the digest of its text. */
static bool forget_keys(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    struct pg_result rows;
    struct pg_conn *conn = pg_pool_take(operation->job->app->pool, operation->job->cancel, err);
    bool ok = conn != NULL
              && pg_query(conn, pipeline->arena, &rows, err,
                          "SELECT encode(sha256(convert_to(key, 'UTF8')), 'hex'), user_id FROM public.keys"
                          " WHERE id = ANY ($1::int[])",
                          PG_ARGS(operation->ids));
    pg_pool_give(operation->job->app->pool, conn);
    for (int i = 0; ok && i < rows.count; i++) {
        ADD(pipeline, "DEL", arena_printf(pipeline->arena, "api_key_auth:v1:key:%s", pg_text(&rows, i, 0)));
        if (changes_column(operation, "provider_group"))
            ADD(pipeline, "DEL", arena_printf(pipeline->arena, "api_key_auth:v1:user:%s", pg_text(&rows, i, 1)));
    }
    return ok;
}

static bool gather_users(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    json_t *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row)
        ADD(pipeline, "DEL", arena_printf(pipeline->arena, "api_key_auth:v1:user:%s", id_of(pipeline, row)));
    return !changes_column(operation, "limit_5h_reset_mode") || forget_spending(operation, pipeline, "user", err);
}

static bool gather_keys(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    if (!forget_keys(operation, pipeline, err))
        return false;
    if (changes_column(operation, "is_enabled"))
        publish_now(pipeline, "cch:cache:api_keys:updated");
    return !changes_column(operation, "limit_5h_reset_mode") || forget_spending(operation, pipeline, "key", err);
}

static bool changes_breaker(const struct operation *operation)
{
    return changes_column(operation, "circuit_breaker_failure_threshold")
           || changes_column(operation, "circuit_breaker_open_duration")
           || changes_column(operation, "circuit_breaker_half_open_success_threshold");
}

static void gather_breakers(struct operation *operation, struct pipeline *pipeline)
{
    json_t *row;
    size_t index;
    const char *ids = "";
    json_array_foreach(operation->result->rows, index, row)
    {
        const char *id = id_of(pipeline, row);
        json_t *threshold = json_object_get(json_object_get(row, "after"), "circuitBreakerFailureThreshold");
        ADD(pipeline, "DEL", arena_printf(pipeline->arena, "circuit_breaker:config:%s", id));
        if (json_is_integer(threshold) && json_integer_value(threshold) <= 0) /* the breaker is off: it is closed */
            ADD(pipeline, "DEL", arena_printf(pipeline->arena, "circuit_breaker:state:%s", id));
        ids = arena_printf(pipeline->arena, "%s%s%s", ids, ids[0] == '\0' ? "" : ",", id);
    }
    ADD(pipeline, "PUBLISH", "cch:cache:circuit_breaker_config:updated",
        arena_printf(pipeline->arena, "{\"providerIds\":[%s]}", ids));
}

/* Sessions that stick to a provider which may no longer serve them. A session's provider is a key of its own; which
 * sessions a provider has stands in a sorted set. */
static bool end_sessions(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    json_t *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row)
    {
        struct redis_reply sessions;
        const char *set = arena_printf(pipeline->arena, "provider:%s:active_sessions", id_of(pipeline, row));
        if (!REDIS_CALL(operation->job->app->redis, pipeline->arena, &sessions, err, "ZRANGE", set, "0", "-1"))
            return false;
        for (size_t i = 0; sessions.kind == REDIS_LIST && i < sessions.count; i++)
            ADD(pipeline, "DEL", arena_printf(pipeline->arena, "session:%s:provider", sessions.items[i].text));
        if (sessions.kind == REDIS_LIST && sessions.count > 0)
            ADD(pipeline, "DEL", set);
    }
    return true;
}

static bool gather_providers(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    static const char *const unstick[] = {"is_enabled",     "group_tag",       "model_redirects",
                                          "allowed_models", "allowed_clients", "blocked_clients"};
    bool ends = false;
    publish_now(pipeline, "cch:cache:providers:updated");
    if (changes_breaker(operation))
        gather_breakers(operation, pipeline);
    for (size_t i = 0; i < ARRAY_LEN(unstick); i++)
        ends = ends || changes_column(operation, unstick[i]);
    return (!ends || end_sessions(operation, pipeline, err))
           && (!changes_column(operation, "limit_5h_reset_mode")
               || forget_spending(operation, pipeline, "provider", err));
}

static bool publish(struct operation *operation, struct err *err)
{
    static bool (*const gather[KIND_COUNT])(struct operation *, struct pipeline *,
                                            struct err *) = {gather_users, gather_keys, gather_providers};
    struct pipeline pipeline = {.arena = operation->job->arena};
    if (!gather[operation->request->kind->id](operation, &pipeline, err))
        return false;
    struct redis_reply *replies = arena_alloc(pipeline.arena, (pipeline.count + 1) * sizeof *replies);
    if (!redis_pipeline(operation->job->app->redis, pipeline.arena, pipeline.commands, pipeline.count, replies, err))
        return false;
    for (size_t i = 0; i < pipeline.count; i++)
        if (replies[i].kind == REDIS_ERROR)
            return err_set(err, ERR_REDIS_UNAVAILABLE, "%s: %s", pipeline.commands[i].args[0], replies[i].text);
    return true;
}

void effects_publish(struct operation *operation)
{
    struct err err;
    if (!redis_configured(operation->job->app->redis) || publish(operation, &err))
        return;
    log_event(LOG_WARN, "batch.caches_stale", "{s:s, s:s}", "kind", operation->request->kind->name, "words",
              text_utf8(operation->job->arena, err.words));
    json_array_append_new(operation->result->warnings,
                          json_string(MESSAGE(operation->job->arena, operation->job->lang, MSG_CACHES_STALE)));
}
