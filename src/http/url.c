#include "http/internal.h"

#include "base/text.h"

#include <strings.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool invalid(struct err *err, const char *words)
{
    err_set(err, ERR_VALIDATION_FAILED, "the address: %s", words);
    return err_args(err, "URL", NULL);
}

bool url_decode(struct arena *arena, const char *text, size_t length, bool plus, const char **decoded, struct err *err)
{
    char *out = arena_alloc(arena, length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < length ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return invalid(err, "a percent escape is broken");
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return invalid(err, "it holds a NUL");
        out[used++] = c;
    }
    if (!text_is_utf8(out, used))
        return invalid(err, "it is not UTF-8");
    *decoded = out;
    return true;
}

bool url_parse_query(struct arena *arena, const char *text, struct headers *query, struct err *err)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "&");
        const char *equals = memchr(text, '=', length);
        size_t name_length = equals == NULL ? length : (size_t)(equals - text);
        const char *name, *value = "";
        if (length > 0) {
            if (!url_decode(arena, text, name_length, true, &name, err))
                return false;
            if (equals != NULL && !url_decode(arena, equals + 1, length - name_length - 1, true, &value, err))
                return false;
            headers_add(arena, query, name, value);
        }
        text += length;
        text += *text == '&';
    }
    return true;
}

/* RFC 6265: name=value; name="value". Names count exactly, values are taken as they are. */
const char *cookie_find(struct arena *arena, const char *header, const char *name)
{
    size_t name_length = strlen(name);
    while (*header != '\0') {
        header += strspn(header, " \t;");
        size_t length = strcspn(header, ";");
        size_t end = length;
        while (end > 0 && (header[end - 1] == ' ' || header[end - 1] == '\t'))
            end--;
        if (end > name_length && strncmp(header, name, name_length) == 0 && header[name_length] == '=') {
            const char *value = header + name_length + 1;
            size_t size = end - name_length - 1;
            bool quoted = size >= 2 && value[0] == '"' && value[size - 1] == '"';
            return arena_strndup(arena, value + quoted, size - 2 * (size_t)quoted);
        }
        header += length;
    }
    return NULL;
}

const char *headers_find(const struct headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++)
        if (strcasecmp(headers->items[i].name, name) == 0)
            return headers->items[i].value;
    return NULL;
}

void headers_add(struct arena *arena, struct headers *headers, const char *name, const char *value)
{
    struct header *item = arena_push(arena, &headers->items, headers->count, sizeof *item);
    headers->count++;
    item->name = name;
    item->value = value;
}

/* A token of RFC 9110. */
bool header_name_valid(const char *name)
{
    size_t length = strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return length > 0 && name[length] == '\0';
}

bool header_value_valid(const char *value)
{
    return strpbrk(value, "\r\n") == NULL;
}
