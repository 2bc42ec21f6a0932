#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct http_options options_with(int limit_ms, const struct route *routes, size_t count)
{
    return (struct http_options){.host = "127.0.0.1",
                                 .port = 0,
                                 .max_connections = 32,
                                 .header_timeout_ms = limit_ms,
                                 .idle_timeout_ms = limit_ms,
                                 .client_timeout_ms = limit_ms,
                                 .routes = routes,
                                 .route_count = count};
}

struct http_options patient_options(const struct route *routes, size_t count)
{
    return options_with(60000, routes, count);
}

struct http_options short_options(const struct route *routes, size_t count)
{
    return options_with(400, routes, count);
}

struct http_server *start_server_with(const struct http_options *options)
{
    struct err err = ERR_NONE_YET;
    struct http_server *server = http_start(options, &err);
    if (server == NULL)
        fail_msg("%s", err.words);
    return server;
}

static int open_with_buffer(const struct http_server *server, int buffer)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (buffer > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof address), errno);
    return fd;
}

int client_open(const struct http_server *server)
{
    return open_with_buffer(server, 0);
}

int client_open_small(const struct http_server *server)
{
    return open_with_buffer(server, 4096);
}

bool client_try_send(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

void client_send(int fd, const void *bytes, size_t size)
{
    assert_true(client_try_send(fd, bytes, size));
}

static void print_va(int fd, const char *format, va_list args) PRINTF_LIKE(2, 0);
static void print_va(int fd, const char *format, va_list args)
{
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    assert_true(length >= 0);
    client_send(fd, text, (size_t)length);
    free(text);
}

void client_print(int fd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_va(fd, format, args);
    va_end(args);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

struct input {
    int fd;
    int64_t deadline;
};

static bool take_byte(struct input *input, char *byte)
{
    struct pollfd fd = {.fd = input->fd, .events = POLLIN};
    int64_t left = input->deadline - clock_mono_ms();
    return left > 0 && poll(&fd, 1, (int)left) > 0 && recv(input->fd, byte, 1, 0) == 1;
}

static bool take_bytes(struct input *input, char *bytes, size_t size)
{
    for (size_t used = 0; used < size;) {
        struct pollfd fd = {.fd = input->fd, .events = POLLIN};
        int64_t left = input->deadline - clock_mono_ms();
        if (left <= 0 || poll(&fd, 1, (int)left) <= 0)
            return false;
        ssize_t got = recv(input->fd, bytes + used, size - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
    }
    return true;
}

static bool take_line(struct input *input, char *line, size_t size)
{
    size_t used = 0;
    while (used + 1 < size && take_byte(input, line + used)) {
        used++;
        if (used >= 2 && line[used - 2] == '\r' && line[used - 1] == '\n') {
            line[used - 2] = '\0';
            return true;
        }
    }
    line[used] = '\0';
    return false;
}

static bool take_fields(struct input *input, char *fields, size_t size)
{
    size_t used = 0;
    fields[0] = '\0';
    for (;;) {
        char line[2048];
        if (!take_line(input, line, sizeof line))
            return false;
        if (line[0] == '\0')
            return true;
        used += (size_t)snprintf(fields + used, size - used, "%s\n", line);
        assert_true(used < size);
    }
}

static const char *find_field(const char *fields, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = fields; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncasecmp(at, name, length) == 0 && at[length] == ':')
            return at + length + 1 + strspn(at + length + 1, " ");
    }
    return NULL;
}

static bool take_chunks(struct input *input, struct answer *answer)
{
    for (;;) {
        char line[64];
        if (!take_line(input, line, sizeof line))
            return false;
        size_t size = strtoul(line, NULL, 16);
        if (size == 0)
            return take_fields(input, answer->trailers, sizeof answer->trailers);
        answer->body = realloc(answer->body, answer->size + size + 1);
        if (!take_bytes(input, answer->body + answer->size, size) || !take_line(input, line, sizeof line))
            return false;
        answer->size += size;
        answer->body[answer->size] = '\0';
    }
}

static bool take_to_end(struct input *input, struct answer *answer)
{
    char byte;
    while (take_byte(input, &byte)) {
        answer->body = realloc(answer->body, answer->size + 2);
        answer->body[answer->size++] = byte;
        answer->body[answer->size] = '\0';
    }
    return true;
}

static struct answer read_answer(int fd, bool body)
{
    struct answer answer = {.body = calloc(1, 1)};
    struct input input = {.fd = fd, .deadline = clock_mono_ms() + SOON_MS};
    char line[256];
    do { /* over 100 Continue */
        if (!take_line(&input, line, sizeof line) || sscanf(line, "HTTP/1.1 %d", &answer.status) != 1
            || !take_fields(&input, answer.head, sizeof answer.head)) {
            answer.status = 0;
            return answer;
        }
    } while (answer.status == 100);
    const char *length = find_field(answer.head, "Content-Length"),
               *coding = find_field(answer.head, "Transfer-Encoding");
    if (!body) {
        answer.complete = true;
    } else if (coding != NULL) {
        answer.complete = take_chunks(&input, &answer);
    } else if (length != NULL) {
        answer.size = strtoul(length, NULL, 10);
        answer.body = realloc(answer.body, answer.size + 1);
        memset(answer.body, 0, answer.size + 1);
        answer.complete = take_bytes(&input, answer.body, answer.size);
    } else {
        answer.complete = take_to_end(&input, &answer);
    }
    return answer;
}

struct answer client_answer(int fd)
{
    return read_answer(fd, true);
}

struct answer client_answer_to_head(int fd)
{
    return read_answer(fd, false);
}

void answer_free(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

bool answer_has(const struct answer *answer, const char *header_line)
{
    size_t length = strlen(header_line);
    for (const char *at = answer->head; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncasecmp(at, header_line, length) == 0 && (at[length] == '\n' || at[length] == '\0'))
            return true;
    }
    return false;
}

bool client_sees_end(int fd)
{
    char bytes[65536];
    int64_t deadline = clock_mono_ms() + SOON_MS;
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0 || poll(&one, 1, (int)left) <= 0)
            return false;
        if (recv(fd, bytes, sizeof bytes, 0) <= 0)
            return true;
    }
}

struct answer ask(const struct http_server *server, const char *format, ...)
{
    va_list args;
    int fd = client_open(server);
    va_start(args, format);
    print_va(fd, format, args);
    va_end(args);
    struct answer answer = client_answer(fd);
    close(fd);
    return answer;
}

struct answer get(const struct http_server *server, const char *path)
{
    return ask(server, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
}

void sleep_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}
