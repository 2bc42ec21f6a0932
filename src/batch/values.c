#include "batch/values.h"

#include "base/text.h"
#include "batch/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_LENGTH_MAX 200 /* provider_groups.name */

static json_t *wrong(struct arena *arena, const char **problem, const char *text)
{
    *problem = arena_strdup(arena, text);
    return NULL;
}

/* Characters of valid UTF-8. */
static size_t length_of(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* The shortest text that is this double: what was written, up to 15 digits. */
static const char *number_text(struct arena *arena, json_t *value)
{
    char text[64];
    if (json_is_integer(value))
        return arena_printf(arena, "%lld", (long long)json_integer_value(value));
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, json_real_value(value));
        if (strtod(text, NULL) == json_real_value(value))
            break;
    }
    return arena_strdup(arena, text);
}

/* "-12.50" as whole digits without leading zeros and a fraction without trailing ones; false when it is no plain
 * decimal (an exponent is none: nobody writes an amount so). */
struct decimal {
    bool negative;
    const char *whole, *fraction;
};

static bool parse_decimal(struct arena *arena, const char *text, struct decimal *decimal)
{
    decimal->negative = *text == '-';
    text += *text == '-' || *text == '+';
    size_t whole = strspn(text, "0123456789");
    const char *point = text + whole;
    size_t fraction = *point == '.' ? strspn(point + 1, "0123456789") : 0;
    if (whole + fraction == 0 || point[(*point == '.') + fraction] != '\0' || (*point == '.' && fraction == 0))
        return false;
    size_t zeros = strspn(text, "0");
    zeros = MIN(zeros, whole);
    decimal->whole = arena_strndup(arena, text + zeros, whole - zeros);
    while (fraction > 0 && point[fraction] == '0')
        fraction--;
    decimal->fraction = arena_strndup(arena, point + 1, fraction);
    return true;
}

static int compare_decimals(const struct decimal *a, const struct decimal *b)
{
    bool a_zero = a->whole[0] == '\0' && a->fraction[0] == '\0', b_zero = b->whole[0] == '\0' && b->fraction[0] == '\0';
    bool a_negative = a->negative && !a_zero, b_negative = b->negative && !b_zero;
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    size_t a_length = strlen(a->whole), b_length = strlen(b->whole);
    int order = a_length != b_length ? (a_length < b_length ? -1 : 1) : strcmp(a->whole, b->whole);
    if (order == 0)
        order = strcmp(a->fraction, b->fraction); /* without trailing zeros the order of texts is that of values */
    return a_negative ? -order : order;
}

static json_t *check_number(const struct field *field, const char *text, struct arena *arena, const char **problem)
{
    struct decimal value, limit;
    int scale = field->type == FIELD_DECIMAL ? field->scale : 0;
    if (!parse_decimal(arena, text, &value))
        return wrong(arena, problem,
                     field->type == FIELD_DECIMAL ? "must be a decimal number" : "must be a whole number");
    if (strlen(value.fraction) > (size_t)scale)
        return wrong(arena, problem,
                     scale == 0 ? "must be a whole number"
                                : arena_printf(arena, "has more than %d digits after the point", scale));
    if (field->min != NULL && parse_decimal(arena, field->min, &limit) && compare_decimals(&value, &limit) < 0)
        return wrong(arena, problem, arena_printf(arena, "must be at least %s", field->min));
    if (field->max != NULL && parse_decimal(arena, field->max, &limit) && compare_decimals(&value, &limit) > 0)
        return wrong(arena, problem, arena_printf(arena, "must be at most %s", field->max));
    const char *whole = value.whole[0] == '\0' ? "0" : value.whole;
    if (scale == 0)
        return json_integer(strtoll(whole, NULL, 10));
    return json_string(arena_printf(arena, "%s%s%s%s", value.negative ? "-" : "", whole,
                                    value.fraction[0] == '\0' ? "" : ".", value.fraction));
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

static bool is_choice(const struct field *field, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = field->choices;; at = strchr(at, '|') + 1) {
        if (strncmp(at, text, length) == 0 && (at[length] == '|' || at[length] == '\0') && length > 0)
            return true;
        if (strchr(at, '|') == NULL)
            return false;
    }
}

