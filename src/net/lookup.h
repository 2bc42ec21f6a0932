/* Looking up a host's addresses without being held up by it: getaddrinfo() knows no time limit and cannot be
 * interrupted. */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include "base/err.h"

#include <netdb.h>

struct lookup;

/* For stream sockets. NULL: no thread or descriptor was to be had (ERR_REDIS_UNAVAILABLE). */
struct lookup *lookup_start(const char *host, const char *port, struct err *err) MUST_CHECK;

int lookup_fd(const struct lookup *lookup); /* readable when the answer is there */

/* The answer, once: 0 and addresses for freeaddrinfo(), or an error for gai_strerror(). */
int lookup_take(struct lookup *lookup, struct addrinfo **addresses) MUST_CHECK;

/* No longer wanted, answered or not; never waits. NULL is ignored. */
void lookup_drop(struct lookup *lookup);

#endif
