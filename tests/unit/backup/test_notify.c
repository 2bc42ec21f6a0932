#include "backup/notify.h"

#include "base/log.h"
#include "support/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
    struct test_redis *server;
    struct app app;
    struct job job;
    int log_end, kept_stderr; /* stderr is a pipe while a test runs */
};

static int open_place(void **state)
{
    static struct place place;
    struct err err;
    int ends[2];
    char url[64];
    place = (struct place){.server = test_redis_start(NULL), .kept_stderr = dup(STDERR_FILENO)};
    if (place.server == NULL || pipe(ends) != 0)
        return -1;
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", test_redis_port(place.server));
    place.app = (struct app){.redis = redis_new(url, &err), .pool = pg_pool_new("host=/nonexistent", "notify test", 1)};
    place.job = (struct job){.app = &place.app, .arena = arena_new()};
    place.log_end = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    *state = &place;
    return 0;
}

static int close_place(void **state)
{
    struct place *place = *state;
    dup2(place->kept_stderr, STDERR_FILENO);
    close(place->kept_stderr);
    close(place->log_end);
    redis_free(place->app.redis);
    pg_pool_free(place->app.pool);
    arena_free(place->job.arena);
    test_redis_stop(place->server);
    return 0;
}

/* What notifying logs, "" for nothing. */
static const char *notified(struct place *place)
{
    char *text = arena_alloc(place->job.arena, 4096);
    notify_hub(&place->job);
    dup2(place->kept_stderr, STDERR_FILENO); /* the pipe's only other end */
    ssize_t got = read(place->log_end, text, 4095);
    text[MAX(got, 0)] = '\0';
    return text;
}

static bool set(struct place *place, const char *key)
{
    struct redis_reply reply;
    struct err err;
    return REDIS_CALL(place->app.redis, place->job.arena, &reply, &err, "SET", key, "1");
}

static void copies_of_rows_are_dropped_and_nothing_else(void **state)
{
    struct place *place = *state;
    struct redis_reply left;
    struct err err;
    char key[64];
    for (int i = 0; i < 2500; i++) { /* more than a page */
        snprintf(key, sizeof key, "api_key_auth:v1:%d", i);
        assert_true(set(place, key));
    }
    assert_true(set(place, "circuit_breaker:config:1") && set(place, "session:1"));
    assert_string_equal(notified(place), "");
    assert_true(REDIS_CALL(place->app.redis, place->job.arena, &left, &err, "KEYS", "*"));
    assert_int_equal(left.count, 1);
    assert_string_equal(left.items[0].text, "session:1");
}

static void a_redis_that_is_gone_costs_a_warning(void **state)
{
    struct place *place = *state;
    test_redis_kill(place->server);
    const char *log = notified(place);
    assert_non_null(strstr(log, "\"warn\""));
    assert_non_null(strstr(log, "notify.failed"));
}

static void one_that_takes_no_writes_costs_a_warning(void **state)
{
    struct place *place = *state;
    struct redis_reply reply;
    struct err err;
    assert_true(set(place, "api_key_auth:v1:1"));
    assert_true(REDIS_CALL(place->app.redis, place->job.arena, &reply, &err, "REPLICAOF", "127.0.0.1", "1"));
    assert_non_null(strstr(notified(place), "notify.failed"));
}

static void without_one_there_is_nothing_to_tell(void **state)
{
    struct place *place = *state;
    struct err err;
    redis_free(place->app.redis);
    place->app.redis = redis_new(NULL, &err);
    assert_string_equal(notified(place), "");
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(copies_of_rows_are_dropped_and_nothing_else),
        IN_PLACE(a_redis_that_is_gone_costs_a_warning),
        IN_PLACE(one_that_takes_no_writes_costs_a_warning),
        IN_PLACE(without_one_there_is_nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
