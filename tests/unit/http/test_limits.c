/* Slow clients, too many clients. The limits are 400 ms each (client.h). */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 400

static struct http_server *server;
static _Atomic int code_seen;

static void handle_hello(struct request *request)
{
    reply_bytes(request, 200, "text/plain", "hello", 5);
}

static void handle_slow(struct request *request)
{
    sleep_ms(2 * LIMIT_MS + 200);
    handle_hello(request);
}

static void handle_body(struct request *request)
{
    size_t size;
    request_body(request, &size);
    reply_json(request, 200, json_pack("{s:i}", "size", (int)size));
}

static void handle_big(struct request *request)
{
    size_t size = 32 * MIB;
    reply_bytes(request, 200, "application/octet-stream", arena_alloc(request_arena(request), size), size);
}

static void handle_big_stream(struct request *request)
{
    struct err err = ERR_NONE_YET;
    char *bytes = arena_alloc(request_arena(request), REPLY_WRITE_MAX);
    if (!reply_begin(request, 200, "application/octet-stream", &err))
        return;
    for (int i = 0; i < 512; i++)
        if (write(reply_fd(request), bytes, REPLY_WRITE_MAX) < 0)
            break;
    code_seen = cancel_check(request_cancel(request), &err) ? ERR_OK : (int)err.code;
}

/* Takes its time between packets: the client owes nothing meanwhile. */
static void handle_slow_stream(struct request *request)
{
    struct err err = ERR_NONE_YET;
    if (!reply_begin(request, 200, "text/plain", &err))
        return;
    for (int i = 0; i < 3; i++) {
        ssize_t ignored = write(reply_fd(request), "x", 1);
        (void)ignored;
        sleep_ms(LIMIT_MS + 100);
    }
}

static const struct route routes[] = {
    {"GET", "/", NULL, handle_hello, 0, false, ERROR_PLAIN},
    {"GET", "/slow", NULL, handle_slow, 0, false, ERROR_PLAIN},
    {"POST", "/body", NULL, handle_body, 4 * MIB, false, ERROR_PLAIN},
    {"GET", "/big", NULL, handle_big, 0, false, ERROR_PLAIN},
    {"GET", "/big-stream", NULL, handle_big_stream, 0, true, ERROR_PLAIN},
    {"GET", "/slow-stream", NULL, handle_slow_stream, 0, true, ERROR_PLAIN},
};

static int setup_with(struct http_options options)
{
    code_seen = ERR_OK;
    server = start_server_with(&options);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(short_options(routes, ARRAY_LEN(routes)));
}

static int setup_patient(void **state)
{
    (void)state;
    return setup_with(patient_options(routes, ARRAY_LEN(routes)));
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

/* Sends `text` again and again, with pauses, until the server ends the connection; false when it does not in SOON_MS.
 */
static bool trickle_is_cut(int fd, const char *text, int pause_ms)
{
    int64_t start = clock_mono_ms();
    while (clock_mono_ms() - start < SOON_MS) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        if (!client_try_send(fd, text, strlen(text)))
            return true;
        if (poll(&one, 1, pause_ms) > 0)
            return true;
    }
    return false;
}

static void a_connection_that_sends_nothing_is_cut(void **state)
{
    (void)state;
    int64_t before = clock_mono_ms();
    int fd = client_open(server);
    assert_true(client_sees_end(fd));
    assert_true(clock_mono_ms() - before >= LIMIT_MS - 50);
    close(fd);
}

static void headers_that_trickle_are_cut(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "GET / HTTP/1.1\r\nHost: t\r\n");
    assert_true(trickle_is_cut(fd, "X-A: b\r\n", 30));
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 408);
    answer_free(&answer);
    close(fd);
}

static void headers_of_a_second_request_that_trickle_are_cut(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    sleep_ms(LIMIT_MS / 2);
    client_print(fd, "GET /");
    assert_true(trickle_is_cut(fd, "a", 30));
    close(fd);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    int64_t before = clock_mono_ms();
    assert_true(client_sees_end(fd));
    assert_true(clock_mono_ms() - before >= LIMIT_MS - 50);
    close(fd);
}

static void a_body_that_stalls_is_408(void **state)
{
    (void)state;
    struct answer answer = ask(server, "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nhalf");
    assert_int_equal(answer.status, 408);
    assert_non_null(strstr(answer.body, "REQUEST_TIMEOUT"));
    answer_free(&answer);
}

static void a_body_that_trickles_is_408(void **state)
{
    static const char *const framings[] = {"Content-Length: 1000000", "Transfer-Encoding: chunked"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        int fd = client_open(server);
        client_print(fd, "POST /body HTTP/1.1\r\nHost: t\r\n%s\r\n\r\n", framings[i]);
        assert_true(trickle_is_cut(fd, "1\r\nx\r\n", 30));
        struct answer answer = client_answer(fd);
        assert_int_equal(answer.status, 408);
        answer_free(&answer);
        close(fd);
    }
}

static void a_large_body_may_take_long_when_it_keeps_coming(void **state)
{
    (void)state;
    char *bytes = calloc(1, 128 * KIB);
    int fd = client_open(server);
    client_print(fd, "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", 6 * 128 * KIB);
    for (int i = 0; i < 6; i++) { /* 1.2 s, three times the limit */
        client_send(fd, bytes, 128 * KIB);
        sleep_ms(LIMIT_MS / 2);
    }
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    close(fd);
    free(bytes);
}

