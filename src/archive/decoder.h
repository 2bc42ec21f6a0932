/* Decoder: compressed streams back into their bytes, one after the other. Inside archive/ only.
 *
 * As pg_dump writes them: zlib streams (by ISA-L, checksum compared), LZ4 frames and zstd frames (PostgreSQL 16 and
 * newer; without a checksum of their content), or plain bytes. A stream is one frame, ends by its own end and is
 * followed by nothing. What is wrong is ERR_ARCHIVE_DAMAGED. Memory: 300 KB; LZ4 up to 9 MB and zstd up to 128 MB when
 * a frame's header asks for it, taken as data really comes.
 */
#ifndef ARCHIVE_DECODER_H
#define ARCHIVE_DECODER_H

#include "archive/archive.h"

struct decoder;

struct decoder *decoder_new(enum archive_compression compression);
void decoder_free(struct decoder *decoder); /* NULL is ignored */

void decoder_begin(struct decoder *decoder); /* a stream; what was left of the last one is forgotten */

/* The stream's next bytes, cut anywhere. `take` gets what comes out, at most DECODER_OUT bytes at a time; when it stops
 * with an error, so does this. */
#define DECODER_OUT (128 * KIB)
bool decoder_add(struct decoder *decoder, const unsigned char *bytes, size_t size, archive_take_fn *take, void *context,
                 struct err *err) MUST_CHECK;

/* All was added: that the stream is whole. */
bool decoder_end(struct decoder *decoder, struct err *err) MUST_CHECK;

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

/* A part of a zlib stream that begins and ends at a byte's border and refers to nothing before it (archive/seal.h):
 * parts of one stream can be decoded at once by several threads, each with a decoder of its own. */
struct decoded_piece {
    unsigned char *out; /* given: room for `room` bytes */
    size_t room;
    size_t size;    /* what came out */
    uint32_t adler; /* of that */
    bool last;      /* the stream's end was in it: the checksum of the whole stream is known */
    uint32_t stream_adler;
};

/* `first`: the stream's header is before it. Only for ARCHIVE_GZIP. */
bool decoder_piece(struct decoder *decoder, const unsigned char *bytes, size_t size, bool first,
                   struct decoded_piece *piece, struct err *err) MUST_CHECK;

#endif
