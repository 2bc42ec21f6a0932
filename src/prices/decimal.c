#include "prices/decimal.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 18
#define EXPONENT_MAX 300

static struct decimal without_zeros(struct decimal value)
{
    while (value.digits != 0 && value.digits % 10 == 0) {
        value.digits /= 10;
        value.exponent++;
    }
    if (value.digits == 0)
        value.exponent = 0;
    return value;
}

static int count_digits(unsigned __int128 digits)
{
    int count = 0;
    for (; digits != 0; digits /= 10)
        count++;
    return count;
}

/* The digits before an exponent. One more than are kept is read, for rounding; the rest only moves the point. */
static bool parse_digits(const char **at, const char *end, struct decimal *value)
{
    bool point = false, any = false;
    for (; *at < end && (**at == '.' || (**at >= '0' && **at <= '9')); (*at)++) {
        if (**at == '.') {
            if (point || !any)
                return false;
            point = true;
            continue;
        }
        any = true;
        if (count_digits(value->digits) <= DIGITS_MAX) {
            value->digits = value->digits * 10 + (unsigned)(**at - '0');
            value->exponent -= point;
        } else {
            value->exponent += !point;
        }
    }
    return any && (*at)[-1] != '.';
}

bool decimal_parse(const char *text, size_t length, struct decimal *value)
{
    const char *at = text, *end = text + length;
    bool negative = at < end && *at == '-';
    *value = (struct decimal){0};
    at += negative;
    if (length > 100 || !parse_digits(&at, end, value))
        return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        char digits[8] = "", *rest;
        size_t size = (size_t)(end - at - 1);
        if (size == 0 || size >= sizeof digits || at[1] == ' ')
            return false;
        memcpy(digits, at + 1, size);
        value->exponent += (int)strtol(digits, &rest, 10);
        if (*rest != '\0' || rest == digits)
            return false;
        at = end;
    }
    *value = decimal_round(*value, DIGITS_MAX);
    return at == end && !(negative && value->digits != 0) && abs(value->exponent) <= EXPONENT_MAX;
}

struct decimal decimal_times(struct decimal a, struct decimal b)
{
    return without_zeros((struct decimal){a.digits * b.digits, a.exponent + b.exponent});
}

struct decimal decimal_shift(struct decimal value, int places)
{
    value.exponent += value.digits == 0 ? 0 : places;
    return value;
}

struct decimal decimal_round(struct decimal value, int significant)
{
    bool up = false;
    for (int excess = count_digits(value.digits) - significant; excess > 0; excess--) {
        up = value.digits % 10 >= 5;
        value.digits /= 10;
        value.exponent++;
    }
    value.digits += up;
    return without_zeros(value);
}

const char *decimal_text(struct arena *arena, struct decimal value)
{
    char digits[40], *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = (char)('0' + (int)(value.digits % 10));
        value.digits /= 10;
    } while (value.digits != 0);
    return value.exponent == 0 ? arena_strdup(arena, at) : arena_printf(arena, "%se%d", at, value.exponent);
}
