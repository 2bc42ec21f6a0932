/* Redis: one shared connection, made again when it broke, with time limits on everything.
 *
 * Thread-safe: calls are serialised. A call that fails says ERR_REDIS_UNAVAILABLE and leaves the caller to go on
 * without: Redis is never required to run. After a failure calls fail at once for one second, so that a dead Redis does
 * not slow every request. A call takes at most 2 s, and 2 s more when it has to connect, name lookup included. Words
 * never hold a part of the password.
 */
#ifndef NET_REDIS_H
#define NET_REDIS_H

#include "base/arena.h"
#include "base/err.h"

struct redis;

/* redis://[[user]:password@]host[:port][/database]; percent-encoding honoured. NULL or "" gives a Redis that is always
 * unavailable (redis_configured() is false). ERR_CONFIG_INVALID for anything else, rediss:// included (Debian 12's
 * hiredis has no TLS). Does not connect. */
struct redis *redis_new(const char *url, struct err *err) MUST_CHECK;
void redis_free(struct redis *redis);

bool redis_configured(const struct redis *redis);

enum redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_NUMBER, REDIS_LIST, REDIS_ERROR };

/* An answer copied into the arena. Error answers of Redis are failures of the call, also one inside a list; they do not
 * make the calls after them fail, unless they say that this server is of no use now (loading, read-only, no password
 * given). */
struct redis_reply {
    enum redis_kind kind;
    const char *text; /* REDIS_TEXT, zero-terminated; REDIS_ERROR (of a pipeline only): what Redis said */
    size_t length;
    int64_t number;            /* REDIS_NUMBER */
    struct redis_reply *items; /* REDIS_LIST */
    size_t count;
};

/* One command, arguments as they are (no quoting, no format). `reply` may be NULL, then `arena` is not used. A command
 * whose answer was lost is not sent again: it may have been done. */
bool redis_call(struct redis *redis, struct arena *arena, struct redis_reply *reply, struct err *err,
                const char *const *args, size_t count) MUST_CHECK;
#define REDIS_CALL(redis, arena, reply, err, ...)                                                                      \
    redis_call(redis, arena, reply, err, (const char *const[]){__VA_ARGS__},                                           \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Many commands sent together, their answers in their order in `replies` (room for `count`). An error answer is that
 * command's own: a REDIS_ERROR, and the call goes on. False when Redis could not be reached or broke off: any of them
 * may have been done, none is sent again. Takes at most 2 s and 1 ms a command. */
struct redis_command {
    const char *const *args;
    size_t count;
};
bool redis_pipeline(struct redis *redis, struct arena *arena, const struct redis_command *commands, size_t count,
                    struct redis_reply *replies, struct err *err) MUST_CHECK;

#endif
