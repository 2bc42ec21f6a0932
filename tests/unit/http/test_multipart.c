/* Forms, as the wire brings them: the handler lists the parts that it sees. */
#include "client.h"

#include "http/multipart.h"

#include <sodium.h>
#include <strings.h>
#include <unistd.h>

#define BOUNDARY "----bOuNdArY'x"

static struct http_server *server;

/* "name|filename|size|crc;" of every part, or the error. */
static void handle_list(struct request *request)
{
    struct err err = ERR_NONE_YET;
    struct arena *arena = request_arena(request);
    struct multipart *form = multipart_open(request, &err);
    const char *list = "";
    const char *step = request_query(request, "step");
    size_t room = step == NULL ? REPLY_WRITE_MAX : strtoul(step, NULL, 10);
    char *buffer = arena_alloc(arena, room);
    struct part part;
    int more = -1;
    while (form != NULL && (more = multipart_next(form, &part, &err)) > 0) {
        size_t size = 0;
        unsigned sum = 0;
        ssize_t got = 0;
        if (request_query(request, "skip") == NULL)
            while ((got = multipart_read(form, buffer, room, &err)) > 0) {
                for (ssize_t i = 0; i < got; i++)
                    sum = sum * 31 + (unsigned char)buffer[i];
                size += (size_t)got;
            }
        if (got < 0) {
            more = -1;
            break;
        }
        list = arena_printf(arena, "%s%s|%s|%zu|%u;", list, part.name, part.filename == NULL ? "-" : part.filename,
                            size, sum);
    }
    if (more < 0) {
        reply_err(request, &err, NULL);
        return;
    }
    reply_bytes(request, 200, "text/plain", list, strlen(list));
}

static void handle_text(struct request *request)
{
    struct err err = ERR_NONE_YET;
    struct multipart *form = multipart_open(request, &err);
    struct part part;
    const char *text = NULL;
    if (form != NULL && multipart_next(form, &part, &err) > 0)
        text = multipart_text(form, &err);
    if (text == NULL)
        reply_err(request, &err, NULL);
    else
        reply_bytes(request, 200, "text/plain", text, strlen(text));
}

static void handle_size(struct request *request)
{
    struct err err = ERR_NONE_YET;
    struct multipart *form = multipart_open(request, &err);
    char *buffer = arena_alloc(request_arena(request), REPLY_WRITE_MAX);
    struct part part;
    int64_t total = 0;
    while (form != NULL && multipart_next(form, &part, &err) > 0)
        for (ssize_t got; (got = multipart_read(form, buffer, REPLY_WRITE_MAX, &err)) > 0;)
            total += got;
    reply_json(request, 200, json_pack("{s:I}", "total", (json_int_t)total));
}

static const struct route routes[] = {
    {"POST", "/list", NULL, handle_list, 0, true, ERROR_PLAIN},
    {"POST", "/text", NULL, handle_text, 0, true, ERROR_PLAIN},
    {"POST", "/size", NULL, handle_size, 0, true, ERROR_PLAIN},
};

