#include "lock/redis_guard.h"

#include "base/log.h"

#define LOCK_KEY "database:backup:lock" /* requirement; the hub's, without a prefix */

/* SET NX PX, or the value of whoever was first. */
static const char take_script[] = "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 'OK' end "
                                  "return redis.call('GET', KEYS[1]) or ''";
static const char renew_script[] = "local value = redis.call('GET', KEYS[1]) "
                                   "if value and value ~= ARGV[1] then return 0 end "
                                   "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";
static const char replace_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
                                     "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";
static const char drop_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end "
                                  "return 0";

static bool run(struct redis *redis, struct arena *arena, struct redis_reply *reply, const char *script,
                const char *ours, const char *ttl)
{
    struct err err;
    if (!redis_configured(redis))
        return false;
    if (REDIS_CALL(redis, arena, reply, &err, "EVAL", script, "1", LOCK_KEY, ours, ttl))
        return true;
    log_event(LOG_WARN, "lock.redis_unavailable", "{s:s}", "error", err.words);
    return false;
}

static const char *ttl_text(struct arena *arena, int64_t ttl_ms)
{
    return arena_printf(arena, "%lld", (long long)ttl_ms);
}

enum guard_answer redis_guard_take(struct redis *redis, struct arena *arena, const char *ours, int64_t ttl_ms,
                                   const char **value)
{
    struct redis_reply reply;
    *value = NULL;
    if (!run(redis, arena, &reply, take_script, ours, ttl_text(arena, ttl_ms)))
        return GUARD_UNAVAILABLE;
    if (reply.kind == REDIS_TEXT && strcmp(reply.text, "OK") == 0)
        return GUARD_OURS;
    *value = reply.kind == REDIS_TEXT ? reply.text : NULL;
    return GUARD_OTHERS;
}

enum guard_answer redis_guard_renew(struct redis *redis, struct arena *arena, const char *ours, int64_t ttl_ms)
{
    struct redis_reply reply;
    if (!run(redis, arena, &reply, renew_script, ours, ttl_text(arena, ttl_ms)))
        return GUARD_UNAVAILABLE;
    return reply.number == 1 ? GUARD_OURS : GUARD_OTHERS;
}

bool redis_guard_replace(struct redis *redis, struct arena *arena, const char *theirs, const char *ours, int64_t ttl_ms)
{
    struct redis_reply reply;
    struct err err;
    return REDIS_CALL(redis, arena, &reply, &err, "EVAL", replace_script, "1", LOCK_KEY, theirs, ours,
                      ttl_text(arena, ttl_ms))
           && reply.number == 1;
}

void redis_guard_drop(struct redis *redis, struct arena *arena, const char *ours)
{
    struct redis_reply reply;
    (void)run(redis, arena, &reply, drop_script, ours, "0");
}

const char *redis_guard_peek(struct redis *redis, struct arena *arena)
{
    struct redis_reply reply;
    struct err err;
    if (!redis_configured(redis) || !REDIS_CALL(redis, arena, &reply, &err, "GET", LOCK_KEY))
        return NULL;
    return reply.kind == REDIS_TEXT ? reply.text : NULL;
}
