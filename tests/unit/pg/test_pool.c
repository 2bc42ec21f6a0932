#include "pg/pool.h"

#include "base/clock.h"
#include "support/postgres.h"
#include "support/threads.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static struct test_postgres *server;
static struct arena *arena;
static struct pg_pool *pool;

static int start_server(void **state)
{
    (void)state;
    server = test_postgres_start();
    return server == NULL ? -1 : 0;
}

static int stop_server(void **state)
{
    (void)state;
    test_postgres_stop(server);
    return 0;
}

static int make_pool(void **state)
{
    (void)state;
    arena = arena_new();
    pool = pg_pool_new(test_postgres_dsn(server, arena, "postgres", NULL), "pool test", 2);
    return 0;
}

static int free_pool(void **state)
{
    (void)state;
    pg_pool_free(pool);
    arena_free(arena);
    return 0;
}

static struct pg_conn *take(void)
{
    struct err err = ERR_NONE_YET;
    struct pg_conn *conn = pg_pool_take(pool, NULL, &err);
    if (conn == NULL)
        fail_msg("%s", err.words);
    return conn;
}

static int64_t ask(struct pg_conn *conn, const char *sql)
{
    struct err err = ERR_NONE_YET;
    struct pg_result rows;
    if (!pg_query(conn, arena, &rows, &err, sql, PG_NO_ARGS))
        fail_msg("%s", err.words);
    return pg_int(&rows, 0, 0);
}

#define PID "SELECT pg_backend_pid()"
#define OURS "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pool test'"

/* Counted from a connection outside the pool; ended backends vanish a moment later. */
static void open_connections_become(int64_t expected)
{
    struct err err = ERR_NONE_YET;
    int64_t found = -1;
    struct pg_conn *watcher = pg_open(test_postgres_dsn(server, arena, "postgres", NULL), "watcher", NULL, &err);
    assert_non_null(watcher);
    for (int i = 0; i < 200 && found != expected; i++, usleep(20000))
        found = ask(watcher, OURS);
    pg_close(watcher);
    assert_int_equal(found, expected);
}

static void connections_are_opened_when_needed_and_used_again(void **state)
{
    (void)state;
    open_connections_become(0);
    struct pg_conn *one = take();
    int64_t pid = ask(one, PID);
    pg_pool_give(pool, one);
    struct pg_conn *again = take();
    assert_int_equal(ask(again, PID), pid);
    open_connections_become(1);
    pg_pool_give(pool, again);
}

static void no_more_than_its_size_are_open(void **state)
{
    struct err err = ERR_NONE_YET;
    (void)state;
    struct pg_conn *one = take(), *two = take();
    assert_ptr_not_equal(one, two);
    int64_t start = clock_mono_ms();
    assert_null(pg_pool_take(pool, NULL, &err));
    assert_in_range(clock_mono_ms() - start, 4900, 7000);
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    open_connections_become(2);
    pg_pool_give(pool, one);
    pg_pool_give(pool, two);
}

static void *give_soon(void *conn)
{
    usleep(200000);
    pg_pool_give(pool, conn);
    return NULL;
}

static void who_waits_gets_the_one_that_is_given_back(void **state)
{
    pthread_t thread;
    (void)state;
    struct pg_conn *one = take(), *two = take();
    pthread_create(&thread, NULL, give_soon, one);
    int64_t start = clock_mono_ms();
    struct pg_conn *third = take();
    assert_in_range(clock_mono_ms() - start, 150, 4000);
    pthread_join(thread, NULL);
    pg_pool_give(pool, two);
    pg_pool_give(pool, third);
}

static void *fire_soon(void *cancel)
{
    usleep(200000);
    cancel_fire(cancel, ERR_SHUTTING_DOWN);
    return NULL;
}

static void a_cancel_ends_the_wait(void **state)
{
    struct err err = ERR_NONE_YET;
    pthread_t thread;
    struct cancel *cancel = cancel_new();
    (void)state;
    struct pg_conn *one = take(), *two = take();
    pthread_create(&thread, NULL, fire_soon, cancel);
    int64_t start = clock_mono_ms();
    assert_null(pg_pool_take(pool, cancel, &err));
    assert_in_range(clock_mono_ms() - start, 150, 4000);
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    pthread_join(thread, NULL);
    pg_pool_give(pool, one);
    pg_pool_give(pool, two);
    assert_null(pg_pool_take(pool, cancel, &err)); /* also when there would be one */
    cancel_free(cancel);
}

