/* Files that are part of the binary (scripts/embed): migrations and the web page. */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name;           /* NULL ends a table */
    const unsigned char *bytes; /* followed by a zero byte that is not counted */
    size_t size;
};

extern const struct embedded_file embedded_sql[]; /* sql/, in the order of their numbers */
extern const struct embedded_file embedded_ui[];  /* ui/ */

#endif
