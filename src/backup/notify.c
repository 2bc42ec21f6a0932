#include "backup/notify.h"

#include "base/clock.h"
#include "base/log.h"

/* Keys that hold copies of rows: the hub reads them anew from the database when they are gone. */
static const char *const cached[] = {"api_key_auth:v1:*", "circuit_breaker:config:*"};

static const char *const channels[] = {
    "cch:cache:providers:updated",       "cch:cache:api_keys:updated",        "cch:cache:error_rules:updated",
    "cch:cache:request_filters:updated", "cch:cache:sensitive_words:updated",
};

static bool drop_matching(struct job *job, const char *pattern, struct err *err)
{
    const char *cursor = "0";
    do {
        struct redis_reply page, dropped;
        if (!REDIS_CALL(job->app->redis, job->arena, &page, err, "SCAN", cursor, "MATCH", pattern, "COUNT", "1000"))
            return false;
        if (page.kind != REDIS_LIST || page.count != 2)
            return err_set(err, ERR_REDIS_UNAVAILABLE, "SCAN answered something else than a page");
        for (size_t i = 0; i < page.items[1].count; i++)
            if (!REDIS_CALL(job->app->redis, job->arena, &dropped, err, "DEL", page.items[1].items[i].text))
                return false;
        cursor = page.items[0].text;
    } while (strcmp(cursor, "0") != 0);
    return true;
}

/* The breaker channel wants the providers' numbers. */
static const char *provider_ids(struct job *job)
{
    struct pg_result rows;
    struct err err;
    const char *message = "{\"providerIds\":[]}";
    struct pg_conn *conn = pg_pool_take(job->app->pool, NULL, &err);
    if (conn != NULL
        && pg_query(conn, job->arena, &rows, &err,
                    "SELECT json_build_object('providerIds', coalesce(json_agg(id), '[]'))::text FROM public.providers",
                    PG_NO_ARGS))
        message = pg_text(&rows, 0, 0);
    pg_pool_give(job->app->pool, conn);
    return message;
}

static bool publish(struct job *job, struct err *err)
{
    struct redis_reply reply;
    const char *now = arena_printf(job->arena, "%lld", (long long)clock_wall_ms());
    for (size_t i = 0; i < ARRAY_LEN(channels); i++)
        if (!REDIS_CALL(job->app->redis, job->arena, &reply, err, "PUBLISH", channels[i], now))
            return false;
    return REDIS_CALL(job->app->redis, job->arena, &reply, err, "PUBLISH", "cch:cache:circuit_breaker_config:updated",
                      provider_ids(job));
}

void notify_hub(struct job *job)
{
    struct err err;
    if (!redis_configured(job->app->redis))
        return;
    for (size_t i = 0; i < ARRAY_LEN(cached); i++)
        if (!drop_matching(job, cached[i], &err))
            goto failed;
    if (publish(job, &err))
        return;
failed:
    log_event(LOG_WARN, "notify.failed", "{s:s}", "error", err.words);
}
