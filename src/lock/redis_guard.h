/* The lock's guard in Redis: the key that the hub uses too, set, renewed and deleted by scripts that compare the owner.
 */
#ifndef LOCK_REDIS_GUARD_H
#define LOCK_REDIS_GUARD_H

#include "net/redis.h"

enum guard_answer {
    GUARD_OURS,
    GUARD_OTHERS,      /* `*value` is the other owner's, NULL when it just went */
    GUARD_UNAVAILABLE, /* Redis is not configured or not reachable: the other guards decide */
};

/* Take it when free. */
enum guard_answer redis_guard_take(struct redis *redis, struct arena *arena, const char *ours, int64_t ttl_ms,
                                   const char **value);

/* Still ours? Its life starts anew; a key that vanished (Redis was restarted) is set again. */
enum guard_answer redis_guard_renew(struct redis *redis, struct arena *arena, const char *ours, int64_t ttl_ms);

/* Put ours in the place of `theirs`, which belongs to an owner that is dead; false when it is not there any more. */
bool redis_guard_replace(struct redis *redis, struct arena *arena, const char *theirs, const char *ours,
                         int64_t ttl_ms);

void redis_guard_drop(struct redis *redis, struct arena *arena, const char *ours);

/* The value that is there now, NULL when none or unknown. */
const char *redis_guard_peek(struct redis *redis, struct arena *arena);

#endif
