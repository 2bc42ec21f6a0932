#include "cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool source_read(const char *path, uint64_t limit, struct jtext_out *text, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char piece[32 * KIB];
    ssize_t got = 0;
    if (fd < 0)
        return err_errno(err, ERR_FILE_MISSING, "%s", path);
    while (text->size <= limit && (got = read(fd, piece, sizeof piece)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            jtext_put(text, piece, (size_t)got);
    }
    if (got < 0)
        err_errno(err, ERR_SYSTEM, "reading %s", path);
    if (!standard)
        close(fd);
    jtext_puts(text, "");
    return got >= 0;
}
