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
        if (!url_decode(arena, have, have_length, false, &decoded, err))
            return -1;
        if (want_length >= 2 && want[0] == '{' && want[want_length - 1] == '}') {
            if (*decoded == '\0')
                return 0;
            if (params != NULL)
                headers_add(arena, params, arena_strndup(arena, want + 1, want_length - 2), decoded);
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
