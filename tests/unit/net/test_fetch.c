#include "net/fetch.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#define ANSWERS 8

/* A server that gives its answers in their order, one a connection, and keeps what was asked. An answer goes out
 * `repeat` times more than once, until the client leaves. */
struct fake {
    int listener, port;
    pthread_t thread;
    const char *answers[ANSWERS];
    size_t lengths[ANSWERS];
    bool silent, endless;
    atomic_int connections;
    char asked[ANSWERS][2048];
};

struct fixture {
    struct fake fake;
    struct arena *arena;
    struct fetch_request request;
    struct fetch_answer answer;
    struct err err;
};

static void serve(struct fake *fake, int client, int number)
{
    char *asked = fake->asked[number];
    ssize_t used = 0, got;
    /* A client that speaks TLS does not wait for more than its first words. */
    while (used < 2000 && asked[0] != 0x16 && strstr(asked, "\r\n\r\n") == NULL
           && (got = read(client, asked + used, (size_t)(2000 - used))) > 0)
        used += got;
    if (fake->silent)
        while (read(client, asked + used, 1) > 0)
            ;
    const char *answer = fake->answers[number];
    size_t length = answer == NULL ? 0 : fake->lengths[number] > 0 ? fake->lengths[number] : strlen(answer);
    while (length > 0 && send(client, answer, length, MSG_NOSIGNAL) > 0 && fake->endless)
        ;
}

static void *accept_all(void *context)
{
    struct fake *fake = context;
    int client;
    while ((client = accept(fake->listener, NULL, NULL)) >= 0) {
        int number = atomic_fetch_add(&fake->connections, 1);
        if (number < ANSWERS)
            serve(fake, client, number);
        close(client);
    }
    return NULL;
}

static int open_fake(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct fake *fake = &fixture->fake;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fake->listener, (struct sockaddr *)&address, size) != 0 || listen(fake->listener, 16) != 0
        || getsockname(fake->listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    fake->port = ntohs(address.sin_port);
    fixture->arena = arena_new();
    fixture->request =
        (struct fetch_request){.url = arena_printf(fixture->arena, "http://127.0.0.1:%d/t.json?v=1", fake->port),
                               .accept = "application/json",
                               .allow_http = true,
                               .allow_private = true,
                               .timeout_ms = 20000,
                               .max_bytes = 100000};
    *state = fixture;
    return pthread_create(&fake->thread, NULL, accept_all, fake);
}

