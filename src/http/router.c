#include "http/internal.h"

/* The next segment of a path: its start and length; false at the end. */
static bool next_segment(const char **at, const char **segment, size_t *length)
{
    if (**at != '/')
        return false;
    *segment = *at + 1;
    *length = strcspn(*segment, "/");
    *at = *segment + *length;
    return true;
}

/* Where a pattern's segment is `{name}` or `{name}:word`: the part of `have` that the name stands for; 0 where it is
 * neither, or the word is not there. */
static size_t named_part(const char *want, size_t want_length, const char *have, size_t have_length,
                         size_t *name_length)
{
    const char *end = want[0] == '{' ? memchr(want, '}', want_length) : NULL;
    if (end == NULL)
        return 0;
    size_t word = want_length - (size_t)(end + 1 - want);
    *name_length = (size_t)(end - want) - 1;
    if (have_length <= word || memcmp(have + have_length - word, end + 1, word) != 0)
        return 0;
    return have_length - word;
}

/* 1 when the raw path fits the pattern (params filled when wanted), 0 not, -1 with err: an escape is broken. */
static int match_path(struct arena *arena, const char *pattern, const char *path, struct headers *params,
                      struct err *err)
{
    const char *want, *have, *decoded;
    size_t want_length, have_length;
    for (;;) {
        bool more = next_segment(&pattern, &want, &want_length);
        if (more != next_segment(&path, &have, &have_length))
            return 0;
        if (!more)
            return *pattern == *path;
        size_t name_length, part = named_part(want, want_length, have, have_length, &name_length);
        if (!url_decode(arena, have, part > 0 ? part : have_length, false, &decoded, err))
            return -1;
        if (part > 0) {
            if (params != NULL)
                headers_add(arena, params, arena_strndup(arena, want + 1, name_length), decoded);
        } else if (strlen(decoded) != want_length || strncmp(decoded, want, want_length) != 0) {
            return 0;
        }
    }
}

bool router_match(struct request *request, struct err *err)
{
    const struct http_options *options = &request->server->options;
    bool known = false;
    for (size_t i = 0; i < options->route_count; i++) {
        const struct route *route = &options->routes[i];
        struct headers params = {0};
        int fits = match_path(request->arena, route->path, request->raw_path, &params, err);
        if (fits < 0)
            return false;
        if (fits == 0)
            continue;
        known = true;
        if (strcmp(route->method, request->method) != 0)
            continue;
        request->route = route;
        request->params = params;
        return true;
    }
    if (known)
        return err_set(err, ERR_METHOD_NOT_ALLOWED, "allowed: %s", router_allowed(request));
    return err_set(err, ERR_NOT_FOUND, "%s", "");
}

const char *router_allowed(struct request *request)
{
    const struct http_options *options = &request->server->options;
    const char *allowed = "";
    struct err ignored;
    for (size_t i = 0; i < options->route_count; i++)
        if (match_path(request->arena, options->routes[i].path, request->raw_path, NULL, &ignored) == 1)
            allowed = arena_printf(request->arena, "%s%s%s", allowed, *allowed == '\0' ? "" : ", ",
                                   options->routes[i].method);
    return allowed;
}
