/* Any bytes as a query, as a path and as a cookie: what is accepted is UTF-8 without zero bytes, and stays what it is
 * when it is written and read again; what a cookie gives stands in the header. */
#include "fuzz/must.h"
#include "base/text.h"
#include "http/internal.h"

static const char *encoded(struct arena *arena, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    char *out = arena_alloc(arena, 3 * strlen(text) + 1), *at = out;
    for (; *text != '\0'; text++) {
        *at++ = '%';
        *at++ = digits[(unsigned char)*text >> 4];
        *at++ = digits[(unsigned char)*text & 15];
    }
    return out;
}

static void try_query(struct arena *arena, const char *text)
{
    struct headers query = {0}, again = {0};
    struct err err = ERR_NONE_YET;
    const char *written = "";
    if (!url_parse_query(arena, text, &query, &err)) {
        must(err.code == ERR_VALIDATION_FAILED);
        return;
    }
    for (size_t i = 0; i < query.count; i++) {
        must(text_is_utf8(query.items[i].name, strlen(query.items[i].name)));
        must(text_is_utf8(query.items[i].value, strlen(query.items[i].value)));
        if (query.count <= 64)
            written = arena_printf(arena, "%s%s=%s&", written, encoded(arena, query.items[i].name),
                                   encoded(arena, query.items[i].value));
    }
    if (query.count > 64)
        return;
    must(url_parse_query(arena, written, &again, &err) && again.count == query.count);
    for (size_t i = 0; i < query.count; i++)
        must(strcmp(query.items[i].name, again.items[i].name) == 0
             && strcmp(query.items[i].value, again.items[i].value) == 0);
}

static void try_path(struct arena *arena, const char *text, size_t size)
{
    struct err err = ERR_NONE_YET;
    const char *decoded, *again;
    if (!url_decode(arena, text, size, false, &decoded, &err)) {
        must(err.code == ERR_VALIDATION_FAILED);
        return;
    }
    const char *written = encoded(arena, decoded);
    must(strlen(decoded) <= size);
    must(url_decode(arena, written, strlen(written), false, &again, &err) && strcmp(decoded, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, size == 0 ? "" : (const char *)bytes, size);
    try_query(arena, text);
    try_path(arena, size == 0 ? "" : (const char *)bytes, size);
    const char *value = cookie_find(arena, text, "auth-token");
    must(value == NULL || (strstr(text, value) != NULL && strchr(value, ';') == NULL));
    must(header_value_valid(text) == (strpbrk(text, "\r\n") == NULL));
    arena_free(arena);
    return 0;
}
