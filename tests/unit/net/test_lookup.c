#include "net/lookup.h"

#include "os/cancel.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

static struct lookup *start(const char *host)
{
    struct err err = ERR_NONE_YET;
    struct lookup *lookup = lookup_start(host, "6379", &err);
    if (lookup == NULL)
        fail_msg("%s", err.words);
    return lookup;
}

static void wait_for(struct lookup *lookup)
{
    struct err err;
    assert_int_equal(cancel_poll(NULL, lookup_fd(lookup), POLLIN, 30000, &err), 1);
}

static void a_names_addresses_are_given_once(void **state)
{
    struct addrinfo *addresses = NULL, *again = NULL;
    (void)state;
    struct lookup *lookup = start("localhost");
    assert_true(fcntl(lookup_fd(lookup), F_GETFD) & FD_CLOEXEC);
    wait_for(lookup);
    assert_int_equal(lookup_take(lookup, &addresses), 0);
    assert_non_null(addresses);
    assert_int_equal(addresses->ai_socktype, SOCK_STREAM);
    freeaddrinfo(addresses);
    assert_int_equal(lookup_take(lookup, &again), EAI_AGAIN);
    assert_null(again);
    lookup_drop(lookup);
}

static void a_name_that_does_not_exist_is_an_error(void **state)
{
    struct addrinfo *addresses = NULL;
    (void)state;
    struct lookup *lookup = start("no-such-host.invalid");
    wait_for(lookup);
    assert_int_not_equal(lookup_take(lookup, &addresses), 0);
    assert_null(addresses);
    lookup_drop(lookup);
}

static void dropping_one_before_its_answer_or_unread_leaves_nothing(void **state)
{
    (void)state;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    for (int i = 0; i < 20; i++) {
        struct lookup *unread = start("localhost");
        lookup_drop(start("localhost"));
        wait_for(unread);
        lookup_drop(unread);
    }
    lookup_drop(NULL);
    int after = -1;
    for (int i = 0; i < 100 && after != before; i++, usleep(20000)) { /* the threads end by themselves */
        after = open("/dev/null", O_RDONLY | O_CLOEXEC);
        close(after);
    }
    assert_int_equal(after, before);
}

static void without_a_descriptor_left_it_is_an_error(void **state)
{
    struct err err = ERR_NONE_YET;
    struct rlimit kept, none;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &kept), 0);
    none = kept;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct lookup *lookup = lookup_start("localhost", "6379", &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &kept), 0);
    assert_null(lookup);
    assert_int_equal(err.code, ERR_REDIS_UNAVAILABLE);
    assert_non_null(strstr(err.words, "Too many open files"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_names_addresses_are_given_once),
        cmocka_unit_test(a_name_that_does_not_exist_is_an_error),
        cmocka_unit_test(dropping_one_before_its_answer_or_unread_leaves_nothing),
        cmocka_unit_test(without_a_descriptor_left_it_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