static bool is_time(const char *text)
{
    return strlen(text) == 5 && text[2] == ':' && isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1])
           && isdigit((unsigned char)text[3]) && isdigit((unsigned char)text[4]) && atoi(text) < 24
           && atoi(text + 3) < 60;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct groups {
    const char **names;
    size_t count;
    size_t length; /* characters of them all, with commas between */
};

/* The first separator in `text`, or its end: a comma (also a Chinese one) or the end of a line; and its length. */
static const char *find_separator(const char *text, size_t *length)
{
    static const char wide[] = "，";
    for (;; text++) {
        text += strcspn(text, ",\n\r\xef");
        *length = *text == '\0' ? 0 : 1;
        if (*text != wide[0])
            return text;
        *length = sizeof wide - 1;
        if (text_starts(text, wide))
            return text;
    }
}

/* Trimmed, unless it is empty or known; the characters of what was added. */
static size_t add_group(struct groups *groups, const char *start, const char *end, struct arena *arena)
{
    start += MIN(strspn(start, " \t"), (size_t)(end - start));
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    size_t size = (size_t)(end - start);
    for (size_t i = 0; i < groups->count; i++)
        if (strlen(groups->names[i]) == size && memcmp(groups->names[i], start, size) == 0)
            return 0;
    if (size == 0)
        return 0;
    const char *name = arena_strndup(arena, start, size);
    size_t length = length_of(name);
    groups->length += length + (groups->count > 0);
    *(const char **)arena_push(arena, &groups->names, groups->count++, sizeof *groups->names) = name;
    return length;
}

static const char *join(const struct groups *groups, struct arena *arena)
{
    const char *joined = "";
    for (size_t i = 0; i < groups->count; i++)
        joined = arena_printf(arena, "%s%s%s", joined, i == 0 ? "" : ",", groups->names[i]);
    return joined;
}

/* Names, each once. A key's are sorted and never empty, a provider's keep their order (hub-contract sections 5.3 and
 * 5.4). Ends at the first that is too much: each name is compared with those before it. */
static json_t *make_groups(const struct field *field, const char *text, struct arena *arena, const char **problem)
{
    bool of_key = strcmp(field->column, "provider_group") == 0;
    struct groups groups = {0};
    size_t separator = 1;
    for (const char *start = text; separator > 0;) {
        const char *end = find_separator(start, &separator);
        if (add_group(&groups, start, end, arena) > GROUP_LENGTH_MAX)
            return wrong(arena, problem, "a group's name has more than 200 characters");
        if (groups.length > (size_t)field->max_length)
            return wrong(arena, problem, arena_printf(arena, "has more than %d characters", field->max_length));
        start = end + separator;
    }
    if (of_key && groups.count > 1)
        qsort(groups.names, groups.count, sizeof *groups.names, by_bytes);
    if (groups.count > 0)
        return json_string(join(&groups, arena));
    return of_key ? json_string("default") : json_null();
}

static json_t *check_text(const struct field *field, const char *text, struct arena *arena, const char **problem)
{
    if (field->type == FIELD_GROUPS)
        return make_groups(field, text, arena, problem);
    if (field->type == FIELD_CHOICE && !is_choice(field, text))
        return wrong(arena, problem, arena_printf(arena, "must be one of %s", field->choices));
    if (field->type == FIELD_TIME && !is_time(text))
        return wrong(arena, problem, "must be a time as 08:30");
    if (field->type == FIELD_NUMERAL && strcmp(text, "inherit") != 0) {
        json_t *number = check_number(field, text, arena, problem);
        if (number == NULL)
            return NULL;
        json_decref(number);
    }
    if (field->max_length > 0 && length_of(text) > (size_t)field->max_length)
        return wrong(arena, problem, arena_printf(arena, "has more than %d characters", field->max_length));
    return json_string(text);
}

