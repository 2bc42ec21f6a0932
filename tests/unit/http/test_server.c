/* Routing, requests, plain replies. */
#include "client.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct http_server *server;

static void reply_text(struct request *request, const char *text)
{
    const char *copy = arena_strdup(request_arena(request), text == NULL ? "(none)" : text);
    reply_bytes(request, 200, "text/plain", copy, strlen(copy));
}

static void handle_hello(struct request *request)
{
    reply_text(request, "hello");
}

static void handle_item(struct request *request)
{
    reply_text(request, arena_printf(request_arena(request), "%s|%s|%s", request_param(request, "id"),
                                     request_param(request, "part") == NULL ? "(null)" : request_param(request, "part"),
                                     request_path(request)));
}

static void handle_query(struct request *request)
{
    const char *a = request_query(request, "a"), *b = request_query(request, "b c");
    reply_text(request,
               arena_printf(request_arena(request), "%s|%s", a == NULL ? "(none)" : a, b == NULL ? "(none)" : b));
}

static void handle_cookie(struct request *request)
{
    reply_text(request, request_cookie(request, "sid"));
}

static void handle_remote(struct request *request)
{
    reply_text(request, request_remote(request));
}

static void handle_json(struct request *request)
{
    struct err err;
    json_t *body = request_json(request, &err);
    if (body == NULL) {
        reply_err(request, &err, NULL);
        return;
    }
    reply_json(request, 200, body);
}

static void handle_nothing(struct request *request)
{
    (void)request;
}

static void handle_twice(struct request *request)
{
    struct err err = ERR_NONE_YET;
    reply_text(request, "first");
    reply_header(request, "X-Late", "yes");
    reply_text(request, "second");
    reply_json(request, 500, json_pack("{s:i}", "third", 3));
    if (reply_begin(request, 200, "text/plain", &err))
        reply_break(request);
}

/* As json_pack() gives for bytes that are not UTF-8. */
static void handle_no_json(struct request *request)
{
    reply_json(request, 200, json_pack("{s:s}", "name", "\xff"));
}

static void handle_headers(struct request *request)
{
    reply_header(request, "X-Good", "yes");
    reply_header(request, "X-Bad", "a\r\nX-Injected: yes");
    reply_header(request, "Bad name", "yes");
    reply_header(request, "Content-Length", "77");
    reply_header(request, "Referrer-Policy", "origin");
    reply_text(request, "x");
}

static void handle_busy(struct request *request)
{
    struct err err;
    err_set(&err, ERR_BACKUP_BUSY, "held by \xff");
    reply_err(request, &err, json_pack("{s:s}", "holder", "someone"));
}

static void handle_invalid(struct request *request)
{
    struct err err;
    err_set(&err, ERR_VALIDATION_FAILED, "page must be a number");
    err_args(&err, "page", NULL);
    reply_err(request, &err, NULL);
}

static void handle_limited(struct request *request)
{
    struct err err;
    err_set(&err, ERR_RATE_LIMITED, "%s", "");
    err_args(&err, "900", NULL);
    reply_err(request, &err, NULL);
}

static void handle_big(struct request *request)
{
    size_t size = 8 * MIB;
    reply_bytes(request, 200, "application/octet-stream", arena_alloc(request_arena(request), size), size);
}

static void handle_wait(struct request *request)
{
    struct err err = ERR_NONE_YET;
    _Atomic int *seen = request_context(request);
    bool whole = cancel_sleep(request_cancel(request), 3000, &err);
    *seen = (int)(whole ? ERR_INTERNAL_ERROR : err.code);
    reply_text(request, "woken");
}

static bool guard_user(struct request *request, struct err *err)
{
    const char *who = request_header(request, "Authorization");
    if (who == NULL)
        return err_set(err, ERR_UNAUTHENTICATED, "no credentials");
    request_set_user(request, arena_strdup(request_arena(request), who));
    return strcmp(who, "admin") == 0 || err_set(err, ERR_FORBIDDEN, "not an admin");
}

