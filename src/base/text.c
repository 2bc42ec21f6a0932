#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>

/* Length of the well-formed UTF-8 sequence at `at` (of `left` bytes), 0 when there is none. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (lead == 0xe0 && at[1] < 0xa0) || (lead == 0xf0 && at[1] < 0x90);
    bool surrogate = lead == 0xed && at[1] > 0x9f;
    bool beyond = lead == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

bool text_is_utf8(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        size_t step = sequence_length(at + i, length - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

const char *text_utf8(struct arena *arena, const char *text)
{
    if (text == NULL)
        return "";
    size_t length = strlen(text);
    if (text_is_utf8(text, length))
        return arena_strndup(arena, text, length);
    char *copy = arena_alloc(arena, length * 3 + 1);
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        size_t step = sequence_length((const unsigned char *)text + i, length - i);
        if (step == 0) {
            memcpy(copy + used, "\xef\xbf\xbd", 3);
            used += 3;
            i++;
        } else {
            memcpy(copy + used, text + i, step);
            used += step;
            i += step;
        }
    }
    return copy;
}

void text_cut_utf8(char *text)
{
    size_t length = strlen(text);
    size_t start = length;
    while (start > 0 && length - start < 4) {
        start--;
        if (((unsigned char)text[start] & 0xc0) != 0x80) {
            if (sequence_length((unsigned char *)text + start, length - start) != length - start)
                text[start] = '\0';
            return;
        }
    }
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* A number and a unit out of the table; at most 2^62. */
static bool parse_with_unit(const char *text, const struct unit *units, size_t count, uint64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(end, units[i].name) == 0) {
            *value = number * units[i].factor;
            return number <= (UINT64_MAX >> 2) / units[i].factor;
        }
    return number == 0 && *end == '\0' ? (*value = 0, true) : false;
}

bool text_parse_bytes(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {{"", 1},    {"b", 1},    {"k", KIB},        {"kb", KIB},
                                        {"m", MIB}, {"mb", MIB}, {"g", 1024 * MIB}, {"gb", 1024 * MIB}};
    return parse_with_unit(text, units, ARRAY_LEN(units), bytes);
}

bool text_parse_duration(const char *text, int64_t *ms)
{
    static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t value;
    if (!parse_with_unit(text, units, ARRAY_LEN(units), &value))
        return false;
    *ms = (int64_t)value;
    return true;
}

bool text_parse_integer(const char *text, int64_t min, int64_t max, int64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) && text[0] != '-')
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max)
        return false;
    *value = number;
    return true;
}

const char *text_bytes(struct arena *arena, uint64_t bytes)
{
    if (bytes % MIB == 0)
        return arena_printf(arena, "%lluMB", (unsigned long long)(bytes / MIB));
    return arena_printf(arena, "%.2fMB", (double)bytes / (double)MIB);
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

void text_hex(const unsigned char *bytes, size_t size, char *out)
{
    sodium_bin2hex(out, size * 2 + 1, bytes, size);
}

void text_random(char *out, size_t length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < length; i++)
        out[i] = letters[randombytes_uniform(sizeof letters - 1)];
    out[length] = '\0';
}
