#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG 511
/* libmicrohttpd keeps a request's headers and makes the reply's chunks here: a chunk of REPLY_WRITE_MAX fits beside
 * headers of a usual size (beside larger ones it is split, see stream.c). HEADER_BYTES_MAX is checked by us. */
#define CONNECTION_MEMORY (80 * KIB)
#define FDS_PER_CONNECTION 6 /* socket, cancel, two for the body, two for the reply */
#define FDS_FOR_OTHERS 256
#define STOP_GRACE_MS 3000 /* for handlers to end by themselves and for clients to take their last bytes */

/* ---- Listening --------------------------------------------------------------------------------------------------- */

static int listen_on(const struct addrinfo *address)
{
    int one = 1, zero = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero); /* "::" takes IPv4 too */
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static bool open_listener(struct http_server *server, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char port[16];
    snprintf(port, sizeof port, "%d", server->options.port);
    int failed = getaddrinfo(server->options.host, port, &hints, &found);
    if (failed != 0)
        return err_set(err, ERR_SYSTEM, "the address %s: %s", server->options.host, gai_strerror(failed));
    server->listener = listen_on(found);
    if (server->listener < 0)
        err_errno(err, ERR_SYSTEM, "listening on %s port %s", server->options.host, port);
    freeaddrinfo(found);
    if (server->listener < 0)
        return false;
    if (getsockname(server->listener, (struct sockaddr *)&bound, &size) != 0)
        return err_errno(err, ERR_SYSTEM, "getsockname");
    server->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                     : ((struct sockaddr_in *)&bound)->sin_port);
    return true;
}

/* Every connection must find its descriptors: raise the process's limit, or accept fewer. */
static void fit_descriptors(struct http_server *server)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)server->options.max_connections * FDS_PER_CONNECTION + FDS_FOR_OTHERS;
    server->max_connections = server->options.max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return;
    limit.rlim_cur = MIN(need, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= need)
        return;
    server->max_connections = MAX(1, ((int)limit.rlim_cur - FDS_FOR_OTHERS) / FDS_PER_CONNECTION);
    log_event(LOG_WARN, "http.few_descriptors", "{s:i, s:i}", "wanted", server->options.max_connections,
              "max_connections", server->max_connections);
}

/* ---- Accepting --------------------------------------------------------------------------------------------------- */

static bool take_place(struct http_server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool free_place = server->open < server->max_connections;
    server->open += free_place;
    pthread_mutex_unlock(&server->mutex);
    return free_place;
}

/* False when there is nobody to accept. */
static bool accept_one(struct http_server *server)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    int fd = accept4(server->listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
        log_event(LOG_ERROR, "http.accept", "{s:s}", "error", strerror(errno));
        struct pollfd wake = {.fd = server->wake, .events = POLLIN};
        (void)poll(&wake, 1, 100); /* they wait in the backlog meanwhile */
        return false;
    }
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED;
    if (!take_place(server))
        farewell_refuse(server->farewell, fd);
    else if (MHD_add_connection(server->daemon, fd, (struct sockaddr *)&from, size) != MHD_YES)
        log_event(LOG_ERROR, "http.add_connection", "{s:s}", "error", strerror(errno));
    return true;
}

static bool has_ended(struct http_server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool ended = server->ended;
    pthread_mutex_unlock(&server->mutex);
    return ended;
}

static void *acceptor_main(void *argument)
{
    struct http_server *server = argument;
    struct pollfd fds[2 + FAREWELL_MAX];
    while (!has_ended(server)) {
        eventfd_t ignored;
        fds[0] = (struct pollfd){.fd = server->wake, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = server_stopping(server) ? -1 : server->listener, .events = POLLIN};
        size_t parting = farewell_poll(server->farewell, fds + 2);
        (void)poll(fds, 2 + parting, parting > 0 ? 100 : -1);
        if (fds[0].revents != 0)
            (void)eventfd_read(server->wake, &ignored);
        farewell_sweep(server->farewell);
        if (fds[1].fd >= 0 && fds[1].revents != 0)
            for (int i = 0; i < BACKLOG && accept_one(server); i++)
                continue;
    }
    return NULL;
}

/* ---- Start and stop ---------------------------------------------------------------------------------------------- */

bool server_stopping(struct http_server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->mutex);
    return stopping;
}

