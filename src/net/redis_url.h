/* The parts of a redis:// address. */
#ifndef NET_REDIS_URL_H
#define NET_REDIS_URL_H

#include "base/arena.h"
#include "base/err.h"

struct redis_url {
    const char *host; /* without brackets */
    const char *port;
    const char *user;     /* "" for none */
    const char *password; /* "" for none */
    const char *database; /* decimal, "0" by default */
};

/* Takes redis://[[user]:password@]host[:port][/database]. ERR_CONFIG_INVALID for anything else; the words never hold a
 * part of the address, because any part of a mistyped one may be the password. */
bool redis_url_parse(const char *url, struct arena *arena, struct redis_url *parts, struct err *err) MUST_CHECK;

#endif
