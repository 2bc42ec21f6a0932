#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <strings.h>

struct request *request_new(struct http_server *server, struct connection *connection, const char *target)
{
    struct arena *arena = arena_new();
    struct request *request = arena_alloc(arena, sizeof *request);
    request->server = server;
    request->connection = connection;
    request->arena = arena;
    request->target = arena_strdup(arena, target);
    request->method = request->raw_path = request->path = "";
    request->remote = connection->peer;
    request->started = clock_mono_ms();
    return request;
}

void request_free(struct request *request)
{
    stream_free(request->stream);
    cancel_free(request->cancel);
    free(request->body);
    free(request->reply.owned);
    arena_free(request->arena);
}

/* ---- What comes with the headers --------------------------------------------------------------------------------- */

/* libmicrohttpd before 1.0 ends a value at a zero byte, and makes one name of "Transfer-: a" and " Encoding" on the
 * next line: a proxy in front may see other headers than it does. It tells neither, but its texts stand in the request
 * as it came: between a value and the next name there is the end of a line, or something was cut or moved. */
struct reading {
    struct request *request;
    const char *end; /* of the text before; NULL: not looked at */
    bool torn;
};

static void follow(struct reading *reading, const char *next, size_t most)
{
    uintptr_t end = (uintptr_t)reading->end, at = (uintptr_t)next;
    reading->torn = reading->torn || (reading->end != NULL && (at <= end || at - end > most));
}

static enum MHD_Result copy_field(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct reading *reading = context;
    struct request *request = reading->request;
    (void)kind;
    value = value == NULL ? "" : value;
    headers_add(request->arena, &request->fields, arena_strdup(request->arena, name),
                arena_strdup(request->arena, value));
    follow(reading, name, strlen("\r\n"));
    if (reading->end != NULL)
        reading->end = value + strlen(value);
    return MHD_YES;
}

/* Copy the headers; false when they are not as the client wrote them. */
static bool copy_fields(struct request *request, const char *method, const char *version, size_t header_size)
{
    bool looks = MHD_get_version()[0] == '0';
    struct reading reading = {.request = request, .end = looks ? version + strlen(version) : NULL};
    MHD_get_connection_values(request->raw, MHD_HEADER_KIND, copy_field, &reading);
    follow(&reading, method + header_size, strlen("\r\n\r\n"));
    return !reading.torn;
}

static void choose_id(struct request *request)
{
    const char *given = headers_find(&request->fields, "X-Request-Id");
    size_t length = given == NULL ? 0 : strlen(given);
    size_t good =
        given == NULL ? 0 : strspn(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-");
    if (length >= 1 && length < sizeof request->id && good == length)
        memcpy(request->id, given, length + 1);
    else
        text_random(request->id, 16);
}

static bool parse_length(const char *text, int64_t *length)
{
    return text[0] >= '0' && text[0] <= '9' && text_parse_integer(text, 0, INT64_MAX, length);
}

/* How the body is delimited. What two servers may read differently is refused: it smuggles requests past a proxy. */
static bool check_framing(struct request *request, size_t header_size, bool torn, struct err *err)
{
    const char *coding = NULL, *length = NULL;
    if (header_size > HEADER_BYTES_MAX)
        return err_set(err, ERR_HEADERS_TOO_LARGE, "the headers have more than %zu bytes", HEADER_BYTES_MAX);
    if (torn)
        return err_set(err, ERR_MALFORMED_BODY, "a header has a zero byte, no name, or goes on in the next line");
    for (size_t i = 0; i < request->fields.count; i++) {
        const struct header *field = &request->fields.items[i];
        if (!header_name_valid(field->name))
            return err_set(err, ERR_MALFORMED_BODY, "a header's name is no token");
        if (strcasecmp(field->name, "Transfer-Encoding") == 0) {
            if (coding != NULL || strcasecmp(field->value, "chunked") != 0 || request->http10)
                return err_set(err, ERR_MALFORMED_BODY, "this Transfer-Encoding is not supported");
            coding = field->value;
        } else if (strcasecmp(field->name, "Content-Length") == 0) {
            if (length != NULL && strcmp(length, field->value) != 0)
                return err_set(err, ERR_MALFORMED_BODY, "two lengths that differ");
            length = field->value;
        }
    }
    if (coding != NULL && length != NULL)
        return err_set(err, ERR_MALFORMED_BODY, "both Content-Length and Transfer-Encoding");
    if (length != NULL && !parse_length(length, &request->length))
        return err_set(err, ERR_MALFORMED_BODY, "Content-Length is no number");
    if (coding != NULL)
        request->length = -1;
    return true;
}

/* The canonical text of a numeric address, IPv4 in IPv6 as IPv4; NULL when it is no address. */
static const char *normal_address(struct arena *arena, const char *text)
{
    unsigned char bytes[16];
    char out[INET6_ADDRSTRLEN];
    if (text == NULL)
        return NULL;
    int family = inet_pton(AF_INET, text, bytes) == 1 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && inet_pton(AF_INET6, text, bytes) != 1)
        return NULL;
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool is_mapped = family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0;
    if (inet_ntop(is_mapped ? AF_INET : family, is_mapped ? bytes + 12 : bytes, out, sizeof out) == NULL)
        return NULL;
    return arena_strdup(arena, out);
}

