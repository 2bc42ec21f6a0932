#include "base/jtext.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

struct checker {
    const char *at, *end;
    const char *what; /* what is wrong at `at` */
};

static bool fault(struct checker *checker, const char *what)
{
    checker->what = checker->at == checker->end ? "the text ends too early" : what;
    return false;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static bool take(struct checker *checker, char wanted, const char *what)
{
    checker->at = skip_space(checker->at, checker->end);
    if (checker->at == checker->end || *checker->at != wanted)
        return fault(checker, what);
    checker->at++;
    return true;
}

static bool is_digit(const struct checker *checker)
{
    return checker->at < checker->end && *checker->at >= '0' && *checker->at <= '9';
}

static bool check_digits(struct checker *checker)
{
    if (!is_digit(checker))
        return fault(checker, "a digit is missing in the number");
    while (is_digit(checker))
        checker->at++;
    return true;
}

static bool check_number(struct checker *checker)
{
    checker->at += *checker->at == '-';
    const char *first = checker->at;
    if (!check_digits(checker))
        return false;
    if (*first == '0' && checker->at - first > 1)
        return fault(checker, "a number starts with 0");
    if (checker->at < checker->end && *checker->at == '.') {
        checker->at++;
        if (!check_digits(checker))
            return false;
    }
    if (checker->at < checker->end && (*checker->at == 'e' || *checker->at == 'E')) {
        checker->at++;
        if (checker->at < checker->end && (*checker->at == '+' || *checker->at == '-'))
            checker->at++;
        return check_digits(checker);
    }
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool check_escape(struct checker *checker)
{
    checker->at++;
    if (checker->at == checker->end || strchr("\"\\/bfnrtu", *checker->at) == NULL || *checker->at == '\0')
        return fault(checker, "an escape is not one of JSON's");
    if (*checker->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, checker->at++)
        if (checker->at == checker->end || !is_hex(*checker->at))
            return fault(checker, "\\u needs four hexadecimal digits");
    return true;
}

static bool check_string(struct checker *checker)
{
    if (!take(checker, '"', "a string is expected"))
        return false;
    while (checker->at < checker->end && *checker->at != '"') {
        if ((unsigned char)*checker->at < 0x20)
            return fault(checker, "a control character stands in a string");
        if (*checker->at != '\\')
            checker->at++;
        else if (!check_escape(checker))
            return false;
    }
    return take(checker, '"', "a string has no end");
}

static bool check_word(struct checker *checker, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(checker->end - checker->at) < length || memcmp(checker->at, word, length) != 0)
        return fault(checker, "a value is expected");
    checker->at += length;
    return true;
}

static bool check_value(struct checker *checker, int depth);

static bool check_container(struct checker *checker, int depth)
{
    bool object = *checker->at == '{';
    char close = object ? '}' : ']';
    if (depth == JTEXT_DEPTH)
        return fault(checker, "it is nested too deep");
    checker->at = skip_space(checker->at + 1, checker->end);
    if (checker->at < checker->end && *checker->at == close) {
        checker->at++;
        return true;
    }
    for (;;) {
        if (object && (!check_string(checker) || !take(checker, ':', "a colon is expected")))
            return false;
        if (!check_value(checker, depth + 1))
            return false;
        checker->at = skip_space(checker->at, checker->end);
        if (checker->at < checker->end && *checker->at == close) {
            checker->at++;
            return true;
        }
        if (!take(checker, ',', object ? "a comma or } is expected" : "a comma or ] is expected"))
            return false;
    }
}

static bool check_value(struct checker *checker, int depth)
{
    checker->at = skip_space(checker->at, checker->end);
    switch (checker->at == checker->end ? '\0' : *checker->at) {
    case '{':
    case '[':
        return check_container(checker, depth);
    case '"':
        return check_string(checker);
    case 't':
        return check_word(checker, "true");
    case 'f':
        return check_word(checker, "false");
    case 'n':
        return check_word(checker, "null");
    case '-':
        return check_number(checker);
    default:
        return is_digit(checker) ? check_number(checker) : fault(checker, "a value is expected");
    }
}

/* The first byte that is not UTF-8. */
static const char *find_bad_utf8(const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end) {
        size_t length = (unsigned char)*text < 0x80   ? 1
                        : (unsigned char)*text < 0xe0 ? 2
                        : (unsigned char)*text < 0xf0 ? 3
                                                      : 4;
        if (length > (size_t)(end - text) || (length > 1 && !text_is_utf8(text, length)))
            return text;
        text += length;
    }
    return NULL;
}

