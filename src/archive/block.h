/* Block: one entry's data in the file, from its type to its end. Inside archive/ only. */
#ifndef ARCHIVE_BLOCK_H
#define ARCHIVE_BLOCK_H

#include "archive/entry.h"
#include "archive/stream.h"

/* The type that the block of this entry must have. */
uint8_t block_type(const struct archive_entry *entry);

struct block_counts {
    uint64_t rows;    /* of COPY text; else 0 */
    uint64_t objects; /* large objects */
    uint64_t bytes;   /* uncompressed */
};

/* Read the block of `entry` at the reader's place through the stream. The stream's `sha` (where there is one) is
 * restarted and holds the digest as a seal has it. Errors name the entry. */
bool block_read(struct reader *reader, struct stream *stream, const struct archive_entry *entry,
                struct block_counts *counts, struct err *err) MUST_CHECK;

/* "TABLE DATA public.users: ..." in front of the words. */
bool block_failed(const struct archive_entry *entry, struct err *err);

#endif