static json_t *check_texts(const struct field *field, json_t *list, struct arena *arena, const char **problem)
{
    json_t *one;
    size_t index;
    if (!json_is_array(list))
        return wrong(arena, problem, "must be a list of texts");
    if (json_array_size(list) > (size_t)field->max_items)
        return wrong(arena, problem, arena_printf(arena, "has more than %d items", field->max_items));
    json_array_foreach(list, index, one)
    {
        if (!json_is_string(one) || strlen(json_string_value(one)) != json_string_length(one))
            return wrong(arena, problem, "must be a list of texts");
        if (length_of(json_string_value(one)) > (size_t)field->max_length)
            return wrong(arena, problem,
                         arena_printf(arena, "item %zu has more than %d characters", index + 1, field->max_length));
    }
    return json_incref(list);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

json_t *value_check(const struct field *field, json_t *value, struct arena *arena, const char **problem)
{
    if (json_is_null(value))
        return field->nullable ? json_null() : wrong(arena, problem, "cannot be null");
    switch (field->type) {
    case FIELD_BOOL:
        return json_is_boolean(value) ? json_incref(value) : wrong(arena, problem, "must be true or false");
    case FIELD_INTEGER:
        return json_is_number(value) ? check_number(field, number_text(arena, value), arena, problem)
                                     : wrong(arena, problem, "must be a whole number");
    case FIELD_DECIMAL:
        if (json_is_number(value))
            return check_number(field, number_text(arena, value), arena, problem);
        return json_is_string(value) ? check_number(field, json_string_value(value), arena, problem)
                                     : wrong(arena, problem, "must be a decimal number");
    case FIELD_TEXTS:
        return check_texts(field, value, arena, problem);
    case FIELD_RULES:
        return rules_check(field, value, arena, problem);
    case FIELD_OBJECT:
        return json_is_object(value) ? json_incref(value) : wrong(arena, problem, "must be a JSON object");
    default:
        if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
            return wrong(arena, problem, "must be a text");
        return check_text(field, json_string_value(value), arena, problem);
    }
}

static json_t *split(const char *text)
{
    json_t *list = json_array();
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        const char *start = text + strspn(text, " "), *end = text + length;
        while (end > start && end[-1] == ' ')
            end--;
        if (end > start)
            json_array_append_new(list, json_stringn(start, (size_t)(end - start)));
        text += length + (text[length] == ',');
    }
    return list;
}

json_t *value_parse(const struct field *field, const char *text, struct arena *arena, const char **problem)
{
    json_t *value;
    if (text[0] == '\0' && field->nullable)
        return json_null();
    switch (field->type) {
    case FIELD_BOOL:
        if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
            return wrong(arena, problem, "must be true or false");
        return json_boolean(strcasecmp(text, "true") == 0);
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
        return check_number(field, text, arena, problem);
    case FIELD_TEXTS:
        value = text[0] == '[' ? json_loads(text, 0, NULL) : split(text);
        break;
    case FIELD_RULES: /* allowed models may be names only */
        value = strchr("[{\"", text[0]) != NULL ? json_loads(text, 0, NULL) : split(text);
        break;
    case FIELD_OBJECT:
        value = json_loads(text, 0, NULL);
        break;
    default:
        return text_is_utf8(text, strlen(text)) ? check_text(field, text, arena, problem)
                                                : wrong(arena, problem, "is not UTF-8");
    }
    if (value == NULL)
        return wrong(arena, problem, "must be JSON");
    json_t *checked = value_check(field, value, arena, problem);
    json_decref(value);
    return checked;
}

json_t *value_shown(const struct field *field, json_t *value, struct arena *arena)
{
    if (!field->secret || !json_is_string(value))
        return json_incref(value);
    const char *text = json_string_value(value), *host = strstr(text, "//");
    host = host == NULL ? text : host + 2;
    const char *at = strrchr(host, '@'); /* the last: a password may hold all that ends it elsewhere */
    size_t name = at == NULL ? 0 : (size_t)(at + 1 - host);
    size_t shown = name + strcspn(host + name, "?#");
    return json_string(arena_printf(arena, "%.*s%s%.*s%s", (int)(host - text), text, name > 0 ? "***@" : "",
                                    (int)(shown - name), host + name, host[shown] == '\0' ? "" : "?***"));
}