static void locate(const char *text, const char *at, struct jtext_fault *fault)
{
    fault->line = fault->column = 1;
    for (; text < at; text++) {
        if (*text == '\n') {
            fault->line++;
            fault->column = 1;
        } else if (((unsigned char)*text & 0xc0) != 0x80) {
            fault->column++;
        }
    }
}

bool jtext_check(const char *text, size_t size, struct jtext *root, struct jtext_fault *fault_out)
{
    size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const char *end = text + size, *start = skip_space(text + mark, end), *bad = find_bad_utf8(text, size);
    struct checker checker = {.at = start, .end = end};
    if (bad != NULL) {
        checker.at = bad;
        checker.what = "a byte is not UTF-8";
    } else if (check_value(&checker, 0)) {
        *root = (struct jtext){start, (size_t)(checker.at - start)};
        checker.at = skip_space(checker.at, end);
        if (checker.at == end)
            return true;
        checker.what = "something follows after the end";
    }
    locate(text + mark, checker.at, fault_out);
    fault_out->what = checker.what;
    return false;
}

/* ---- Walking ----------------------------------------------------------------------------------------------------- */

enum jtext_kind jtext_kind(struct jtext value)
{
    switch (value.at == NULL ? 'n' : *value.at) {
    case '{':
        return JTEXT_OBJECT;
    case '[':
        return JTEXT_ARRAY;
    case '"':
        return JTEXT_STRING;
    case 't':
    case 'f':
        return JTEXT_BOOL;
    case 'n':
        return JTEXT_NULL;
    default:
        return JTEXT_NUMBER;
    }
}

static const char *string_end(const char *at)
{
    at++;
    for (;;) {
        while (*at != '"' && *at != '\\')
            at++;
        if (*at == '"')
            return at + 1;
        at += 2;
    }
}

static const char *value_end(const char *at, const char *end)
{
    /* What a container may begin or end with; most characters are nothing of that. */
    static const bool marks[256] = {['"'] = true, ['{'] = true, ['['] = true, ['}'] = true, [']'] = true};
    int depth = 0;
    if (*at != '"' && *at != '{' && *at != '[') {
        while (at < end && strchr(" \n\r\t,}]", *at) == NULL)
            at++;
        return at;
    }
    do {
        if (*at == '"') {
            at = string_end(at);
        } else {
            depth += *at == '{' || *at == '[' ? 1 : -1;
            at++;
        }
        while (depth > 0 && !marks[(unsigned char)*at])
            at++;
    } while (depth > 0);
    return at;
}

struct jtext_walk jtext_enter(struct jtext container)
{
    enum jtext_kind kind = jtext_kind(container);
    if (kind != JTEXT_OBJECT && kind != JTEXT_ARRAY)
        return (struct jtext_walk){0};
    return (struct jtext_walk){container.at + 1, container.at + container.size - 1, kind == JTEXT_OBJECT};
}

bool jtext_next(struct jtext_walk *walk, struct jtext *key, struct jtext *value)
{
    *key = (struct jtext){0};
    walk->at = walk->at == NULL ? NULL : skip_space(walk->at, walk->end);
    if (walk->at == walk->end)
        return false;
    if (*walk->at == ',')
        walk->at = skip_space(walk->at + 1, walk->end);
    if (walk->object) {
        *key = (struct jtext){walk->at, (size_t)(string_end(walk->at) - walk->at)};
        walk->at = skip_space(walk->at + key->size, walk->end);
        walk->at = skip_space(walk->at + 1, walk->end);
    }
    *value = (struct jtext){walk->at, (size_t)(value_end(walk->at, walk->end) - walk->at)};
    walk->at += value->size;
    return true;
}

