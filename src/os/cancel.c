#include "os/cancel.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct cancel {
    int fd;
    _Atomic enum err_code reason; /* ERR_OK until fired */
};

struct cancel *cancel_new(void)
{
    struct cancel *cancel = calloc(1, sizeof *cancel);
    if (cancel == NULL)
        abort();
    cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel->fd < 0)
        abort();
    return cancel;
}

void cancel_free(struct cancel *cancel)
{
    if (cancel == NULL)
        return;
    close(cancel->fd);
    free(cancel);
}

void cancel_fire(struct cancel *cancel, enum err_code reason)
{
    enum err_code none = ERR_OK;
    if (atomic_compare_exchange_strong(&cancel->reason, &none, reason))
        (void)eventfd_write(cancel->fd, 1);
}

bool cancel_fired(const struct cancel *cancel)
{
    return cancel != NULL && cancel->reason != ERR_OK;
}

int cancel_fd(const struct cancel *cancel)
{
    return cancel == NULL ? -1 : cancel->fd;
}

bool cancel_check(const struct cancel *cancel, struct err *err)
{
    if (!cancel_fired(cancel))
        return true;
    return err_set(err, cancel->reason, "stopped before the end");
}

int cancel_poll(const struct cancel *cancel, int fd, short events, int timeout_ms, struct err *err)
{
    int64_t deadline = clock_mono_ms() + timeout_ms;
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd(cancel), .events = POLLIN}};
        int left = timeout_ms < 0 ? -1 : (int)MAX(deadline - clock_mono_ms(), 0);
        int ready = poll(fds, 2, left);
        if (ready < 0 && errno != EINTR) {
            err_errno(err, ERR_SYSTEM, "poll");
            return -1;
        }
        if (!cancel_check(cancel, err))
            return -1;
        if (ready > 0 && fds[0].revents != 0)
            return 1;
        if (ready == 0)
            return 0;
    }
}

bool cancel_sleep(const struct cancel *cancel, int ms, struct err *err)
{
    return cancel_poll(cancel, -1, 0, ms, err) == 0;
}
