/* Codec: one thread's compressors. Makes the chunks of a zlib stream that seal.h describes. Inside archive/ only. */
#ifndef ARCHIVE_CODEC_H
#define ARCHIVE_CODEC_H

#include "archive/writer.h"

#define CODEC_SMALL (64 * KIB) /* streams below are left to zlib 6, which is as good there */

struct codec;

struct codec *codec_new(enum writer_method method); /* METHOD_FAST or METHOD_BALANCED */
void codec_free(struct codec *codec);

size_t codec_room(size_t size); /* that `out` must have for so many bytes */

/* A whole zlib stream in one. */
size_t codec_whole(struct codec *codec, const unsigned char *bytes, size_t size, unsigned char *out);

/* A piece, and the Adler-32 of what it holds. */
size_t codec_piece(struct codec *codec, const unsigned char *bytes, size_t size, unsigned char *out, uint32_t *adler);

#endif
