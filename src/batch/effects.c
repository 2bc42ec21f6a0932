/* What the hub must learn of a batch, in Redis, after its commit (hub-contract section 5.6): one pipeline. */
#include "batch/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <sodium.h>
#include <string.h>

#define SCAN_COUNT "500"

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

/* Those of the keys that a pattern matches whose id, which stands between `before` and a colon, is one of `ids`,
 * deleted. One walk for all of them; SCAN, not KEYS: it blocks nobody. */
static bool forget_matching(const struct batch_job *job, struct pipeline *pipeline, const char *before,
                            const char *after, json_t *ids, struct err *err)
{
    const char *cursor = "0", *pattern = arena_printf(pipeline->arena, "%s*%s", before, after);
    size_t skip = strlen(before);
    do {
        struct redis_reply reply;
        if (!REDIS_CALL(job->app->redis, pipeline->arena, &reply, err, "SCAN", cursor, "MATCH", pattern, "COUNT",
                        SCAN_COUNT))
            return false;
        if (reply.kind != REDIS_LIST || reply.count != 2)
            return err_set(err, ERR_REDIS_UNAVAILABLE, "SCAN answered something else than a list");
        for (size_t i = 0; i < reply.items[1].count; i++) {
            const char *key = reply.items[1].items[i].text;
            if (json_object_getn(ids, key + skip, strcspn(key + skip, ":")) != NULL)
                ADD(pipeline, "DEL", key);
        }
        cursor = reply.items[0].text;
    } while (strcmp(cursor, "0") != 0);
    return true;
}

/* How the spending was counted has changed: its counters and leases begin anew. */
static bool forget_spending(struct operation *operation, struct pipeline *pipeline, const char *singular, json_t *ids,
                            struct err *err)
{
    return forget_matching(operation->job, pipeline, arena_printf(pipeline->arena, "%s:", singular), ":cost_*", ids,
                           err)
           && forget_matching(operation->job, pipeline, arena_printf(pipeline->arena, "lease:%s:", singular), ":*", ids,
                              err);
}

static bool forget_own_spending(struct operation *operation, struct pipeline *pipeline, const char *singular,
                                struct err *err)
{
    json_t *ids = json_object(), *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row) json_object_set_new(ids, id_of(pipeline, row), json_true());
    bool ok = forget_spending(operation, pipeline, singular, ids, err);
    json_decref(ids);
    return ok;
}

/* Rows beyond those of the batch, also when the client is gone. */
static bool look_up(struct operation *operation, struct pipeline *pipeline, const char *sql, struct pg_result *rows,
                    struct err *err)
{
    struct pg_conn *conn = pg_pool_take(operation->job->app->pool, NULL, err);
    bool ok = conn != NULL && pg_query(conn, pipeline->arena, rows, err, sql, PG_ARGS(operation->ids));
    pg_pool_give(operation->job->app->pool, conn);
    return ok;
}

/* A user's spending is counted for each of his keys, too. */
static bool forget_users_spending(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    struct pg_result rows;
    if (!look_up(operation, pipeline, "SELECT id FROM public.keys WHERE user_id = ANY ($1::int[])", &rows, err))
        return false;
    json_t *ids = json_object();
    for (int i = 0; i < rows.count; i++)
        json_object_set_new(ids, pg_text(&rows, i, 0), json_true());
    bool ok =
        forget_own_spending(operation, pipeline, "user", err) && forget_spending(operation, pipeline, "key", ids, err);
    json_decref(ids);
    return ok;
}

/* A key is known to the cache by the digest of its text. */
static bool forget_keys(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    struct pg_result rows;
    bool ok = look_up(operation, pipeline,
                      "SELECT encode(sha256(convert_to(key, 'UTF8')), 'hex'), user_id FROM public.keys"
                      " WHERE id = ANY ($1::int[])",
                      &rows, err);
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
    return !changes_column(operation, "limit_5h_reset_mode") || forget_users_spending(operation, pipeline, err);
}

