/* A streamed reply's way from the handler to the client: a SOCK_SEQPACKET pair, which keeps what one write() wrote
 * together.
 *
 * Whoever serves the client waits for a packet and for the client's end at once, so that a client that leaves is seen
 * within milliseconds also while the handler is silent.
 */
#include "http/internal.h"

#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#define SILENCE_MS 10000 /* then a comment keeps proxies from closing a stream of events */
#define BUFFER_SIZE ((int)(2 * REPLY_WRITE_MAX))

static const char comment[] = ":\n\n";

bool packets_open(struct packets *packets, struct request *request, struct err *err)
{
    int ends[2], size = BUFFER_SIZE;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return err_errno(err, ERR_SYSTEM, "socketpair");
    packets->request = request;
    packets->out = ends[0];
    packets->in = ends[1];
    setsockopt(packets->in, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return true;
}

void packets_close(struct packets *packets)
{
    if (packets->in >= 0)
        close(packets->in);
    if (packets->out >= 0)
        close(packets->out);
    free(packets->carry);
}

static ssize_t give_carried(struct packets *packets, char *buffer, size_t size)
{
    size_t length = MIN(size, packets->carry_size - packets->carry_at);
    memcpy(buffer, packets->carry + packets->carry_at, length);
    packets->carry_at += length;
    return (ssize_t)length;
}

/* A packet into the buffer or, when that is too small for any packet, beside it. As recv(). */
static ssize_t receive(struct packets *packets, char *buffer, size_t size)
{
    if (size >= REPLY_WRITE_MAX)
        return recv(packets->out, buffer, REPLY_WRITE_MAX, MSG_DONTWAIT | MSG_TRUNC);
    if (packets->carry == NULL && (packets->carry = malloc(REPLY_WRITE_MAX)) == NULL)
        abort();
    ssize_t got = recv(packets->out, packets->carry, REPLY_WRITE_MAX, MSG_DONTWAIT | MSG_TRUNC);
    if (got <= 0 || (size_t)got > REPLY_WRITE_MAX)
        return got;
    packets->carry_at = 0;
    packets->carry_size = (size_t)got;
    return give_carried(packets, buffer, size);
}

/* 1 a packet may be there, 0 the silence is to be broken, -1 the client has left. */
static int wait_for_packet(struct packets *packets)
{
    struct pollfd fds[2] = {{.fd = packets->out, .events = POLLIN},
                            {.fd = packets->request->connection->fd, .events = POLLRDHUP}};
    int ready = poll(fds, 2, packets->request->reply.events ? SILENCE_MS : -1);
    if (ready < 0)
        return errno == EINTR ? 1 : -1;
    bool abandoned = (fds[0].revents & POLLHUP) != 0; /* stream_end() shut it */
    return fds[1].revents != 0 || abandoned ? -1 : ready;
}

/* The next bytes for the client: their count, 0 at the reply's end, -1 when it must be broken off. */
static ssize_t next_bytes(struct packets *packets, char *buffer, size_t size)
{
    if (packets->carry_at < packets->carry_size)
        return give_carried(packets, buffer, size);
    for (;;) {
        bool ended = packets->ended; /* before recv(): whatever was written is in the queue by now */
        ssize_t got = receive(packets, buffer, size);
        if (got > (ssize_t)REPLY_WRITE_MAX) {
            log_event(LOG_ERROR, "http.packet_too_large", "{s:I}", "bytes", (json_int_t)got);
            return -1;
        }
        if (got > 0)
            return got;
        if (got == 0 && ended)
            return packets->request->reply.broken ? -1 : 0;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
        int ready = wait_for_packet(packets);
        if (ready < 0) {
            request_fire(packets->request, ERR_CANCELLED);
            return -1;
        }
        if (ready == 0) {
            size_t length = MIN(size, sizeof comment - 1);
            memcpy(buffer, comment, length);
            return (ssize_t)length;
        }
    }
}

/* Towards HTTP/1.0 the end of the connection is the end of the body, so only a reset can tell that it is not complete.
 */
static void break_off(struct request *request)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    if (request->http10)
        (void)connect(request->connection->fd, &none, sizeof none);
}

/* ---- Through libmicrohttpd --------------------------------------------------------------------------------------- */

static void add_trailers(struct packets *packets)
{
    const struct headers *trailers = &packets->request->reply.trailers;
    for (size_t i = 0; i < trailers->count; i++)
        MHD_add_response_footer(packets->request->response, trailers->items[i].name, trailers->items[i].value);
}

ssize_t packets_read(void *argument, uint64_t position, char *buffer, size_t size)
{
    struct packets *packets = argument;
    struct request *request = packets->request;
    (void)position;
    connection_enter(request->connection);
    ssize_t got = next_bytes(packets, buffer, size);
    if (got > 0)
        request->reply.sent += (uint64_t)got;
    else if (got == 0)
        add_trailers(packets);
    else
        break_off(request);
    connection_leave(request->connection, PHASE_SENDING);
    return got > 0 ? got : got == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* ---- By ourselves ------------------------------------------------------------------------------------------------ */

static bool send_chunk(struct request *request, char *bytes, size_t size)
{
    char head[16];
    static char tail[] = "\r\n";
    if (request->http10) {
        struct iovec part = {.iov_base = bytes, .iov_len = size};
        return direct_send(request->connection, &part, 1);
    }
    int length = snprintf(head, sizeof head, "%zx\r\n", size);
    struct iovec parts[3] = {{.iov_base = head, .iov_len = (size_t)length},
                             {.iov_base = bytes, .iov_len = size},
                             {.iov_base = tail, .iov_len = 2}};
    return direct_send(request->connection, parts, 3);
}

static bool send_end(struct request *request)
{
    char *text = NULL;
    size_t length = 0;
    if (request->http10)
        return true;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        abort();
    fprintf(out, "0\r\n");
    for (size_t i = 0; i < request->reply.trailers.count; i++)
        fprintf(out, "%s: %s\r\n", request->reply.trailers.items[i].name, request->reply.trailers.items[i].value);
    fprintf(out, "\r\n");
    fclose(out);
    struct iovec part = {.iov_base = text, .iov_len = length};
    bool ok = direct_send(request->connection, &part, 1);
    free(text);
    return ok;
}

void packets_pump(struct packets *packets)
{
    struct request *request = packets->request;
    char *buffer = malloc(REPLY_WRITE_MAX);
    ssize_t got = 1;
    if (buffer == NULL)
        abort();
    bool ok = direct_head(request, !request->http10);
    while (ok && got > 0) {
        got = next_bytes(packets, buffer, REPLY_WRITE_MAX);
        if (got > 0) {
            ok = send_chunk(request, buffer, (size_t)got);
            request->reply.sent += (uint64_t)got;
        }
    }
    ok = ok && got == 0 && send_end(request);
    request->reply.delivered = ok;
    free(buffer);
    if (!ok) {
        request_fire(request, ERR_CANCELLED);
        shutdown(packets->out, SHUT_RDWR); /* the handler's write() must not wait for us */
        break_off(request);
    }
    shutdown(request->connection->fd, SHUT_WR);
}
