#include "auth/auth.h"

#include "base/text.h"

/* The authority of "scheme://host[:port][/...]" without the scheme's own port; false when it is no such thing. */
static bool authority(const char *url, const char **start, size_t *length, const char **own_port)
{
    const char *scheme_end = strstr(url, "://");
    if (scheme_end == NULL)
        return false;
    *own_port = strncasecmp(url, "https:", 6) == 0 ? ":443" : strncasecmp(url, "http:", 5) == 0 ? ":80" : "";
    *start = scheme_end + 3;
    *length = strcspn(*start, "/?#");
    return **own_port != '\0' && *length > 0 && memchr(*start, '@', *length) == NULL;
}

static size_t without_port(const char *text, size_t length, const char *port)
{
    size_t tail = strlen(port);
    return length > tail && strncmp(text + length - tail, port, tail) == 0 ? length - tail : length;
}

/* Origin "null" (an opaque one) is no URL, and so another site. */
static enum auth_site site_of_url(const char *url, const char *host)
{
    const char *start, *own_port;
    size_t length;
    if (url == NULL || url[0] == '\0')
        return SITE_UNKNOWN;
    if (host == NULL || !authority(url, &start, &length, &own_port))
        return SITE_OTHER;
    length = without_port(start, length, own_port);
    size_t host_length = without_port(host, strlen(host), own_port);
    return length == host_length && strncasecmp(start, host, length) == 0 ? SITE_SAME : SITE_OTHER;
}

static enum auth_site site_of_fetch(const char *fetch_site)
{
    if (fetch_site == NULL || fetch_site[0] == '\0')
        return SITE_UNKNOWN;
    /* "none": typed into the address bar, or a bookmark. "same-site" is another origin under the same domain. */
    return strcmp(fetch_site, "same-origin") == 0 || strcmp(fetch_site, "none") == 0 ? SITE_SAME : SITE_OTHER;
}

enum auth_site auth_site_of(const struct auth_origin *origin)
{
    const enum auth_site found[] = {site_of_fetch(origin->fetch_site), site_of_url(origin->origin, origin->host),
                                    site_of_url(origin->referer, origin->host)};
    enum auth_site site = SITE_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        if (found[i] == SITE_OTHER)
            return SITE_OTHER;
        if (found[i] == SITE_SAME)
            site = SITE_SAME;
    }
    return site;
}
