#include "os/core_dump.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

void core_dump_forbid(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC); /* a kernel may be without it */
    if (fd >= 0) {
        (void)!write(fd, "0", 1);
        close(fd);
    }
}
