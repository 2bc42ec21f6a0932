/* The cloud's price table: fetched from PRICE_TABLE_URL, or out of the copy on the disk.
 */
#ifndef PRICES_CLOUD_H
#define PRICES_CLOUD_H

#include "prices/cache.h"
#include "prices/table.h"

struct price_cloud {
    struct price_table table;
    struct price_cache copy; /* its text, which the table points into */
    bool fresh;              /* fetched just now; else the copy on the disk is it ... */
    bool recalled;           /* ... and the cloud did not say that it is still good */
    const char *version;     /* what the table says; else "sha256:" and the beginning of its digest */
};

/* Ask the cloud; a table that has not changed since comes from the disk. Writes nothing. FETCH_... */
bool price_cloud_fetch(const struct price_job *job, struct price_cloud *cloud, struct err *err) MUST_CHECK;

/* Out of the copy on the disk alone; false when there is none that can be read. */
bool price_cloud_recall(const struct price_job *job, struct price_cloud *cloud, struct err *err) MUST_CHECK;

/* It is good: keep it on the disk, when it is fresh. */
void price_cloud_keep(const struct price_job *job, const struct price_cloud *cloud);
void price_cloud_free(struct price_cloud *cloud);

#endif
