#include "http/internal.h"

#include "base/log.h"
#include "base/text.h"

#include <strings.h>

const struct header reply_standard_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
};
const size_t reply_standard_header_count = ARRAY_LEN(reply_standard_headers);

static void add_default(struct request *request, const char *name, const char *value)
{
    if (headers_find(&request->reply.headers, name) == NULL)
        headers_add(request->arena, &request->reply.headers, name, value);
}

void reply_finish_headers(struct request *request, const char *type)
{
    if (type != NULL)
        add_default(request, "Content-Type", type);
    add_default(request, "X-Request-Id", request->id);
    for (size_t i = 0; i < reply_standard_header_count; i++)
        add_default(request, reply_standard_headers[i].name, reply_standard_headers[i].value);
}

/* How a reply is delimited is not the handler's to say. */
static bool is_framing(const char *name)
{
    static const char *const ours[] = {"Connection", "Content-Length", "Date", "Keep-Alive", "Transfer-Encoding"};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

static bool is_answered(const struct request *request)
{
    return request->reply.given || request->reply.begun;
}

void reply_header(struct request *request, const char *name, const char *value)
{
    if (!header_name_valid(name) || !header_value_valid(value) || is_framing(name) || is_answered(request)) {
        log_event(LOG_ERROR, "http.header_dropped", "{s:s}", "name", text_utf8(request->arena, name));
        return;
    }
    headers_add(request->arena, &request->reply.headers, arena_strdup(request->arena, name),
                arena_strdup(request->arena, value));
}

void reply_bytes(struct request *request, int status, const char *type, const void *bytes, size_t size)
{
    struct reply *reply = &request->reply;
    if (is_answered(request)) {
        log_event(LOG_ERROR, "http.second_reply", "{s:s, s:i}", "path", request->path, "status", status);
        return;
    }
    reply_finish_headers(request, type);
    reply->status = status;
    reply->bytes = bytes;
    reply->size = size;
    reply->given = true;
}

void reply_empty(struct request *request, int status)
{
    reply_bytes(request, status, NULL, "", 0);
}

static void reply_json_as(struct request *request, int status, const char *type, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(body);
    if (text == NULL) {
        struct err err;
        err_set(&err, ERR_INTERNAL_ERROR, "the reply could not be made into JSON");
        reply_err(request, &err, NULL);
        return;
    }
    if (is_answered(request)) {
        free(text);
        text = NULL;
    } else {
        request->reply.owned = text;
        add_default(request, "Cache-Control", "no-store");
    }
    reply_bytes(request, status, type, text, text == NULL ? 0 : strlen(text));
}

void reply_json(struct request *request, int status, json_t *body)
{
    reply_json_as(request, status, "application/json; charset=utf-8", body);
}

void reply_json_text(struct request *request, int status, const char *json)
{
    add_default(request, "Cache-Control", "no-store");
    reply_bytes(request, status, "application/json; charset=utf-8", json, strlen(json));
}

static bool is_number(const char *text)
{
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

static void add_err_headers(struct request *request, const struct err *err)
{
    int status = err_http_status(err->code);
    if (status == 405)
        add_default(request, "Allow", arena_strdup(request->arena, router_allowed(request)));
    if (status == 503 || status == 429)
        add_default(request, "Retry-After",
                    status == 429 && is_number(err->args[0]) ? arena_strdup(request->arena, err->args[0])
                                                             : RETRY_AFTER);
}

/* Rows that are not there are NOT_FOUND to the hub's clients, as an address that is not. */
static const char *client_name(enum err_code code)
{
    return err_name(code == ERR_USERS_NOT_FOUND || code == ERR_KEYS_NOT_FOUND ? ERR_NOT_FOUND : code);
}

/* What the hub's clients of /api/v1 know a refusal by; every other error is known by its own name. */
static const char *problem_code(enum err_code code)
{
    static const struct {
        enum err_code code;
        const char *name;
    } hub[] = {{ERR_CREDENTIAL_MISSING, "auth.missing"},
               {ERR_UNAUTHENTICATED, "auth.invalid"},
               {ERR_FORBIDDEN, "auth.forbidden"},
               {ERR_CSRF_REJECTED, "auth.csrf_invalid"},
               {ERR_UNSUPPORTED_MEDIA_TYPE, "request.unsupported_media_type"},
               {ERR_MALFORMED_BODY, "request.malformed_json"},
               {ERR_VALIDATION_FAILED, "request.validation_failed"},
               {ERR_INVALID_FORMAT, "request.validation_failed"},
               {ERR_TOO_MANY_PROVIDERS, "request.validation_failed"},
               {ERR_PRICE_NOT_FOUND, "model_price.not_found"},
               {ERR_PRICE_NO_CLOUD, "model_price.not_found"},
               {ERR_PRICE_NO_PROVIDER, "model_price.not_found"},
               {ERR_PROVIDER_NOT_FOUND, "provider.not_found"}};
    for (size_t i = 0; i < ARRAY_LEN(hub); i++)
        if (hub[i].code == code)
            return hub[i].name;
    return client_name(code);
}

static json_t *describe_problem(struct request *request, const struct err *err, const char *text, const char *words)
{
    const char *code = problem_code(err->code);
    int status = err_http_status(err->code);
    const char *title = MHD_get_reason_phrase_for((unsigned)status);
    json_t *body = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type",
                             arena_printf(request->arena, "urn:claude-code-hub:problem:%s", code), "title",
                             title == NULL ? "Unknown" : title, "status", status, "detail", text, "instance",
                             text_utf8(request->arena, request->path), "errorCode", code);
    if (err->code == ERR_VALIDATION_FAILED)
        json_object_set_new(body, "invalidParams",
                            json_pack("[{s:s, s:s, s:s}]", "path", text_utf8(request->arena, err->args[0]), "code",
                                      "invalid", "message", words));
    return body;
}

void reply_err(struct request *request, const struct err *err, json_t *more)
{
    char text[ERR_TEXT_SIZE];
    int status = err_http_status(err->code);
    const char *words = text_utf8(request->arena, err->words);
    enum log_level level = status < 500 ? LOG_INFO : status == 503 ? LOG_WARN : LOG_ERROR;
    log_event(level, "http.error", "{s:s, s:s}", "code", err_name(err->code), "words", words);

    err_text(err, request->lang, text);
    enum error_form form = request->route == NULL ? ERROR_PLAIN : request->route->errors;
    const char *type = "application/json; charset=utf-8";
    json_t *body;
    if (form == ERROR_PROBLEM) {
        type = "application/problem+json; charset=utf-8";
        body = describe_problem(request, err, text_utf8(request->arena, text), words);
    } else if (form == ERROR_ACTION) {
        body = json_pack("{s:b, s:s, s:s}", "ok", 0, "error", text_utf8(request->arena, text), "errorCode",
                         client_name(err->code));
    } else {
        body = json_pack("{s:s, s:s}", "error", text_utf8(request->arena, text), "code", err_name(err->code));
    }
    if (words[0] != '\0' && status != 401)
        json_object_set_new(body, "details", json_string(words));
    json_object_set_new(body, "requestId", json_string(request->id));
    if (more != NULL)
        json_object_update(body, more);
    json_decref(more);
    if (!is_answered(request))
        add_err_headers(request, err);
    reply_json_as(request, status, type, body);
}

/* ---- Streamed ---------------------------------------------------------------------------------------------------- */

bool reply_begin(struct request *request, int status, const char *type, struct err *err)
{
    if (request->stream == NULL || is_answered(request))
        return err_set(err, ERR_INTERNAL_ERROR, "reply_begin where no streamed reply is possible");
    enum err_code reason = request_fired(request);
    if (reason != ERR_OK)
        return err_set(err, reason, "stopped before the reply");
    size_t before = request->reply.headers.count;
    reply_finish_headers(request, type);
    request->reply.status = status;
    if (stream_begin(request->stream, err))
        return true;
    request->reply.headers.count = before; /* an error may be given instead */
    return false;
}

int reply_fd(struct request *request)
{
    return stream_reply_fd(request->stream);
}

void reply_trailer(struct request *request, const char *name, const char *value)
{
    if (!header_name_valid(name) || !header_value_valid(value) || is_framing(name)) {
        log_event(LOG_ERROR, "http.header_dropped", "{s:s}", "name", text_utf8(request->arena, name));
        return;
    }
    headers_add(request->arena, &request->reply.trailers, arena_strdup(request->arena, name),
                arena_strdup(request->arena, value));
}

void reply_break(struct request *request)
{
    request->reply.broken = true;
}

bool reply_begin_events(struct request *request, struct err *err)
{
    reply_header(request, "Cache-Control", "no-cache");
    reply_header(request, "X-Accel-Buffering", "no");
    request->reply.events = true; /* before the connection's thread looks; after reply_begin() it is not ours */
    if (reply_begin(request, 200, "text/event-stream", err))
        return true;
    request->reply.events = false;
    return false;
}

bool reply_event(struct request *request, json_t *event, struct err *err)
{
    return reply_numbered_event(request, 0, event, err);
}

/* 0: without a number. */
bool reply_numbered_event(struct request *request, int64_t number, json_t *event, struct err *err)
{
    char id[32] = "";
    char *text = event == NULL ? NULL : json_dumps(event, JSON_COMPACT);
    json_decref(event);
    if (text == NULL)
        return err_set(err, ERR_INTERNAL_ERROR, "the event could not be made into JSON");
    if (number > 0)
        snprintf(id, sizeof id, "id: %lld\n", (long long)number);
    size_t size = strlen(id) + strlen(text) + sizeof "data: \n\n";
    char *packet = malloc(size);
    if (packet == NULL)
        abort();
    int length = snprintf(packet, size, "%sdata: %s\n\n", id, text);
    bool ok = stream_write(request->stream, packet, (size_t)length, err);
    free(packet);
    free(text);
    return ok;
}

/* ---- To libmicrohttpd -------------------------------------------------------------------------------------------- */

enum MHD_Result reply_queue(struct request *request, MHD_ContentReaderCallback reader, void *context)
{
    struct reply *reply = &request->reply;
    struct MHD_Response *response;
    /* The block is only used towards HTTP/1.0; chunks are made in the connection's own memory. */
    if (reader != NULL)
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, request->http10 ? REPLY_WRITE_MAX : 1, reader,
                                                     context, NULL);
    else
        response = MHD_create_response_from_buffer(reply->size, (void *)reply->bytes, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    if (reply->events)
        MHD_set_response_options(response, MHD_RF_SEND_KEEP_ALIVE_HEADER, MHD_RO_END);
    for (size_t i = 0; i < reply->headers.count; i++)
        MHD_add_response_header(response, reply->headers.items[i].name, reply->headers.items[i].value);
    request->response = response; /* libmicrohttpd keeps a reference until the end */
    enum MHD_Result queued = MHD_queue_response(request->raw, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return queued;
}
