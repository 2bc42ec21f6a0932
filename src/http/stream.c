/* Bodies and replies that stream. Not covered: interrupted system calls, and pipes or threads that the kernel refuses.
 */
#include "http/internal.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct stream {
    struct request *request;
    pthread_t handler, pump;
    bool joined;
    int body_in, body_out; /* a pipe: the connection's thread feeds it, the handler reads; -1 without */
    struct packets packets;

    pthread_mutex_t mutex; /* guards the next three */
    bool complete;         /* the body has been fed to its end */
    bool direct;           /* the reply goes past libmicrohttpd: it began before the body's end */
    bool pumping;          /* and is a streamed one */
};

/* ---- The handler's thread ---------------------------------------------------------------------------------------- */

static bool claim_direct(struct stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    if (!stream->complete)
        stream->direct = true;
    bool direct = stream->direct;
    pthread_mutex_unlock(&stream->mutex);
    return direct;
}

static void finish(struct stream *stream)
{
    struct request *request = stream->request;
    if (!request->reply.given && !request->reply.begun) {
        struct err err;
        err_set(&err, ERR_INTERNAL_ERROR, "the handler gave no reply");
        reply_err(request, &err, NULL);
    }
    if (request->reply.given && claim_direct(stream))
        direct_reply(request);
    stream->packets.ended = true;
    shutdown(stream->packets.in, SHUT_WR); /* not close(): a child may still hold a copy */
    if (stream->pumping)
        pthread_join(stream->pump, NULL);
    if (stream->body_out >= 0)
        close(stream->body_out); /* who still feeds it learns that nobody reads */
    stream->body_out = -1;
}

static void *handler_main(void *argument)
{
    struct stream *stream = argument;
    log_set_request(stream->request->id);
    stream->request->route->handle(stream->request);
    finish(stream);
    return NULL;
}

static void *pump_main(void *argument)
{
    struct stream *stream = argument;
    log_set_request(stream->request->id);
    packets_pump(&stream->packets);
    return NULL;
}

static bool start_thread(pthread_t *thread, void *(*run)(void *), struct stream *stream, struct err *err)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int failed = pthread_create(thread, &attributes, run, stream);
    pthread_attr_destroy(&attributes);
    errno = failed;
    return failed == 0 || err_errno(err, ERR_SYSTEM, "starting a thread");
}

ssize_t stream_read(struct stream *stream, void *buffer, size_t size, struct err *err)
{
    struct cancel *cancel = request_cancel(stream->request);
    if (stream->body_out < 0)
        return 0;
    for (;;) {
        if (cancel_poll(cancel, stream->body_out, POLLIN, -1, err) < 0)
            return -1;
        ssize_t got = read(stream->body_out, buffer, size);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0)
            err_errno(err, ERR_SYSTEM, "reading the body");
        /* A body that breaks off ends too; then the cancel was fired first. */
        if (got == 0 && !cancel_check(cancel, err))
            return -1;
        return got;
    }
}

bool stream_begin(struct stream *stream, struct err *err)
{
    bool direct = claim_direct(stream);
    if (direct && !start_thread(&stream->pump, pump_main, stream, err))
        return false;
    stream->pumping = direct;
    stream->request->reply.begun = true;
    if (direct)
        return true;
    /* Wakes the connection's thread, see await_reply(). */
    if (send(stream->packets.in, "", 1, MSG_NOSIGNAL) == 1)
        return true;
    return err_set(err, ERR_CANCELLED, "the client is gone");
}

int stream_reply_fd(const struct stream *stream)
{
    return stream->packets.in;
}

#define LAST_WORDS_MS 1000

/* One packet (more when it is over REPLY_WRITE_MAX). After a cancel the client may still be told, but is not waited for
 * long. */
bool stream_write(struct stream *stream, const void *bytes, size_t size, struct err *err)
{
    struct cancel *cancel = request_cancel(stream->request);
    const char *at = bytes;
    while (size > 0) {
        struct err ignored;
        ssize_t sent = send(stream->packets.in, at, MIN(size, REPLY_WRITE_MAX), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) {
            if (cancel_poll(cancel, stream->packets.in, POLLOUT, -1, err) < 0
                && cancel_poll(NULL, stream->packets.in, POLLOUT, LAST_WORDS_MS, &ignored) <= 0)
                return false;
            continue;
        }
        if (sent < 0 && errno != EINTR)
            return err_errno(err, ERR_CANCELLED, "the client is gone");
        at += MAX(sent, 0);
        size -= (size_t)MAX(sent, 0);
    }
    return true;
}

