#include "archive/rows.h"

static void keep_head(struct rows *rows, const unsigned char *part, size_t size)
{
    for (size_t i = 0; i < size && rows->held < 3; i++) {
        if (rows->held < 2)
            rows->head[rows->held] = (char)part[i];
        rows->held++;
    }
}

static void end_line(struct rows *rows)
{
    if (rows->held == 2 && memcmp(rows->head, "\\.", 2) == 0)
        rows->ended = true;
    else
        rows->count++;
    rows->held = 0;
}

bool rows_add(struct rows *rows, const unsigned char *text, size_t size)
{
    const unsigned char *at = text, *end = text + size;
    while (at < end && !rows->ended) {
        const unsigned char *newline = memchr(at, '\n', (size_t)(end - at));
        keep_head(rows, at, (size_t)((newline == NULL ? end : newline) - at));
        if (newline == NULL)
            return true;
        end_line(rows);
        at = newline + 1;
    }
    while (at < end && *at == '\n')
        at++;
    return at == end;
}