static int close_fake(void **state)
{
    struct fixture *fixture = *state;
    shutdown(fixture->fake.listener, SHUT_RDWR);
    pthread_join(fixture->fake.thread, NULL);
    close(fixture->fake.listener);
    fetch_free(&fixture->answer);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static bool get(struct fixture *fixture)
{
    fetch_free(&fixture->answer);
    fixture->err = ERR_NONE_YET;
    return fetch_get(&fixture->request, fixture->arena, NULL, &fixture->answer, &fixture->err);
}

static void assert_refused(struct fixture *fixture, enum err_code code)
{
    if (get(fixture))
        fail_msg("it was fetched");
    if (fixture->err.code != code)
        fail_msg("%s instead of %s: %s", err_name(fixture->err.code), err_name(code), fixture->err.words);
    assert_null(fixture->answer.body);
}

static void assert_fetched(struct fixture *fixture, const char *body)
{
    if (!get(fixture))
        fail_msg("%s: %s", err_name(fixture->err.code), fixture->err.words);
    assert_string_equal(fixture->answer.body, body);
    assert_int_equal(fixture->answer.length, strlen(body));
}

static const char *gzipped(struct fixture *fixture, size_t zeros, size_t *length)
{
    z_stream stream = {0};
    size_t room = zeros / 500 + 1000;
    unsigned char *out = arena_alloc(fixture->arena, room), *in = arena_alloc(fixture->arena, zeros);
    memset(in, '0', zeros);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = in;
    stream.avail_in = (unsigned)zeros;
    stream.next_out = out;
    stream.avail_out = (unsigned)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    size_t packed = room - stream.avail_out;
    const char *head = arena_printf(fixture->arena,
                                    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", packed);
    char *all = arena_alloc(fixture->arena, strlen(head) + packed);
    memcpy(all, head, strlen(head));
    memcpy(all + strlen(head), out, packed);
    *length = strlen(head) + packed;
    return all;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

static void a_body_comes_with_what_tells_its_version(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"a1\"\r\n"
                               "Last-Modified: Mon, 05 Jan 2026 10:00:00 GMT\r\n\r\n{}";
    assert_fetched(fixture, "{}");
    assert_string_equal(fixture->answer.etag, "\"a1\"");
    assert_string_equal(fixture->answer.last_modified, "Mon, 05 Jan 2026 10:00:00 GMT");
    assert_non_null(strstr(fixture->fake.asked[0], "GET /t.json?v=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(fixture->fake.asked[0], "Accept-Encoding: gzip\r\n"));
    assert_non_null(strstr(fixture->fake.asked[0], "Accept: application/json\r\n"));
}

static void a_copy_that_is_still_good_is_not_sent_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->request.etag = "\"a1\"";
    fixture->request.last_modified = "Mon, 05 Jan 2026 10:00:00 GMT";
    fixture->fake.answers[0] = fixture->fake.answers[1] = "HTTP/1.1 304 Not Modified\r\n\r\n";
    assert_true(get(fixture));
    assert_true(fixture->answer.not_modified);
    assert_null(fixture->answer.body);
    assert_non_null(strstr(fixture->fake.asked[0], "If-None-Match: \"a1\"\r\n"));
    assert_non_null(strstr(fixture->fake.asked[0], "If-Modified-Since: Mon, 05 Jan 2026 10:00:00 GMT\r\n"));
    fixture->request.etag = fixture->request.last_modified = NULL;
    assert_refused(fixture, ERR_FETCH_STATUS);
}

static void a_status_other_than_200_is_told(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers[0] = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!";
    fixture->fake.answers[1] = "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\n{}";
    assert_refused(fixture, ERR_FETCH_STATUS);
    assert_string_equal(fixture->err.args[0], "404");
    assert_refused(fixture, ERR_FETCH_STATUS);
}

static void a_blank_body_is_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    fixture->fake.answers[1] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n \r\n";
    assert_refused(fixture, ERR_FETCH_EMPTY);
    assert_refused(fixture, ERR_FETCH_EMPTY);
}

static void half_a_body_is_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}";
    fixture->fake.answers[1] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n";
    assert_refused(fixture, ERR_FETCH_FAILED);
    assert_refused(fixture, ERR_FETCH_FAILED);
}

static void a_redirect_may_change_the_query_only(void **state)
{
    struct fixture *fixture = *state;
    static const char *const others[] = {
        "https://127.0.0.1:%d/t.json?v=1",
        "http://localhost:%d/t.json?v=1",
        "http://127.0.0.1:1%d/t.json?v=1",
        "http://127.0.0.1:%d/u.json?v=1",
        "http://u:p@127.0.0.1:%d/t.json?v=1",
        "file:///etc/passwd",
        "/u.json",
        "http://169.254.169.254/latest/meta-data",
    };
    fixture->fake.answers[0] = "HTTP/1.1 302 Found\r\nLocation: ?v=2\r\nContent-Length: 4\r\n\r\nold!";
    fixture->fake.answers[1] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assert_fetched(fixture, "{}");
    assert_non_null(strstr(fixture->fake.asked[1], "GET /t.json?v=2 "));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char *location = arena_strdup(fixture->arena, others[i]), *port = strstr(location, "%d");
        const char *tail = port == NULL ? "" : port + 2;
        if (port != NULL)
            *port = '\0';
        const char *to =
            port == NULL ? location : arena_printf(fixture->arena, "%s%d%s", location, fixture->fake.port, tail);
        int now = atomic_exchange(&fixture->fake.connections, 0);
        assert_in_range(now, 1, 2);
        fixture->fake.answers[0] =
            arena_printf(fixture->arena, "HTTP/1.1 301 Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to);
        assert_refused(fixture, ERR_FETCH_REDIRECT);
        assert_int_equal(atomic_load(&fixture->fake.connections), 1);
    }
}

static void redirects_without_an_end_are_refused(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < ANSWERS; i++)
        fixture->fake.answers[i] = "HTTP/1.1 302 Found\r\nLocation: ?v=1\r\nContent-Length: 0\r\n\r\n";
    assert_refused(fixture, ERR_FETCH_REDIRECT);
    assert_int_equal(atomic_load(&fixture->fake.connections), 4);
}

static void a_packed_body_is_unpacked_up_to_the_limit(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers[0] = gzipped(fixture, 100000, &fixture->fake.lengths[0]);
    fixture->fake.answers[1] = gzipped(fixture, 100001, &fixture->fake.lengths[1]);
    fixture->fake.answers[2] = gzipped(fixture, 30000000, &fixture->fake.lengths[2]);
    if (!get(fixture))
        fail_msg("%s", fixture->err.words);
    assert_int_equal(fixture->answer.length, 100000);
    assert_true(fixture->fake.lengths[1] < 1000);
    assert_refused(fixture, ERR_FETCH_TOO_LARGE);
    assert_refused(fixture, ERR_FETCH_TOO_LARGE);
}

