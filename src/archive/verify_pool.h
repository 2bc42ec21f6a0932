/* Threads of a verification: they decode what the walk over the file (verify.c) finds. Inside archive/ only.
 *
 * The walk hands over, in the file's order, whole blocks (each read and decoded by one thread, several at once) or, of
 * an entry that hubport wrote, its pieces: those of one table are decoded by several threads at once, and counted and
 * digested in order. Results go into the entries; they are there after verify_pool_finish().
 *
 * Of several faults the one that comes first in the file is told, however the threads were scheduled. Memory: 2 MB a
 * thread and 1 MB for each of 2 * threads + 1 pieces. With no threads everything is done by the caller's, in the call.
 */
#ifndef ARCHIVE_VERIFY_POOL_H
#define ARCHIVE_VERIFY_POOL_H

#include "archive/archive.h"

#define VERIFY_MAX_THREADS 8

struct verify_pool_spec {
    const struct archive *archive;
    int fd;
    int threads;        /* 0 to VERIFY_MAX_THREADS */
    bool digests;       /* the entries' sha256 are wanted */
    uint64_t max_bytes; /* uncompressed, of all entries; 0: no limit */
    const struct cancel *cancel;
};

struct verify_pool;

struct verify_pool *verify_pool_new(const struct verify_pool_spec *spec);
void verify_pool_free(struct verify_pool *pool); /* ends what is under way. NULL is ignored */

/* These wait while all threads are busy. False: something has failed, verify_pool_finish() tells what. */
bool verify_pool_block(struct verify_pool *pool, struct archive_entry *entry) MUST_CHECK; /* at entry->start */

/* A chunk of table data as archive/seal.h describes it. */
struct verify_piece {
    struct archive_entry *entry;
    uint64_t position; /* of the bytes in the file */
    size_t size;
    bool first, last;
};
#define VERIFY_MAX_PIECE (2 * MIB) /* compressed; a larger one is damage */
bool verify_pool_piece(struct verify_pool *pool, const struct verify_piece *piece) MUST_CHECK;

/* The walk is at `position`: waits when that is far ahead of the thread that reads the last block handed over, so that
 * what the walk has read is still in the system's cache, and progress is true. */
bool verify_pool_ahead(struct verify_pool *pool, uint64_t position) MUST_CHECK;

/* Wait for the rest. */
bool verify_pool_finish(struct verify_pool *pool, struct err *err) MUST_CHECK;

#endif
