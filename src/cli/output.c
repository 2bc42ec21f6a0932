#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool output_open(struct arena *arena, const char *path, struct output *output, struct err *err)
{
    *output = (struct output){.fd = STDOUT_FILENO};
    if (strcmp(path, "-") == 0)
        return true;
    output->path = path;
    output->partial = arena_printf(arena, "%s.partial", path);
    output->fd = open(output->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return output->fd >= 0 || err_errno(err, ERR_SYSTEM, "creating %s", output->partial);
}

bool output_close(struct output *output, bool ok, struct err *err)
{
    if (output->path == NULL || output->fd < 0)
        return ok;
    if (ok && fsync(output->fd) != 0 && errno != EINVAL)
        ok = err_errno(err, ERR_SYSTEM, "writing %s", output->partial);
    close(output->fd);
    if (ok && rename(output->partial, output->path) != 0)
        ok = err_errno(err, ERR_SYSTEM, "renaming %s", output->partial);
    if (!ok)
        unlink(output->partial);
    return ok;
}
