#include "net/redis.h"

#include "base/clock.h"
#include "support/redis.h"
#include "support/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define PASSWORD "p@ss:w/rd%"
#define PASSWORD_IN_URL "p%40ss%3Aw%2Frd%25"

static struct test_redis *open_server, *guarded_server;
static struct arena *arena;

static int start_servers(void **state)
{
    (void)state;
    open_server = test_redis_start(NULL);
    guarded_server = test_redis_start("plain");
    return open_server == NULL || guarded_server == NULL ? -1 : 0;
}

static int stop_servers(void **state)
{
    (void)state;
    test_redis_stop(open_server);
    test_redis_stop(guarded_server);
    return 0;
}

static int make_arena(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct redis *client(const char *login, int port, const char *rest)
{
    struct err err = ERR_NONE_YET;
    struct redis *redis = redis_new(arena_printf(arena, "redis://%s127.0.0.1:%d%s", login, port, rest), &err);
    if (redis == NULL)
        fail_msg("%s", err.words);
    return redis;
}

#define CALL(redis, reply, ...)                                                                                        \
    do {                                                                                                               \
        struct err call_err = ERR_NONE_YET;                                                                            \
        if (!REDIS_CALL(redis, arena, reply, &call_err, __VA_ARGS__))                                                  \
            fail_msg("%s", call_err.words);                                                                            \
    } while (0)

static void fails(struct redis *redis, const char *words)
{
    struct err err = ERR_NONE_YET;
    assert_false(REDIS_CALL(redis, arena, NULL, &err, "PING"));
    assert_int_equal(err.code, ERR_REDIS_UNAVAILABLE);
    if (strstr(err.words, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, err.words);
}

static void without_an_address_redis_is_unavailable(void **state)
{
    static const char *const none[] = {NULL, ""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct err err = ERR_NONE_YET;
        struct redis *redis = redis_new(none[i], &err);
        assert_non_null(redis);
        assert_false(redis_configured(redis));
        fails(redis, "REDIS_URL is not set");
        redis_free(redis);
    }
}

static void a_wrong_address_is_refused_by_its_name(void **state)
{
    struct err err = ERR_NONE_YET;
    (void)state;
    assert_null(redis_new("rediss://:hidden@h", &err));
    assert_int_equal(err.code, ERR_CONFIG_INVALID);
    assert_null(strstr(err.words, "hidden"));
}

static void answers_of_every_kind_are_copied(void **state)
{
    struct redis_reply reply;
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    assert_true(redis_configured(redis));
    CALL(redis, &reply, "SET", "key", "a value with spaces, %s and \r\n");
    assert_int_equal(reply.kind, REDIS_TEXT);
    assert_string_equal(reply.text, "OK");
    CALL(redis, &reply, "GET", "key");
    assert_string_equal(reply.text, "a value with spaces, %s and \r\n");
    assert_int_equal(reply.length, strlen(reply.text));
    CALL(redis, &reply, "GET", "no such key");
    assert_int_equal(reply.kind, REDIS_NIL);
    CALL(redis, &reply, "DEL", "key", "no such key");
    assert_int_equal(reply.kind, REDIS_NUMBER);
    assert_int_equal(reply.number, 1);
    CALL(redis, &reply, "EVAL", "return {1, 'two', {3}}", "0");
    assert_int_equal(reply.kind, REDIS_LIST);
    assert_int_equal(reply.count, 3);
    assert_string_equal(reply.items[1].text, "two");
    assert_int_equal(reply.items[2].items[0].number, 3);
    redis_free(redis);
}

static void a_refused_command_fails_alone(void **state)
{
    struct err err = ERR_NONE_YET;
    struct redis_reply reply;
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    assert_false(REDIS_CALL(redis, arena, NULL, &err, "INCR", "a", "b"));
    assert_int_equal(err.code, ERR_REDIS_UNAVAILABLE);
    assert_non_null(strstr(err.words, "wrong number of arguments"));
    assert_false(REDIS_CALL(redis, arena, &reply, &err, "EVAL", "return {redis.error_reply('INSIDE')}", "0"));
    assert_non_null(strstr(err.words, "INSIDE"));
    CALL(redis, NULL, "PING");
    redis_free(redis);
}

static void arguments_are_not_quoted_in_failures(void **state)
{
    struct err err = ERR_NONE_YET;
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    assert_false(REDIS_CALL(redis, arena, NULL, &err, "NOSUCHCOMMAND", "sid_hidden"));
    assert_non_null(strstr(err.words, "unknown command"));
    assert_null(strstr(err.words, "sid_hidden"));
    redis_free(redis);
}

static void the_database_of_the_address_is_selected(void **state)
{
    struct redis_reply reply;
    struct redis *third = client("", test_redis_port(open_server), "/3");
    struct redis *first = client("", test_redis_port(open_server), "");
    (void)state;
    CALL(third, NULL, "SET", "only in three", "x");
    CALL(first, &reply, "EXISTS", "only in three");
    assert_int_equal(reply.number, 0);
    CALL(first, NULL, "SELECT", "3");
    CALL(first, &reply, "EXISTS", "only in three");
    assert_int_equal(reply.number, 1);
    redis_free(third);
    redis_free(first);

    struct redis *beyond = client("", test_redis_port(open_server), "/999");
    fails(beyond, "selecting database 999");
    redis_free(beyond);
}

static void users_and_passwords_are_sent_decoded(void **state)
{
    struct redis *admin = client("", test_redis_port(open_server), "");
    (void)state;
    CALL(admin, NULL, "ACL", "SETUSER", "back:up", "on", ">" PASSWORD, "~*", "+@all");
    struct redis *redis = client("back%3Aup:" PASSWORD_IN_URL "@", test_redis_port(open_server), "");
    struct redis_reply reply;
    CALL(redis, &reply, "ACL", "WHOAMI");
    assert_string_equal(reply.text, "back:up");
    redis_free(redis);
    redis_free(admin);
}

static void a_wrong_password_is_said_without_it(void **state)
{
    struct err err = ERR_NONE_YET;
    struct redis *redis = client(":hidden@", test_redis_port(guarded_server), "");
    (void)state;
    fails(redis, "refuses the user name or password");
    assert_false(REDIS_CALL(redis, arena, NULL, &err, "PING")); /* the repeated reason */
    assert_null(strstr(err.words, "hidden"));
    redis_free(redis);
}

static void a_missing_password_is_said(void **state)
{
    struct redis *redis = client("", test_redis_port(guarded_server), "");
    (void)state;
    fails(redis, "asks for a password");
    redis_free(redis);
    redis = client("", test_redis_port(guarded_server), "/2");
    fails(redis, "asks for a password");
    redis_free(redis);
}

static void a_password_more_than_needed_does_no_harm(void **state)
{
    struct redis *redis = client(":unneeded@", test_redis_port(open_server), "");
    (void)state;
    CALL(redis, NULL, "PING");
    redis_free(redis);
}

static void a_server_that_came_back_is_used_at_once_when_the_end_was_seen(void **state)
{
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    CALL(redis, NULL, "PING");
    test_redis_kill(open_server);
    test_redis_revive(open_server);
    CALL(redis, NULL, "PING");
    redis_free(redis);
}

static void a_dead_server_fails_at_once_for_a_second_and_is_then_tried_again(void **state)
{
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    CALL(redis, NULL, "PING");
    test_redis_kill(open_server);
    fails(redis, "Connection refused");
    int64_t failed_at = clock_mono_ms();
    test_redis_revive(open_server);
    if (clock_mono_ms() - failed_at < 900)
        fails(redis, "a moment ago");
    while (clock_mono_ms() - failed_at < 1100)
        usleep(10000);
    CALL(redis, NULL, "PING");
    redis_free(redis);
}

static void a_silent_server_costs_two_seconds_once(void **state)
{
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    CALL(redis, NULL, "PING");
    test_redis_pause(open_server, true);
    int64_t start = clock_mono_ms();
    fails(redis, "no answer in time");
    int64_t first = clock_mono_ms() - start;
    fails(redis, "a moment ago");
    int64_t both = clock_mono_ms() - start;
    test_redis_pause(open_server, false);
    assert_in_range(first, 1900, 3500);
    assert_in_range(both - first, 0, 500);
    redis_free(redis);
}

/* A server that sends one byte of an endless answer every 100 ms. */
static void *trickle(void *context)
{
    int listener = *(int *)context;
    int fd = accept(listener, NULL, NULL);
    ssize_t sent = send(fd, "$1000\r\n", 7, MSG_NOSIGNAL);
    for (int i = 0; i < 100 && sent > 0; i++) {
        usleep(100000);
        sent = send(fd, "x", 1, MSG_NOSIGNAL);
    }
    close(fd);
    return NULL;
}

static int listen_loopback(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static void a_trickling_answer_is_cut_after_two_seconds(void **state)
{
    pthread_t thread;
    int port, listener = listen_loopback(&port);
    (void)state;
    struct redis *redis = client("", port, "");
    pthread_create(&thread, NULL, trickle, &listener);
    int64_t start = clock_mono_ms();
    fails(redis, "no answer in time");
    assert_in_range(clock_mono_ms() - start, 1900, 3500);
    redis_free(redis);
    pthread_join(thread, NULL);
    close(listener);
}

static void *talk_nonsense(void *context)
{
    int fd = accept(*(int *)context, NULL, NULL);
    ssize_t sent = send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
    (void)sent;
    close(fd);
    return NULL;
}

static void a_server_that_is_no_redis_is_told(void **state)
{
    pthread_t thread;
    int port, listener = listen_loopback(&port);
    (void)state;
    struct redis *redis = client("", port, "");
    pthread_create(&thread, NULL, talk_nonsense, &listener);
    fails(redis, "not Redis's protocol");
    redis_free(redis);
    pthread_join(thread, NULL);
    close(listener);
}

static void an_unknown_host_is_told(void **state)
{
    struct err err = ERR_NONE_YET;
    struct redis *redis = redis_new("redis://no-such-host.invalid", &err);
    (void)state;
    int64_t start = clock_mono_ms();
    fails(redis, "looking up the host");
    assert_in_range(clock_mono_ms() - start, 0, 3000);
    redis_free(redis);
}

static void a_host_name_is_looked_up(void **state)
{
    struct err err = ERR_NONE_YET;
    struct redis *redis = redis_new(arena_printf(arena, "redis://localhost:%d", test_redis_port(open_server)), &err);
    (void)state;
    CALL(redis, NULL, "PING");
    redis_free(redis);
}

static void the_socket_is_not_inherited(void **state)
{
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    CALL(redis, NULL, "PING");
    int seen = 0;
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0
            || peer.sin_port != htons((uint16_t)test_redis_port(open_server)))
            continue;
        seen++;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    assert_int_equal(seen, 1);
    redis_free(redis);
}

static void *count_up(void *context)
{
    struct arena *own = arena_new();
    struct err err;
    struct redis_reply reply;
    intptr_t failures = 0;
    for (int i = 0; i < 200; i++) {
        char text[32];
        snprintf(text, sizeof text, "%d", i);
        failures += !REDIS_CALL(context, own, &reply, &err, "ECHO", text) || strcmp(reply.text, text) != 0;
        failures += !REDIS_CALL(context, own, NULL, &err, "INCR", "counter");
    }
    arena_free(own);
    return (void *)failures;
}

static void threads_share_it_and_get_their_own_answers(void **state)
{
    struct redis_reply reply;
    struct redis *redis = client("", test_redis_port(open_server), "");
    (void)state;
    CALL(redis, NULL, "DEL", "counter");
    run_threads(4, count_up, redis);
    CALL(redis, &reply, "GET", "counter");
    assert_string_equal(reply.text, "800");
    redis_free(redis);
}

static void a_large_value_goes_both_ways(void **state)
{
    struct redis_reply reply;
    struct redis *redis = client("", test_redis_port(open_server), "");
    size_t size = 8 * MIB;
    char *value = arena_alloc(arena, size + 1);
    (void)state;
    memset(value, 'v', size);
    CALL(redis, NULL, "SET", "large", value);
    CALL(redis, &reply, "GET", "large");
    assert_int_equal(reply.length, size);
    assert_string_equal(reply.text, value);
    CALL(redis, NULL, "DEL", "large");
    redis_free(redis);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

#define COMMAND(...)                                                                                                   \
    {                                                                                                                  \
        (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                \
    }

static void a_pipeline_gives_each_command_its_own_answer(void **state)
{
    (void)state;
    struct err err = ERR_NONE_YET;
    struct redis *redis = client("", test_redis_port(open_server), "");
    const struct redis_command commands[] = {COMMAND("SET", "pipe:a", "1"), COMMAND("LPUSH", "pipe:a", "x"),
                                             COMMAND("INCR", "pipe:a"), COMMAND("GET", "pipe:none")};
    struct redis_reply replies[ARRAY_LEN(commands)];
    assert_true(redis_pipeline(redis, arena, commands, ARRAY_LEN(commands), replies, &err));
    assert_string_equal(replies[0].text, "OK");
    assert_int_equal(replies[1].kind, REDIS_ERROR);
    assert_non_null(strstr(replies[1].text, "WRONGTYPE"));
    assert_int_equal(replies[2].number, 2);
    assert_int_equal(replies[3].kind, REDIS_NIL);
    struct redis_reply after;
    CALL(redis, &after, "PING");
    assert_string_equal(after.text, "PONG");
    redis_free(redis);
}

static void a_pipeline_to_a_dead_redis_fails_as_a_whole(void **state)
{
    (void)state;
    struct err err = ERR_NONE_YET;
    struct redis *redis = client("", 1, "");
    const struct redis_command commands[] = {COMMAND("PING"), COMMAND("PING")};
    struct redis_reply replies[ARRAY_LEN(commands)];
    assert_false(redis_pipeline(redis, arena, commands, ARRAY_LEN(commands), replies, &err));
    assert_int_equal(err.code, ERR_REDIS_UNAVAILABLE);
    redis_free(redis);
}

static void a_long_pipeline_is_answered_in_order(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct err err = ERR_NONE_YET;
    struct redis *redis = client("", test_redis_port(open_server), "");
    struct redis_command *commands = arena_alloc(arena, COUNT * sizeof *commands);
    struct redis_reply *replies = arena_alloc(arena, COUNT * sizeof *replies);
    for (size_t i = 0; i < COUNT; i++) {
        const char **args = arena_alloc(arena, 2 * sizeof *args);
        args[0] = "ECHO";
        args[1] = arena_printf(arena, "%zu %s", i, i == 1234 ? arena_printf(arena, "%0100000d", 7) : "");
        commands[i] = (struct redis_command){args, 2};
    }
    assert_true(redis_pipeline(redis, arena, commands, COUNT, replies, &err));
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(replies[i].text, commands[i].args[1]);
    redis_free(redis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_an_address_redis_is_unavailable),
        TEST(a_wrong_address_is_refused_by_its_name),
        TEST(answers_of_every_kind_are_copied),
        TEST(a_refused_command_fails_alone),
        TEST(arguments_are_not_quoted_in_failures),
        TEST(the_database_of_the_address_is_selected),
        TEST(users_and_passwords_are_sent_decoded),
        TEST(a_wrong_password_is_said_without_it),
        TEST(a_missing_password_is_said),
        TEST(a_password_more_than_needed_does_no_harm),
        TEST(a_server_that_came_back_is_used_at_once_when_the_end_was_seen),
        TEST(a_dead_server_fails_at_once_for_a_second_and_is_then_tried_again),
        TEST(a_silent_server_costs_two_seconds_once),
        TEST(a_trickling_answer_is_cut_after_two_seconds),
        TEST(a_server_that_is_no_redis_is_told),
        TEST(an_unknown_host_is_told),
        TEST(a_host_name_is_looked_up),
        TEST(the_socket_is_not_inherited),
        TEST(threads_share_it_and_get_their_own_answers),
        TEST(a_large_value_goes_both_ways),
        TEST(a_pipeline_gives_each_command_its_own_answer),
        TEST(a_pipeline_to_a_dead_redis_fails_as_a_whole),
        TEST(a_long_pipeline_is_answered_in_order),
    };
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