static void a_handler_may_take_long(void **state)
{
    (void)state;
    struct answer answer = get(server, "/slow");
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    answer = get(server, "/slow-stream");
    assert_true(answer.complete);
    assert_string_equal(answer.body, "xxx");
    answer_free(&answer);
}

static void a_reply_that_nobody_takes_is_cut(void **state)
{
    static const char *const paths[] = {"/big", "/big-stream"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        int fd = client_open_small(server);
        client_print(fd, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", paths[i]);
        struct pollfd one = {.fd = fd, .events = POLLRDHUP};
        assert_int_equal(poll(&one, 1, SOON_MS), 1);
        close(fd);
    }
    assert_int_equal(code_seen, ERR_CANCELLED);
}

static void a_reply_that_is_taken_byte_by_byte_is_cut(void **state)
{
    static const char *const paths[] = {"/big", "/big-stream"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        char byte;
        int fd = client_open_small(server);
        bool cut = false;
        client_print(fd, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", paths[i]);
        for (int64_t start = clock_mono_ms(); !cut && clock_mono_ms() - start < SOON_MS;) {
            struct pollfd one = {.fd = fd, .events = POLLRDHUP};
            cut = recv(fd, &byte, 1, 0) <= 0 || poll(&one, 1, 5) > 0;
        }
        assert_true(cut);
        close(fd);
    }
}

static void a_reply_that_is_taken_slowly_but_steadily_is_not_cut(void **state)
{
    (void)state;
    size_t taken = 0;
    char *bytes = malloc(MIB);
    int fd = client_open(server);
    client_print(fd, "GET /big-stream HTTP/1.1\r\nHost: t\r\n\r\n");
    for (ssize_t got = 1; got > 0 && taken < 32 * MIB; taken += (size_t)got) {
        got = recv(fd, bytes, MIB, 0);
        assert_true(got > 0);
        if (taken < 8 * MIB)
            sleep_ms(20);
    }
    free(bytes);
    close(fd);
}

static void above_the_limit_clients_are_told_to_come_back(void **state)
{
    int fds[32];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = client_open(server);
        client_print(fds[i], "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        struct answer answer = client_answer(fds[i]);
        assert_int_equal(answer.status, 200);
        answer_free(&answer);
    }
    for (int i = 0; i < 80; i++) { /* more than are waited for at once */
        struct answer answer = get(server, "/");
        assert_int_equal(answer.status, 503);
        assert_true(answer.complete);
        assert_true(answer_has(&answer, "Retry-After: 5"));
        assert_true(answer_has(&answer, "Connection: close"));
        assert_true(answer_has(&answer, "X-Content-Type-Options: nosniff"));
        json_t *body = json_loads(answer.body, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(body, "code")), "TOO_MANY_CONNECTIONS");
        json_decref(body);
        answer_free(&answer);
    }
    close(fds[0]);
    sleep_ms(100);
    struct answer answer = get(server, "/");
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    for (size_t i = 1; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
}

static void a_refused_client_that_stays_is_closed(void **state)
{
    int fds[32];
    char *bytes = calloc(1, MIB);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = client_open(server);
    sleep_ms(50);
    int refused = client_open(server);
    client_print(refused, "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n");
    client_try_send(refused, bytes, MIB); /* is thrown away, and does not reset the connection under the answer */
    struct answer answer = client_answer(refused);
    assert_int_equal(answer.status, 503);
    answer_free(&answer);
    assert_true(client_sees_end(refused));
    bool reset = false;
    for (int64_t start = clock_mono_ms(); !reset && clock_mono_ms() - start < SOON_MS; sleep_ms(50))
        reset = !client_try_send(refused, "x", 1);
    assert_true(reset);
    close(refused);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    free(bytes);
}

static void others_are_served_while_many_are_slow(void **state)
{
    int fds[30];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = i % 3 == 0 ? client_open(server) : client_open_small(server);
        if (i % 3 == 1)
            client_print(fds[i], "GET /big HTTP/1.1\r\nHost: t\r\n\r\n");
        if (i % 3 == 2)
            client_print(fds[i], "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n");
    }
    struct answer answer = get(server, "/");
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SERVED(a_connection_that_sends_nothing_is_cut),
        SERVED(headers_that_trickle_are_cut),
        SERVED(headers_of_a_second_request_that_trickle_are_cut),
        SERVED(an_idle_connection_is_closed),
        SERVED(a_body_that_stalls_is_408),
        SERVED(a_body_that_trickles_is_408),
        SERVED(a_large_body_may_take_long_when_it_keeps_coming),
        SERVED(a_handler_may_take_long),
        SERVED(a_reply_that_nobody_takes_is_cut),
        SERVED(a_reply_that_is_taken_byte_by_byte_is_cut),
        SERVED(a_reply_that_is_taken_slowly_but_steadily_is_not_cut),
        SERVED(above_the_limit_clients_are_told_to_come_back),
        SERVED(a_refused_client_that_stays_is_closed),
        cmocka_unit_test_setup_teardown(others_are_served_while_many_are_slow, setup_patient, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