static void handle_user(struct request *request)
{
    reply_text(request, request_user(request));
}

static const struct route routes[] = {
    {"GET", "/", NULL, handle_hello, 0, false, ERROR_PLAIN},
    {"POST", "/items/{id}:undo", NULL, handle_item, 0, false, ERROR_PLAIN},
    {"GET", "/problem/{id}", NULL, handle_invalid, 0, false, ERROR_PROBLEM},
    {"GET", "/action", NULL, handle_busy, 0, false, ERROR_ACTION},
    {"GET", "/items/{id}/parts/{part}", NULL, handle_item, 0, false, ERROR_PLAIN},
    {"DELETE", "/items/{id}/parts/{part}", NULL, handle_item, 0, false, ERROR_PLAIN},
    {"HEAD", "/head", NULL, handle_hello, 0, false, ERROR_PLAIN},
    {"GET", "/head", NULL, handle_hello, 0, false, ERROR_PLAIN},
    {"GET", "/query", NULL, handle_query, 0, false, ERROR_PLAIN},
    {"GET", "/cookie", NULL, handle_cookie, 0, false, ERROR_PLAIN},
    {"GET", "/remote", NULL, handle_remote, 0, false, ERROR_PLAIN},
    {"POST", "/json", NULL, handle_json, 1024 * 1024, false, ERROR_PLAIN},
    {"GET", "/nothing", NULL, handle_nothing, 0, false, ERROR_PLAIN},
    {"GET", "/twice", NULL, handle_twice, 0, false, ERROR_PLAIN},
    {"GET", "/no-json", NULL, handle_no_json, 0, false, ERROR_PLAIN},
    {"GET", "/headers", NULL, handle_headers, 0, false, ERROR_PLAIN},
    {"GET", "/busy", NULL, handle_busy, 0, false, ERROR_PLAIN},
    {"GET", "/limited", NULL, handle_limited, 0, false, ERROR_PLAIN},
    {"GET", "/big", NULL, handle_big, 0, false, ERROR_PLAIN},
    {"GET", "/wait", NULL, handle_wait, 0, false, ERROR_PLAIN},
    {"GET", "/user", guard_user, handle_user, 0, false, ERROR_PLAIN},
    {"POST", "/guarded", guard_user, handle_user, 16 * 1024, false, ERROR_PLAIN},
};

static _Atomic int seen_by_handler;

