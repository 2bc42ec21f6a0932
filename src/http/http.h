/* HTTP for the rest of the program: a table of routes, requests to read, replies to write. Knows no domain.
 *
 * A handler is straight-line code that blocks. Two kinds of routes:
 * - plain: the body (at most `body_limit` bytes) is there before the handler runs; one reply_*() call answers.
 * - streaming: the handler runs in a thread of its own while the connection's thread feeds it the body and takes its
 *   output. It may read the body as it arrives (request_read, http/multipart.h) and write the answer as it is made
 *   (reply_begin, reply_fd). It may also answer by one plain reply, at any moment: a body that is still arriving is
 *   then drained for a short while, so that the client sees the answer. A reply of either kind that begins before the
 *   body's end closes the connection after it. The handler starts with the body's first byte.
 * Every request has an arena, an id, a language and a cancel, which fires when the client is gone, a deadline passed or
 * the server stops. A handler that returns without a reply is a defect and answers INTERNAL_ERROR.
 *
 * A client that shuts down its sending side counts as gone. One that leaves while more of its body is on the way than
 * anybody reads is seen only once that is read: TCP tells no sooner.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/arena.h"
#include "base/err.h"
#include "os/cancel.h"

#include <jansson.h>
#include <sys/types.h>

struct request;
struct http_server;

/* ---- Routes ------------------------------------------------------------------------------------------------------ */

/* How a route's errors look; all have the code, the text in the reader's language, the details and the request id. */
enum error_form {
    ERROR_PLAIN,   /* {"error", "code", "details", "requestId"} */
    ERROR_PROBLEM, /* application/problem+json (RFC 9457), as the hub's /api/v1: type, title, status, detail, instance,
                    * errorCode, and invalidParams for VALIDATION_FAILED, whose {0} is the parameter */
    ERROR_ACTION,  /* {"ok": false, "error", "errorCode", "details", "requestId"}, as the hub's /api/actions */
};

struct route {
    const char *method; /* "GET"; HEAD is answered 405 unless a row says so */
    const char *path;   /* segments may be {name} or {name}:word: one segment, percent-decoded */
    bool (*guard)(struct request *request,
                  struct err *err); /* runs on the headers, before any body; false answers err. NULL: open */
    void (*handle)(struct request *request);
    size_t body_limit; /* plain: bytes, 0 = takes no body (one that comes is refused by BODY_TOO_LARGE) */
    bool streaming;
    enum error_form errors;
};

/* ---- The server -------------------------------------------------------------------------------------------------- */

/* A request that is over. */
struct http_finished {
    size_t route; /* its row of the table; route_count: none matched */
    int status;
    uint64_t received, sent; /* bytes of the bodies */
    int64_t ms;              /* from its headers to its end */
};

struct http_options {
    const char *host;      /* "127.0.0.1", "::1", "0.0.0.0" */
    int port;              /* 0: any free one, see http_port() */
    int max_connections;   /* beyond it: 503 with Retry-After, then closed. RLIMIT_NOFILE is raised to fit */
    int header_timeout_ms; /* from the connection's start, or the next request's first byte, to the end of its headers
                            */
    int idle_timeout_ms;   /* kept-alive connection without a request */
    int client_timeout_ms; /* we wait that long for the client, and it takes or gives no byte, or under 64 KB: cut */
    const struct route *routes; /* as `trusted_proxies` and `context`, outlives the server */
    size_t route_count;
    void *context;                                                         /* what request_context() gives */
    void (*finished)(void *context, const struct http_finished *finished); /* for whoever counts; in any thread, short.
                                                                            * NULL: nobody */
    const char *const
        *trusted_proxies; /* NULL-terminated addresses whose X-Real-IP / X-Forwarded-For count; NULL: none */
};

