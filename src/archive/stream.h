/* Stream: the chunks of one table's data or of one large object, decompressed, counted, and given away or dropped.
 * Inside archive/ only.
 *
 * One struct serves all entries of an archive in turn: open, then begin, add..., end for each, then close. What is
 * wrong is ERR_ARCHIVE_DAMAGED, more than max_bytes ERR_FILE_TOO_LARGE; add gathers, so a fault may come up a few
 * chunks later.
 */
#ifndef ARCHIVE_STREAM_H
#define ARCHIVE_STREAM_H

#include "archive/decoder.h"
#include "archive/reader.h"
#include "archive/rows.h"
#include "base/sha256.h"

#include <stdatomic.h>

struct stream {
    struct decoder *decoder;
    unsigned char *in; /* gathered from chunks: decoding 4 KB at a time, pg_dump's chunks, costs much more */
    size_t in_size;
    struct rows *rows; /* NULL: not counted */
    uint64_t bytes;    /* since begin, uncompressed */
    /* The caller's, set after open: */
    struct sha256 *sha;          /* of what comes out; NULL: not wanted */
    archive_take_fn *taker;      /* is given what comes out; NULL: dropped */
    void *context;               /* of the taker */
    _Atomic uint64_t *all_bytes; /* uncompressed, counted up, perhaps by several streams */
    uint64_t max_bytes;          /* of all_bytes; 0: no limit */
    const struct cancel *cancel;
};

void data_stream_open(struct stream *stream, enum archive_compression compression);
void data_stream_close(struct stream *stream);

void data_stream_begin(struct stream *stream, struct rows *rows);
bool data_stream_add(struct stream *stream, const unsigned char *bytes, size_t size, struct err *err) MUST_CHECK;
bool data_stream_end(struct stream *stream, struct err *err) MUST_CHECK;

/* The same for bytes that somebody else decoded. */
bool data_stream_take(struct stream *stream, const unsigned char *plain, size_t size, struct err *err) MUST_CHECK;
bool data_stream_end_rows(struct stream *stream, struct err *err) MUST_CHECK;

/* The length of the chunk that follows, 0 at the last one's end: no more than is left of the file. */
bool data_stream_chunk(struct reader *reader, int32_t *length, struct err *err) MUST_CHECK;

/* begin, add..., end with the chunks { length, bytes } at the reader's place, up to one of length 0. */
bool data_stream_chunks(struct stream *stream, struct reader *reader, struct rows *rows, struct err *err) MUST_CHECK;

#endif