static void one_that_died_while_idle_is_replaced_unseen(void **state)
{
    (void)state;
    struct pg_conn *one = take(), *two = take();
    int64_t first = ask(one, PID), second = ask(two, PID);
    pg_pool_give(pool, one);
    pg_pool_give(pool, two);
    test_postgres_run(server, "postgres",
                      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pool test'");
    open_connections_become(0);
    one = take();
    two = take();
    int64_t now_first = ask(one, PID), now_second = ask(two, PID);
    assert_true(now_first != first && now_first != second && now_second != first && now_second != second);
    pg_pool_give(pool, one);
    pg_pool_give(pool, two);
}

static void one_that_broke_in_use_is_dropped(void **state)
{
    struct err err = ERR_NONE_YET;
    (void)state;
    struct pg_conn *one = take();
    assert_false(pg_query(one, arena, NULL, &err, "SELECT pg_terminate_backend(pg_backend_pid())", PG_NO_ARGS));
    pg_pool_give(pool, one);
    struct pg_conn *other = take();
    ask(other, PID);
    pg_pool_give(pool, other);
}

static void an_open_transaction_is_not_handed_on(void **state)
{
    struct err err = ERR_NONE_YET;
    (void)state;
    struct pg_conn *one = take();
    int64_t pid = ask(one, PID);
    assert_true(pg_run(one, &err, "BEGIN; CREATE TABLE leftover ()"));
    pg_pool_give(pool, one);
    struct pg_conn *other = take();
    assert_true(ask(other, PID) != pid);
    pg_pool_give(pool, other);
    open_connections_become(1);
}

static void a_cancelled_statement_does_not_reach_the_next_one(void **state)
{
    struct err err = ERR_NONE_YET;
    pthread_t thread;
    struct cancel *cancel = cancel_new();
    (void)state;
    struct pg_conn *one = pg_pool_take(pool, cancel, &err);
    assert_non_null(one);
    int64_t pid = ask(one, PID);
    pthread_create(&thread, NULL, fire_soon, cancel);
    assert_false(pg_query(one, arena, NULL, &err, "SELECT pg_sleep(30)", PG_NO_ARGS));
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    pthread_join(thread, NULL);
    pg_pool_give(pool, one);
    cancel_free(cancel); /* it may not be looked at any more */
    struct pg_conn *other = take();
    assert_true(ask(other, PID) != pid);
    pg_pool_give(pool, other);
}

/* Takes connections, says nothing. */
static void a_server_without_a_word_is_given_up_after_the_addresss_connect_timeout(void **state)
{
    struct err err = ERR_NONE_YET;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    const char *silent = arena_printf(arena, "host=127.0.0.1 port=%d connect_timeout=1", ntohs(address.sin_port));
    assert_null(pg_open(silent, "pool test", NULL, &err));
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    assert_string_equal(err.words, "connecting: no answer within 1 s");
    close(listener);
}

static void a_failed_opening_takes_no_place(void **state)
{
    struct err err = ERR_NONE_YET;
    (void)state;
    struct pg_pool *nowhere = pg_pool_new("host=/nonexistent", "pool test", 1);
    for (int i = 0; i < 3; i++) {
        int64_t start = clock_mono_ms();
        assert_null(pg_pool_take(nowhere, NULL, &err));
        assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
        assert_in_range(clock_mono_ms() - start, 0, 2000);
    }
    pg_pool_give(nowhere, NULL);
    pg_pool_free(nowhere);
    pg_pool_free(NULL);
}

static void *take_and_give(void *unused)
{
    struct arena *own = arena_new();
    struct err err;
    intptr_t failures = 0;
    (void)unused;
    for (int i = 0; i < 100; i++) {
        struct pg_result rows;
        struct pg_conn *conn = pg_pool_take(pool, NULL, &err);
        failures += conn == NULL || !pg_query(conn, own, &rows, &err, "SELECT $1::int", PG_ARGS("7"))
                    || pg_int(&rows, 0, 0) != 7;
        if (i % 10 == 0 && conn != NULL) /* some come back unfit */
            failures += !pg_run(conn, &err, "BEGIN");
        pg_pool_give(pool, conn);
    }
    arena_free(own);
    return (void *)failures;
}

static void many_threads_share_it(void **state)
{
    (void)state;
    run_threads(6, take_and_give, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_pool, free_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_are_opened_when_needed_and_used_again),
        TEST(no_more_than_its_size_are_open),
        TEST(who_waits_gets_the_one_that_is_given_back),
        TEST(a_cancel_ends_the_wait),
        TEST(one_that_died_while_idle_is_replaced_unseen),
        TEST(one_that_broke_in_use_is_dropped),
        TEST(an_open_transaction_is_not_handed_on),
        TEST(a_cancelled_statement_does_not_reach_the_next_one),
        TEST(a_server_without_a_word_is_given_up_after_the_addresss_connect_timeout),
        TEST(a_failed_opening_takes_no_place),
        TEST(many_threads_share_it),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
