/* The last good price table, kept in the data directory: for a start without a network, and for asking the cloud only
 * whether there is a newer one.
 *
 * One file, price-table.cache: a line of JSON about the table, then the table as it came. Written beside and renamed,
 * so that it is there whole or not at all; a damaged one counts as none.
 */
#ifndef PRICES_CACHE_H
#define PRICES_CACHE_H

#include "prices/job.h"

struct price_cache {
    char *text; /* zero-terminated; for price_cache_free() */
    size_t size;
    const char *sha256;               /* of the text, hex; like the rest in the arena */
    const char *etag, *last_modified; /* NULL: none */
    const char *fetched_at;           /* ISO 8601 */
};

#define PRICE_DIGEST_SIZE 65

/* The digest of a text, hex. */
void price_digest(const char *text, size_t size, char digest[PRICE_DIGEST_SIZE]);

/* The table that came from `url`; false when there is none. */
bool price_cache_read(const struct price_job *job, const char *url, struct price_cache *cache) MUST_CHECK;
void price_cache_free(struct price_cache *cache);

/* Best effort: what goes wrong is logged. One at a time: the caller holds the sync's lock. */
void price_cache_write(const struct price_job *job, const char *url, const struct price_cache *cache);

#endif