static bool is_trusted(struct request *request, const char *peer)
{
    const char *const *proxy = request->server->options.trusted_proxies;
    for (; proxy != NULL && *proxy != NULL; proxy++) {
        const char *trusted = normal_address(request->arena, *proxy);
        if (trusted != NULL && strcmp(trusted, peer) == 0)
            return true;
    }
    return false;
}

/* The rightmost address of X-Forwarded-For is the one that our own proxy wrote; those before it are the client's words.
 */
static const char *forwarded_for(struct request *request)
{
    const char *last = NULL;
    for (size_t i = 0; i < request->fields.count; i++)
        if (strcasecmp(request->fields.items[i].name, "X-Forwarded-For") == 0)
            last = request->fields.items[i].value;
    if (last == NULL)
        return NULL;
    const char *comma = strrchr(last, ',');
    last = comma == NULL ? last : comma + 1;
    last += strspn(last, " \t");
    return normal_address(request->arena, arena_strndup(request->arena, last, strcspn(last, " \t")));
}

static void find_remote(struct request *request)
{
    const char *peer = normal_address(request->arena, request->connection->peer);
    request->remote = peer == NULL ? request->connection->peer : peer;
    if (!is_trusted(request, request->remote))
        return;
    const char *told = normal_address(request->arena, headers_find(&request->fields, "X-Real-IP"));
    if (told == NULL)
        told = forwarded_for(request);
    if (told != NULL)
        request->remote = told;
}

/* The request's target without scheme and authority (RFC 9112: servers take the absolute form). */
static const char *origin_form(const char *target)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0 ? 7 : strncasecmp(target, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0)
        return target;
    target += scheme;
    target += strcspn(target, "/?");
    return *target == '\0' ? "/" : target;
}

static bool parse_target(struct request *request, struct err *err)
{
    const char *target = origin_form(request->target);
    size_t length = strcspn(target, "?");
    if (target[0] != '/') {
        err_set(err, ERR_VALIDATION_FAILED, "the address does not begin with a slash");
        return err_args(err, "URL", NULL);
    }
    request->raw_path = arena_strndup(request->arena, target, length);
    return url_decode(request->arena, target, length, false, &request->path, err)
           && (target[length] == '\0' || url_parse_query(request->arena, target + length + 1, &request->query, err));
}

static bool check_body_limit(struct request *request, struct err *err)
{
    const struct route *route = request->route;
    if (route->streaming || request->length <= 0 || (uint64_t)request->length <= route->body_limit)
        return true;
    err_set(err, ERR_BODY_TOO_LARGE, "Content-Length is %lld", (long long)request->length);
    return err_args(err, text_bytes(request->arena, route->body_limit), NULL);
}

bool request_accept(struct request *request, const char *method, const char *version, size_t header_size,
                    struct err *err)
{
    bool torn = !copy_fields(request, method, version, header_size);
    request->method = arena_strdup(request->arena, method);
    request->http10 = strcmp(version, "HTTP/1.0") == 0;
    request->lang = lang_from_header(headers_find(&request->fields, "Accept-Language"));
    choose_id(request);
    log_set_request(request->id);
    find_remote(request);
    request->suspect = !check_framing(request, header_size, torn, err);
    if (request->suspect || !parse_target(request, err))
        return false;
    if (server_stopping(request->server))
        return err_set(err, ERR_SHUTTING_DOWN, "%s", "");
    if (!router_match(request, err))
        return false;
    if (request->route->guard != NULL && !request->route->guard(request, err))
        return false;
    return check_body_limit(request, err);
}