struct jtext jtext_member(struct jtext object, const char *name)
{
    struct jtext key, value;
    size_t length = strlen(name);
    struct jtext_walk walk = jtext_enter(object);
    while (walk.object && jtext_next(&walk, &key, &value))
        if (key.size == length + 2 && memcmp(key.at + 1, name, length) == 0)
            return value;
    return (struct jtext){0};
}

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

static unsigned unit_at(const char *at) /* the four digits after \u */
{
    char digits[5] = {at[0], at[1], at[2], at[3], '\0'};
    return (unsigned)strtoul(digits, NULL, 16);
}

static bool is_high(unsigned unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(unsigned unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* The character of the escape \u.... at `at` (the backslash); `used` is its length. -1: half of a pair. */
static int64_t unicode_escape(const char *at, const char *end, size_t *used)
{
    unsigned unit = unit_at(at + 2);
    *used = 6;
    if (is_low(unit))
        return -1;
    if (!is_high(unit))
        return unit;
    if (end - at < 12 || at[6] != '\\' || at[7] != 'u' || !is_low(unit_at(at + 8)))
        return -1;
    *used = 12;
    return 0x10000 + ((int64_t)(unit - 0xd800) << 10) + (unit_at(at + 8) - 0xdc00);
}

static char *put_character(char *out, int64_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    *out++ = (char)((more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0) | (c >> (6 * more)));
    while (more-- > 0)
        *out++ = (char)(0x80 | ((c >> (6 * more)) & 0x3f));
    return out;
}

size_t jtext_decode(struct jtext string, char *out)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (jtext_kind(string) != JTEXT_STRING)
        return 0;
    const char *at = string.at + 1, *end = string.at + string.size - 1, *start = out;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
        } else if (at[1] != 'u') {
            *out++ = meant[strchr(escapes, at[1]) - escapes];
            at += 2;
        } else {
            size_t used;
            int64_t c = unicode_escape(at, end, &used);
            out = put_character(out, c < 0 ? 0xfffd : c);
            at += used;
        }
    }
    return (size_t)(out - start);
}

const char *jtext_string(struct arena *arena, struct jtext string, size_t *length)
{
    char *text = arena_alloc(arena, string.size + 1);
    size_t size = jtext_decode(string, text);
    if (length != NULL)
        *length = size;
    return text;
}

bool jtext_storable(struct jtext value)
{
    const char *end = value.at + value.size;
    if (value.size == 0)
        return true;
    for (const char *at = memchr(value.at, '\\', value.size); at != NULL && at < end;
         at = memchr(at, '\\', (size_t)(end - at))) {
        size_t used = 2;
        if (at[1] == 'u' && unicode_escape(at, end, &used) <= 0)
            return false;
        at += used;
    }
    return true;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

void jtext_reserve(struct jtext_out *out, size_t size)
{
    if (out->room - out->size > size)
        return;
    out->room = MAX(out->room + out->room / 2, out->size + size + 1);
    out->text = realloc(out->text, out->room);
    if (out->text == NULL)
        abort();
}

void jtext_put(struct jtext_out *out, const char *bytes, size_t size)
{
    jtext_reserve(out, MAX(size, 256));
    memcpy(out->text + out->size, bytes, size);
    out->size += size;
    out->text[out->size] = '\0';
}

void jtext_put_value(struct jtext_out *out, struct jtext value)
{
    const char *end = value.at + value.size;
    for (const char *at = skip_space(value.at, end), *part = at; at < end; at = part = skip_space(at, end)) {
        while (at < end && (unsigned char)*at > ' ')
            at = *at == '"' ? string_end(at) : at + 1;
        jtext_put(out, part, (size_t)(at - part));
    }
}

void jtext_puts(struct jtext_out *out, const char *text)
{
    jtext_put(out, text, strlen(text));
}

void jtext_put_string(struct jtext_out *out, const char *text)
{
    jtext_puts(out, "\"");
    while (*text != '\0') {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        jtext_put(out, text, plain);
        text += plain;
        if (*text != '\0') {
            char escape[8];
            bool control = (unsigned char)*text < 0x20;
            snprintf(escape, sizeof escape, control ? "\\u%04x" : "\\%c", (unsigned char)*text);
            jtext_puts(out, escape);
            text++;
        }
    }
    jtext_puts(out, "\"");
}
