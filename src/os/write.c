#include "os/write.h"

#include <errno.h>
#include <unistd.h>

#define PIECE ((size_t)64 * 1024)

bool write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(fd, at, MIN(size, PIECE));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

bool write_err(struct err *err, const char *what)
{
    if (errno == EPIPE)
        return err_set(err, ERR_CANCELLED, "the reader is gone");
    return err_errno(err, errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_SYSTEM, "writing %s", what);
}

bool write_text(struct jtext_out *out, int fd, const char *what, struct err *err)
{
    bool ok = write_all(fd, out->text, out->size);
    out->size = 0;
    return ok || write_err(err, what);
}