struct http_server *http_start(const struct http_options *options, struct err *err) MUST_CHECK;
int http_port(const struct http_server *server);
/* Stop: no new connections, every request's cancel fires (SHUTTING_DOWN); returns when all handlers have returned. */
void http_stop(struct http_server *server);

/* ---- A request --------------------------------------------------------------------------------------------------- */

struct arena *request_arena(struct request *request);
void *request_context(struct request *request);
struct cancel *request_cancel(struct request *request);
enum lang request_lang(struct request *request);
const char *request_id(struct request *request); /* from X-Request-Id when it is 1..63 of [A-Za-z0-9._-], else made */
const char *request_method(struct request *request);
const char *request_path(struct request *request);                     /* without the query, decoded */
const char *request_remote(struct request *request);                   /* the client's address, proxies considered */
const char *request_header(struct request *request, const char *name); /* NULL when absent */
const char *request_cookie(struct request *request, const char *name); /* NULL when absent */
const char *request_query(struct request *request,
                          const char *name); /* decoded; NULL when absent, "" when without value */
const char *request_param(struct request *request, const char *name); /* a {name} of the route's path */

/* A slot for the guard to leave what it found out about the client (lives in the request's arena). */
void request_set_user(struct request *request, void *user);
void *request_user(struct request *request);

/* Plain routes: the body. */
const char *request_body(struct request *request, size_t *length);
/* The body as a JSON object; the caller decrefs. NULL with UNSUPPORTED_MEDIA_TYPE, MALFORMED_BODY (line and column in
 * the words). */
json_t *request_json(struct request *request, struct err *err) MUST_CHECK;

/* Streaming routes: the body as it arrives. */
int64_t request_length(struct request *request); /* Content-Length, -1 when chunked, 0 without a body */
ssize_t request_read(struct request *request, void *buffer, size_t size,
                     struct err *err) MUST_CHECK; /* 0 at the end, -1 failed */

/* ---- A reply ----------------------------------------------------------------------------------------------------- */

/* Before the reply: a header of it. Names and values with CR, LF or NUL are refused (logged, dropped). */
void reply_header(struct request *request, const char *name, const char *value);

void reply_json(struct request *request, int status, json_t *body); /* takes the reference; Cache-Control: no-store */
/* The same with JSON that PostgreSQL made: every digit of its numbers goes out as it is. The text must outlive it. */
void reply_json_text(struct request *request, int status, const char *json);
void reply_bytes(struct request *request, int status, const char *type, const void *bytes,
                 size_t size); /* bytes must outlive it */
void reply_empty(struct request *request, int status);
/* In the route's form, with the members of `more` (taken; may be NULL) on top. 405 and 503/429 carry Allow and
 * Retry-After. Logs the error. */
void reply_err(struct request *request, const struct err *err, json_t *more);

/* Streaming. After reply_begin the answer's bytes are written to reply_fd() by write(2), which blocks while the client
 * is slow and fails with EPIPE when it is gone. Each write() of at most REPLY_WRITE_MAX bytes goes out in one piece.
 * Returning from the handler ends the answer; after reply_break() it ends as a broken transfer (curl: 18). */
#define REPLY_WRITE_MAX ((size_t)64 * 1024)

bool reply_begin(struct request *request, int status, const char *type, struct err *err) MUST_CHECK;
int reply_fd(struct request *request);
void reply_trailer(struct request *request, const char *name,
                   const char *value); /* after the last byte; name declared before
                                            by reply_header("Trailer", ...) */
void reply_break(struct request *request);

/* Server-Sent Events: begin, then one call an event. A comment goes out every 10 s of silence. False when the client is
 * gone. */
bool reply_begin_events(struct request *request, struct err *err) MUST_CHECK;
bool reply_event(struct request *request, json_t *event, struct err *err) MUST_CHECK; /* takes the reference */
/* With an id that the client can name when it comes back (Last-Event-ID). */
bool reply_numbered_event(struct request *request, int64_t number, json_t *event, struct err *err) MUST_CHECK;

#endif