static int setup(void **state)
{
    static const char *const proxies[] = {"127.0.0.1", NULL};
    struct http_options options = patient_options(routes, ARRAY_LEN(routes));
    (void)state;
    seen_by_handler = ERR_OK;
    options.context = &seen_by_handler;
    options.trusted_proxies = proxies;
    server = start_server_with(&options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

static void expect(struct answer answer, int status, const char *body)
{
    assert_int_equal(answer.status, status);
    assert_true(answer.complete);
    assert_string_equal(answer.body, body);
    answer_free(&answer);
}

static void expect_code(struct answer answer, int status, const char *code)
{
    assert_int_equal(answer.status, status);
    assert_true(answer.complete);
    json_t *body = json_loads(answer.body, 0, NULL);
    assert_non_null(body);
    assert_string_equal(json_string_value(json_object_get(body, "code")), code);
    assert_non_null(json_object_get(body, "requestId"));
    json_decref(body);
    answer_free(&answer);
}

static void path_segments_are_matched_and_decoded(void **state)
{
    (void)state;
    expect(get(server, "/"), 200, "hello");
    expect(get(server, "/items/7/parts/a%2Fb%20c"), 200, "7|a/b c|/items/7/parts/a/b c");
    expect(get(server, "http://elsewhere/items/1/parts/2?x"), 200, "1|2|/items/1/parts/2");
    expect_code(get(server, "/items/7"), 404, "NOT_FOUND");
    expect_code(get(server, "/items//parts/1"), 404, "NOT_FOUND");
    expect_code(get(server, "/items/7/parts/1/"), 404, "NOT_FOUND");
}

static void a_word_after_a_name_is_part_of_the_path_and_the_rest_is_the_name(void **state)
{
    (void)state;
    expect(ask(server, "POST /items/a%%2Fb:c%%3Aundo:undo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"), 200,
           "a/b:c:undo|(null)|/items/a/b:c:undo:undo");
    expect_code(ask(server, "POST /items/:undo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"), 404, "NOT_FOUND");
    expect_code(ask(server, "POST /items/a HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"), 404, "NOT_FOUND");
    expect_code(ask(server, "POST /items/a%%3Aundo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"), 404,
                "NOT_FOUND");
}

static void an_error_has_the_form_of_its_route(void **state)
{
    (void)state;
    struct answer answer = get(server, "/problem/7");
    assert_int_equal(answer.status, 400);
    assert_true(answer_has(&answer, "Content-Type: application/problem+json; charset=utf-8"));
    json_t *body = json_loads(answer.body, 0, NULL),
           *invalid = json_array_get(json_object_get(body, "invalidParams"), 0);
    assert_string_equal(json_string_value(json_object_get(body, "type")),
                        "urn:claude-code-hub:problem:request.validation_failed");
    assert_string_equal(json_string_value(json_object_get(body, "errorCode")), "request.validation_failed");
    assert_string_equal(json_string_value(json_object_get(body, "title")), "Bad Request");
    assert_string_equal(json_string_value(json_object_get(body, "instance")), "/problem/7");
    assert_string_equal(json_string_value(json_object_get(invalid, "path")), "page");
    assert_string_equal(json_string_value(json_object_get(invalid, "message")), "page must be a number");
    json_decref(body);
    answer_free(&answer);
    answer = get(server, "/action");
    body = json_loads(answer.body, 0, NULL);
    assert_true(json_is_false(json_object_get(body, "ok")));
    assert_string_equal(json_string_value(json_object_get(body, "errorCode")), "BACKUP_BUSY");
    assert_true(json_is_string(json_object_get(body, "error")));
    json_decref(body);
    answer_free(&answer);
}

static void another_method_is_405_with_the_allowed_ones(void **state)
{
    (void)state;
    struct answer answer = ask(server, "PUT /items/1/parts/2 HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_true(answer_has(&answer, "Allow: GET, DELETE"));
    expect_code(answer, 405, "METHOD_NOT_ALLOWED");
}

static void head_is_405_unless_a_route_says_so(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "HEAD / HTTP/1.1\r\nHost: t\r\n\r\n");
    struct answer answer = client_answer_to_head(fd);
    assert_int_equal(answer.status, 405);
    answer_free(&answer);
    client_print(fd, "HEAD /head HTTP/1.1\r\nHost: t\r\n\r\n");
    answer = client_answer_to_head(fd);
    assert_int_equal(answer.status, 200);
    assert_true(answer_has(&answer, "Content-Length: 5"));
    answer_free(&answer);
    client_print(fd, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    expect(client_answer(fd), 200, "hello"); /* and no stray body came before it */
    close(fd);
}

static void broken_addresses_are_400(void **state)
{
    static const char *const broken[] = {"/items/%zz/parts/1", "/%",          "/%4",          "/a%00b", "/%ff",
                                         "/query?a=%00",       "/query?a=%x", "/query?%ff=1", "items"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        expect_code(get(server, broken[i]), 400, "VALIDATION_FAILED");
}

static void query_values_are_decoded(void **state)
{
    (void)state;
    expect(get(server, "/query?a=1+2%2B3&b%20c=%E4%BD%A0"), 200, "1 2+3|\xe4\xbd\xa0");
    expect(get(server, "/query?a&b+c="), 200, "|");
    expect(get(server, "/query?A=1&&a=first&a=second"), 200, "first|(none)");
}

static struct answer get_with(const char *path, const char *header)
{
    return ask(server, "GET %s HTTP/1.1\r\nHost: t\r\n%s\r\n\r\n", path, header);
}

static void cookies_are_found_by_their_exact_name(void **state)
{
    (void)state;
    expect(get_with("/cookie", "Cookie: xsid=1; sid=a%20b; sid2=3"), 200, "a%20b");
    expect(get_with("/cookie", "Cookie: sidx=1; SID=2"), 200, "(none)");
    expect(get_with("/cookie", "Cookie: a=\"x; sid=\"q=1\";b=2"), 200, "q=1");
    expect(get_with("/cookie", "Cookie: a=1\r\nCookie: sid=second"), 200, "second");
}

static void remote_is_the_proxys_word_only_when_it_is_trusted(void **state)
{
    (void)state;
    expect(get_with("/remote", "X-Other: 1"), 200, "127.0.0.1");
    expect(get_with("/remote", "X-Real-IP: 10.1.2.3"), 200, "10.1.2.3");
    expect(get_with("/remote", "X-Forwarded-For: 6.6.6.6, 10.0.0.9"), 200, "10.0.0.9");
    expect(get_with("/remote", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: ::ffff:10.0.0.8"), 200, "10.0.0.8");
    expect(get_with("/remote", "X-Forwarded-For: nonsense"), 200, "127.0.0.1");
    struct http_options options = patient_options(routes, ARRAY_LEN(routes));
    struct http_server *lonely = start_server_with(&options);
    expect(ask(lonely, "GET /remote HTTP/1.1\r\nHost: t\r\nX-Real-IP: 10.1.2.3\r\n\r\n"), 200, "127.0.0.1");
    http_stop(lonely);
}

static void the_request_id_is_the_clients_when_it_is_a_good_one(void **state)
{
    (void)state;
    struct answer answer = get_with("/", "X-Request-Id: Abc-1._z");
    assert_true(answer_has(&answer, "X-Request-Id: Abc-1._z"));
    answer_free(&answer);
    answer = get_with("/", "X-Request-Id: a b");
    assert_false(answer_has(&answer, "X-Request-Id: a b"));
    assert_non_null(strcasestr(answer.head, "X-Request-Id: "));
    answer_free(&answer);
}

static void every_reply_has_the_security_headers(void **state)
{
    (void)state;
    static const char *const paths[] = {"/", "/none", "/nothing"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct answer answer = get(server, paths[i]);
        assert_true(answer_has(&answer, "X-Content-Type-Options: nosniff"));
        assert_true(answer_has(&answer, "X-Frame-Options: DENY"));
        assert_true(answer_has(&answer, "Referrer-Policy: no-referrer"));
        assert_true(answer_has(&answer, "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'; base-uri "
                                        "'none'; form-action 'self'"));
        answer_free(&answer);
    }
}

static void header_injection_is_dropped_and_a_default_can_be_replaced(void **state)
{
    (void)state;
    struct answer answer = get(server, "/headers");
    assert_true(answer_has(&answer, "X-Good: yes"));
    assert_true(answer_has(&answer, "Referrer-Policy: origin"));
    assert_null(strcasestr(answer.head, "injected"));
    assert_null(strcasestr(answer.head, "bad"));
    assert_null(strcasestr(answer.head, "no-referrer"));
    assert_null(strstr(answer.head, "Content-Length: 77"));
    answer_free(&answer);
}

static void errors_are_told_in_the_clients_language(void **state)
{
    (void)state;
    struct answer answer = get(server, "/none");
    assert_non_null(strstr(answer.body, "资源不存在"));
    assert_null(strstr(answer.body, "details")); /* there are no words */
    answer_free(&answer);
    answer = get_with("/none", "Accept-Language: en");
    assert_non_null(strstr(answer.body, "There is nothing at this address"));
    answer_free(&answer);
}

static void an_error_carries_words_and_more_members(void **state)
{
    (void)state;
    struct answer answer = get(server, "/busy");
    assert_int_equal(answer.status, 409);
    assert_non_null(strstr(answer.body, "\"details\":\"held by \xef\xbf\xbd\""));
    assert_non_null(strstr(answer.body, "\"holder\":\"someone\""));
    assert_true(answer_has(&answer, "Cache-Control: no-store"));
    answer_free(&answer);
    answer = get(server, "/limited");
    assert_int_equal(answer.status, 429);
    assert_true(answer_has(&answer, "Retry-After: 900"));
    answer_free(&answer);
}

static void a_handler_without_a_reply_is_an_internal_error(void **state)
{
    (void)state;
    expect_code(get(server, "/nothing"), 500, "INTERNAL_ERROR");
}

static struct answer post_json(const char *type, const char *body)
{
    return ask(server, "POST /json HTTP/1.1\r\nHost: t\r\n%s\r\nContent-Length: %zu\r\n\r\n%s", type, strlen(body),
               body);
}

static void a_handlers_first_reply_stands(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "GET /twice HTTP/1.1\r\nHost: t\r\n\r\n");
    struct answer answer = client_answer(fd);
    assert_false(answer_has(&answer, "X-Late: yes"));
    expect(answer, 200, "first");
    client_print(fd, "GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    expect(client_answer(fd), 200, "hello"); /* and nothing of the others came before it */
    close(fd);
}

static void json_that_cannot_be_made_is_an_internal_error(void **state)
{
    (void)state;
    expect_code(get(server, "/no-json"), 500, "INTERNAL_ERROR");
}

static void json_bodies_are_objects_of_the_right_type(void **state)
{
    (void)state;
    expect(post_json("Content-Type: application/json; charset=utf-8", "{\"a\":[1]}"), 200, "{\"a\":[1]}");
    expect_code(post_json("Content-Type: text/plain", "{}"), 415, "UNSUPPORTED_MEDIA_TYPE");
    expect_code(post_json("X: y", "{}"), 415, "UNSUPPORTED_MEDIA_TYPE");
    expect_code(post_json("Content-Type: application/jsonx", "{}"), 415, "UNSUPPORTED_MEDIA_TYPE");
    expect_code(post_json("Content-Type: application/json", ""), 400, "MALFORMED_BODY");
    expect_code(post_json("Content-Type: application/json", "[1]"), 400, "MALFORMED_BODY");
    expect_code(post_json("Content-Type: application/json", "{\"a\":1,\"a\":2}"), 400, "MALFORMED_BODY");
    expect_code(post_json("Content-Type: application/json", "{} x"), 400, "MALFORMED_BODY");
    expect_code(post_json("Content-Type: application/json", "{\"a\":\"\xff\"}"), 400, "MALFORMED_BODY");
    struct answer answer = post_json("Content-Type: application/json", "{\n  \"a\": x}");
    assert_non_null(strstr(answer.body, "line 2, column 8"));
    answer_free(&answer);
}

static void json_as_deep_as_possible_does_not_break_the_stack(void **state)
{
    (void)state;
    char *deep = calloc(1, 100001);
    memset(deep, '[', 100000);
    expect_code(post_json("Content-Type: application/json", deep), 400, "MALFORMED_BODY");
    free(deep);
    char body[8192], *at = body;
    at += snprintf(at, 16, "{\"a\":");
    memset(at, '[', 2000);
    memset(at + 2000, ']', 2000);
    snprintf(at + 4000, 2, "}");
    struct answer answer = post_json("Content-Type: application/json", body);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, body);
    answer_free(&answer);
}

static void the_guard_refuses_before_the_body_is_read(void **state)
{
    (void)state;
    expect(get_with("/user", "Authorization: admin"), 200, "admin");
    struct answer answer = get(server, "/user");
    assert_null(strstr(answer.body, "details")); /* 401 says nothing more */
    expect_code(answer, 401, "UNAUTHENTICATED");
    expect_code(get_with("/user", "Authorization: someone"), 403, "FORBIDDEN");
    /* The body never comes, and still there is an answer at once. */
    expect_code(ask(server, "POST /guarded HTTP/1.1\r\nHost: t\r\nContent-Length: 10000\r\n\r\n"), 401,
                "UNAUTHENTICATED");
}

static void a_refused_request_without_a_body_keeps_the_connection(void **state)
{
    (void)state;
    int fd = client_open(server);
    for (int i = 0; i < 3; i++) {
        client_print(fd, "GET /user HTTP/1.1\r\nHost: t\r\n\r\n");
        expect_code(client_answer(fd), 401, "UNAUTHENTICATED");
    }
    close(fd);
}

static void expect_continue_is_not_said_to_a_refused_request(void **state)
{
    (void)state;
    int fd = client_open(server);
    char first[16] = "";
    client_print(fd, "POST /guarded HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    sleep_ms(100);
    assert_true(recv(fd, first, sizeof first - 1, MSG_PEEK) > 0);
    assert_non_null(strstr(first, "HTTP/1.1 401"));
    close(fd);
    fd = client_open(server);
    client_print(fd, "POST /guarded HTTP/1.1\r\nHost: t\r\nAuthorization: admin\r\nContent-Length: 5\r\n"
                     "Expect: 100-continue\r\n\r\n");
    sleep_ms(100);
    assert_true(recv(fd, first, sizeof first - 1, MSG_PEEK) > 0);
    assert_non_null(strstr(first, "HTTP/1.1 100"));
    client_print(fd, "12345");
    expect(client_answer(fd), 200, "admin");
    close(fd);
}

/* The client sends all of it before it reads: without care the server's close would reset the connection under the
 * answer. */
static void a_body_over_the_limit_is_413_that_the_client_can_read(void **state)
{
    (void)state;
    size_t size = 3 * MIB;
    char *bytes = calloc(1, size);
    int fd = client_open(server);
    client_print(fd, "POST /json HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                 size);
    client_try_send(fd, bytes, size);
    expect_code(client_answer(fd), 413, "BODY_TOO_LARGE");
    close(fd);

    fd = client_open(server);
    client_print(
        fd,
        "POST /json HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        "%zx\r\n",
        size);
    client_try_send(fd, bytes, size);
    expect_code(client_answer(fd), 413, "BODY_TOO_LARGE");
    close(fd);
    free(bytes);
    expect_code(ask(server, "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n"), 413, "BODY_TOO_LARGE");
}

static void chunked_bodies_are_put_together(void **state)
{
    (void)state;
    expect(ask(server,
               "POST /json HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\nT: 1\r\n\r\n"),
           200, "{\"a\":1}");
}

static void doubtful_framing_is_refused_and_closed(void **state)
{
    static const char *const doubtful[] = {
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
        "Content-Length: 2\r\nContent-Length: 3",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Content-Length: +2",
        "Content-Length: 2, 2",
        "Transfer-: chunked\r\n Encoding",
        "Content-Length: 2\r\nX: y\r\n z",
        "Content-Length: 2\r\n: x",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(doubtful); i++) {
        int fd = client_open(server);
        client_print(fd, "POST /json HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n%s\r\n\r\n{}",
                     doubtful[i]);
        struct answer answer = client_answer(fd);
        assert_int_equal(answer.status, 400);
        answer_free(&answer);
        assert_true(client_sees_end(fd));
        close(fd);
    }
}

static void headers_over_32_kb_are_431(void **state)
{
    (void)state;
    static const size_t sizes[] = {40 * 1024, 200 * 1024};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *padding = calloc(1, sizes[i] + 1);
        memset(padding, 'x', sizes[i]);
        struct answer answer = ask(server, "GET / HTTP/1.1\r\nHost: t\r\nX-Padding: %s\r\n\r\n", padding);
        assert_int_equal(answer.status, 431);
        answer_free(&answer);
        free(padding);
    }
}

static void a_connection_serves_many_requests_also_pipelined(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(
        fd,
        "GET / HTTP/1.1\r\nHost: t\r\n\r\nGET /query?a=1 HTTP/1.1\r\nHost: t\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n");
    expect(client_answer(fd), 200, "hello");
    expect(client_answer(fd), 200, "1|(none)");
    expect(client_answer(fd), 200, "hello");
    client_print(fd, "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    expect(client_answer(fd), 200, "hello");
    assert_true(client_sees_end(fd));
    close(fd);
}

static void http_1_0_is_answered_and_closed(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "GET / HTTP/1.0\r\n\r\n");
    expect(client_answer(fd), 200, "hello");
    assert_true(client_sees_end(fd));
    close(fd);
}

static void a_large_reply_arrives_whole(void **state)
{
    (void)state;
    struct answer answer = get(server, "/big");
    assert_int_equal(answer.size, 8 * MIB);
    assert_true(answer.complete);
    answer_free(&answer);
}

static void a_plain_handler_learns_that_its_client_left(void **state)
{
    (void)state;
    int fd = client_open(server);
    client_print(fd, "GET /wait HTTP/1.1\r\nHost: t\r\n\r\n");
    sleep_ms(150);
    close(fd);
    for (int i = 0; i < 100 && seen_by_handler == ERR_OK; i++)
        sleep_ms(10);
    assert_int_equal(seen_by_handler, ERR_CANCELLED);
}

static void a_server_on_a_taken_port_says_so(void **state)
{
    (void)state;
    struct err err = ERR_NONE_YET;
    struct http_options options = patient_options(routes, ARRAY_LEN(routes));
    options.port = http_port(server);
    assert_null(http_start(&options, &err));
    assert_non_null(strstr(err.words, "in use"));
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SERVED(path_segments_are_matched_and_decoded),
        SERVED(a_word_after_a_name_is_part_of_the_path_and_the_rest_is_the_name),
        SERVED(an_error_has_the_form_of_its_route),
        SERVED(another_method_is_405_with_the_allowed_ones),
        SERVED(head_is_405_unless_a_route_says_so),
        SERVED(broken_addresses_are_400),
        SERVED(query_values_are_decoded),
        SERVED(cookies_are_found_by_their_exact_name),
        SERVED(remote_is_the_proxys_word_only_when_it_is_trusted),
        SERVED(the_request_id_is_the_clients_when_it_is_a_good_one),
        SERVED(every_reply_has_the_security_headers),
        SERVED(header_injection_is_dropped_and_a_default_can_be_replaced),
        SERVED(errors_are_told_in_the_clients_language),
        SERVED(an_error_carries_words_and_more_members),
        SERVED(a_handler_without_a_reply_is_an_internal_error),
        SERVED(a_handlers_first_reply_stands),
        SERVED(json_that_cannot_be_made_is_an_internal_error),
        SERVED(json_bodies_are_objects_of_the_right_type),
        SERVED(json_as_deep_as_possible_does_not_break_the_stack),
        SERVED(the_guard_refuses_before_the_body_is_read),
        SERVED(a_refused_request_without_a_body_keeps_the_connection),
        SERVED(expect_continue_is_not_said_to_a_refused_request),
        SERVED(a_body_over_the_limit_is_413_that_the_client_can_read),
        SERVED(chunked_bodies_are_put_together),
        SERVED(doubtful_framing_is_refused_and_closed),
        SERVED(headers_over_32_kb_are_431),
        SERVED(a_connection_serves_many_requests_also_pipelined),
        SERVED(http_1_0_is_answered_and_closed),
        SERVED(a_large_reply_arrives_whole),
        SERVED(a_plain_handler_learns_that_its_client_left),
        SERVED(a_server_on_a_taken_port_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
