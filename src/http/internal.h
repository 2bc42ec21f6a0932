/* What the files of http/ share. Nobody else includes this, nor microhttpd.h.
 *
 * libmicrohttpd (0.9.75) parses requests and writes most replies, one thread a connection. What it lacks is made here:
 * - limits and deadlines: an accept thread of ours (server.c) counts connections, a sweeper (sweeper.c) cuts slow ones;
 * - handlers that see a body as a stream: stream.c;
 * - replies while a body still arrives: libmicrohttpd takes none between the headers and the body's end, so those are
 *   written to the socket by us (direct.c), after which the connection closes.
 *
 * Threads: a connection's thread runs every callback of libmicrohttpd; a streaming request has a handler thread, which
 * is joined before the request is freed, and, for a streamed reply during the upload, a pump. The sweeper and http_stop
 * touch a connection only under its mutex. Order of locks: server, connection, stream.
 */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http/http.h"

#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#define HEADER_BYTES_MAX (32 * KIB)
/* Of every thread that runs a handler. Only pages that are touched cost memory; jansson recurses, and needs over 600 KB
 * for the deepest text that it accepts (2048 levels). */
#define STACK_SIZE (1 * MIB)
/* A client owes this much for every client_timeout_ms that we spend waiting for it; less is taken for an attack by
 * slowness. */
#define CLIENT_MIN_BYTES (64 * KIB)
#define RETRY_AFTER "5"

struct header {
    const char *name;
    const char *value;
};

struct headers {
    struct header *items;
    size_t count;
};

/* ---- Connections ------------------------------------------------------------------------------------------------- */

enum phase {
    PHASE_NEW,     /* accepted; until its first request's headers are complete */
    PHASE_IDLE,    /* kept alive, no byte of a request yet */
    PHASE_HEADERS, /* part of a request is there */
    PHASE_OURS,    /* our code runs: the client owes nothing */
    PHASE_BODY,    /* libmicrohttpd waits for the body's bytes */
    PHASE_SENDING, /* libmicrohttpd waits until the client takes bytes */
};

/* The time spent waiting for the client in one direction, and what came of it. */
struct watch {
    int64_t waited;   /* ms, of the waits that are over */
    bool started;     /* the sweeper has set the marks below */
    int64_t moved_at; /* `waited` when the last byte moved */
    uint64_t moved_bytes;
    int64_t window_at; /* `waited` and bytes when the running window began */
    uint64_t window_bytes;
};

struct connection {
    struct http_server *server;
    struct connection *next, *previous;
    int fd;
    char peer[64]; /* numeric address */

    pthread_mutex_t mutex; /* guards all below */
    enum phase phase;
    int64_t since;      /* of the phase, clock_mono_ms */
    enum phase watched; /* the direction that `watch` is about */
    struct watch watch;
    uint64_t body_bytes;     /* of the running request */
    uint64_t idle_bytes;     /* received by the socket when it became idle */
    struct request *request; /* NULL between requests */
    bool unread;             /* the client may still be sending: close gently (farewell.c) */
    bool cut;                /* by the sweeper or by the stop */
};

void connection_notify(void *server, struct MHD_Connection *raw, void **context,
                       enum MHD_ConnectionNotificationCode code);
struct connection *connection_of(struct MHD_Connection *raw);
void connection_end_request(struct connection *connection, struct MHD_Connection *raw); /* when it still has one */

/* Our code runs / libmicrohttpd waits for the client again. */
void connection_enter(struct connection *connection);
void connection_leave(struct connection *connection, enum phase phase);
void connection_count_body(struct connection *connection, size_t size);
void connection_set_unread(struct connection *connection, bool unread);
void connection_set_request(struct connection *connection, struct request *request); /* NULL: it becomes idle */

bool connection_client_left(const struct connection *connection); /* closed its side, or broke */
uint64_t socket_received(int fd);                                 /* bytes so far, from the kernel */
uint64_t socket_acked(int fd);

/* Cut one that is served, for `reason`; with the connection's mutex held. */
void connection_cut(struct connection *connection, enum err_code reason);

void *sweeper_main(void *server);

/* ---- Farewell: sockets that are answered and only wait for their client to read it ------------------------------- */

struct farewell;

struct farewell *farewell_new(void);
void farewell_free(struct farewell *farewell);           /* closes them all */
void farewell_add(struct farewell *farewell, int fd);    /* takes fd, shuts down writing; any thread */
void farewell_refuse(struct farewell *farewell, int fd); /* 503 with Retry-After, then as above */
#define FAREWELL_MAX 64
size_t farewell_poll(struct farewell *farewell, struct pollfd *fds); /* what to poll, at most FAREWELL_MAX; how many */
void farewell_sweep(struct farewell *farewell); /* throw away what came; close whose client left or whose time is up */

/* ---- The server -------------------------------------------------------------------------------------------------- */

struct http_server {
    struct http_options options;
    int max_connections;
    int tick_ms; /* of the sweeper */
    struct MHD_Daemon *daemon;
    int listener;
    int port;
    int wake; /* eventfd for the accept thread: farewells to look at, or the stop */
    pthread_t acceptor, sweeper;
    struct farewell *farewell;

    pthread_mutex_t mutex;  /* guards all below */
    pthread_cond_t changed; /* while stopping: fewer requests; CLOCK_MONOTONIC, as the next */
    pthread_cond_t ending;  /* `ended` was set */
    struct connection *connections;
    int open;      /* accepted and not closed */
    int requests;  /* between their headers and their end */
    bool stopping; /* requests are refused */
    bool ended;    /* the threads end */
};