static int setup(void **state)
{
    struct http_options options = patient_options(routes, ARRAY_LEN(routes));
    (void)state;
    server = start_server_with(&options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    return 0;
}

static void ask_for(int fd, const char *path, size_t size)
{
    client_print(fd,
                 "POST %s HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data; boundary=\"" BOUNDARY "\"\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 path, size);
}

static struct answer post(const char *path, const char *body, size_t size)
{
    int fd = client_open(server);
    ask_for(fd, path, size);
    client_try_send(fd, body, size);
    struct answer answer = client_answer(fd);
    close(fd);
    return answer;
}

static void expect(struct answer answer, const char *list)
{
    assert_string_equal(answer.body, list);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
}

static void expect_parts(const char *body, const char *list)
{
    expect(post("/list", body, strlen(body)), list);
}

static void expect_error(const char *body, const char *words)
{
    struct answer answer = post("/list", body, strlen(body));
    if (answer.status != 400 || strstr(answer.body, words) == NULL)
        fail_msg("%d %s, not: %s", answer.status, answer.body, words);
    assert_non_null(strstr(answer.body, "MALFORMED_BODY"));
    answer_free(&answer);
}

#define DELIMITER "--" BOUNDARY "\r\n"
#define END "--" BOUNDARY "--\r\n"
#define FIELD(name) DELIMITER "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(name, filename)                                                                                      \
    DELIMITER "Content-Disposition: form-data; name=\"" name "\"; filename=\"" filename                                \
              "\"\r\nContent-Type: x/y\r\n\r\n"

static void fields_and_files_are_listed_in_their_order(void **state)
{
    (void)state;
    expect_parts(FIELD("a") "1\r\n" FILE_PART("file", "b.dump") "ab\r\n" FIELD("c") "\r\n" END,
                 "a|-|1|49;file|b.dump|2|3105;c|-|0|0;");
    expect_parts(FILE_PART("file", "b.dump") "\r\n\r\n\r\n" FIELD("c") "x\r\n" END, "file|b.dump|4|397306;c|-|1|120;");
}

static void an_empty_form_a_preamble_and_an_epilogue_are_fine(void **state)
{
    (void)state;
    expect_parts(END, "");
    expect_parts("read me\r\n" FIELD("a") "1\r\n"
                                          "--" BOUNDARY "-- \r\nbye\r\n" END,
                 "a|-|1|49;");
    expect_parts(DELIMITER
                 "content-disposition:form-data ; NAME=a;filename=b\r\n\r\n1\r\n--" BOUNDARY "  \t\r\n"
                 "Content-Disposition: form-data; name=b\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n" END,
                 "a|b|1|49;b|-|0|0;");
}

static void parts_that_are_not_read_are_skipped(void **state)
{
    (void)state;
    const char *body = FIELD("a") "1\r\n" FILE_PART("file", "f") "xyz\r\n--not\r\n\r\n" FIELD("b") "2\r\n" END;
    expect(post("/list?skip", body, strlen(body)), "a|-|0|0;file|f|0|0;b|-|0|0;");
}

static void what_looks_like_a_delimiter_is_data(void **state)
{
    (void)state;
    const char *body = FIELD("a") "\r\n--\r\n-\r\r\n--"
                                  "----bOuNdArY\r\n\n--" BOUNDARY "\r"
                                  "\r\n" END;
    struct answer answer = post("/list?step=1", body, strlen(body));
    assert_int_equal(answer.status, 200);
    assert_memory_equal(answer.body, "a|-|", 4);
    assert_int_equal(strtol(answer.body + 4, NULL, 10),
                     strlen("\r\n--\r\n-\r\r\n------bOuNdArY\r\n\n--" BOUNDARY "\r"));
    answer_free(&answer);
}

/* Each byte in a TCP packet of its own, so that every token is split at every place. */
static void a_form_may_come_in_any_pieces(void **state)
{
    static const char body[] = FIELD("a") "one\r\n" FILE_PART("file", "b") "\r\n--x\r\n" FIELD("c") "\r\n" END;
    static const size_t pieces[] = {1, 2, 3, 7, 19};
    (void)state;
    struct answer whole = post("/list", body, sizeof body - 1);
    assert_int_equal(whole.status, 200);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        int fd = client_open(server);
        ask_for(fd, "/list", sizeof body - 1);
        for (size_t at = 0; at < sizeof body - 1; at += pieces[i]) {
            client_send(fd, body + at, MIN(pieces[i], sizeof body - 1 - at));
            usleep(200);
        }
        expect(client_answer(fd), whole.body);
        close(fd);
    }
    answer_free(&whole);
}

static void the_connection_lives_on_after_a_form(void **state)
{
    static const char body[] = FIELD("a") "1\r\n" END;
    (void)state;
    int fd = client_open(server);
    for (int i = 0; i < 2; i++) {
        ask_for(fd, "/list", sizeof body - 1);
        client_send(fd, body, sizeof body - 1);
        expect(client_answer(fd), "a|-|1|49;");
    }
    close(fd);
}

static void a_form_without_its_closing_boundary_is_refused(void **state)
{
    (void)state;
    static const char whole[] = FIELD("a") "1\r\n" FILE_PART("f", "g") "data\r\n" END;
    for (size_t cut = 0; cut < sizeof whole - 1 - strlen("--\r\n"); cut++) {
        struct answer answer = post("/list", whole, cut);
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.body, "MALFORMED_BODY"));
        answer_free(&answer);
    }
    expect_error(FIELD("a") "1\r\n--" BOUNDARY "-x\r\n", "the boundary occurs inside a part");
}

