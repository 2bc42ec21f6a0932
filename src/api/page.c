/* The web page's files, embedded in the binary. */
#include "api/api.h"

#include "base/embedded.h"
#include "base/text.h"

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

static const char *type_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (text_ends(name, types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

void api_page(struct request *request)
{
    const char *name = request_param(request, "file");
    struct err err;
    if (name == NULL)
        name = "index.html";
    for (const struct embedded_file *file = embedded_ui; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0) {
            reply_header(request, "Cache-Control", "no-cache");
            reply_bytes(request, 200, type_of(name), file->bytes, file->size);
            return;
        }
    err_set(&err, ERR_NOT_FOUND, "there is no page %s", text_utf8(request_arena(request), name));
    reply_err(request, &err, NULL);
}
