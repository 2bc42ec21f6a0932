/* For the tests of http/: a server in this process and a client on a raw socket that sees what really comes over the
 * wire. */
#ifndef TESTS_HTTP_CLIENT_H
#define TESTS_HTTP_CLIENT_H

#include "base/clock.h"
#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* What must happen does within this, ms: a test that waited so long has failed, however loaded the machine is. */
#define SOON_MS 10000

/* 32 connections, and limits for headers, idle and client: a minute, so that nothing that a test sees within SOON_MS
 * was ended by one, or 400 ms, for the tests of the limits. */
struct http_options patient_options(const struct route *routes, size_t count);
struct http_options short_options(const struct route *routes, size_t count);
/* Fails the test when the server does not start. */
struct http_server *start_server_with(const struct http_options *options);

int client_open(const struct http_server *server);
int client_open_small(const struct http_server *server);  /* with a small receive buffer: a slow reader is seen soon */
void client_send(int fd, const void *bytes, size_t size); /* all; fails the test when the server is gone */
bool client_try_send(int fd, const void *bytes, size_t size);
void client_print(int fd, const char *format, ...) PRINTF_LIKE(2, 3);

struct answer {
    int status; /* 0: no answer came */
    char head[8192];
    char *body; /* decoded */
    size_t size;
    char trailers[1024];
    bool complete; /* its length was kept, or the last chunk came */
};

/* The next answer, at most SOON_MS; a status of 0 when the connection ended before one. Freed by answer_free(). */
struct answer client_answer(int fd);
struct answer client_answer_to_head(int fd); /* without a body */
void answer_free(struct answer *answer);
bool answer_has(const struct answer *answer,
                const char *header_line); /* "Allow: GET", case-insensitive name and value */

/* The server's end of the connection was seen within SOON_MS; what still came is thrown away. */
bool client_sees_end(int fd);

/* One request on its own connection. */
struct answer ask(const struct http_server *server, const char *format, ...) PRINTF_LIKE(2, 3);
struct answer get(const struct http_server *server, const char *path);

void sleep_ms(int ms);

#endif
