/* Where the server listens, and what it does when descriptors are few. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void handle_remote(struct request *request)
{
    const char *remote = arena_strdup(request_arena(request), request_remote(request));
    reply_bytes(request, 200, "text/plain", remote, strlen(remote));
}

static const struct route routes[] = {{"GET", "/", NULL, handle_remote, 0, false, ERROR_PLAIN}};

static struct http_server *start_on(const char *host)
{
    struct http_options options = patient_options(routes, ARRAY_LEN(routes));
    options.host = host;
    return start_server_with(&options);
}

static void skip_without_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    if (!has)
        skip();
}

static void expect_remote(int fd, const char *remote)
{
    client_print(fd, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, remote);
    answer_free(&answer);
}

static int open_ipv6(const struct http_server *server)
{
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)http_port(server)), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof address), errno);
    return fd;
}

static void an_ipv6_address_is_listened_at(void **state)
{
    (void)state;
    skip_without_ipv6();
    struct http_server *server = start_on("::1");
    assert_true(http_port(server) > 0);
    int fd = open_ipv6(server);
    expect_remote(fd, "::1");
    close(fd);
    http_stop(server);
}

static void the_any_address_of_ipv6_takes_ipv4_too(void **state)
{
    (void)state;
    skip_without_ipv6();
    struct http_server *server = start_on("::");
    int six = open_ipv6(server), four = client_open(server);
    expect_remote(six, "::1");
    expect_remote(four, "127.0.0.1");
    close(six);
    close(four);
    http_stop(server);
}

static void what_is_no_address_is_named(void **state)
{
    (void)state;
    struct err err = ERR_NONE_YET;
    struct http_options options = patient_options(routes, ARRAY_LEN(routes));
    options.host = "127..1";
    assert_null(http_start(&options, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.words, "127..1"));
}

static void without_a_free_descriptor_clients_wait_and_are_served_later(void **state)
{
    (void)state;
    char byte;
    struct rlimit before, none;
    struct http_server *server = start_on("127.0.0.1");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
    none = before;
    none.rlim_cur = 3;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
    int connected = connect(fd, (struct sockaddr *)&address, sizeof address);
    sleep_ms(300);
    ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
    int reason = errno;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
    assert_int_equal(connected, 0);
    assert_int_equal(got, -1);
    assert_int_equal(reason, EAGAIN);
    expect_remote(fd, "127.0.0.1");
    close(fd);
    http_stop(server);
}

/* The last test: what it lowers stays low. */
static void where_descriptors_are_few_so_are_connections(void **state)
{
    (void)state;
    struct rlimit few = {.rlim_cur = 256 + 2 * 6, .rlim_max = 256 + 2 * 6};
    assert_return_code(setrlimit(RLIMIT_NOFILE, &few), errno);
    struct http_server *server = start_on("127.0.0.1");
    int first = client_open(server), second = client_open(server);
    expect_remote(first, "127.0.0.1");
    expect_remote(second, "127.0.0.1");
    int third = client_open(server);
    struct answer answer = client_answer(third);
    assert_int_equal(answer.status, 503);
    answer_free(&answer);
    close(first);
    close(second);
    close(third);
    http_stop(server);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv6_address_is_listened_at),
        cmocka_unit_test(the_any_address_of_ipv6_takes_ipv4_too),
        cmocka_unit_test(what_is_no_address_is_named),
        cmocka_unit_test(without_a_free_descriptor_clients_wait_and_are_served_later),
        cmocka_unit_test(where_descriptors_are_few_so_are_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