static void more_than_64_parts_are_refused(void **state)
{
    (void)state;
    char *body = calloc(1, 65 * 256);
    size_t used = 0;
    for (int i = 0; i < 64; i++)
        used += (size_t)snprintf(body + used, 256, "%s", FIELD("a") "1\r\n");
    snprintf(body + used, 256, "%s", END);
    struct answer answer = post("/list", body, strlen(body));
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    snprintf(body + used, 256, "%s", FIELD("a") "1\r\n" END);
    expect_error(body, "more than 64 parts");
    free(body);
}

static void nested_multiparts_are_refused(void **state)
{
    (void)state;
    expect_error(DELIMITER
                 "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                 "--b\r\n\r\n\r\n--b--\r\n" END,
                 "a multipart inside a part");
}

static void filenames_keep_their_characters(void **state)
{
    (void)state;
    expect_parts(FILE_PART("f", "备份 1.dump") "\r\n" END, "f|备份 1.dump|0|0;");
    expect_parts(FILE_PART("f", "a\\\"b;c=d.dump") "\r\n" END, "f|a\"b;c=d.dump|0|0;");
    expect_parts(FILE_PART("f", "a%22b%0D%0A.dump") "\r\n" END, "f|a%22b%0D%0A.dump|0|0;");
    expect_parts(FILE_PART("f", "C:\\dir\\x.dump") "\r\n" END, "f|C:\\dir\\x.dump|0|0;");
    expect_parts(FILE_PART("f", "") "\r\n" END, "f||0|0;");
}

static void broken_part_headers_are_refused(void **state)
{
    static const char *const headers[] = {
        "Content-Disposition: form-data; name=\"a\"; filename=\"x\r\nX: y\"\r\n",
        "Content-Disposition: form-data; name=\"a\"; filename=\"x\ny\"\r\n",
        "Content-Disposition: form-data; name=\"a\"; filename=\"\xff\"\r\n",
        "Content-Disposition: form-data; name=\"a\"; name=\"b\"\r\n",
        "Content-Disposition: form-data; name=\"a\r\n",
        "Content-Disposition: form-data; name=\"a\" x\r\n",
        "Content-Disposition: form-data\r\n",
        "Content-Disposition: attachment; name=\"a\"\r\n",
        "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n",
        "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n",
        "Content-Disposition: form-data; name=a\r\n folded\r\n",
        "Content-Type: text/plain\r\n",
        "no colon\r\n",
        "",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        char body[1024];
        snprintf(body, sizeof body, DELIMITER "%s\r\n1\r\n" END, headers[i]);
        expect_error(body, "multipart: ");
    }
}

static void long_names_and_headers_are_refused(void **state)
{
    (void)state;
    char *body = malloc(64 * KIB), *name = calloc(1, 32 * KIB);
    memset(name, 'n', 1024);
    snprintf(body, 64 * KIB, DELIMITER "Content-Disposition: form-data; name=\"%s\"\r\n\r\n\r\n" END, name);
    struct answer answer = post("/list", body, strlen(body));
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    memset(name, 'n', 1025);
    snprintf(body, 64 * KIB, DELIMITER "Content-Disposition: form-data; name=\"%s\"\r\n\r\n\r\n" END, name);
    expect_error(body, "over 1 KB");
    memset(name, 'n', 10000);
    snprintf(body, 64 * KIB, FIELD("a") "\r\n" DELIMITER "X: %s", name);
    expect_error(body, "headers are too long");
    free(body);
    free(name);
}

