/* Rows of COPY text, counted as it passes. Inside archive/ only.
 *
 * A row is a line: newlines inside values are escaped, and so are backslashes, which is why a line that is just "\."
 * can only be the end. pg_dump writes empty lines after it and nothing else.
 */
#ifndef ARCHIVE_ROWS_H
#define ARCHIVE_ROWS_H

#include "base/macros.h"

struct rows {
    uint64_t count;
    bool ended;         /* "\." was met */
    unsigned char held; /* bytes of the line so far, at most 3: enough to tell "\." from longer lines */
    char head[2];
};

/* False when there is something after the end. Start with a zeroed struct; the text may be cut anywhere. */
bool rows_add(struct rows *rows, const unsigned char *text, size_t size) MUST_CHECK;

#endif
