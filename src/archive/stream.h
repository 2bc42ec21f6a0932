/* Stream: the chunks of one entry (or large object), decompressed, counted, and given away or dropped. Inside archive/
 * only.
 *
 * One struct serves all entries of an archive in turn: open, then begin, add..., end for each, then close. What is
 * wrong is ERR_ARCHIVE_DAMAGED, more than max_bytes ERR_FILE_TOO_LARGE; add gathers, so a fault may come up a few
 * chunks later.
 */
#ifndef ARCHIVE_STREAM_H
#define ARCHIVE_STREAM_H

#include "archive/archive.h"
#include "archive/reader.h"
#include "archive/rows.h"
#include "base/sha256.h"

#include <zlib.h>

struct stream {
    bool deflated;
    bool ended; /* deflated: its last block was met */
    z_stream zip;
    unsigned char *in; /* gathered from chunks: inflating 4 KB at a time, pg_dump's chunks, costs much more */
    size_t in_size;
    unsigned char *out;
    struct rows *rows;  /* NULL: not counted */
    struct sha256 *sha; /* of what comes out; NULL: not wanted. The caller's, as `max_bytes` and `cancel` */
    uint64_t bytes;     /* of this entry so far, uncompressed */
    uint64_t all_bytes; /* of all entries */
    uint64_t max_bytes; /* 0: no limit */
    const struct cancel *cancel;
    archive_take_fn *taker; /* is given what comes out; NULL: dropped */
    void *context;
};

/* compression: ARCHIVE_NONE or ARCHIVE_GZIP. */
void data_stream_open(struct stream *stream, enum archive_compression compression);
void data_stream_close(struct stream *stream);

void data_stream_begin(struct stream *stream, struct rows *rows);
bool data_stream_add(struct stream *stream, const unsigned char *bytes, size_t size, struct err *err) MUST_CHECK;
bool data_stream_end(struct stream *stream, struct err *err) MUST_CHECK;

/* begin, add..., end with the chunks { length, bytes } at the reader's place, up to one of length 0. */
bool data_stream_chunks(struct stream *stream, struct reader *reader, struct rows *rows, struct err *err) MUST_CHECK;

#endif