static void other_types_and_boundaries_are_refused(void **state)
{
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        {"multipart/form-data", 400},
        {"multipart/form-data; boundary=", 400},
        {"multipart/form-data; boundary=\"\"", 400},
        {"multipart/form-data; boundary=\"a\x01\"", 400},
        {"multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901234567890x", 400},
        {"multipart/form-datax; boundary=b", 415},
        {"application/x-www-form-urlencoded", 415},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer answer =
            ask(server, "POST /list HTTP/1.1\r\nHost: t\r\nContent-Type: %s\r\nContent-Length: 7\r\n\r\n--b--\r\n",
                cases[i].type);
        assert_int_equal(answer.status, cases[i].status);
        answer_free(&answer);
    }
    struct answer answer =
        ask(server, "POST /list HTTP/1.1\r\nHost: t\r\nContent-Type: Multipart/Form-Data; charset=x; Boundary=b\r\n"
                    "Content-Length: 7\r\n\r\n--b--\r\n");
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
}

static void a_text_field_is_at_most_1_kb_of_utf_8(void **state)
{
    char text[1100], body[2048];
    (void)state;
    const char *good = FIELD("a") "true\r\n" END;
    expect(post("/text", good, strlen(good)), "true");
    for (int size = 1024; size <= 1025; size++) {
        memset(text, 't', sizeof text);
        int length = snprintf(body, sizeof body, FIELD("a") "%.*s\r\n" END, size, text);
        struct answer answer = post("/text", body, (size_t)length);
        assert_int_equal(answer.status, size == 1024 ? 200 : 400);
        assert_true(size == 1024 || strstr(answer.body, "VALIDATION_FAILED") != NULL);
        answer_free(&answer);
    }
    static const char with_nul[] = FIELD("a") "tr\0ue\r\n" END;
    struct answer answer = post("/text", with_nul, sizeof with_nul - 1);
    assert_int_equal(answer.status, 400);
    answer_free(&answer);
}

static void sixty_four_megabytes_pass_quickly_and_exactly(void **state)
{
    (void)state;
    size_t size = 64 * MIB;
    unsigned char *bytes = malloc(size);
    static const unsigned char seed[randombytes_SEEDBYTES] = "any";
    randombytes_buf_deterministic(bytes, size, seed);
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + bytes[i];
    char want[128];
    snprintf(want, sizeof want, "file|big.dump|%zu|%u;", size, sum);
    static const char head[] = FILE_PART("file", "big.dump"), tail[] = "\r\n" END;
    int fd = client_open(server);
    ask_for(fd, "/list", sizeof head - 1 + size + sizeof tail - 1);
    client_send(fd, head, sizeof head - 1);
    client_send(fd, bytes, size);
    client_send(fd, tail, sizeof tail - 1);
    expect(client_answer(fd), want);

    int64_t before = clock_mono_ms();
    ask_for(fd, "/size", sizeof head - 1 + size + sizeof tail - 1);
    client_send(fd, head, sizeof head - 1);
    client_send(fd, bytes, size);
    client_send(fd, tail, sizeof tail - 1);
    struct answer answer = client_answer(fd);
    assert_string_equal(answer.body, "{\"total\":67108864}");
    print_message("64 MB in %lld ms\n", (long long)(clock_mono_ms() - before));
    answer_free(&answer);
    close(fd);
    free(bytes);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SERVED(fields_and_files_are_listed_in_their_order),
        SERVED(an_empty_form_a_preamble_and_an_epilogue_are_fine),
        SERVED(parts_that_are_not_read_are_skipped),
        SERVED(what_looks_like_a_delimiter_is_data),
        SERVED(a_form_may_come_in_any_pieces),
        SERVED(the_connection_lives_on_after_a_form),
        SERVED(a_form_without_its_closing_boundary_is_refused),
        SERVED(more_than_64_parts_are_refused),
        SERVED(nested_multiparts_are_refused),
        SERVED(filenames_keep_their_characters),
        SERVED(broken_part_headers_are_refused),
        SERVED(long_names_and_headers_are_refused),
        SERVED(other_types_and_boundaries_are_refused),
        SERVED(a_text_field_is_at_most_1_kb_of_utf_8),
        SERVED(sixty_four_megabytes_pass_quickly_and_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
