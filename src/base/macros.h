/* Compiler attributes and small macros used everywhere. */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Unit factors, in bytes. The field's "MB" is 1024 * 1024 here, as in the hub (524,288,000 = 500MB). */
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#endif