void server_count_request(struct http_server *server, int change)
{
    pthread_mutex_lock(&server->mutex);
    server->requests += change;
    if (server->stopping)
        pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

static PRINTF_LIKE(2, 0) void log_library(void *unused, const char *format, va_list args)
{
    char text[512];
    (void)unused;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_event(LOG_DEBUG, "http.library", "{s:s}", "text", text);
}

/* The target stays as it came: url.c decodes it, strictly. */
static size_t keep_escapes(void *unused, struct MHD_Connection *raw, char *text)
{
    (void)unused;
    (void)raw;
    return strlen(text);
}

static bool start_daemon(struct http_server *server, struct err *err)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL
                     | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_step, server, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, server, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, server,
        MHD_OPTION_NOTIFY_CONNECTION, connection_notify, server, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE,
        /* Ours is lower, so that this one is never met: libmicrohttpd closes without a word. */
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->max_connections + 1024, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    return server->daemon != NULL || err_set(err, ERR_SYSTEM, "libmicrohttpd does not start");
}

static bool start_threads(struct http_server *server, struct err *err)
{
    if (pthread_create(&server->sweeper, NULL, sweeper_main, server) != 0)
        return err_set(err, ERR_SYSTEM, "no thread for the sweeper");
    if (pthread_create(&server->acceptor, NULL, acceptor_main, server) == 0)
        return true;
    pthread_mutex_lock(&server->mutex);
    server->ended = true;
    pthread_cond_broadcast(&server->ending);
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->sweeper, NULL);
    return err_set(err, ERR_SYSTEM, "no thread to accept connections");
}

static struct http_server *server_new(const struct http_options *options)
{
    struct http_server *server = calloc(1, sizeof *server);
    pthread_condattr_t monotonic;
    if (server == NULL)
        abort();
    server->options = *options;
    server->listener = -1;
    int shortest = MIN(options->header_timeout_ms, MIN(options->idle_timeout_ms, options->client_timeout_ms));
    server->tick_ms = MIN(200, MAX(10, shortest / 5));
    server->farewell = farewell_new();
    pthread_mutex_init(&server->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_cond_init(&server->ending, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return server;
}

static void server_free(struct http_server *server)
{
    if (server->listener >= 0)
        close(server->listener);
    if (server->wake >= 0)
        close(server->wake);
    farewell_free(server->farewell);
    pthread_cond_destroy(&server->changed);
    pthread_cond_destroy(&server->ending);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

struct http_server *http_start(const struct http_options *options, struct err *err)
{
    struct http_server *server = server_new(options);
    sigset_t all, before;
    fit_descriptors(server);
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake < 0)
        err_errno(err, ERR_SYSTEM, "eventfd");
    /* Signals are the main thread's; in ours SIGPIPE must not end the process when a client or a handler is gone. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok =
        server->wake >= 0 && open_listener(server, err) && start_daemon(server, err) && start_threads(server, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ok)
        return server;
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    server_free(server);
    return NULL;
}

int http_port(const struct http_server *server)
{
    return server->port;
}

/* Tell every connection; with `force`, also cut those whose client or handler holds us up. */
static void stop_connections(struct http_server *server, bool force)
{
    for (struct connection *connection = server->connections; connection != NULL; connection = connection->next) {
        pthread_mutex_lock(&connection->mutex);
        bool serving = connection->phase == PHASE_OURS || connection->phase == PHASE_SENDING;
        if (!serving || force)
            connection_cut(connection, ERR_SHUTTING_DOWN);
        else if (connection->request != NULL)
            request_fire_locked(connection->request, ERR_SHUTTING_DOWN);
        pthread_mutex_unlock(&connection->mutex);
    }
}

static void wait_for_requests(struct http_server *server, int64_t until)
{
    struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    while (server->requests > 0 && pthread_cond_timedwait(&server->changed, &server->mutex, &at) != ETIMEDOUT)
        continue;
}

void http_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    shutdown(server->listener, SHUT_RDWR); /* refuses connections from now on; the acceptor still holds it */
    (void)eventfd_write(server->wake, 1);
    stop_connections(server, false);
    wait_for_requests(server, clock_mono_ms() + STOP_GRACE_MS);
    while (server->requests > 0) {
        stop_connections(server, true);
        wait_for_requests(server, clock_mono_ms() + 100);
    }
    server->ended = true;
    pthread_cond_broadcast(&server->ending);
    pthread_mutex_unlock(&server->mutex);

    (void)eventfd_write(server->wake, 1);
    pthread_join(server->acceptor, NULL);
    pthread_join(server->sweeper, NULL);
    MHD_stop_daemon(server->daemon);
    server_free(server);
}
