#include "archive/codec.h"

#include "archive/deflate_scan.h"

#include <isa-l.h>
#include <libdeflate.h>
#include <zlib.h>

#define BALANCED_LEVEL 6
#define FAST_LEVEL 2
#define FAST_BUFFER ISAL_DEF_LVL2_DEFAULT

struct codec {
    enum writer_method method;
    struct libdeflate_compressor *balanced;
    struct isal_zstream fast;
    unsigned char *fast_buffer;
    z_stream whole, piece; /* zlib 6: a stream, and raw deflate data */
};

struct codec *codec_new(enum writer_method method)
{
    struct codec *codec = calloc(1, sizeof *codec);
    if (codec == NULL || deflateInit2(&codec->whole, 6, Z_DEFLATED, MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK
        || deflateInit2(&codec->piece, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    codec->method = method;
    if (method == METHOD_BALANCED)
        codec->balanced = libdeflate_alloc_compressor(BALANCED_LEVEL);
    else
        codec->fast_buffer = malloc(FAST_BUFFER);
    if (codec->balanced == NULL && codec->fast_buffer == NULL)
        abort();
    return codec;
}

void codec_free(struct codec *codec)
{
    if (codec == NULL)
        return;
    libdeflate_free_compressor(codec->balanced);
    deflateEnd(&codec->whole);
    deflateEnd(&codec->piece);
    free(codec->fast_buffer);
    free(codec);
}

size_t codec_room(size_t size)
{
    return size + size / 64 + 4096;
}

/* What the chosen library does not take: never wrong, only slower. */
static size_t by_zlib(z_stream *zip, int flush, const unsigned char *bytes, size_t size, unsigned char *out)
{
    (void)deflateReset(zip);
    zip->next_in = (unsigned char *)(uintptr_t)bytes;
    zip->avail_in = (uInt)size;
    zip->next_out = out;
    zip->avail_out = (uInt)codec_room(size);
    int result = deflate(zip, flush);
    if (result != (flush == Z_FINISH ? Z_STREAM_END : Z_OK) || zip->avail_in > 0 || zip->avail_out == 0)
        abort(); /* there is room for more than it can need */
    return zip->total_out;
}

/* 0: it did not work. */
static size_t by_isal(struct codec *codec, const unsigned char *bytes, size_t size, unsigned char *out, bool whole)
{
    struct isal_zstream *zip = &codec->fast;
    isal_deflate_stateless_init(zip);
    zip->level = FAST_LEVEL;
    zip->level_buf = codec->fast_buffer;
    zip->level_buf_size = FAST_BUFFER;
    zip->gzip_flag = whole ? IGZIP_ZLIB : IGZIP_DEFLATE;
    zip->flush = whole ? NO_FLUSH : FULL_FLUSH;
    zip->end_of_stream = whole;
    zip->next_in = (unsigned char *)(uintptr_t)bytes;
    zip->avail_in = (uint32_t)size;
    zip->next_out = out;
    zip->avail_out = (uint32_t)codec_room(size);
    return isal_deflate_stateless(zip) == COMP_OK && zip->avail_in == 0 ? zip->total_out : 0;
}

size_t codec_whole(struct codec *codec, const unsigned char *bytes, size_t size, unsigned char *out)
{
    size_t packed = 0;
    if (size >= CODEC_SMALL)
        packed = codec->method == METHOD_BALANCED
                     ? libdeflate_zlib_compress(codec->balanced, bytes, size, out, codec_room(size))
                     : by_isal(codec, bytes, size, out, true);
    return packed > 0 ? packed : by_zlib(&codec->whole, Z_FINISH, bytes, size, out);
}

size_t codec_piece(struct codec *codec, const unsigned char *bytes, size_t size, unsigned char *out, uint32_t *adler)
{
    size_t packed;
    *adler = libdeflate_adler32(1, bytes, size);
    if (codec->method == METHOD_BALANCED) {
        packed = libdeflate_deflate_compress(codec->balanced, bytes, size, out, codec_room(size) - DEFLATE_PIECE_MORE);
        packed = packed == 0 ? 0 : deflate_make_piece(out, packed, size);
    } else
        packed = by_isal(codec, bytes, size, out, false);
    return packed > 0 ? packed : by_zlib(&codec->piece, Z_FULL_FLUSH, bytes, size, out);
}
