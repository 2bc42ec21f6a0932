#include "archive/rows.h"

static void keep_head(struct rows *rows, const unsigned char *part, size_t size)
{
    for (size_t i = 0; i < size && rows->held < 3; i++) {
        if (rows->held < 2)
            rows->head[rows->held] = (char)part[i];
        rows->held++;
    }
}

/* A line of two bytes ends: nearly no row is so short, so that the others cost no more than the search for their end.
 */
static void end_short_line(struct rows *rows, const unsigned char *part, size_t size)
{
    keep_head(rows, part, size);
    if (memcmp(rows->head, "\\.", 2) == 0)
        rows->ended = true;
    else
        rows->count++;
}

bool rows_add(struct rows *rows, const unsigned char *text, size_t size)
{
    const unsigned char *at = text, *end = text + size;
    while (at < end && !rows->ended) {
        const unsigned char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) {
            keep_head(rows, at, (size_t)(end - at));
            return true;
        }
        size_t part = (size_t)(newline - at);
        if (rows->held + part == 2)
            end_short_line(rows, at, part);
        else
            rows->count++;
        rows->held = 0;
        at = newline + 1;
    }
    while (at < end && *at == '\n')
        at++;
    return at == end;
}
