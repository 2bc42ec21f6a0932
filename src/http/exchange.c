/* A request's life as libmicrohttpd tells it, always in the connection's thread: exchange_begin when its first line is
 * read, exchange_step when its headers are complete, again for each piece of the body, and again when the body is
 * complete; exchange_end when the reply is sent or the connection failed. Handlers see none of this.
 */
#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

void *exchange_begin(void *server, const char *target, struct MHD_Connection *raw)
{
    struct connection *connection = connection_of(raw);
    connection_end_request(connection, raw);
    struct request *request = request_new(server, connection, target);
    request->raw = raw;
    connection_set_unread(connection, true);
    connection_set_request(connection, request);
    return request;
}

/* The headers are complete. A refusal of a request whose body is still to come is queued now: libmicrohttpd then reads
 * no more, closes after the reply, and never says "100 Continue". Otherwise it waits for the last step, which keeps the
 * connection alive. */
static enum MHD_Result step_headers(struct request *request, const char *method, const char *version)
{
    struct err err = ERR_NONE_YET;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->raw, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t header_size = info == NULL ? 0 : info->header_size;
    request->seen = true;
    request->started = clock_mono_ms();
    server_count_request(request->server, 1);
    if (!request_accept(request, method, version, header_size, &err))
        reply_err(request, &err, NULL);
    bool last = request->reply.given && (request->suspect || request_has_body(request));
    enum MHD_Result result = last ? reply_queue(request, NULL, NULL) : MHD_YES;
    connection_leave(request->connection, last ? PHASE_SENDING : PHASE_BODY);
    return result;
}

static bool append_body(struct request *request, const char *bytes, size_t size)
{
    size_t need = request->body_size + size;
    if (need > request->route->body_limit)
        return false;
    if (need > request->body_room) {
        request->body_room = MAX(need, MIN(request->route->body_limit, 2 * request->body_room));
        request->body = realloc(request->body, request->body_room);
        if (request->body == NULL)
            abort();
    }
    memcpy(request->body + request->body_size, bytes, size);
    request->body_size = need;
    return true;
}

/* Only a reply of ours can go out before the body's end. Returns what ends the connection. */
static enum MHD_Result refuse_directly(struct request *request, const struct err *err)
{
    reply_err(request, err, NULL);
    direct_reply(request);
    return MHD_NO;
}

static enum MHD_Result step_body(struct request *request, const char *bytes, size_t size)
{
    struct err err;
    connection_count_body(request->connection, size);
    if (!request->route->streaming) {
        if (append_body(request, bytes, size))
            return MHD_YES;
        err_set(&err, ERR_BODY_TOO_LARGE, "%s", "");
        err_args(&err, text_bytes(request->arena, request->route->body_limit), NULL);
        return refuse_directly(request, &err);
    }
    if (request->stream == NULL && !stream_start(request, false, &err))
        return refuse_directly(request, &err);
    return stream_feed(request, bytes, size) ? MHD_YES : MHD_NO;
}

static enum MHD_Result step_complete(struct request *request)
{
    struct err err;
    struct reply *reply = &request->reply;
    connection_set_unread(request->connection, false);
    if (request->stream != NULL) /* its handler runs: the reply is not ours to look at */
        return stream_answer(request);
    if (!reply->given && request->route->streaming) {
        if (stream_start(request, true, &err))
            return stream_answer(request);
        reply_err(request, &err, NULL);
    }
    if (!reply->given)
        request->route->handle(request);
    if (!reply->given) {
        err_set(&err, ERR_INTERNAL_ERROR, "the handler gave no reply");
        reply_err(request, &err, NULL);
    }
    return reply_queue(request, NULL, NULL);
}

enum MHD_Result exchange_step(void *server, struct MHD_Connection *raw, const char *url, const char *method,
                              const char *version, const char *bytes, size_t *size, void **context)
{
    struct request *request = *context;
    struct connection *connection = request->connection;
    enum MHD_Result result;
    (void)server;
    (void)raw;
    (void)url;
    connection_enter(connection);
    log_set_request(request->id);
    if (!request->seen) {
        result = step_headers(request, method, version);
    } else if (*size > 0) {
        result = step_body(request, bytes, *size);
        *size = 0;
        connection_leave(connection, PHASE_BODY);
    } else {
        result = step_complete(request);
        connection_leave(connection, PHASE_SENDING);
    }
    log_set_request(NULL);
    return result;
}

static void tell_request_end(struct request *request, bool complete)
{
    const struct http_options *options = &request->server->options;
    const struct reply *reply = &request->reply;
    enum err_code reason = request_fired(request);
    int status =
        reply->given || reply->begun ? reply->status : err_http_status(reason == ERR_OK ? ERR_CANCELLED : reason);
    uint64_t bytes = reply->begun ? reply->sent : strcmp(request->method, "HEAD") == 0 ? 0 : reply->size;
    int64_t ms = clock_mono_ms() - request->started;
    struct http_finished finished = {.route = request->route == NULL ? options->route_count
                                                                     : (size_t)(request->route - options->routes),
                                     .status = status,
                                     .received = request->connection->body_bytes,
                                     .sent = bytes,
                                     .ms = ms};
    if (options->finished != NULL)
        options->finished(options->context, &finished);
    log_event(LOG_INFO, "http.request", "{s:s, s:s, s:i, s:I, s:I, s:s, s:b}", "method",
              text_utf8(request->arena, request->method), "path", text_utf8(request->arena, request->path), "status",
              status, "bytes", (json_int_t)bytes, "ms", (json_int_t)ms, "remote", request->remote, "complete",
              (int)complete);
}

/* The body did not come to its end. Reading was shut by us then, so a reply can still go out. */
static void answer_unfinished(struct request *request)
{
    struct err err;
    enum err_code reason = request_fired(request);
    if (request->reply.given || (reason != ERR_REQUEST_TIMEOUT && reason != ERR_SHUTTING_DOWN))
        return;
    err_set(&err, reason, "%s", "");
    refuse_directly(request, &err);
}

void exchange_end(void *argument, struct MHD_Connection *raw, void **context, enum MHD_RequestTerminationCode code)
{
    struct http_server *server = argument;
    struct request *request = *context;
    bool seen = request != NULL && request->seen;
    (void)raw;
    if (request == NULL)
        return;
    connection_enter(request->connection);
    log_set_request(request->id);
    if (request->stream != NULL)
        stream_end(request);
    else if (seen)
        answer_unfinished(request);
    if (seen)
        tell_request_end(request, request->reply.delivered || code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    log_set_request(NULL);
    connection_set_request(request->connection, NULL);
    request_free(request);
    *context = NULL;
    if (seen)
        server_count_request(server, -1);
}
