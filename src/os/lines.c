#include "os/lines.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

void lines_init(struct lines *lines, int fd)
{
    *lines = (struct lines){.fd = fd};
}

/* A complete line (or the last one, or one that is too long) out of the buffer. */
static char *take_line(struct lines *lines)
{
    char *start = lines->buffer + lines->start;
    size_t length = lines->used - lines->start;
    char *newline = memchr(start, '\n', MIN(length, LINE_MAX_SIZE)); /* one beyond it is the next line's */
    bool whole = newline != NULL || (lines->ended && length > 0) || length >= LINE_MAX_SIZE;
    if (!whole)
        return NULL;
    if (newline == NULL)
        newline = start + MIN(length, LINE_MAX_SIZE - 1);
    *newline = '\0';
    lines->start = MIN((size_t)(newline - lines->buffer) + 1, lines->used);
    return start;
}

static int fill(struct lines *lines, const struct cancel *cancel, int timeout_ms, struct err *err)
{
    memmove(lines->buffer, lines->buffer + lines->start, lines->used - lines->start);
    lines->used -= lines->start;
    lines->start = 0;
    int ready = cancel_poll(cancel, lines->fd, POLLIN, timeout_ms, err);
    if (ready <= 0)
        return ready < 0 ? -1 : 2;
    ssize_t got = read(lines->fd, lines->buffer + lines->used, sizeof lines->buffer - lines->used - 1);
    if (got < 0 && errno == EINTR)
        return 1;
    if (got < 0) {
        err_errno(err, ERR_SYSTEM, "reading a child's messages");
        return -1;
    }
    lines->ended = got == 0;
    lines->used += (size_t)got;
    return 1;
}

int lines_next(struct lines *lines, const struct cancel *cancel, int timeout_ms, char **line, struct err *err)
{
    for (;;) {
        *line = take_line(lines);
        if (*line != NULL)
            return 1;
        if (lines->ended)
            return 0;
        int filled = fill(lines, cancel, timeout_ms, err);
        if (filled != 1)
            return filled;
    }
}