bool server_stopping(struct http_server *server);
void server_count_request(struct http_server *server, int change);

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

struct reply {
    bool given; /* a whole one */
    bool begun; /* a streamed one */
    bool events, broken;
    bool delivered; /* by us, to the end */
    int status;
    struct headers headers, trailers;
    const void *bytes;
    size_t size;
    char *owned;   /* to be freed */
    uint64_t sent; /* bytes of a streamed body */
};

struct request {
    struct http_server *server;
    struct connection *connection;
    struct MHD_Connection *raw; /* only for the connection's thread */
    struct arena *arena;
    const struct route *route; /* NULL: none matched */
    bool seen;                 /* the first call was made */
    int64_t started;
    char id[64];
    enum lang lang;
    const char *method, *target, *raw_path, *path, *remote;
    bool http10;
    bool suspect;          /* its framing is doubtful: answer and close */
    struct headers fields; /* the request's headers, a copy */
    struct headers query, params;
    void *user;
    int64_t length;
    char *body;
    size_t body_size, body_room;
    struct cancel *cancel; /* made when asked for; guarded by the connection's mutex, as is the next */
    enum err_code cancel_reason;
    struct reply reply;
    struct MHD_Response *response;
    struct stream *stream; /* a streaming route's, once its handler runs */
};

struct request *request_new(struct http_server *server, struct connection *connection, const char *target);
void request_free(struct request *request);
/* Read and check what came with the headers; false: refuse with err. */
bool request_accept(struct request *request, const char *method, const char *version, size_t header_size,
                    struct err *err) MUST_CHECK;
bool request_has_body(const struct request *request);
void request_fire(struct request *request, enum err_code reason); /* takes the connection's mutex */
void request_fire_locked(struct request *request, enum err_code reason);
enum err_code request_fired(struct request *request); /* ERR_OK: not */

/* url.c: all text must be UTF-8 without NUL; false with VALIDATION_FAILED. */
bool url_decode(struct arena *arena, const char *text, size_t length, bool plus, const char **decoded,
                struct err *err) MUST_CHECK;
bool url_parse_query(struct arena *arena, const char *text, struct headers *query, struct err *err) MUST_CHECK;
const char *cookie_find(struct arena *arena, const char *header, const char *name);
const char *headers_find(const struct headers *headers, const char *name); /* case-insensitive */
void headers_add(struct arena *arena, struct headers *headers, const char *name, const char *value);
bool header_name_valid(const char *name);
bool header_value_valid(const char *value);

/* router.c: NOT_FOUND, METHOD_NOT_ALLOWED, VALIDATION_FAILED; fills route and params. */
bool router_match(struct request *request, struct err *err) MUST_CHECK;
const char *router_allowed(struct request *request); /* "GET, POST" */

/* exchange.c: libmicrohttpd's callbacks */
void *exchange_begin(void *server, const char *target, struct MHD_Connection *raw);
enum MHD_Result exchange_step(void *server, struct MHD_Connection *raw, const char *url, const char *method,
                              const char *version, const char *bytes, size_t *size, void **context);
void exchange_end(void *server, struct MHD_Connection *raw, void **context, enum MHD_RequestTerminationCode code);

/* ---- Replies ----------------------------------------------------------------------------------------------------- */

/* The headers that every reply has, where the handler did not say otherwise. */
extern const struct header reply_standard_headers[];
extern const size_t reply_standard_header_count;

void reply_finish_headers(struct request *request, const char *type);
/* Hand the reply to libmicrohttpd; with a reader: streamed. */
enum MHD_Result reply_queue(struct request *request, MHD_ContentReaderCallback reader, void *context);

/* direct.c: the reply written to the socket by us, then our side shut down. False when the client does not take it in
 * time. */
bool direct_send(struct connection *connection, const struct iovec *parts, int count);
bool direct_head(struct request *request, bool chunked);
void direct_reply(struct request *request);

/* ---- Streaming routes -------------------------------------------------------------------------------------------- */

/* stream.c, for the connection's thread */
bool stream_start(struct request *request, bool complete, struct err *err) MUST_CHECK; /* complete: there is no body */
bool stream_feed(struct request *request, const char *bytes, size_t size);             /* false: close the connection */
enum MHD_Result stream_answer(struct request *request); /* the body is complete: wait for the reply and queue it */
void stream_end(struct request *request); /* the connection is done with it: stop the handler, wait for it */
void stream_free(struct stream *stream);  /* NULL is ignored */

/* stream.c, for the handler's thread */
ssize_t stream_read(struct stream *stream, void *buffer, size_t size, struct err *err) MUST_CHECK;
bool stream_begin(struct stream *stream, struct err *err) MUST_CHECK;
int stream_reply_fd(const struct stream *stream);
bool stream_write(struct stream *stream, const void *bytes, size_t size, struct err *err) MUST_CHECK;

/* packets.c: from the handler to the client. A packet is one write() to reply_fd(). */
struct packets {
    struct request *request;
    int in, out;        /* the handler writes `in`; `out` is read by whoever serves the client */
    _Atomic bool ended; /* the handler has returned */
    char *carry;        /* a packet that did not fit at once */
    size_t carry_at, carry_size;
};

bool packets_open(struct packets *packets, struct request *request, struct err *err) MUST_CHECK;
void packets_close(struct packets *packets);
ssize_t packets_read(void *packets, uint64_t position, char *buffer, size_t size); /* libmicrohttpd's content reader */
void packets_pump(struct packets *packets);                                        /* the whole reply, written by us */

#endif
