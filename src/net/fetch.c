#include "net/fetch.h"

#include "base/clock.h"
#include "base/text.h"
#include "net/address.h"

#include <curl/curl.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 10000L
#define CRAWL_BYTES 1024L
#define CRAWL_SECONDS 10L
#define REDIRECTS_MAX 3
#define VALIDATOR_MAX ((size_t)512)
#define POLL_MS 1000

/* The parts of an address that a redirect may not change. */
struct place {
    const char *scheme, *host, *port, *path;
};

struct transfer {
    const struct fetch_request *request;
    struct arena *arena;
    const struct cancel *cancel;
    struct fetch_answer *answer;
    size_t room; /* of answer->body */
    const char *host;
    int64_t deadline_ms;
    bool too_large;
    char refused[ADDRESS_TEXT_SIZE]; /* an address that was not connected to; "" for none */
    char message[CURL_ERROR_SIZE];
    CURL *easy;
};

/* ---- Addresses --------------------------------------------------------------------------------------------------- */

static const char *url_part(CURLU *url, struct arena *arena, CURLUPart part)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) != CURLUE_OK)
        return NULL;
    const char *copy = arena_strdup(arena, text);
    curl_free(text);
    return copy;
}

static bool bad_url(struct err *err, const char *why)
{
    return err_set(err, ERR_FETCH_URL, "%s", why) || err_args(err, why, NULL);
}

static bool parse_url(const char *text, struct arena *arena, bool allow_http, struct place *place, struct err *err)
{
    CURLU *url = curl_url();
    if (url == NULL)
        abort();
    bool ok = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    bool userinfo =
        ok && (url_part(url, arena, CURLUPART_USER) != NULL || url_part(url, arena, CURLUPART_PASSWORD) != NULL);
    if (ok)
        *place = (struct place){url_part(url, arena, CURLUPART_SCHEME), url_part(url, arena, CURLUPART_HOST),
                                url_part(url, arena, CURLUPART_PORT), url_part(url, arena, CURLUPART_PATH)};
    curl_url_cleanup(url);
    if (!ok || place->scheme == NULL || place->host == NULL)
        return bad_url(err, "the address cannot be parsed");
    bool http = strcmp(place->scheme, "http") == 0;
    if (strcmp(place->scheme, "https") != 0 && !http)
        return bad_url(err, "the address must begin with https://");
    if (http && !allow_http)
        return bad_url(err, "plain http is not allowed");
    if (userinfo)
        return bad_url(err, "the address must not hold a user or password");
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool same_place(const struct place *a, const struct place *b)
{
    return same_text(a->scheme, b->scheme) && curl_strequal(a->host, b->host) && same_text(a->port, b->port)
           && same_text(a->path, b->path);
}

/* ---- What curl calls --------------------------------------------------------------------------------------------- */

/* The address that will be connected to, whatever the name said before. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    if (purpose != CURLSOCKTYPE_IPCXN || (!transfer->request->allow_private && !address_is_public(&address->addr))) {
        address_text(&address->addr, transfer->refused);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Called with what is left after unpacking. */
static size_t take_body(char *bytes, size_t one, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct fetch_answer *answer = transfer->answer;
    size_t size = one * count;
    if (size > transfer->request->max_bytes - answer->length) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (answer->body == NULL || answer->length + size + 1 > transfer->room) {
        transfer->room =
            MIN(MAX(2 * transfer->room, answer->length + size + 64 * KIB), transfer->request->max_bytes + 1);
        answer->body = realloc(answer->body, transfer->room);
        if (answer->body == NULL)
            abort();
    }
    memcpy(answer->body + answer->length, bytes, size);
    answer->length += size;
    answer->body[answer->length] = '\0';
    return size;
}

/* Bytes as they come: a packed body that unpacks to nothing would never end otherwise. */
static int watch_bytes(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    struct transfer *transfer = context;
    (void)up_total;
    (void)up_now;
    curl_off_t limit = (curl_off_t)transfer->request->max_bytes;
    transfer->too_large = transfer->too_large || now > limit || total > limit;
    return transfer->too_large ? 1 : 0;
}

/* ---- One exchange ------------------------------------------------------------------------------------------------ */

static void set_up(struct transfer *transfer, struct curl_slist *headers)
{
    const struct fetch_request *request = transfer->request;
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, request->allow_http ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a cancel does not wait for a name server */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hubport/" HUBPORT_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, CRAWL_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, CRAWL_SECONDS);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->message);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, watch_bytes);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    if (request->ca_file != NULL && request->ca_file[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
}

/* Until the exchange is over or cancelled. */
static bool perform(struct transfer *transfer, CURLM *multi, CURLcode *code, struct err *err)
{
    struct curl_waitfd cancelled = {.fd = cancel_fd(transfer->cancel), .events = CURL_WAIT_POLLIN};
    int running = 1, left;
    for (;;) {
        if (!cancel_check(transfer->cancel, err))
            return false;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return err_set(err, ERR_FETCH_FAILED, "%s: the transfer could not be driven", transfer->host);
        if (running == 0)
            break;
        curl_multi_poll(multi, &cancelled, transfer->cancel == NULL ? 0 : 1, POLL_MS, NULL);
    }
    CURLMsg *message = curl_multi_info_read(multi, &left);
    *code = message == NULL ? CURLE_ABORTED_BY_CALLBACK : message->data.result;
    return true;
}

static bool explain(struct transfer *transfer, CURLcode code, struct err *err)
{
    const char *why = transfer->message[0] == '\0' ? curl_easy_strerror(code) : transfer->message;
    why = text_utf8(transfer->arena, why);
    if (transfer->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        const char *limit = text_bytes(transfer->arena, transfer->request->max_bytes);
        err_set(err, ERR_FETCH_TOO_LARGE, "%s: the body is over the limit of %s", transfer->host, limit);
        return err_args(err, limit, NULL);
    }
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_ABORTED_BY_CALLBACK:
        if (transfer->refused[0] == '\0')
            break;
        err_set(err, ERR_FETCH_ADDRESS, "%s is %s, which is not a public address", transfer->host, transfer->refused);
        return err_args(err, transfer->refused, NULL);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, ERR_FETCH_TIMEOUT, "%s: %s", transfer->host, why);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_FETCH_TLS, "%s: %s", transfer->host, why) || err_args(err, why, NULL);
    default:
        break;
    }
    return err_set(err, ERR_FETCH_FAILED, "%s: %s", transfer->host, why) || err_args(err, why, NULL);
}

