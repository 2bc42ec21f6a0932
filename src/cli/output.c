#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool output_open(struct arena *arena, const char *path, struct output *output, struct err *err)
{
    *output = (struct output){.fd = STDOUT_FILENO};
    if (strcmp(path, "-") == 0)
        return true;
    struct stat status;
    mode_t kind = stat(path, &status) == 0 ? status.st_mode & S_IFMT : S_IFREG;
    output->path = path;
    output->fd = -1;
    if (kind == S_IFDIR) { /* only the rename would fail, after all was written */
        errno = EISDIR;
        return err_errno(err, ERR_SYSTEM, "%s", path);
    }
    if (kind != S_IFREG) { /* /dev/null, a pipe: what a rename would replace */
        output->fd = open(path, O_WRONLY | O_CLOEXEC);
        return output->fd >= 0 || err_errno(err, ERR_SYSTEM, "opening %s", path);
    }
    /* Anew: what stands there may be a link, or a file that somebody else has open. */
    output->partial = arena_printf(arena, "%s.partial", path);
    (void)unlink(output->partial);
    output->fd = open(output->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return output->fd >= 0 || err_errno(err, ERR_SYSTEM, "creating %s", output->partial);
}

bool output_close(struct output *output, bool ok, struct err *err)
{
    if (output->path == NULL || output->fd < 0)
        return ok;
    if (ok && fsync(output->fd) != 0 && errno != EINVAL)
        ok = err_errno(err, ERR_SYSTEM, "writing %s", output->path);
    close(output->fd);
    if (output->partial == NULL)
        return ok;
    if (ok && rename(output->partial, output->path) != 0)
        ok = err_errno(err, ERR_SYSTEM, "renaming %s", output->partial);
    if (!ok)
        unlink(output->partial);
    return ok;
}
