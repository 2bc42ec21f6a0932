/* The sweeper: a thread that looks at every connection now and then and cuts those whose client is too slow.
 *
 * libmicrohttpd has an idle timeout only, which any single byte resets, and none while a callback runs. Here the time
 * counts that is spent waiting for the client; time that our own handlers take is not the client's fault.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>

static const char timeout_reply[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/* Reading: only that side is shut, so that a reply can still say why. Writing: reset, or the kernel would keep what is
 * unsent. */
void connection_cut(struct connection *connection, enum err_code reason)
{
    if (connection->cut)
        return;
    if (connection->request != NULL)
        request_fire_locked(connection->request, reason);
    if (connection->phase == PHASE_BODY) {
        shutdown(connection->fd, SHUT_RD);
        return;
    }
    connection->cut = true;
    if (connection->phase == PHASE_SENDING || connection->phase == PHASE_OURS) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    shutdown(connection->fd, SHUT_RDWR);
}

/* Bytes must move within every client_timeout_ms of waiting, and CLIENT_MIN_BYTES of them. */
static bool is_too_slow(struct connection *connection, int64_t now)
{
    struct watch *watch = &connection->watch;
    int64_t limit = connection->server->options.client_timeout_ms;
    int64_t waited = watch->waited + now - connection->since;
    uint64_t bytes = connection->phase == PHASE_BODY ? connection->body_bytes : socket_acked(connection->fd);
    if (!watch->started) {
        watch->started = true;
        watch->moved_bytes = watch->window_bytes = connection->phase == PHASE_BODY ? 0 : bytes;
    }
    if (bytes != watch->moved_bytes) {
        watch->moved_bytes = bytes;
        watch->moved_at = waited;
    }
    if (waited - watch->moved_at >= limit)
        return true;
    if (waited - watch->window_at < limit)
        return false;
    bool slow = bytes - watch->window_bytes < CLIENT_MIN_BYTES;
    watch->window_at = waited;
    watch->window_bytes = bytes;
    return slow;
}

static void cut_slow(struct connection *connection, enum err_code reason, const char *while_doing)
{
    log_event(LOG_INFO, "http.slow_client", "{s:s, s:s}", "remote", connection->peer, "while", while_doing);
    connection_cut(connection, reason);
}

static void sweep_headers(struct connection *connection, int64_t now)
{
    if (now - connection->since < connection->server->options.header_timeout_ms)
        return;
    if (connection->phase == PHASE_HEADERS || socket_received(connection->fd) > 0) {
        ssize_t ignored = send(connection->fd, timeout_reply, sizeof timeout_reply - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)ignored;
    }
    cut_slow(connection, ERR_REQUEST_TIMEOUT, "headers");
}

static void sweep_idle(struct connection *connection, int64_t now)
{
    if (socket_received(connection->fd) != connection->idle_bytes) {
        connection->phase = PHASE_HEADERS;
        connection->since = now;
    } else if (now - connection->since >= connection->server->options.idle_timeout_ms) {
        connection_cut(connection, ERR_REQUEST_TIMEOUT);
    }
}

/* A plain handler runs in the thread that would see its client leave; a streaming reply waits inside libmicrohttpd. */
static void sweep_leavers(struct connection *connection)
{
    struct request *request = connection->request;
    if (request == NULL || !connection_client_left(connection))
        return;
    if (connection->phase == PHASE_OURS && request->cancel != NULL)
        request_fire_locked(request, ERR_CANCELLED);
    if (connection->phase == PHASE_SENDING && request->stream != NULL)
        connection_cut(connection, ERR_CANCELLED);
}

static void sweep_one(struct connection *connection, int64_t now)
{
    pthread_mutex_lock(&connection->mutex);
    switch (connection->cut ? PHASE_OURS : connection->phase) {
    case PHASE_NEW:
    case PHASE_HEADERS:
        sweep_headers(connection, now);
        break;
    case PHASE_IDLE:
        sweep_idle(connection, now);
        break;
    case PHASE_BODY:
        if (connection->request->cancel_reason == ERR_OK && is_too_slow(connection, now))
            cut_slow(connection, ERR_REQUEST_TIMEOUT, "body");
        break;
    case PHASE_SENDING:
        if (is_too_slow(connection, now))
            cut_slow(connection, ERR_CANCELLED, "reply");
        else
            sweep_leavers(connection);
        break;
    case PHASE_OURS:
        sweep_leavers(connection);
        break;
    }
    pthread_mutex_unlock(&connection->mutex);
}

void *sweeper_main(void *argument)
{
    struct http_server *server = argument;
    pthread_mutex_lock(&server->mutex);
    while (!server->ended) {
        int64_t now = clock_mono_ms();
        for (struct connection *connection = server->connections; connection != NULL; connection = connection->next)
            sweep_one(connection, now);
        int64_t until = now + server->tick_ms;
        struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
        while (!server->ended && pthread_cond_timedwait(&server->ending, &server->mutex, &at) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}
