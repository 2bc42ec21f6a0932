/* Streaming routes: bodies as they arrive, replies as they are made. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct http_server *server;

/* What a handler saw, for the test to look at. */
static struct {
    _Atomic int code;   /* enum err_code */
    _Atomic int64_t at; /* when, clock_mono_ms */
    _Atomic int write_errno;
    _Atomic int64_t bytes;
} seen;

static void saw(enum err_code code)
{
    seen.at = clock_mono_ms();
    seen.code = (int)code;
}

static enum err_code seen_soon(void)
{
    int64_t deadline = clock_mono_ms() + SOON_MS;
    while (seen.code == ERR_OK && clock_mono_ms() < deadline)
        sleep_ms(5);
    return (enum err_code)seen.code;
}

static bool saw_soon(enum err_code code)
{
    return seen_soon() == code;
}

static bool write_all(struct request *request, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(reply_fd(request), bytes, MIN(size, REPLY_WRITE_MAX));
        if (written < 0) {
            seen.write_errno = errno;
            return false;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

static void handle_echo(struct request *request)
{
    struct err err = ERR_NONE_YET;
    char *buffer = arena_alloc(request_arena(request), REPLY_WRITE_MAX);
    ssize_t got = -1;
    if (!reply_begin(request, 200, "application/octet-stream", &err))
        return;
    while ((got = request_read(request, buffer, REPLY_WRITE_MAX, &err)) > 0)
        if (!write_all(request, buffer, (size_t)got))
            break;
    if (got != 0)
        reply_break(request);
}

/* The whole body first, then a streamed reply of its size. */
static void handle_count(struct request *request)
{
    struct err err = ERR_NONE_YET;
    char *buffer = arena_alloc(request_arena(request), REPLY_WRITE_MAX);
    int64_t total = 0;
    ssize_t got;
    while ((got = request_read(request, buffer, REPLY_WRITE_MAX, &err)) > 0)
        seen.bytes = total += got;
    saw(got < 0 ? err.code : ERR_OK);
    if (got < 0) {
        reply_err(request, &err, NULL);
        return;
    }
    reply_header(request, "Trailer", "X-Total");
    if (!reply_begin(request, 200, "text/plain", &err))
        return;
    const char *text =
        arena_printf(request_arena(request), "%lld of %lld", (long long)total, (long long)request_length(request));
    write_all(request, text, strlen(text));
    reply_trailer(request, "X-Total", text);
}

static void handle_early(struct request *request)
{
    struct err err = ERR_NONE_YET;
    char bytes[1000];
    ssize_t got = request_read(request, bytes, sizeof bytes, &err);
    err_set(&err, got > 0 ? ERR_FILE_NOT_ARCHIVE : ERR_INTERNAL_ERROR, "looked at %s", got > 0 ? "some bytes" : "none");
    reply_err(request, &err, NULL);
}

static void handle_plain(struct request *request)
{
    reply_json(request, 201, json_pack("{s:b}", "plain", 1));
}

static void handle_nothing(struct request *request)
{
    (void)request;
}

static void handle_break(struct request *request)
{
    struct err err = ERR_NONE_YET;
    if (!reply_begin(request, 200, "text/plain", &err))
        return;
    write_all(request, "half of it", 10);
    reply_break(request);
}

static void handle_packets(struct request *request)
{
    static const size_t sizes[] = {1, 65536, 3, 40000, 65535, 2};
    struct err err = ERR_NONE_YET;
    char *bytes = arena_alloc(request_arena(request), REPLY_WRITE_MAX);
    memset(bytes, 'x', REPLY_WRITE_MAX);
    if (!reply_begin(request, 200, "text/plain", &err))
        return;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        write_all(request, bytes, sizes[i]);
}

static void handle_oversized(struct request *request)
{
    struct err err = ERR_NONE_YET;
    if (reply_begin(request, 200, "text/plain", &err)) {
        char *bytes = arena_alloc(request_arena(request), 2 * REPLY_WRITE_MAX);
        seen.bytes = write(reply_fd(request), bytes, REPLY_WRITE_MAX + 1);
    }
}

/* A child that outlives the handler still holds the reply's descriptor. */
static void handle_child(struct request *request)
{
    struct err err = ERR_NONE_YET;
    if (!reply_begin(request, 200, "text/plain", &err))
        return;
    int fd = dup(reply_fd(request));
    write_all(request, "done", 4);
    seen.bytes = fd;
}

static _Atomic int events_taken; /* by the client of /events */

/* The next event only once the client has the last one. */
static void handle_events(struct request *request)
{
    struct err err = ERR_NONE_YET;
    int64_t deadline = clock_mono_ms() + SOON_MS;
    if (!reply_begin_events(request, &err))
        return;
    for (int i = 0; i < 5; i++) {
        if (!reply_event(request, json_pack("{s:i, s:s}", "n", i, "text", "a\nb"), &err))
            return;
        while (events_taken <= i && clock_mono_ms() < deadline)
            sleep_ms(1);
        if (events_taken <= i)
            return; /* it was held back */
    }
}

#define FLOOD_EVENTS 80
#define FLOOD_SIZE (60 * KIB)

/* More than the buffers on the way to a client that does not read yet. One event is none: it is left out. */
static void handle_flood(struct request *request)
{
    struct err err = ERR_NONE_YET;
    char *text = arena_alloc(request_arena(request), FLOOD_SIZE + 1);
    memset(text, 'x', FLOOD_SIZE);
    text[FLOOD_SIZE] = '\0';
    if (!reply_begin_events(request, &err))
        return;
    for (int i = 1; i <= FLOOD_EVENTS; i++) {
        if (reply_event(request, json_pack("{s:s}", "text", "\xff"), &err) || err.code != ERR_INTERNAL_ERROR
            || !reply_numbered_event(request, i, json_pack("{s:s}", "text", text), &err)) {
            reply_break(request);
            return;
        }
    }
}

/* The second beginning is refused, and the first goes on. */
static void handle_begun(struct request *request)
{
    struct err err = ERR_NONE_YET;
    if (!reply_begin(request, 200, "text/plain", &err) || reply_begin_events(request, &err))
        return;
    reply_trailer(request, "X-Bad", "a\r\nX-Injected: yes");
    reply_trailer(request, "X-Good", "yes");
    write_all(request, "begun", 5);
}

static void wait_for_cancel(struct request *request)
{
    struct err err = ERR_NONE_YET;
    bool whole = cancel_sleep(request_cancel(request), 10000, &err);
    saw(whole ? ERR_INTERNAL_ERROR : err.code);
}

static void handle_silent(struct request *request)
{
    struct err err = ERR_NONE_YET;
    if (reply_begin(request, 200, "text/plain", &err) && write_all(request, "x", 1))
        wait_for_cancel(request);
}

static void handle_deaf(struct request *request)
{
    wait_for_cancel(request);
}

static void handle_endless(struct request *request)
{
    struct err err = ERR_NONE_YET;
    char *bytes = arena_alloc(request_arena(request), REPLY_WRITE_MAX);
    if (!reply_begin(request, 200, "text/plain", &err))
        return;
    while (write_all(request, bytes, REPLY_WRITE_MAX))
        continue;
    saw(cancel_check(request_cancel(request), &err) ? ERR_INTERNAL_ERROR : err.code);
}

static const struct route routes[] = {
    {"POST", "/echo", NULL, handle_echo, 0, true, ERROR_PLAIN},
    {"POST", "/count", NULL, handle_count, 0, true, ERROR_PLAIN},
    {"GET", "/count", NULL, handle_count, 0, true, ERROR_PLAIN},
    {"HEAD", "/count", NULL, handle_count, 0, true, ERROR_PLAIN},
    {"POST", "/early", NULL, handle_early, 0, true, ERROR_PLAIN},
    {"GET", "/plain", NULL, handle_plain, 0, true, ERROR_PLAIN},
    {"GET", "/nothing", NULL, handle_nothing, 0, true, ERROR_PLAIN},
    {"GET", "/break", NULL, handle_break, 0, true, ERROR_PLAIN},
    {"POST", "/break", NULL, handle_break, 0, true, ERROR_PLAIN},
    {"GET", "/packets", NULL, handle_packets, 0, true, ERROR_PLAIN},
    {"GET", "/oversized", NULL, handle_oversized, 0, true, ERROR_PLAIN},
    {"GET", "/child", NULL, handle_child, 0, true, ERROR_PLAIN},
    {"GET", "/events", NULL, handle_events, 0, true, ERROR_PLAIN},
    {"POST", "/events", NULL, handle_events, 0, true, ERROR_PLAIN},
    {"GET", "/flood", NULL, handle_flood, 0, true, ERROR_PLAIN},
    {"GET", "/begun", NULL, handle_begun, 0, true, ERROR_PLAIN},
    {"GET", "/silent", NULL, handle_silent, 0, true, ERROR_PLAIN},
    {"POST", "/silent", NULL, handle_silent, 0, true, ERROR_PLAIN},
    {"GET", "/deaf", NULL, handle_deaf, 0, true, ERROR_PLAIN},
    {"POST", "/deaf", NULL, handle_deaf, 0, true, ERROR_PLAIN},
    {"GET", "/endless", NULL, handle_endless, 0, true, ERROR_PLAIN},
    {"POST", "/endless", NULL, handle_endless, 0, true, ERROR_PLAIN},
};

static int setup_with(struct http_options options)
{
    memset(&seen, 0, sizeof seen);
    server = start_server_with(&options);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(patient_options(routes, ARRAY_LEN(routes)));
}

static int setup_short(void **state)
{
    (void)state;
    return setup_with(short_options(routes, ARRAY_LEN(routes)));
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    server = NULL;
    return 0;
}

static int request_on(const char *method, const char *path, const char *version)
{
    int fd = client_open(server);
    client_print(fd, "%s %s HTTP/%s\r\nHost: t\r\n\r\n", method, path, version);
    return fd;
}

/* ---- Bodies ------------------------------------------------------------------------------------------------------ */

#define ECHO_SIZE (50 * MIB)

static void *send_echo(void *argument)
{
    int fd = *(int *)argument;
    char *bytes = malloc(MIB);
    for (size_t sent = 0; sent < ECHO_SIZE; sent += MIB) {
        for (size_t i = 0; i < MIB; i += 8)
            memcpy(bytes + i, &(uint64_t){sent + i}, 8);
        if (!client_try_send(fd, bytes, MIB))
            break;
    }
    free(bytes);
    return NULL;
}

static size_t take_body(int fd, char *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = recv(fd, bytes + used, size - used, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    return used;
}

static long peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* The reply begins while the body still arrives, and both flow at once. HTTP/1.0, so that the reply has no chunks to
 * parse. */
static void fifty_megabytes_are_echoed_in_little_memory(void **state)
{
    (void)state;
    pthread_t sender;
    char head[2048], *bytes = malloc(MIB);
    size_t used = 0;
    int fd = client_open(server);
    long before = peak_kb();
    client_print(fd, "POST /echo HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", (size_t)ECHO_SIZE);
    assert_int_equal(pthread_create(&sender, NULL, send_echo, &fd), 0);
    while (used < 4 || memcmp(head + used - 4, "\r\n\r\n", 4) != 0)
        assert_int_equal(recv(fd, head + used++, 1, 0), 1);
    for (size_t at = 0; at < ECHO_SIZE; at += MIB) {
        assert_int_equal(take_body(fd, bytes, MIB), MIB);
        for (size_t i = 0; i < MIB; i += 8)
            assert_memory_equal(bytes + i, &(uint64_t){at + i}, 8);
    }
    assert_int_equal(recv(fd, head, 1, 0), 0);
    pthread_join(sender, NULL);
    free(bytes);
    close(fd);
    assert_true(peak_kb() - before < 16 * 1024);
}

static void a_chunked_body_is_echoed_before_it_is_complete(void **state)
{
    (void)state;
    char bytes[4096] = "";
    int fd = client_open(server);
    client_print(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    sleep_ms(100);
    ssize_t got = recv(fd, bytes, sizeof bytes - 1, MSG_PEEK);
    assert_true(got > 0);
    assert_non_null(strstr(bytes, "Connection: close\r\n"));
    assert_non_null(strstr(bytes, "\r\n\r\n5\r\nhello\r\n"));
    client_print(fd, "6\r\n world\r\n0\r\n\r\n");
    struct answer answer = client_answer(fd);
    assert_true(answer.complete);
    assert_string_equal(answer.body, "hello world");
    answer_free(&answer);
    assert_true(client_sees_end(fd));
    close(fd);
}

static void a_reply_after_the_whole_body_keeps_the_connection(void **state)
{
    (void)state;
    int fd = client_open(server);
    char *bytes = calloc(1, MIB);
    for (int i = 0; i < 3; i++) {
        client_print(fd, "POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", (size_t)MIB);
        client_send(fd, bytes, MIB);
        struct answer answer = client_answer(fd);
        assert_true(answer.complete);
        assert_string_equal(answer.body, "1048576 of 1048576");
        answer_free(&answer);
    }
    client_print(fd, "POST /count HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    struct answer answer = client_answer(fd);
    assert_string_equal(answer.body, "3 of -1");
    answer_free(&answer);
    client_print(fd, "GET /count HTTP/1.1\r\nHost: t\r\n\r\n");
    answer = client_answer(fd);
    assert_string_equal(answer.body, "0 of 0");
    answer_free(&answer);
    free(bytes);
    close(fd);
}

static void an_early_reply_is_readable_while_the_client_still_sends(void **state)
{
    (void)state;
    char *bytes = calloc(1, 20 * MIB);
    int fd = client_open(server);
    client_print(fd, "POST /early HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", 20 * MIB);
    client_try_send(fd, bytes, 20 * MIB); /* all of it, before it reads */
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 400);
    assert_true(answer.complete);
    assert_true(answer_has(&answer, "Connection: close"));
    assert_non_null(strstr(answer.body, "FILE_NOT_ARCHIVE"));
    answer_free(&answer);
    close(fd);
    free(bytes);
}

static void an_early_reply_does_not_wait_for_more_of_the_body(void **state)
{
    (void)state;
    struct answer answer = ask(server, "POST /early HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nonly this");
    assert_int_equal(answer.status, 400);
    assert_true(answer.complete);
    answer_free(&answer);
}

static void a_body_that_breaks_off_is_never_taken_for_complete(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\npart of it");
    sleep_ms(50);
    close(fd);
    assert_true(saw_soon(ERR_CANCELLED));
}

static void a_stalled_body_is_408(void **state)
{
    (void)state;
    struct answer answer = ask(server, "POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\npart of it");
    assert_int_equal(answer.status, 408);
    assert_non_null(strstr(answer.body, "REQUEST_TIMEOUT"));
    answer_free(&answer);
    assert_int_equal(seen.code, ERR_REQUEST_TIMEOUT);
}

/* ---- Replies ----------------------------------------------------------------------------------------------------- */

static void a_plain_reply_may_be_given(void **state)
{
    (void)state;
    int fd = client_open(server);
    for (int i = 0; i < 2; i++) {
        client_print(fd, "GET /plain HTTP/1.1\r\nHost: t\r\n\r\n");
        struct answer answer = client_answer(fd);
        assert_int_equal(answer.status, 201);
        assert_string_equal(answer.body, "{\"plain\":true}");
        answer_free(&answer);
    }
    client_print(fd, "GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n");
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 500);
    answer_free(&answer);
    close(fd);
}

static void trailers_come_after_the_last_chunk(void **state)
{
    (void)state;
    struct answer answer = ask(server, "POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc");
    assert_true(answer_has(&answer, "Trailer: X-Total"));
    assert_true(answer_has(&answer, "Transfer-Encoding: chunked"));
    assert_string_equal(answer.trailers, "X-Total: 3 of 3\n");
    answer_free(&answer);
}

static void a_reply_begins_once_and_its_bad_trailers_are_dropped(void **state)
{
    (void)state;
    struct answer answer = get(server, "/begun");
    assert_int_equal(answer.status, 200);
    assert_true(answer.complete);
    assert_true(answer_has(&answer, "Content-Type: text/plain"));
    assert_string_equal(answer.body, "begun");
    assert_string_equal(answer.trailers, "X-Good: yes\n");
    answer_free(&answer);
}

static void events_wait_for_a_slow_reader_and_keep_their_order(void **state)
{
    (void)state;
    int fd = request_on("GET", "/flood", "1.1");
    sleep_ms(200);
    struct answer answer = client_answer(fd);
    assert_true(answer.complete);
    const char *at = answer.body;
    for (int i = 1; i <= FLOOD_EVENTS; i++) {
        char head[64];
        snprintf(head, sizeof head, "id: %d\ndata: {\"text\":\"", i);
        assert_int_equal(strncmp(at, head, strlen(head)), 0);
        at += strlen(head) + FLOOD_SIZE;
        assert_int_equal(strncmp(at, "\"}\n\n", 4), 0);
        at += 4;
    }
    assert_string_equal(at, "");
    answer_free(&answer);
    close(fd);
}

static void a_broken_reply_is_never_complete(void **state)
{
    (void)state;
    struct answer answer = ask(server, "GET /break HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "half of it");
    assert_false(answer.complete);
    answer_free(&answer);
    answer =
        ask(server, "POST /break HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nx"); /* begun before the body's end */
    assert_int_equal(answer.status, 200);
    assert_false(answer.complete);
    answer_free(&answer);
    /* Without chunks the end of the connection would look like the end of the body. */
    char bytes[4096];
    int fd = request_on("GET", "/break", "1.0");
    ssize_t got;
    do
        got = recv(fd, bytes, sizeof bytes, 0);
    while (got > 0);
    assert_int_equal(got, -1);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void http_1_0_gets_a_stream_without_chunks(void **state)
{
    (void)state;
    struct answer answer = ask(server, "POST /count HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(answer.status, 200);
    assert_false(answer_has(&answer, "Transfer-Encoding: chunked"));
    assert_string_equal(answer.body, "3 of 3");
    answer_free(&answer);
}

static void head_of_a_stream_has_no_body(void **state)
{
    (void)state;
    char more;
    int fd = request_on("HEAD", "/count", "1.1");
    struct answer answer = client_answer_to_head(fd);
    assert_int_equal(answer.status, 200);
    assert_true(answer_has(&answer, "Connection: close"));
    assert_int_equal(recv(fd, &more, 1, 0), 0);
    answer_free(&answer);
    close(fd);
}

static void read_to(int fd, const char *mark)
{
    char byte;
    for (size_t have = 0; mark[have] != '\0';) {
        assert_int_equal(recv(fd, &byte, 1, 0), 1);
        have = byte == mark[have] ? have + 1 : byte == mark[0];
    }
}

static void each_write_is_one_chunk(void **state)
{
    static const unsigned long sizes[] = {1, 65536, 3, 40000, 65535, 2, 0};
    (void)state;
    int fd = request_on("GET", "/packets", "1.1");
    char *bytes = malloc(REPLY_WRITE_MAX + 2);
    read_to(fd, "\r\n\r\n");
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char line[16] = "";
        for (size_t used = 0; used < 2 || line[used - 1] != '\n'; used++)
            assert_int_equal(recv(fd, line + used, 1, 0), 1);
        assert_int_equal(strtoul(line, NULL, 16), sizes[i]);
        assert_int_equal(take_body(fd, bytes, sizes[i] + 2), sizes[i] + 2);
    }
    free(bytes);
    close(fd);
}

static void large_headers_do_not_lose_bytes_of_a_stream(void **state)
{
    (void)state;
    char *padding = calloc(1, 30001);
    memset(padding, 'p', 30000);
    struct answer answer = ask(server, "GET /packets HTTP/1.1\r\nHost: t\r\nX-Padding: %s\r\n\r\n", padding);
    assert_true(answer.complete);
    assert_int_equal(answer.size, 1 + 65536 + 3 + 40000 + 65535 + 2);
    answer_free(&answer);
    free(padding);
}

static void a_write_over_the_limit_breaks_the_reply(void **state)
{
    (void)state;
    struct answer answer = get(server, "/oversized");
    assert_int_equal(answer.status, 200);
    assert_false(answer.complete);
    answer_free(&answer);
    assert_int_equal(seen.bytes,
                     REPLY_WRITE_MAX + 1); /* it was not refused at once: that is why it must be seen later */
}

static void the_reply_ends_with_the_handler_whoever_holds_its_descriptor(void **state)
{
    (void)state;
    struct answer answer = get(server, "/child");
    assert_true(answer.complete);
    assert_string_equal(answer.body, "done");
    answer_free(&answer);
    assert_true(seen.bytes > 0);
    close((int)seen.bytes);
}

static void each_event_arrives_whole_and_at_once(void **state)
{
    static const char *const requests[] = {"GET /events HTTP/1.1\r\nHost: t\r\n\r\n",
                                           "POST /events HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nx"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        char bytes[4096];
        int fd = client_open(server);
        events_taken = 0;
        client_print(fd, "%s", requests[i]);
        read_to(fd, "\r\n\r\n");
        for (int n = 0; n < 5; n++) {
            char event[128], want[160];
            int length = snprintf(event, sizeof event, "data: {\"n\":%d,\"text\":\"a\\nb\"}\n\n", n);
            snprintf(want, sizeof want, "%x\r\n%s\r\n", (unsigned)length, event);
            bytes[take_body(fd, bytes, strlen(want))] = '\0';
            assert_int_equal(strcasecmp(bytes, want), 0);
            events_taken = n + 1;
        }
        close(fd);
    }
}

static void events_have_the_headers_that_proxies_and_browsers_need(void **state)
{
    (void)state;
    events_taken = 5;
    struct answer answer = get(server, "/events");
    assert_true(answer.complete);
    assert_true(answer_has(&answer, "Content-Type: text/event-stream"));
    assert_true(answer_has(&answer, "Cache-Control: no-cache"));
    assert_true(answer_has(&answer, "Connection: keep-alive"));
    assert_true(answer_has(&answer, "X-Accel-Buffering: no"));
    answer_free(&answer);
}

/* ---- Who leaves -------------------------------------------------------------------------------------------------- */

static void expect_cancel_when_client_leaves(int fd)
{
    sleep_ms(100);
    assert_int_equal(seen.code, ERR_OK);
    close(fd);
    assert_true(saw_soon(ERR_CANCELLED));
}

static void a_client_that_leaves_a_silent_stream_is_seen(void **state)
{
    (void)state;
    expect_cancel_when_client_leaves(request_on("GET", "/silent", "1.1"));
}

static void a_client_that_leaves_before_the_reply_is_seen(void **state)
{
    (void)state;
    expect_cancel_when_client_leaves(request_on("GET", "/deaf", "1.1"));
}

static void a_client_that_leaves_a_body_that_nobody_reads_is_seen(void **state)
{
    (void)state;
    char *bytes = calloc(1, 100 * KIB); /* the pipe is full, but TCP has room: its end can come */
    int fd = client_open(server);
    client_print(fd, "POST /deaf HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n");
    client_send(fd, bytes, 100 * KIB);
    free(bytes);
    expect_cancel_when_client_leaves(fd);
}

static void a_client_that_leaves_a_reply_begun_early_is_seen(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "POST /silent HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nx");
    expect_cancel_when_client_leaves(fd);
}

static void a_write_fails_with_epipe_when_the_client_left(void **state)
{
    static const char *const requests[] = {"GET /endless HTTP/1.1\r\nHost: t\r\n\r\n",
                                           "POST /endless HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nx"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        memset(&seen, 0, sizeof seen);
        int fd = client_open_small(server);
        client_print(fd, "%s", requests[i]);
        sleep_ms(100); /* by now the handler waits in write() */
        close(fd);
        assert_true(saw_soon(ERR_CANCELLED));
        assert_int_equal(seen.write_errno, EPIPE);
    }
}

static void a_reader_that_takes_nothing_is_cut(void **state)
{
    static const char *const requests[] = {"GET /endless HTTP/1.1\r\nHost: t\r\n\r\n",
                                           "POST /endless HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nx"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        memset(&seen, 0, sizeof seen);
        int64_t before = clock_mono_ms();
        int fd = client_open_small(server);
        client_print(fd, "%s", requests[i]);
        enum err_code code = seen_soon(); /* of a body that stalls, too, the limit may be seen first */
        assert_true(code == ERR_CANCELLED || (i == 1 && code == ERR_REQUEST_TIMEOUT));
        assert_true(seen.at - before >= 300);
        close(fd);
    }
}

/* ---- The server stops -------------------------------------------------------------------------------------------- */

static void expect_quick_stop(void)
{
    int64_t before = clock_mono_ms();
    http_stop(server);
    assert_true(clock_mono_ms() - before < SOON_MS);
    server = NULL;
}

static void answer_begins(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, SOON_MS), 1);
}

static void a_stop_cancels_what_runs_and_returns_soon(void **state)
{
    (void)state;
    int silent = request_on("GET", "/silent", "1.1"), idle = client_open(server), endless = client_open_small(server);
    int flood = request_on("GET", "/flood", "1.1"); /* events that nobody takes */
    client_print(endless, "GET /endless HTTP/1.1\r\nHost: t\r\n\r\n");
    answer_begins(silent);
    answer_begins(flood);
    answer_begins(endless);
    sleep_ms(100); /* by now those whom nobody reads wait in write() */
    expect_quick_stop();
    assert_int_equal(seen.code, ERR_SHUTTING_DOWN);
    struct answer answer = client_answer(flood);
    assert_int_equal(answer.status, 200);
    assert_false(answer.complete);
    answer_free(&answer);
    close(flood);
    close(silent);
    close(idle);
    close(endless);
}

static void a_stop_during_an_upload_is_answered_503(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nx");
    for (int64_t deadline = clock_mono_ms() + SOON_MS; seen.bytes == 0 && clock_mono_ms() < deadline;)
        sleep_ms(5);
    expect_quick_stop();
    struct answer answer = client_answer(fd);
    assert_int_equal(answer.status, 503);
    assert_true(answer_has(&answer, "Retry-After: 5"));
    answer_free(&answer);
    close(fd);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SHORT_LIMIT(name) cmocka_unit_test_setup_teardown(name, setup_short, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SERVED(fifty_megabytes_are_echoed_in_little_memory),
        SERVED(a_chunked_body_is_echoed_before_it_is_complete),
        SERVED(a_reply_after_the_whole_body_keeps_the_connection),
        SERVED(an_early_reply_is_readable_while_the_client_still_sends),
        SERVED(an_early_reply_does_not_wait_for_more_of_the_body),
        SERVED(a_body_that_breaks_off_is_never_taken_for_complete),
        SHORT_LIMIT(a_stalled_body_is_408),
        SERVED(a_plain_reply_may_be_given),
        SERVED(trailers_come_after_the_last_chunk),
        SERVED(a_reply_begins_once_and_its_bad_trailers_are_dropped),
        SERVED(events_wait_for_a_slow_reader_and_keep_their_order),
        SERVED(a_broken_reply_is_never_complete),
        SERVED(http_1_0_gets_a_stream_without_chunks),
        SERVED(head_of_a_stream_has_no_body),
        SERVED(each_write_is_one_chunk),
        SERVED(large_headers_do_not_lose_bytes_of_a_stream),
        SERVED(a_write_over_the_limit_breaks_the_reply),
        SERVED(the_reply_ends_with_the_handler_whoever_holds_its_descriptor),
        SERVED(each_event_arrives_whole_and_at_once),
        SERVED(events_have_the_headers_that_proxies_and_browsers_need),
        SERVED(a_client_that_leaves_a_silent_stream_is_seen),
        SERVED(a_client_that_leaves_before_the_reply_is_seen),
        SERVED(a_client_that_leaves_a_body_that_nobody_reads_is_seen),
        SERVED(a_client_that_leaves_a_reply_begun_early_is_seen),
        SERVED(a_write_fails_with_epipe_when_the_client_left),
        SHORT_LIMIT(a_reader_that_takes_nothing_is_cut),
        SERVED(a_stop_cancels_what_runs_and_returns_soon),
        SERVED(a_stop_during_an_upload_is_answered_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