/* ---- The connection's thread ------------------------------------------------------------------------------------- */

bool stream_start(struct request *request, bool complete, struct err *err)
{
    struct stream *stream = calloc(1, sizeof *stream);
    int body[2] = {-1, -1};
    if (stream == NULL)
        abort();
    stream->request = request;
    stream->complete = complete;
    stream->packets.in = stream->packets.out = -1;
    stream->joined = true;
    pthread_mutex_init(&stream->mutex, NULL);
    bool ok = complete || pipe2(body, O_CLOEXEC | O_NONBLOCK) == 0 || err_errno(err, ERR_SYSTEM, "pipe");
    stream->body_out = body[0];
    stream->body_in = body[1];
    request->stream = stream;
    ok = ok && packets_open(&stream->packets, request, err);
    stream->joined = !ok || !start_thread(&stream->handler, handler_main, stream, err);
    if (!stream->joined)
        return true;
    request->stream = NULL;
    if (stream->body_out >= 0)
        close(stream->body_out);
    stream_free(stream);
    return false;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->body_in >= 0)
        close(stream->body_in);
    packets_close(&stream->packets);
    pthread_mutex_destroy(&stream->mutex);
    free(stream);
}

bool stream_feed(struct request *request, const char *bytes, size_t size)
{
    struct stream *stream = request->stream;
    while (size > 0) {
        ssize_t written = write(stream->body_in, bytes, size);
        if (written >= 0) {
            bytes += written;
            size -= (size_t)written;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return false; /* the handler has answered and wants no more */
        struct pollfd fds[2] = {{.fd = stream->body_in, .events = POLLOUT},
                                {.fd = request->connection->fd, .events = POLLRDHUP}};
        if (poll(fds, 2, -1) > 0 && fds[1].revents != 0) {
            request_fire(request, ERR_CANCELLED);
            return false;
        }
    }
    return true;
}

static void join_handler(struct stream *stream)
{
    if (!stream->joined)
        pthread_join(stream->handler, NULL);
    stream->joined = true;
}

/* Wait until the handler began a streamed reply or returned; false when the client left first. */
static bool await_reply(struct stream *stream)
{
    struct pollfd fds[2] = {{.fd = stream->packets.out, .events = POLLIN},
                            {.fd = stream->request->connection->fd, .events = POLLRDHUP}};
    for (;;) {
        char mark;
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents != 0)
            return false;
        if (fds[0].revents != 0) {
            (void)recv(stream->packets.out, &mark, 1, MSG_DONTWAIT);
            return true;
        }
    }
}

enum MHD_Result stream_answer(struct request *request)
{
    struct stream *stream = request->stream;
    pthread_mutex_lock(&stream->mutex);
    stream->complete = true;
    bool direct = stream->direct;
    pthread_mutex_unlock(&stream->mutex);
    if (stream->body_in >= 0)
        close(stream->body_in);
    stream->body_in = -1;
    if (direct) {
        join_handler(stream);
        return MHD_NO;
    }
    if (!await_reply(stream)) {
        request_fire(request, ERR_CANCELLED);
        return MHD_NO;
    }
    /* libmicrohttpd would send the last chunk of a body that HEAD does not have. */
    if (request->reply.begun && strcmp(request->method, "HEAD") == 0) {
        request->reply.delivered = direct_head(request, true);
        return MHD_NO;
    }
    if (request->reply.begun)
        return reply_queue(request, packets_read, &stream->packets);
    join_handler(stream);
    return reply_queue(request, NULL, NULL);
}

void stream_end(struct request *request)
{
    struct stream *stream = request->stream;
    if (!stream->packets.ended)
        request_fire(request, ERR_CANCELLED);
    if (stream->body_in >= 0)
        close(stream->body_in); /* after the cancel: the handler must not take it for the body's end */
    stream->body_in = -1;
    pthread_mutex_lock(&stream->mutex);
    bool direct = stream->direct;
    pthread_mutex_unlock(&stream->mutex);
    if (!direct)
        shutdown(stream->packets.out, SHUT_RDWR); /* ends a write() that waits */
    join_handler(stream);
}
