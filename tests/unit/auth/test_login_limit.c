#include "auth/login_limit.h"

#include "support/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>
#include <cmocka.h>

#define SECOND ((int64_t)1000)
#define START ((int64_t)5000000)

static struct login_limit *limit;

static int make_limit(void **state)
{
    (void)state;
    limit = login_limit_new(4);
    return 0;
}

static int free_limit(void **state)
{
    (void)state;
    login_limit_free(limit);
    return 0;
}

static bool try_at(const char *address, int64_t now, enum login_outcome outcome)
{
    int64_t wait;
    if (!login_limit_begin(limit, address, now, &wait))
        return false;
    login_limit_end(limit, address, now, outcome);
    return true;
}

static void wrong_tries(const char *address, int64_t now, int count)
{
    for (int i = 0; i < count; i++)
        assert_true(try_at(address, now, LOGIN_WRONG));
}

static int64_t wait_at(const char *address, int64_t now)
{
    int64_t wait = 0;
    assert_false(login_limit_begin(limit, address, now, &wait));
    return wait;
}

static void the_tenth_wrong_try_locks_for_fifteen_minutes(void **state)
{
    (void)state;
    wrong_tries("a", START, 10);
    assert_int_equal(wait_at("a", START), 900 * SECOND);
    assert_int_equal(wait_at("a", START + 899999), 1);
    assert_true(try_at("a", START + 900 * SECOND, LOGIN_WRONG));
}