static bool gather_keys(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    if (!forget_keys(operation, pipeline, err))
        return false;
    if (changes_column(operation, "is_enabled"))
        publish_now(pipeline, "cch:cache:api_keys:updated");
    return !changes_column(operation, "limit_5h_reset_mode") || forget_own_spending(operation, pipeline, "key", err);
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
    struct pipeline reads = {.arena = pipeline->arena};
    json_t *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row)
        ADD(&reads, "ZRANGE", arena_printf(reads.arena, "provider:%s:active_sessions", id_of(&reads, row)), "0", "-1");
    struct redis_reply *replies = arena_alloc(reads.arena, (reads.count + 1) * sizeof *replies);
    if (!redis_pipeline(operation->job->app->redis, reads.arena, reads.commands, reads.count, replies, err))
        return false;
    for (size_t i = 0; i < reads.count; i++) {
        for (size_t j = 0; replies[i].kind == REDIS_LIST && j < replies[i].count; j++)
            ADD(pipeline, "DEL", arena_printf(pipeline->arena, "session:%s:provider", replies[i].items[j].text));
        if (replies[i].kind == REDIS_LIST && replies[i].count > 0)
            ADD(pipeline, "DEL", reads.commands[i].args[1]);
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
               || forget_own_spending(operation, pipeline, "provider", err));
}

static bool gather_deleted(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    json_t *row;
    size_t index;
    publish_now(pipeline, "cch:cache:providers:updated");
    json_array_foreach(operation->result->rows, index, row)
    {
        const char *id = id_of(pipeline, row);
        ADD(pipeline, "DEL", arena_printf(pipeline->arena, "circuit_breaker:state:%s", id),
            arena_printf(pipeline->arena, "circuit_breaker:config:%s", id));
    }
    return end_sessions(operation, pipeline, err) && forget_own_spending(operation, pipeline, "provider", err);
}

static bool gather_restored(struct operation *operation, struct pipeline *pipeline, struct err *err)
{
    (void)operation;
    (void)err;
    publish_now(pipeline, "cch:cache:providers:updated");
    return true;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

typedef bool gatherer(struct operation *operation, struct pipeline *pipeline, struct err *err);

static bool send(struct operation *operation, gatherer *gather, struct err *err)
{
    struct pipeline pipeline = {.arena = operation->job->arena};
    if (!gather(operation, &pipeline, err))
        return false;
    struct redis_reply *replies = arena_alloc(pipeline.arena, (pipeline.count + 1) * sizeof *replies);
    if (!redis_pipeline(operation->job->app->redis, pipeline.arena, pipeline.commands, pipeline.count, replies, err))
        return false;
    for (size_t i = 0; i < pipeline.count; i++)
        if (replies[i].kind == REDIS_ERROR)
            return err_set(err, ERR_REDIS_UNAVAILABLE, "%s: %s", pipeline.commands[i].args[0], replies[i].text);
    return true;
}

static void tell(struct operation *operation, gatherer *gather)
{
    struct err err;
    if (!redis_configured(operation->job->app->redis) || send(operation, gather, &err))
        return;
    log_event(LOG_WARN, "batch.caches_stale", "{s:s, s:s}", "kind", operation->request.kind->name, "words",
              text_utf8(operation->job->arena, err.words));
    json_array_append_new(operation->result->warnings,
                          json_string(MESSAGE(operation->job->arena, operation->job->lang, MSG_CACHES_STALE)));
}

void effects_publish(struct operation *operation)
{
    static gatherer *const gather[KIND_COUNT] = {gather_users, gather_keys, gather_providers};
    tell(operation, gather[operation->request.kind->id]);
}

void effects_deleted(struct operation *operation)
{
    tell(operation, gather_deleted);
}

void effects_restored(struct operation *operation)
{
    tell(operation, gather_restored);
}
