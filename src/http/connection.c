#include "http/internal.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <linux/tcp.h> /* glibc's struct tcp_info ends before the counters of bytes */
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct tcp_info read_counters(int fd)
{
    struct tcp_info counters = {0};
    socklen_t size = sizeof counters;
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &counters, &size);
    return counters;
}

uint64_t socket_received(int fd)
{
    return read_counters(fd).tcpi_bytes_received;
}

uint64_t socket_acked(int fd)
{
    return read_counters(fd).tcpi_bytes_acked;
}

bool connection_client_left(const struct connection *connection)
{
    struct pollfd fd = {.fd = connection->fd, .events = POLLRDHUP};
    return poll(&fd, 1, 0) > 0;
}

static void name_peer(struct connection *connection, const struct sockaddr *address)
{
    const void *bytes = NULL;
    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
    if (bytes == NULL || inet_ntop(address->sa_family, bytes, connection->peer, sizeof connection->peer) == NULL)
        snprintf(connection->peer, sizeof connection->peer, "unknown");
}

static struct connection *connection_new(struct http_server *server, struct MHD_Connection *raw)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        abort();
    connection->server = server;
    connection->fd = MHD_get_connection_info(raw, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    connection->phase = PHASE_NEW;
    connection->since = clock_mono_ms();
    name_peer(connection, MHD_get_connection_info(raw, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    pthread_mutex_init(&connection->mutex, NULL);

    pthread_mutex_lock(&server->mutex);
    connection->next = server->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    server->connections = connection;
    pthread_mutex_unlock(&server->mutex);
    return connection;
}

static bool has_unread_input(int fd)
{
    int waiting = 0;
    return ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

/* libmicrohttpd tells no end of a request that it refuses between its first line and the end of its headers (too many
 * parameters or cookies for its memory). */
void connection_end_request(struct connection *connection, struct MHD_Connection *raw)
{
    void *request = connection->request;
    exchange_end(connection->server, raw, &request, MHD_REQUEST_TERMINATED_WITH_ERROR);
}

/* Called before libmicrohttpd closes the socket, and after the connection's thread has ended. Closing a socket with
 * input that nobody read resets it, and the client may never see its reply: a duplicate keeps it open for a moment. */
static void connection_free(struct connection *connection, struct MHD_Connection *raw)
{
    struct http_server *server = connection->server;
    connection_end_request(connection, raw);
    pthread_mutex_lock(&server->mutex);
    if (connection->previous == NULL)
        server->connections = connection->next;
    else
        connection->previous->next = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    server->open--;
    bool gentle = !connection->cut && !server->ended;
    pthread_mutex_unlock(&server->mutex);

    if (gentle && (connection->unread || has_unread_input(connection->fd))) {
        int fd = dup(connection->fd);
        if (fd >= 0)
            farewell_add(server->farewell, fd);
        (void)eventfd_write(server->wake, 1);
    }
    pthread_mutex_destroy(&connection->mutex);
    free(connection);
}

void connection_notify(void *server, struct MHD_Connection *raw, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = connection_new(server, raw);
    else
        connection_free(*context, raw);
}

struct connection *connection_of(struct MHD_Connection *raw)
{
    return MHD_get_connection_info(raw, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static bool is_waiting(enum phase phase)
{
    return phase == PHASE_BODY || phase == PHASE_SENDING;
}

void connection_enter(struct connection *connection)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&connection->mutex);
    if (is_waiting(connection->phase))
        connection->watch.waited += now - connection->since;
    connection->phase = PHASE_OURS;
    connection->since = now;
    pthread_mutex_unlock(&connection->mutex);
}

void connection_leave(struct connection *connection, enum phase phase)
{
    pthread_mutex_lock(&connection->mutex);
    if (phase != connection->watched)
        connection->watch = (struct watch){0};
    connection->watched = phase;
    connection->phase = phase;
    connection->since = clock_mono_ms();
    pthread_mutex_unlock(&connection->mutex);
}

void connection_count_body(struct connection *connection, size_t size)
{
    pthread_mutex_lock(&connection->mutex);
    connection->body_bytes += size;
    pthread_mutex_unlock(&connection->mutex);
}

void connection_set_unread(struct connection *connection, bool unread)
{
    pthread_mutex_lock(&connection->mutex);
    connection->unread = unread;
    pthread_mutex_unlock(&connection->mutex);
}

void connection_set_request(struct connection *connection, struct request *request)
{
    pthread_mutex_lock(&connection->mutex);
    connection->request = request;
    connection->watch = (struct watch){0};
    connection->body_bytes = 0;
    if (request == NULL) {
        connection->phase = PHASE_IDLE;
        connection->idle_bytes = socket_received(connection->fd);
        connection->since = clock_mono_ms();
    } else if (connection->phase == PHASE_IDLE) {
        connection->phase = PHASE_HEADERS;
        connection->since = clock_mono_ms();
    }
    pthread_mutex_unlock(&connection->mutex);
}
