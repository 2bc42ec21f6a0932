/* Replies that we write to the socket ourselves, because libmicrohttpd takes no reply while a body still arrives.
 *
 * They always end the connection: `Connection: close`, our side is shut down, and what the client still sends is thrown
 * away for a while by farewell.c, so that it sees the reply instead of a reset.
 */
#include "http/internal.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <time.h>

/* The parts in one send where the socket has room, all of them within client_timeout_ms. */
bool direct_send(struct connection *connection, const struct iovec *parts, int count)
{
    struct iovec left[4];
    int64_t deadline = clock_mono_ms() + connection->server->options.client_timeout_ms;
    memcpy(left, parts, (size_t)count * sizeof *left);
    for (int first = 0; first < count;) {
        struct msghdr message = {.msg_iov = left + first, .msg_iovlen = (size_t)(count - first)};
        ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd fd = {.fd = connection->fd, .events = POLLOUT};
            int64_t wait = deadline - clock_mono_ms();
            if (wait <= 0 || poll(&fd, 1, (int)wait) == 0 || (fd.revents & (POLLERR | POLLHUP)) != 0)
                return false;
        } else if (sent < 0 && errno != EINTR) {
            return false;
        }
        size_t gone = sent < 0 ? 0 : (size_t)sent;
        for (; first < count && gone >= left[first].iov_len; first++)
            gone -= left[first].iov_len;
        if (first < count) {
            left[first].iov_base = (char *)left[first].iov_base + gone;
            left[first].iov_len -= gone;
        }
    }
    return true;
}

/* RFC 9110's form, independent of the locale. */
static void write_date(FILE *out)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm at;
    gmtime_r(&now, &at);
    fprintf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n", days + (ptrdiff_t)3 * at.tm_wday, at.tm_mday,
            months + (ptrdiff_t)3 * at.tm_mon, at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

static void write_head(FILE *out, const struct request *request, bool chunked)
{
    const struct reply *reply = &request->reply;
    const char *phrase = MHD_get_reason_phrase_for((unsigned)reply->status);
    fprintf(out, "HTTP/1.1 %d %s\r\n", reply->status, phrase == NULL ? "Unknown" : phrase);
    write_date(out);
    fprintf(out, "Connection: close\r\n");
    for (size_t i = 0; i < reply->headers.count; i++)
        fprintf(out, "%s: %s\r\n", reply->headers.items[i].name, reply->headers.items[i].value);
    if (chunked)
        fprintf(out, "Transfer-Encoding: chunked\r\n");
    else if (reply->given && reply->status != 204)
        fprintf(out, "Content-Length: %zu\r\n", reply->size);
    fprintf(out, "\r\n");
}

static bool send_head(struct request *request, bool chunked, const void *body, size_t size)
{
    char *head = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&head, &length);
    if (out == NULL)
        abort();
    write_head(out, request, chunked);
    fclose(out);
    struct iovec parts[2] = {{.iov_base = head, .iov_len = length}, {.iov_base = (void *)body, .iov_len = size}};
    bool ok = direct_send(request->connection, parts, size == 0 ? 1 : 2);
    free(head);
    return ok;
}

bool direct_head(struct request *request, bool chunked)
{
    return send_head(request, chunked, NULL, 0);
}

void direct_reply(struct request *request)
{
    const struct reply *reply = &request->reply;
    bool bodyless = strcmp(request->method, "HEAD") == 0 || reply->status == 204 || reply->status == 304;
    connection_set_unread(request->connection, true);
    bool sent = send_head(request, false, reply->bytes, bodyless ? 0 : reply->size);
    request->reply.delivered = sent;
    shutdown(request->connection->fd, sent ? SHUT_WR : SHUT_RDWR);
}
