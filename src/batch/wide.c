#include "batch/wide.h"

#include "base/jtext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool wide_is_beyond(const char *digits, size_t size)
{
    char copy[24];
    for (size_t i = 1; i < size; i++)
        if (digits[i] < '0' || digits[i] > '9')
            return false;
    if (size >= sizeof copy)
        return true;
    memcpy(copy, digits, size);
    copy[size] = '\0';
    errno = 0;
    (void)strtoll(copy, NULL, 10);
    return errno == ERANGE;
}

static size_t skip_string(const char *text, size_t size, size_t at)
{
    for (at++; at < size && text[at] != '"'; at++)
        at += text[at] == '\\';
    return MIN(at + 1, size);
}

/* An exponent makes a real of a whole number. */
static void put_as_reals(struct jtext_out *out, const char *text, size_t size)
{
    size_t done = 0;
    for (size_t at = 0; at < size;) {
        size_t start = at;
        if (text[at] == '"') {
            at = skip_string(text, size, at);
        } else if (strchr("-0123456789", text[at]) == NULL || text[at] == '\0') {
            at++;
        } else {
            while (at < size && text[at] != '\0' && strchr("+-.0123456789eE", text[at]) != NULL)
                at++;
            if (wide_is_beyond(text + start, at - start)) {
                jtext_put(out, text + done, at - done);
                jtext_puts(out, "e0");
                done = at;
            }
        }
    }
    jtext_put(out, text + done, size - done);
}

json_t *wide_loadb(const char *text, size_t size, size_t flags, json_error_t *fault)
{
    struct jtext_out out = {0};
    json_t *value = json_loadb(text, size, flags, fault);
    if (value != NULL || json_error_code(fault) != json_error_numeric_overflow)
        return value;
    put_as_reals(&out, text, size);
    value = json_loadb(out.text, out.size, flags, fault);
    free(out.text);
    return value;
}

json_t *wide_loads(const char *text)
{
    json_error_t fault;
    return wide_loadb(text, strlen(text), 0, &fault);
}
