/* Pool: threads that compress pieces; what was given first comes back first. Inside archive/ only.
 *
 * One thread uses it: takes a free job, fills it, gives it; takes back the oldest, uses what came out, and frees it.
 * There are two jobs more than threads, and no more: who finds none free takes back the oldest first.
 */
#ifndef ARCHIVE_DEFLATE_POOL_H
#define ARCHIVE_DEFLATE_POOL_H

#include "archive/codec.h"

struct deflate_job {
    unsigned char *plain; /* SEAL_PIECE bytes */
    size_t plain_size;
    bool whole;     /* a zlib stream of its own, not a piece */
    unsigned marks; /* these four are the writer's */
    enum seal_kind kind;
    int32_t dump_id;
    uint32_t oid;
    /* When it comes back: */
    unsigned char *packed; /* without compression, `plain` */
    size_t packed_size;
    uint32_t adler; /* of a piece */
};

struct deflate_pool;

/* Without threads (0) nothing is compressed. */
struct deflate_pool *deflate_pool_new(enum writer_method method, int threads);
void deflate_pool_free(struct deflate_pool *pool); /* jobs under way are waited for */

struct deflate_job *deflate_pool_take(struct deflate_pool *pool); /* NULL: none is free */
void deflate_pool_give(struct deflate_pool *pool);                /* the job taken last */

/* The oldest job given: waits for it. NULL: there is none. */
struct deflate_job *deflate_pool_oldest(struct deflate_pool *pool);
bool deflate_pool_ready(struct deflate_pool *pool); /* the oldest would not be waited for */
void deflate_pool_done(struct deflate_pool *pool);  /* the oldest is free again */

#endif
