/* Exact decimals for the conversion of price tables: read, multiply, move the point, round. No doubles. */
#ifndef PRICES_DECIMAL_H
#define PRICES_DECIMAL_H

#include "base/arena.h"

/* digits * 10^exponent, not negative */
struct decimal {
    unsigned __int128 digits;
    int exponent;
};

/* "0.25", "3", "1.5e-7"; nothing around it. False for anything else, for a minus sign before a value that is not 0, and
 * beyond an exponent of 300. More than 18 digits are rounded to 18. */
bool decimal_parse(const char *text, size_t length, struct decimal *value) MUST_CHECK;

struct decimal decimal_times(struct decimal a, struct decimal b);    /* a product of two parsed ones is exact */
struct decimal decimal_shift(struct decimal value, int places);      /* * 10^places */
struct decimal decimal_round(struct decimal value, int significant); /* half away from 0; at most 18 */
const char *decimal_text(struct arena *arena, struct decimal value); /* as JSON has it: "2.5e-7", "0" */

#endif