static void a_locked_address_waits_no_longer_for_trying(void **state)
{
    (void)state;
    wrong_tries("a", START, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(wait_at("a", START + 10 * SECOND), 890 * SECOND);
}

static void after_the_lock_there_are_ten_tries_again(void **state)
{
    (void)state;
    wrong_tries("a", START, 10);
    wrong_tries("a", START + 900 * SECOND, 10);
    assert_int_equal(wait_at("a", START + 900 * SECOND), 900 * SECOND);
}

static void tries_more_than_five_minutes_ago_do_not_count(void **state)
{
    (void)state;
    wrong_tries("a", START, 9);
    assert_true(try_at("a", START + 300 * SECOND, LOGIN_WRONG));
    wrong_tries("a", START + 300 * SECOND, 8);
    assert_true(try_at("a", START + 300 * SECOND, LOGIN_WRONG)); /* the tenth of these */
    wait_at("a", START + 300 * SECOND);
}

static void the_window_slides(void **state)
{
    (void)state;
    wrong_tries("a", START, 5);
    wrong_tries("a", START + 299 * SECOND, 4);
    wrong_tries("a", START + 301 * SECOND, 5); /* the first five are too old: nine count */
    assert_true(try_at("a", START + 302 * SECOND, LOGIN_WRONG));
    wait_at("a", START + 302 * SECOND);
}

static void success_forgets_the_wrong_tries(void **state)
{
    (void)state;
    wrong_tries("a", START, 9);
    assert_true(try_at("a", START, LOGIN_RIGHT));
    wrong_tries("a", START, 9);
    assert_true(try_at("a", START, LOGIN_WRONG));
    wait_at("a", START);
}

static void what_is_neither_right_nor_wrong_changes_nothing(void **state)
{
    (void)state;
    wrong_tries("a", START, 9);
    for (int i = 0; i < 50; i++)
        assert_true(try_at("a", START, LOGIN_NEITHER));
    assert_true(try_at("a", START, LOGIN_WRONG));
    wait_at("a", START);
}

static void addresses_are_apart(void **state)
{
    (void)state;
    wrong_tries("a", START, 10);
    assert_true(try_at("b", START, LOGIN_WRONG));
    assert_true(try_at(NULL, START, LOGIN_WRONG));
    wait_at("a", START);
}

static void addresses_of_one_ipv6_network_are_one(void **state)
{
    (void)state;
    wrong_tries("2001:db8:1:2::1", START, 5);
    wrong_tries("2001:db8:1:2:ffff:ffff:ffff:ffff", START, 5);
    wait_at("2001:db8:1:2:0:1::", START);
    assert_true(try_at("2001:db8:1:3::1", START, LOGIN_WRONG));
    assert_true(try_at("::1", START, LOGIN_WRONG));
}

static void when_full_the_oldest_is_forgotten_and_the_locked_kept(void **state)
{
    (void)state;
    wrong_tries("locked", START, 10);
    wrong_tries("old", START + 1, 9);
    wrong_tries("newer", START + 2, 9);
    wrong_tries("newest", START + 3, 9);
    wrong_tries("one too many", START + 4, 1);
    wait_at("locked", START + 5);
    assert_true(try_at("newer", START + 5, LOGIN_WRONG)); /* its tenth */
    wait_at("newer", START + 5);
    assert_true(try_at("old", START + 5, LOGIN_WRONG)); /* its first again */
    assert_true(try_at("old", START + 5, LOGIN_WRONG));
}

static void when_all_are_locked_the_first_one_locked_is_forgotten(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        wrong_tries(names[i], START + (int64_t)i, 10);
    assert_true(try_at("e", START + 10, LOGIN_WRONG));
    for (size_t i = 1; i < ARRAY_LEN(names); i++)
        wait_at(names[i], START + 10);
    assert_true(try_at("a", START + 10, LOGIN_WRONG));
}

static void an_expired_lock_gives_way_first(void **state)
{
    int64_t later = START + 900 * SECOND;
    (void)state;
    wrong_tries("expired", START, 10);
    wrong_tries("a", later, 9);
    wrong_tries("b", later, 9);
    wrong_tries("c", later, 9);
    wrong_tries("d", later, 1);
    assert_true(try_at("a", later, LOGIN_WRONG)); /* was kept: this is the tenth */
    wait_at("a", later);
}

static void ten_thousand_strangers_fit_and_more_do_no_harm(void **state)
{
    char name[32];
    (void)state;
    struct login_limit *kept = limit;
    limit = login_limit_new(LOGIN_LIMIT_ADDRESSES);
    wrong_tries("locked", START, 10);
    for (int i = 0; i < 3 * LOGIN_LIMIT_ADDRESSES; i++) {
        snprintf(name, sizeof name, "2001:db8:0:%x::", (unsigned)i);
        assert_true(try_at(name, START + 1, LOGIN_WRONG));
    }
    wait_at("locked", START + 2);
    login_limit_free(limit);
    limit = kept;
}

static _Atomic int passed;

static void *try_slowly(void *unused)
{
    int64_t wait;
    (void)unused;
    if (login_limit_begin(limit, "a", START, &wait)) {
        passed++;
        usleep(20000);
        login_limit_end(limit, "a", START, LOGIN_WRONG);
    }
    return NULL;
}

static void tries_at_once_do_not_slip_through_together(void **state)
{
    (void)state;
    passed = 0;
    run_threads(40, try_slowly, NULL);
    assert_int_equal(passed, 10);
}

static void *succeed_slowly(void *unused)
{
    int64_t wait;
    (void)unused;
    if (login_limit_begin(limit, "a", START, &wait)) {
        usleep(10000);
        login_limit_end(limit, "a", START, LOGIN_RIGHT);
        passed++;
    }
    return NULL;
}

static void many_right_ones_at_once_all_get_in(void **state)
{
    (void)state;
    passed = 0;
    run_threads(40, succeed_slowly, NULL);
    assert_int_equal(passed, 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_limit, free_limit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_tenth_wrong_try_locks_for_fifteen_minutes),
        TEST(a_locked_address_waits_no_longer_for_trying),
        TEST(after_the_lock_there_are_ten_tries_again),
        TEST(tries_more_than_five_minutes_ago_do_not_count),
        TEST(the_window_slides),
        TEST(success_forgets_the_wrong_tries),
        TEST(what_is_neither_right_nor_wrong_changes_nothing),
        TEST(addresses_are_apart),
        TEST(addresses_of_one_ipv6_network_are_one),
        TEST(when_full_the_oldest_is_forgotten_and_the_locked_kept),
        TEST(when_all_are_locked_the_first_one_locked_is_forgotten),
        TEST(an_expired_lock_gives_way_first),
        TEST(ten_thousand_strangers_fit_and_more_do_no_harm),
        TEST(tries_at_once_do_not_slip_through_together),
        TEST(many_right_ones_at_once_all_get_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
