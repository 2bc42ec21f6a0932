/* The web page's files, embedded in the binary: index.html as it is, all others compressed (ui/build.mjs). */
#include "api/api.h"

#include "base/embedded.h"
#include "base/text.h"

#include <strings.h>
#include <zlib.h>

#define INDEX "index.html"
#define NONCE_MARK "{{nonce}}"
#define NONCE_LENGTH 24

static const struct {
    const char *suffix, *type;
} types[] = {
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".woff2", "font/woff2"},
};

/* The page's own addresses (ui/src/router.tsx); it looks at them itself. */
static const char *const addresses[] = {"sign-in", "data", "prices", "providers", "users", "keys", "history"};

static bool is_address(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        if (strcmp(addresses[i], name) == 0)
            return true;
    return false;
}

static const char *type_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (text_ends(name, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

static const struct embedded_file *find(const char *name)
{
    for (const struct embedded_file *file = embedded_ui; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

/* Whether Accept-Encoding names it, and not with q=0. */
static bool client_takes(struct request *request, const char *coding)
{
    const char *accept = request_header(request, "Accept-Encoding");
    size_t length = strlen(coding);
    for (const char *at = accept == NULL ? "" : accept; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        at += strspn(at, " \t");
        size_t word = strcspn(at, " \t;,");
        if (word != length || strncasecmp(at, coding, word) != 0)
            continue;
        const char *q = at + word + strspn(at + word, " \t;");
        return !(text_starts(q, "q=0") && strspn(q + 3, ".0") == strcspn(q + 3, ", \t"));
    }
    return false;
}

/* For a client that takes nothing compressed. */
static const void *unpack(struct request *request, const struct embedded_file *gz, size_t *size)
{
    const unsigned char *tail = gz->bytes + gz->size - 4; /* gzip ends with the length, little-endian */
    *size = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
    unsigned char *bytes = arena_alloc(request_arena(request), *size + 1);
    z_stream zip = {
        .next_in = (unsigned char *)gz->bytes, .avail_in = (uInt)gz->size, .next_out = bytes, .avail_out = (uInt)*size};
    if (inflateInit2(&zip, 16 + MAX_WBITS) != Z_OK)
        return NULL;
    int status = inflate(&zip, Z_FINISH);
    inflateEnd(&zip);
    return status == Z_STREAM_END ? bytes : NULL;
}

static bool send_file(struct request *request, const char *name)
{
    struct arena *arena = request_arena(request);
    const struct embedded_file *br = find(arena_printf(arena, "%s.br", name)),
                               *gz = find(arena_printf(arena, "%s.gz", name));
    if (br == NULL || gz == NULL)
        return false;
    bool takes_br = client_takes(request, "br"), takes_gz = !takes_br && client_takes(request, "gzip");
    const struct embedded_file *file = takes_br ? br : gz;
    const void *bytes = file->bytes;
    size_t size = file->size;
    if (!takes_br && !takes_gz && (bytes = unpack(request, gz, &size)) == NULL)
        return false;
    if (takes_br || takes_gz)
        reply_header(request, "Content-Encoding", takes_br ? "br" : "gzip");
    reply_header(request, "Vary", "Accept-Encoding");
    /* The names in assets/ are made of the contents: such a file never changes. */
    reply_header(request, "Cache-Control",
                 text_starts(name, "assets/") ? "public, max-age=31536000, immutable" : "no-cache");
    reply_bytes(request, 200, type_of(name), bytes, size);
    return true;
}

/* Ant Design makes its styles while the page runs: they carry a nonce, so that no other style can be put in. */
static void send_index(struct request *request)
{
    struct arena *arena = request_arena(request);
    const char *html = (const char *)find(INDEX)->bytes, *mark = strstr(html, NONCE_MARK);
    char nonce[NONCE_LENGTH + 1];
    text_random(nonce, NONCE_LENGTH);
    if (mark != NULL)
        html = arena_printf(arena, "%.*s%s%s", (int)(mark - html), html, nonce, mark + strlen(NONCE_MARK));
    reply_header(
        request, "Content-Security-Policy",
        arena_printf(arena,
                     "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' data:; "
                     "font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
                     "form-action 'self'",
                     nonce));
    reply_header(request, "Cache-Control", "no-store");
    reply_bytes(request, 200, "text/html; charset=utf-8", html, strlen(html));
}

static void not_found(struct request *request)
{
    struct err err;
    err_set(&err, ERR_NOT_FOUND, "there is no page %s", text_utf8(request_arena(request), request_path(request)));
    reply_err(request, &err, NULL);
}

void api_page(struct request *request)
{
    const char *name = request_param(request, "file");
    if (name != NULL && send_file(request, name))
        return;
    if (name == NULL || is_address(name))
        send_index(request);
    else
        not_found(request);
}

void api_page_asset(struct request *request)
{
    if (!send_file(request, arena_printf(request_arena(request), "assets/%s", request_param(request, "file"))))
        not_found(request);
}