/* One request and its answer. */
static bool exchange(struct transfer *transfer, const char *url, CURLM *multi, struct err *err)
{
    CURLcode code = CURLE_OK;
    transfer->message[0] = '\0';
    transfer->answer->length = 0;
    curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
    curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)MAX(transfer->deadline_ms - clock_mono_ms(), 1));
    if (curl_multi_add_handle(multi, transfer->easy) != CURLM_OK)
        abort();
    bool ok = perform(transfer, multi, &code, err);
    curl_multi_remove_handle(multi, transfer->easy);
    return ok && (code == CURLE_OK || explain(transfer, code, err));
}

static bool redirected(struct err *err, const char *host)
{
    return err_set(err, ERR_FETCH_REDIRECT, "%s redirects to another address", host);
}

/* Exchanges until one is no redirect. */
static bool follow(struct transfer *transfer, const struct place *start, CURLM *multi, long *status, struct err *err)
{
    const char *url = transfer->request->url;
    for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
        struct place next;
        struct err ignored;
        char *location = NULL;
        if (!exchange(transfer, url, multi, err))
            return false;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, status);
        curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &location);
        if (*status < 300 || *status > 399 || location == NULL)
            return true;
        if (!parse_url(location, transfer->arena, transfer->request->allow_http, &next, &ignored)
            || !same_place(start, &next))
            return redirected(err, start->host);
        url = arena_strdup(transfer->arena, location);
    }
    return redirected(err, start->host);
}

/* ---- The answer -------------------------------------------------------------------------------------------------- */

/* A header that will be sent back later: printable, not endless. */
static const char *validator(struct transfer *transfer, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    size_t length = strlen(header->value);
    for (size_t i = 0; i < length; i++)
        if (header->value[i] < 0x20 || header->value[i] > 0x7e)
            return NULL;
    return length == 0 || length > VALIDATOR_MAX ? NULL : arena_strdup(transfer->arena, header->value);
}

static bool is_blank(const struct fetch_answer *answer)
{
    for (size_t i = 0; i < answer->length; i++)
        if (strchr(" \t\r\n", answer->body[i]) == NULL || answer->body[i] == '\0')
            return false;
    return true;
}

static bool judge(struct transfer *transfer, long status, struct err *err)
{
    const struct fetch_request *request = transfer->request;
    struct fetch_answer *answer = transfer->answer;
    answer->not_modified = status == 304 && (request->etag != NULL || request->last_modified != NULL);
    if (status != 200 && !answer->not_modified) {
        const char *number = arena_printf(transfer->arena, "%ld", status);
        err_set(err, ERR_FETCH_STATUS, "%s answered %s", transfer->host, number);
        return err_args(err, number, NULL);
    }
    if (!answer->not_modified && is_blank(answer))
        return err_set(err, ERR_FETCH_EMPTY, "%s answered with an empty body", transfer->host);
    answer->etag = validator(transfer, "ETag");
    answer->last_modified = validator(transfer, "Last-Modified");
    return true;
}

static struct curl_slist *add_header(struct curl_slist *headers, struct arena *arena, const char *name,
                                     const char *value)
{
    struct curl_slist *longer =
        value == NULL ? headers : curl_slist_append(headers, arena_printf(arena, "%s: %s", name, value));
    if (value != NULL && longer == NULL)
        abort();
    return longer;
}

bool fetch_get(const struct fetch_request *request, struct arena *arena, const struct cancel *cancel,
               struct fetch_answer *answer, struct err *err)
{
    struct place place;
    long status = 0;
    *answer = (struct fetch_answer){0};
    if (!parse_url(request->url, arena, request->allow_http, &place, err))
        return false;
    struct transfer transfer = {.request = request,
                                .arena = arena,
                                .cancel = cancel,
                                .answer = answer,
                                .host = text_utf8(arena, place.host),
                                .deadline_ms = clock_mono_ms() + request->timeout_ms};
    CURLM *multi = curl_multi_init();
    transfer.easy = curl_easy_init();
    if (multi == NULL || transfer.easy == NULL)
        abort();
    struct curl_slist *headers = add_header(NULL, arena, "Accept", request->accept);
    headers = add_header(headers, arena, "Cache-Control", "no-cache");
    headers = add_header(headers, arena, "If-None-Match", request->etag);
    headers = add_header(headers, arena, "If-Modified-Since", request->last_modified);
    set_up(&transfer, headers);
    bool ok = follow(&transfer, &place, multi, &status, err) && judge(&transfer, status, err);
    curl_easy_cleanup(transfer.easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    if (!ok)
        fetch_free(answer);
    return ok;
}

void fetch_free(struct fetch_answer *answer)
{
    free(answer->body);
    *answer = (struct fetch_answer){0};
}
