/* hiredis serves as the codec of the protocol only; the socket is ours. Its own calls open descriptors that children
 * inherit, raise SIGPIPE, and limit the time of each read, not of a call. */
#include "net/redis.h"

#include "base/clock.h"
#include "base/text.h"
#include "net/lookup.h"
#include "net/redis_url.h"
#include "os/cancel.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 2000
#define COMMAND_TIMEOUT_MS 2000
#define BACK_OFF_MS 1000
#define REASON_SIZE 256

struct redis {
    pthread_mutex_t mutex; /* guards everything below */
    struct arena *arena;
    struct redis_url url;
    bool configured;
    int fd; /* -1: not connected */
    redisReader *reader;
    int64_t retry_at; /* monotonic; calls fail at once before */
    char reason[REASON_SIZE];
    struct lookup *lookup; /* NULL: none under way */
};

struct redis *redis_new(const char *url, struct err *err)
{
    struct arena *arena = arena_new();
    struct redis *redis = arena_alloc(arena, sizeof *redis);
    *redis = (struct redis){.arena = arena, .fd = -1, .configured = url != NULL && url[0] != '\0'};
    if (redis->configured && !redis_url_parse(url, arena, &redis->url, err)) {
        arena_free(arena);
        return NULL;
    }
    pthread_mutex_init(&redis->mutex, NULL);
    return redis;
}

bool redis_configured(const struct redis *redis)
{
    return redis->configured;
}

/* ---- The socket -------------------------------------------------------------------------------------------------- */

static void disconnect(struct redis *redis)
{
    if (redis->fd >= 0)
        close(redis->fd);
    if (redis->reader != NULL)
        redisReaderFree(redis->reader);
    redis->fd = -1;
    redis->reader = NULL;
}

static bool unavailable(struct err *err, const char *words)
{
    return err_set(err, ERR_REDIS_UNAVAILABLE, "%s", words);
}

static bool unavailable_errno(struct err *err, const char *doing, int reason)
{
    errno = reason;
    return err_errno(err, ERR_REDIS_UNAVAILABLE, "%s", doing);
}

/* Wait for the socket; false when the time is up. */
static bool wait_socket(int fd, short events, int64_t deadline, const char *doing, struct err *err)
{
    struct err ignored;
    int64_t left = deadline - clock_mono_ms();
    int ready = left <= 0 ? 0 : cancel_poll(NULL, fd, events, (int)left, &ignored);
    if (ready > 0)
        return true;
    return err_set(err, ERR_REDIS_UNAVAILABLE, "%s: no answer in time", doing);
}

