/* Lines from a descriptor, as they come: a child's messages. Lines over LINE_MAX_SIZE are cut. */
#ifndef OS_LINES_H
#define OS_LINES_H

#include "os/cancel.h"

#define LINE_MAX_SIZE ((size_t)4096)

struct lines {
    int fd;
    size_t start, used;
    bool ended;
    char buffer[2 * LINE_MAX_SIZE];
};

void lines_init(struct lines *lines, int fd);

/* The next line without its newline, valid until the next call: 1; 0 at the end of the file; 2 when `timeout_ms` (-1:
 * never) passed without one; -1 cancelled or failed. */
int lines_next(struct lines *lines, const struct cancel *cancel, int timeout_ms, char **line,
               struct err *err) MUST_CHECK;

#endif
