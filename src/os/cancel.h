/* Cancel: one way to tell blocking work to stop.
 *
 * An eventfd that becomes readable when somebody fires it: a client that went away, a time limit, a shutdown, a lost
 * lock. Whoever blocks puts cancel_fd() into its poll; whoever computes asks cancel_fired() now and then. Firing twice
 * keeps the first reason. Thread-safe.
 */
#ifndef OS_CANCEL_H
#define OS_CANCEL_H

#include "base/err.h"

struct cancel;

struct cancel *cancel_new(void);         /* aborts when no descriptor is left */
void cancel_free(struct cancel *cancel); /* NULL is ignored; nobody may wait on it any more */

/* `reason` is what cancel_check() reports: ERR_CANCELLED, ERR_SHUTTING_DOWN, ERR_LOCK_LOST, ERR_REQUEST_TIMEOUT. */
void cancel_fire(struct cancel *cancel, enum err_code reason);
bool cancel_fired(const struct cancel *cancel); /* NULL: never */
int cancel_fd(const struct cancel *cancel);     /* readable once fired; NULL gives -1, which poll() ignores */

/* True while not fired; else false with the reason in err. */
bool cancel_check(const struct cancel *cancel, struct err *err) MUST_CHECK;

/* Wait until `fd` has one of `events` (poll(2)), at most `timeout_ms` (-1: for ever). 1 ready, 0 time is up, -1
 * cancelled or failed with err set. */
int cancel_poll(const struct cancel *cancel, int fd, short events, int timeout_ms, struct err *err) MUST_CHECK;

/* Sleep; false when cancelled meanwhile. */
bool cancel_sleep(const struct cancel *cancel, int ms, struct err *err) MUST_CHECK;

#endif