static bool send_all(struct redis *redis, const char *bytes, size_t size, int64_t deadline, struct err *err)
{
    while (size > 0) {
        ssize_t sent = send(redis->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            if (!wait_socket(redis->fd, POLLOUT, deadline, "sending", err))
                return false;
            continue;
        }
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return unavailable_errno(err, "sending", errno);
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool receive(struct redis *redis, int64_t deadline, redisReply **answer, struct err *err)
{
    char buffer[16 * 1024];
    for (;;) {
        void *whole = NULL;
        if (redisReaderGetReply(redis->reader, &whole) != REDIS_OK)
            return err_set(err, ERR_REDIS_UNAVAILABLE, "the answer is not Redis's protocol: %s", redis->reader->errstr);
        if (whole != NULL) {
            *answer = whole;
            return true;
        }
        if (!wait_socket(redis->fd, POLLIN, deadline, "waiting for the answer", err))
            return false;
        ssize_t got = recv(redis->fd, buffer, sizeof buffer, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0)
            return got == 0 ? unavailable(err, "Redis closed the connection")
                            : unavailable_errno(err, "receiving", errno);
        redisReaderFeed(redis->reader, buffer, (size_t)got);
    }
}

/* One command and its answer, which the caller frees. False: the connection is of no more use. */
static bool exchange(struct redis *redis, const char *const *args, size_t count, redisReply **answer, struct err *err)
{
    char *command = NULL;
    int64_t deadline = clock_mono_ms() + COMMAND_TIMEOUT_MS;
    int size = redisFormatCommandArgv(&command, (int)count, (const char **)args, NULL);
    if (size < 0)
        abort(); /* out of memory */
    bool ok = send_all(redis, command, (size_t)size, deadline, err) && receive(redis, deadline, answer, err);
    sodium_memzero(command, (size_t)size); /* AUTH's holds the password */
    redisFreeCommand(command);
    return ok;
}

/* ---- Connecting -------------------------------------------------------------------------------------------------- */

/* Names are looked up in a thread, because getaddrinfo() has no time limit. When the time is up here, the lookup stays
 * for the next call to go on waiting for. */
static bool find_addresses(struct redis *redis, int64_t deadline, struct addrinfo **addresses, struct err *err)
{
    struct addrinfo numeric = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(redis->url.host, redis->url.port, &numeric, addresses) == 0)
        return true;
    if (redis->lookup == NULL && (redis->lookup = lookup_start(redis->url.host, redis->url.port, err)) == NULL)
        return err_wrap(err, "looking up the host");
    if (!wait_socket(lookup_fd(redis->lookup), POLLIN, deadline, "looking up the host", err))
        return false;
    int failed = lookup_take(redis->lookup, addresses);
    lookup_drop(redis->lookup);
    redis->lookup = NULL;
    if (failed != 0)
        return err_set(err, ERR_REDIS_UNAVAILABLE, "looking up the host: %s", gai_strerror(failed));
    return true;
}

static bool connect_to(struct redis *redis, const struct addrinfo *address, int64_t deadline, struct err *err)
{
    int failed = 0, on = 1;
    socklen_t size = sizeof failed;
    redis->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (redis->fd < 0)
        return unavailable_errno(err, "opening a socket", errno);
    if (connect(redis->fd, address->ai_addr, address->ai_addrlen) != 0) {
        if (errno != EINPROGRESS)
            return unavailable_errno(err, "connecting", errno);
        if (!wait_socket(redis->fd, POLLOUT, deadline, "connecting", err))
            return false;
        if (getsockopt(redis->fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0)
            return unavailable_errno(err, "connecting", failed);
    }
    setsockopt(redis->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(redis->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    redis->reader = redisReaderCreate();
    if (redis->reader == NULL)
        abort();
    return true;
}

/* Each address gets its share of the time that is left. */
static bool connect_any(struct redis *redis, struct err *err)
{
    struct addrinfo *addresses = NULL;
    int64_t deadline = clock_mono_ms() + CONNECT_TIMEOUT_MS;
    int left = 0;
    bool ok = false;
    if (!find_addresses(redis, deadline, &addresses, err))
        return false;
    for (const struct addrinfo *one = addresses; one != NULL; one = one->ai_next)
        left++;
    for (const struct addrinfo *one = addresses; one != NULL && !ok; one = one->ai_next, left--) {
        int64_t now = clock_mono_ms();
        ok = connect_to(redis, one, now + MAX(deadline - now, 0) / left, err);
        if (!ok)
            disconnect(redis);
    }
    freeaddrinfo(addresses);
    return ok;
}

/* The answer's text is not repeated: some servers quote the arguments of a command that they do not like. */
static bool explain_auth(const char *answer, struct err *err)
{
    if (text_starts(answer, "WRONGPASS") || strstr(answer, "invalid password") != NULL)
        return unavailable(err, "Redis refuses the user name or password in REDIS_URL");
    if (strstr(answer, "no password is set") != NULL || strstr(answer, "without any password configured") != NULL)
        return true; /* a password more than needed: as the hub does, go on without */
    return unavailable(err, "Redis refuses AUTH with what REDIS_URL says");
}

static bool introduce(struct redis *redis, struct err *err)
{
    redisReply *answer = NULL;
    const char *with_user[] = {"AUTH", redis->url.user, redis->url.password};
    const char *without_user[] = {"AUTH", redis->url.password};
    const char *select[] = {"SELECT", redis->url.database};
    bool ok = true;
    if (redis->url.password[0] != '\0') {
        bool named = redis->url.user[0] != '\0';
        if (!exchange(redis, named ? with_user : without_user, named ? 3 : 2, &answer, err))
            return false;
        ok = answer->type != REDIS_REPLY_ERROR || explain_auth(answer->str, err);
        freeReplyObject(answer);
    }
    if (!ok || strcmp(redis->url.database, "0") == 0)
        return ok;
    if (!exchange(redis, select, ARRAY_LEN(select), &answer, err))
        return false;
    if (answer->type == REDIS_REPLY_ERROR && text_starts(answer->str, "NOAUTH"))
        ok = unavailable(err, "Redis asks for a password and REDIS_URL has none");
    else if (answer->type == REDIS_REPLY_ERROR)
        ok = err_set(err, ERR_REDIS_UNAVAILABLE, "selecting database %s: %s", redis->url.database, answer->str);
    freeReplyObject(answer);
    return ok;
}

/* Connected and, as far as can be seen, alive: an idle connection has nothing to read but its end. */
static bool ensure_connected(struct redis *redis, struct err *err)
{
    if (redis->fd >= 0) {
        struct pollfd fd = {.fd = redis->fd, .events = POLLIN};
        if (poll(&fd, 1, 0) == 0)
            return true;
        disconnect(redis);
    }
    return connect_any(redis, err) && introduce(redis, err);
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

/* Error answers after which the connection, or this server, is of no use for a while. */
static bool ends_connection(const char *answer)
{
    static const char *const kinds[] = {"NOAUTH", "LOADING", "READONLY", "MASTERDOWN"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (text_starts(answer, kinds[i]))
            return true;
    return false;
}

static bool refused(struct redis *redis, const char *answer, struct err *err)
{
    /* "unknown command ..., with args beginning with: ..." would carry session ids into the log. */
    const char *quote = strstr(answer, "with args");
    int length = (int)(quote == NULL ? strlen(answer) : (size_t)(quote - answer));
    if (ends_connection(answer)) {
        disconnect(redis);
        redis->retry_at = clock_mono_ms() + BACK_OFF_MS;
        snprintf(redis->reason, sizeof redis->reason, "%.*s", length, answer);
    }
    if (text_starts(answer, "NOAUTH"))
        return unavailable(err, "Redis asks for a password and REDIS_URL has none");
    return err_set(err, ERR_REDIS_UNAVAILABLE, "Redis answered: %.*s", length, answer);
}

/* NULL, or the text of an error answer, which may be inside a list (EXEC, Lua). */
static const char *copy_answer(struct arena *arena, const redisReply *from, struct redis_reply *to)
{
    const char *failed = NULL;
    *to = (struct redis_reply){.kind = REDIS_NIL, .text = ""};
    switch (from->type) {
    case REDIS_REPLY_ERROR:
        return from->str;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        to->kind = REDIS_TEXT;
        to->text = memcpy(arena_alloc(arena, from->len + 1), from->str, from->len);
        to->length = from->len;
        return NULL;
    case REDIS_REPLY_INTEGER:
        to->kind = REDIS_NUMBER;
        to->number = from->integer;
        return NULL;
    case REDIS_REPLY_ARRAY:
        to->kind = REDIS_LIST;
        to->count = from->elements;
        to->items = arena_alloc(arena, (from->elements + 1) * sizeof *to->items);
        for (size_t i = 0; i < from->elements && failed == NULL; i++)
            failed = copy_answer(arena, from->element[i], &to->items[i]);
        return failed;
    default:
        return NULL;
    }
}

/* The connection is of no more use, for the reason in err. */
static bool broke(struct redis *redis, struct err *err)
{
    err_wrap(err, "Redis at %s:%s", redis->url.host, redis->url.port);
    disconnect(redis);
    redis->retry_at = clock_mono_ms() + BACK_OFF_MS;
    snprintf(redis->reason, sizeof redis->reason, "%.*s", REASON_SIZE - 1, err->words);
    return false;
}

static bool ready(struct redis *redis, struct err *err)
{
    if (!redis->configured)
        return unavailable(err, "REDIS_URL is not set");
    if (clock_mono_ms() < redis->retry_at)
        return err_set(err, ERR_REDIS_UNAVAILABLE, "a moment ago: %s", redis->reason);
    return ensure_connected(redis, err) || broke(redis, err);
}

static bool call_locked(struct redis *redis, struct arena *arena, struct redis_reply *reply, struct err *err,
                        const char *const *args, size_t count)
{
    redisReply *answer = NULL;
    struct redis_reply unwanted;
    struct arena *own = NULL;
    if (!ready(redis, err))
        return false;
    if (!exchange(redis, args, count, &answer, err))
        return broke(redis, err);
    if (reply == NULL)
        arena = own = arena_new();
    const char *failed = copy_answer(arena, answer, reply == NULL ? &unwanted : reply);
    bool ok = failed == NULL || refused(redis, failed, err);
    arena_free(own);
    freeReplyObject(answer);
    return ok;
}

bool redis_call(struct redis *redis, struct arena *arena, struct redis_reply *reply, struct err *err,
                const char *const *args, size_t count)
{
    pthread_mutex_lock(&redis->mutex);
    bool ok = call_locked(redis, arena, reply, err, args, count);
    pthread_mutex_unlock(&redis->mutex);
    return ok;
}

#define PIECE ((size_t)64 * KIB)

/* The commands in large pieces, which cost less than one send each. Redis keeps the answers while we still send. */
static bool send_commands(struct redis *redis, const struct redis_command *commands, size_t count, int64_t deadline,
                          struct err *err)
{
    struct arena *arena = arena_new();
    char *piece = arena_alloc(arena, PIECE);
    size_t used = 0;
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        char *command = NULL;
        int length = redisFormatCommandArgv(&command, (int)commands[i].count, (const char **)commands[i].args, NULL);
        if (length < 0)
            abort(); /* out of memory */
        size_t size = (size_t)length;
        if (used + size > PIECE) {
            ok = send_all(redis, piece, used, deadline, err);
            used = 0;
        }
        if (size > PIECE) {
            ok = ok && send_all(redis, command, size, deadline, err);
        } else {
            memcpy(piece + used, command, size);
            used += size;
        }
        redisFreeCommand(command);
    }
    ok = ok && send_all(redis, piece, used, deadline, err);
    arena_free(arena);
    return ok;
}

static bool pipeline_locked(struct redis *redis, struct arena *arena, const struct redis_command *commands,
                            size_t count, struct redis_reply *replies, struct err *err)
{
    if (!ready(redis, err))
        return false;
    int64_t deadline = clock_mono_ms() + COMMAND_TIMEOUT_MS + (int64_t)count;
    if (!send_commands(redis, commands, count, deadline, err))
        return broke(redis, err);
    for (size_t i = 0; i < count; i++) {
        redisReply *answer = NULL;
        struct err refusal;
        if (!receive(redis, deadline, &answer, err))
            return broke(redis, err);
        const char *failed = copy_answer(arena, answer, &replies[i]);
        if (failed != NULL) {
            bool useless = ends_connection(failed);
            (void)refused(redis, failed, &refusal);
            replies[i] = (struct redis_reply){.kind = REDIS_ERROR, .text = arena_strdup(arena, refusal.words)};
            if (useless) {
                freeReplyObject(answer);
                *err = refusal;
                return false;
            }
        }
        freeReplyObject(answer);
    }
    return true;
}

bool redis_pipeline(struct redis *redis, struct arena *arena, const struct redis_command *commands, size_t count,
                    struct redis_reply *replies, struct err *err)
{
    pthread_mutex_lock(&redis->mutex);
    bool ok = pipeline_locked(redis, arena, commands, count, replies, err);
    pthread_mutex_unlock(&redis->mutex);
    return ok;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    disconnect(redis);
    lookup_drop(redis->lookup);
    if (redis->configured)
        sodium_memzero((char *)redis->url.password, strlen(redis->url.password));
    pthread_mutex_destroy(&redis->mutex);
    arena_free(redis->arena);
}
