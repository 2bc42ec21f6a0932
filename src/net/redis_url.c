#include "net/redis_url.h"

#include "base/text.h"

#include <ctype.h>

#define SCHEME "redis://"
#define DATABASE_MAX 65535
#define HOST_MAX 253

static bool refuse(struct err *err, const char *words)
{
    err_set(err, ERR_CONFIG_INVALID, "REDIS_URL: %s", words);
    return err_args(err, "REDIS_URL", NULL);
}

static int hex_digit(char digit)
{
    return isdigit((unsigned char)digit) ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

/* NULL when an escape is not one, or stands for a zero byte. */
static const char *percent_decode(struct arena *arena, const char *text, size_t length)
{
    char *out = arena_alloc(arena, length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            out[used++] = text[i];
            continue;
        }
        if (length - i < 3 || !isxdigit((unsigned char)text[i + 1]) || !isxdigit((unsigned char)text[i + 2]))
            return NULL;
        out[used] = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
        if (out[used++] == '\0')
            return NULL;
        i += 2;
    }
    return out;
}

static bool parse_login(struct arena *arena, const char *text, size_t length, struct redis_url *parts, struct err *err)
{
    const char *colon = memchr(text, ':', length);
    if (colon == NULL)
        return refuse(err, "before @ there must be user:password or :password");
    size_t user_length = (size_t)(colon - text);
    parts->user = percent_decode(arena, text, user_length);
    parts->password = percent_decode(arena, colon + 1, length - user_length - 1);
    if (parts->user == NULL || parts->password == NULL)
        return refuse(err, "the user or password has a % that is not an escape (a % itself is written %25)");
    if (parts->user[0] != '\0' && parts->password[0] == '\0')
        return refuse(err, "there is a user without a password");
    return true;
}

/* Decimal digits only: strtol takes signs and spaces. */
static bool parse_number(const char *text, int64_t min, int64_t max)
{
    int64_t value;
    return strlen(text) <= 9 && strspn(text, "0123456789") == strlen(text)
           && text_parse_integer(text, min, max, &value);
}

static bool only(const char *text, size_t length, const char *marks)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && strchr(marks, text[i]) == NULL)
            return false;
    return length > 0 && length <= HOST_MAX;
}

static bool parse_place(struct arena *arena, const char *text, size_t length, struct redis_url *parts, struct err *err)
{
    const char *host = text, *after, *end = text + length;
    bool ok;
    if (length > 0 && text[0] == '[') {
        host = text + 1;
        after = memchr(host, ']', length - 1);
        if (after == NULL)
            return refuse(err, "the bracket of the IPv6 address is not closed");
        ok = only(host, (size_t)(after - host), ":.%");
        parts->host = arena_strndup(arena, host, (size_t)(after - host));
        after++;
    } else {
        after = memchr(text, ':', length);
        after = after == NULL ? end : after;
        ok = only(host, (size_t)(after - host), "-._");
        parts->host = arena_strndup(arena, host, (size_t)(after - host));
    }
    if (!ok)
        return refuse(err,
                      "the host is not a name or an address (write special characters of a password percent-encoded)");
    if (after == end)
        return true;
    parts->port = arena_strndup(arena, after + 1, (size_t)(end - after - 1));
    if (*after != ':' || !parse_number(parts->port, 1, 65535))
        return refuse(err, "the port is not a number from 1 to 65535");
    return true;
}

bool redis_url_parse(const char *url, struct arena *arena, struct redis_url *parts, struct err *err)
{
    *parts = (struct redis_url){.port = "6379", .user = "", .password = "", .database = "0"};
    if (text_starts(url, "rediss://"))
        return refuse(err, "rediss:// (TLS) is not supported; reach Redis through a private network or a tunnel");
    if (!text_starts(url, SCHEME))
        return refuse(err, "it does not start with redis://");
    const char *start = url + strlen(SCHEME);
    size_t length = strcspn(start, "/?#");
    if (strpbrk(start + length, "?#") != NULL)
        return refuse(err, "options after ? or # are not supported");

    const char *at = memrchr(start, '@', length);
    if (at != NULL && !parse_login(arena, start, (size_t)(at - start), parts, err))
        return false;
    const char *place = at == NULL ? start : at + 1;
    if (!parse_place(arena, place, (size_t)(start + length - place), parts, err))
        return false;
    if (start[length] == '\0' || start[length + 1] == '\0')
        return true;
    parts->database = arena_strdup(arena, start + length + 1);
    if (!parse_number(parts->database, 0, DATABASE_MAX))
        return refuse(err, "the database after the host is not a number");
    return true;
}