bool request_has_body(const struct request *request)
{
    return request->length != 0;
}

/* ---- Cancel ------------------------------------------------------------------------------------------------------ */

void request_fire_locked(struct request *request, enum err_code reason)
{
    if (request->cancel_reason == ERR_OK)
        request->cancel_reason = reason;
    if (request->cancel != NULL)
        cancel_fire(request->cancel, request->cancel_reason);
}

void request_fire(struct request *request, enum err_code reason)
{
    pthread_mutex_lock(&request->connection->mutex);
    request_fire_locked(request, reason);
    pthread_mutex_unlock(&request->connection->mutex);
}

enum err_code request_fired(struct request *request)
{
    pthread_mutex_lock(&request->connection->mutex);
    enum err_code reason = request->cancel_reason;
    pthread_mutex_unlock(&request->connection->mutex);
    return reason;
}

/* Made when asked for: most requests never wait. */
struct cancel *request_cancel(struct request *request)
{
    pthread_mutex_lock(&request->connection->mutex);
    if (request->cancel == NULL)
        request->cancel = cancel_new();
    if (request->cancel_reason != ERR_OK)
        cancel_fire(request->cancel, request->cancel_reason);
    pthread_mutex_unlock(&request->connection->mutex);
    return request->cancel;
}

/* ---- What a handler sees ----------------------------------------------------------------------------------------- */

struct arena *request_arena(struct request *request)
{
    return request->arena;
}

void *request_context(struct request *request)
{
    return request->server->options.context;
}

enum lang request_lang(struct request *request)
{
    return request->lang;
}

const char *request_id(struct request *request)
{
    return request->id;
}

const char *request_method(struct request *request)
{
    return request->method;
}

const char *request_path(struct request *request)
{
    return request->path;
}

const char *request_remote(struct request *request)
{
    return request->remote;
}

const char *request_header(struct request *request, const char *name)
{
    return headers_find(&request->fields, name);
}

const char *request_cookie(struct request *request, const char *name)
{
    for (size_t i = 0; i < request->fields.count; i++) {
        if (strcasecmp(request->fields.items[i].name, "Cookie") != 0)
            continue;
        const char *value = cookie_find(request->arena, request->fields.items[i].value, name);
        if (value != NULL)
            return value;
    }
    return NULL;
}

static const char *find_exactly(const struct headers *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->items[i].name, name) == 0)
            return pairs->items[i].value;
    return NULL;
}

const char *request_query(struct request *request, const char *name)
{
    return find_exactly(&request->query, name);
}

const char *request_param(struct request *request, const char *name)
{
    return find_exactly(&request->params, name);
}

void request_set_user(struct request *request, void *user)
{
    request->user = user;
}

void *request_user(struct request *request)
{
    return request->user;
}

const char *request_body(struct request *request, size_t *length)
{
    *length = request->body_size;
    return request->body == NULL ? "" : request->body;
}

static bool is_json_type(const char *type)
{
    static const char json[] = "application/json";
    if (type == NULL || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    const char *rest = type + sizeof json - 1;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}

json_t *request_json(struct request *request, struct err *err)
{
    json_error_t error;
    if (!is_json_type(request_header(request, "Content-Type"))) {
        err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "%s", "");
        err_args(err, "application/json", NULL);
        return NULL;
    }
    json_t *root =
        json_loadb(request->body == NULL ? "" : request->body, request->body_size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        /* Its words end by a piece of the body, which may be a password, and would go into the log. */
        int words = (int)(strstr(error.text, " near ") == NULL ? strlen(error.text)
                                                               : (size_t)(strstr(error.text, " near ") - error.text));
        err_set(err, ERR_MALFORMED_BODY, "line %d, column %d: %.*s", error.line, error.column, words, error.text);
        text_cut_utf8(err->words);
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        err_set(err, ERR_MALFORMED_BODY, "line 1, column 1: the body must be a JSON object");
        return NULL;
    }
    return root;
}

int64_t request_length(struct request *request)
{
    return request->length;
}

ssize_t request_read(struct request *request, void *buffer, size_t size, struct err *err)
{
    if (request->stream != NULL)
        return stream_read(request->stream, buffer, size, err);
    err_set(err, ERR_INTERNAL_ERROR, "request_read on a route that does not stream");
    return -1;
}
