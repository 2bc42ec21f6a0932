/* Fetching a document over HTTPS, guarded: for an address that somebody may have set wrongly or with bad intent.
 *
 * - https only, unless http is allowed; no user or password in the address.
 * - Only public addresses are connected to (net/address.h), unless private ones are allowed. The check is made on the
 *   address of the very connection: a name that resolves to another address the next time gains nothing.
 * - A redirect is followed only to the same scheme, host, port and path (the query may change), at most 3 times.
 * - Bytes are counted as they come and as they are unpacked; the time is limited as a whole, for the connection, and
 *   for transfers that crawl (under 1 KB/s for 10 s).
 * - Proxies named by the environment are not used: behind one nobody could tell what is connected to.
 * - A cancel ends it at once, also while a name is looked up.
 * Words of errors name the host, never the whole address: it may hold a secret.
 */
#ifndef NET_FETCH_H
#define NET_FETCH_H

#include "base/arena.h"
#include "os/cancel.h"

struct fetch_request {
    const char *url;
    const char *accept;        /* a media type */
    const char *etag;          /* of the copy at hand; NULL: none */
    const char *last_modified; /* likewise */
    const char *ca_file;       /* certificates to trust instead of the system's; "" or NULL: the system's */
    bool allow_http, allow_private;
    int timeout_ms;
    size_t max_bytes;
};

struct fetch_answer {
    bool not_modified; /* the copy at hand is good; no body */
    char *body;        /* ends with a zero byte that is not counted; for fetch_free() */
    size_t length;
    const char *etag, *last_modified; /* in the arena; NULL when not given, or unusable */
};

/* 200 with a body that is not blank, or 304 when a copy is at hand. Anything else fails: FETCH_URL, FETCH_ADDRESS,
 * FETCH_REDIRECT, FETCH_STATUS, FETCH_EMPTY, FETCH_TOO_LARGE, FETCH_TIMEOUT, FETCH_TLS, FETCH_FAILED, or the cancel's
 * reason. `answer` is empty then. */
bool fetch_get(const struct fetch_request *request, struct arena *arena, const struct cancel *cancel,
               struct fetch_answer *answer, struct err *err) MUST_CHECK;
void fetch_free(struct fetch_answer *answer);

#endif
