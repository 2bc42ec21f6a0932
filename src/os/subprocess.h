/* Subprocesses: start, read, wait, end. The only place that forks.
 *
 * A child gets its own process group, default signals, no descriptors but its standard three, and is killed by the
 * kernel when the thread that started it ends (so that nothing survives a kill -9 of the server). Secrets go through
 * the environment, never through arguments.
 */
#ifndef OS_SUBPROCESS_H
#define OS_SUBPROCESS_H

#include "base/arena.h"
#include "os/cancel.h"

struct subprocess;

#define SUBPROCESS_PIPE (-2)
#define SUBPROCESS_NULL (-1)

struct subprocess_spec {
    const char *const *argv; /* argv[0] is a path; NULL ends it */
    const char *const *env;  /* NAME=VALUE on top of our environment; NULL for none; NULL ends it */
    int in, out, error;      /* a descriptor, SUBPROCESS_NULL (/dev/null) or, for out and error, SUBPROCESS_PIPE */
    int death_signal;        /* sent by the kernel when our thread ends; 0: SIGKILL */
    const char *user;        /* run as this user (we are root); NULL: as ourselves */
};

struct subprocess *subprocess_start(const struct subprocess_spec *spec, struct err *err) MUST_CHECK;

int subprocess_out(const struct subprocess *process);   /* read end of a pipe, or -1 */
int subprocess_error(const struct subprocess *process); /* likewise */
int subprocess_pid(const struct subprocess *process);

/* Wait for the end, at most `timeout_ms` (-1: for ever). 1 ended, 0 time is up, -1 cancelled. */
int subprocess_wait(struct subprocess *process, const struct cancel *cancel, int timeout_ms,
                    struct err *err) MUST_CHECK;

/* After its end: exit status, or 128 + signal. */
int subprocess_status(const struct subprocess *process);

void subprocess_signal(struct subprocess *process, int signal); /* to its whole group */

/* End it when it still runs (SIGTERM to the group, SIGKILL after 500 ms), reap it, release everything. NULL is ignored.
 */
void subprocess_free(struct subprocess *process);

/* Run to the end and take what it prints (at most 64 KB); false when it fails or exits with another status than 0. */
bool subprocess_output(const char *const *argv, struct arena *arena, const char **output, struct err *err) MUST_CHECK;

#endif
