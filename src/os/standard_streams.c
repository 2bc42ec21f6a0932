#include "os/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

/* Against the stream's direction; not O_CLOEXEC, so that what we start finds the numbers taken too. */
void standard_streams_hold(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}