static void a_body_over_the_limit_is_not_read_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n";
    assert_refused(fixture, ERR_FETCH_TOO_LARGE);
    fixture->fake.answers[1] = "HTTP/1.1 200 OK\r\n\r\n0123456789";
    fixture->fake.endless = true;
    assert_refused(fixture, ERR_FETCH_TOO_LARGE);
}

static void a_server_that_says_nothing_costs_the_time_limit(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.silent = true;
    fixture->request.timeout_ms = 100;
    assert_refused(fixture, ERR_FETCH_TIMEOUT);
}

static void *fire_when_connected(void *context)
{
    struct fixture *fixture = ((void **)context)[0];
    while (atomic_load(&fixture->fake.connections) == 0)
        usleep(1000);
    cancel_fire(((void **)context)[1], ERR_SHUTTING_DOWN);
    return NULL;
}

static void a_cancel_ends_it_at_once(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    struct cancel *cancel = cancel_new();
    fixture->fake.silent = true;
    fixture->request.timeout_ms = 10 * 60 * 1000; /* longer than this test may take */
    void *context[] = {fixture, cancel};
    assert_int_equal(pthread_create(&thread, NULL, fire_when_connected, context), 0);
    bool ok = fetch_get(&fixture->request, fixture->arena, cancel, &fixture->answer, &fixture->err);
    pthread_join(thread, NULL);
    cancel_free(cancel);
    assert_false(ok);
    assert_int_equal(fixture->err.code, ERR_SHUTTING_DOWN);
}

static void private_addresses_are_not_connected_to_in_whatever_spelling(void **state)
{
    static const char *const hosts[] = {"127.0.0.1",  "localhost",          "127.1", "2130706433", "0177.0.0.1",
                                        "0x7f000001", "[::ffff:127.0.0.1]", "0"};
    struct fixture *fixture = *state;
    fixture->request.allow_private = false;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        fixture->request.url = arena_printf(fixture->arena, "http://%s:%d/", hosts[i], fixture->fake.port);
        assert_refused(fixture, ERR_FETCH_ADDRESS);
    }
    assert_int_equal(atomic_load(&fixture->fake.connections), 0);
}

static void addresses_that_are_no_plain_https_are_refused(void **state)
{
    static const char *const urls[] = {"",
                                       "models.json",
                                       "//x/y",
                                       "https://",
                                       "ftp://127.0.0.1/x",
                                       "file:///etc/passwd",
                                       "gopher://127.0.0.1/x",
                                       "http://127.0.0.1/x",
                                       "https://user:geheim@127.0.0.1/x",
                                       "https://geheim@127.0.0.1/x"};
    struct fixture *fixture = *state;
    fixture->request.allow_http = false;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        fixture->request.url = urls[i];
        assert_refused(fixture, ERR_FETCH_URL);
        assert_null(strstr(fixture->err.words, "geheim"));
    }
}

static void an_answer_that_is_no_tls_fails_as_tls(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake.answers[0] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    fixture->request.url = arena_printf(fixture->arena, "https://127.0.0.1:%d/?token=geheim", fixture->fake.port);
    assert_refused(fixture, ERR_FETCH_TLS);
    assert_null(strstr(fixture->err.words, "geheim"));
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    struct fixture *fixture = *state;
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("all_proxy", "http://127.0.0.1:1/", 1);
    fixture->fake.answers[0] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    assert_fetched(fixture, "{}");
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)
    const struct CMUnitTest tests[] = {
        TEST(a_body_comes_with_what_tells_its_version),
        TEST(a_copy_that_is_still_good_is_not_sent_again),
        TEST(a_status_other_than_200_is_told),
        TEST(a_blank_body_is_refused),
        TEST(half_a_body_is_refused),
        TEST(a_redirect_may_change_the_query_only),
        TEST(redirects_without_an_end_are_refused),
        TEST(a_packed_body_is_unpacked_up_to_the_limit),
        TEST(a_body_over_the_limit_is_not_read_to_its_end),
        TEST(a_server_that_says_nothing_costs_the_time_limit),
        TEST(a_cancel_ends_it_at_once),
        TEST(private_addresses_are_not_connected_to_in_whatever_spelling),
        TEST(addresses_that_are_no_plain_https_are_refused),
        TEST(an_answer_that_is_no_tls_fails_as_tls),
        TEST(proxies_of_the_environment_are_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
