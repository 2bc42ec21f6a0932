#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define FAREWELL_MS 1500
#define DRAIN_PER_ROUND (1 * MIB)

struct parting {
    int fd;
    int64_t until;
};

struct farewell {
    pthread_mutex_t mutex;
    struct parting items[FAREWELL_MAX]; /* oldest first */
    size_t count;
};

struct farewell *farewell_new(void)
{
    struct farewell *farewell = calloc(1, sizeof *farewell);
    if (farewell == NULL)
        abort();
    pthread_mutex_init(&farewell->mutex, NULL);
    return farewell;
}

static void drop(struct farewell *farewell, size_t index)
{
    close(farewell->items[index].fd);
    farewell->count--;
    memmove(farewell->items + index, farewell->items + index + 1, (farewell->count - index) * sizeof *farewell->items);
}

void farewell_free(struct farewell *farewell)
{
    while (farewell->count > 0)
        drop(farewell, farewell->count - 1);
    pthread_mutex_destroy(&farewell->mutex);
    free(farewell);
}

void farewell_add(struct farewell *farewell, int fd)
{
    shutdown(fd, SHUT_WR);
    pthread_mutex_lock(&farewell->mutex);
    if (farewell->count == FAREWELL_MAX)
        drop(farewell, 0);
    farewell->items[farewell->count++] = (struct parting){.fd = fd, .until = clock_mono_ms() + FAREWELL_MS};
    pthread_mutex_unlock(&farewell->mutex);
}

void farewell_refuse(struct farewell *farewell, int fd)
{
    struct err err;
    char id[17], text[ERR_TEXT_SIZE], body[1024], reply[2048];
    err_set(&err, ERR_TOO_MANY_CONNECTIONS, "%s", "");
    err_text(&err, LANG_ZH, text);
    text_random(id, sizeof id - 1);
    int size = snprintf(body, sizeof body, "{\"error\":\"%s\",\"code\":\"%s\",\"requestId\":\"%s\"}", text,
                        err_name(err.code), id);
    int length = snprintf(reply, sizeof reply,
                          "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: " RETRY_AFTER "\r\n"
                          "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-store\r\n"
                          "X-Request-Id: %s\r\nContent-Length: %d\r\n",
                          id, size);
    for (size_t i = 0; i < reply_standard_header_count; i++)
        length += snprintf(reply + length, sizeof reply - (size_t)length, "%s: %s\r\n", reply_standard_headers[i].name,
                           reply_standard_headers[i].value);
    length += snprintf(reply + length, sizeof reply - (size_t)length, "\r\n%s", body);
    /* A fresh socket's buffer has room for it. */
    ssize_t ignored = send(fd, reply, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    log_event(LOG_WARN, "http.too_many_connections", NULL);
    farewell_add(farewell, fd);
}

size_t farewell_poll(struct farewell *farewell, struct pollfd *fds)
{
    pthread_mutex_lock(&farewell->mutex);
    size_t count = farewell->count;
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = farewell->items[i].fd, .events = POLLIN};
    pthread_mutex_unlock(&farewell->mutex);
    return count;
}

/* Throw away what came; false when there is no more to come. */
static bool drain(int fd)
{
    for (size_t taken = 0; taken < DRAIN_PER_ROUND;) {
        ssize_t got = recv(fd, NULL, DRAIN_PER_ROUND, MSG_TRUNC | MSG_DONTWAIT); /* MSG_TRUNC: not even copied */
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (got < 0)
            return true;
        taken += (size_t)got;
    }
    return true;
}

void farewell_sweep(struct farewell *farewell)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&farewell->mutex);
    for (size_t i = farewell->count; i-- > 0;)
        if (!drain(farewell->items[i].fd) || now >= farewell->items[i].until)
            drop(farewell, i);
    pthread_mutex_unlock(&farewell->mutex);
}
