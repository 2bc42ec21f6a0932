#include "archive/decoder.h"

#include <isa-l.h>
#include <lz4frame.h>
#include <zstd.h>

#define ZLIB_HEAD_SIZE 2
#define ZLIB_TAIL_SIZE 4

/* Where a zlib stream is: its blocks are ISA-L's, what is around them is compared here, because ISA-L does not look at
 * the header's check bits. */
struct zlib_stream {
    struct inflate_state state;
    unsigned char head[ZLIB_HEAD_SIZE], tail[ZLIB_TAIL_SIZE];
    size_t head_size, tail_size;
    uint32_t adler;
};

struct decoder {
    enum archive_compression compression;
    bool ended;
    unsigned char *out;
    struct zlib_stream *zlib;
    LZ4F_dctx *lz4;
    ZSTD_DCtx *zstd;
};

/* ---- Life -------------------------------------------------------------------------------------------------------- */

struct decoder *decoder_new(enum archive_compression compression)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    bool ok = decoder != NULL;
    if (ok && compression != ARCHIVE_NONE)
        ok = (decoder->out = malloc(DECODER_OUT)) != NULL;
    if (ok && compression == ARCHIVE_GZIP)
        ok = (decoder->zlib = malloc(sizeof *decoder->zlib)) != NULL;
    if (ok && compression == ARCHIVE_LZ4)
        ok = !LZ4F_isError(LZ4F_createDecompressionContext(&decoder->lz4, LZ4F_VERSION));
    if (ok && compression == ARCHIVE_ZSTD)
        ok = (decoder->zstd = ZSTD_createDCtx()) != NULL;
    if (!ok)
        abort(); /* no memory */
    decoder->compression = compression;
    decoder_begin(decoder);
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    if (decoder == NULL)
        return;
    free(decoder->out);
    free(decoder->zlib);
    (void)LZ4F_freeDecompressionContext(decoder->lz4);
    ZSTD_freeDCtx(decoder->zstd);
    free(decoder);
}

static void zlib_begin(struct zlib_stream *zlib)
{
    isal_inflate_init(&zlib->state); /* raw deflate data */
    zlib->head_size = zlib->tail_size = 0;
    zlib->adler = 1;
}

void decoder_begin(struct decoder *decoder)
{
    decoder->ended = false;
    if (decoder->zlib != NULL)
        zlib_begin(decoder->zlib);
    if (decoder->lz4 != NULL)
        LZ4F_resetDecompressionContext(decoder->lz4);
    if (decoder->zstd != NULL)
        (void)ZSTD_DCtx_reset(decoder->zstd, ZSTD_reset_session_only);
}

static bool does_not_decompress(struct err *err, const char *why)
{
    return err_set(err, ERR_ARCHIVE_DAMAGED, "it does not decompress: %s", why);
}

static bool after_end(struct err *err)
{
    return err_set(err, ERR_ARCHIVE_DAMAGED, "there is something after the end of the compressed stream");
}

static bool no_end(struct err *err)
{
    return err_set(err, ERR_ARCHIVE_DAMAGED, "the compressed stream has no end");
}

/* ---- zlib -------------------------------------------------------------------------------------------------------- */

/* The only header that zlib writes for its largest window: deflate, 32 KB, no dictionary, check bits. */
static bool check_head(const unsigned char head[ZLIB_HEAD_SIZE], struct err *err)
{
    if (head[0] != 0x78 || (head[0] << 8 | head[1]) % 31 != 0 || (head[1] & 0x20) != 0)
        return does_not_decompress(err, "incorrect header check");
    return true;
}

static const char *isal_words(int result)
{
    switch (result) {
    case ISAL_INVALID_BLOCK:
        return "invalid block";
    case ISAL_INVALID_SYMBOL:
        return "invalid code";
    case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
    default:
        return "it makes no sense";
    }
}

static uint32_t tail_adler(const unsigned char tail[ZLIB_TAIL_SIZE])
{
    return (uint32_t)tail[0] << 24 | (uint32_t)tail[1] << 16 | (uint32_t)tail[2] << 8 | tail[3];
}

/* Whole bytes that ISA-L had read ahead when the last block ended. */
static size_t take_read_ahead(struct inflate_state *state, unsigned char bytes[8])
{
    size_t count = (size_t)state->read_in_length / 8;
    uint64_t bits = state->read_in >> state->read_in_length % 8;
    for (size_t i = 0; i < count; i++, bits >>= 8)
        bytes[i] = (unsigned char)bits;
    state->read_in_length = 0;
    return count;
}

static bool add_tail(struct decoder *decoder, const unsigned char *bytes, size_t size, struct err *err)
{
    struct zlib_stream *zlib = decoder->zlib;
    for (; size > 0 && zlib->tail_size < ZLIB_TAIL_SIZE; size--)
        zlib->tail[zlib->tail_size++] = *bytes++;
    if (size > 0)
        return after_end(err);
    if (zlib->tail_size < ZLIB_TAIL_SIZE)
        return true;
    decoder->ended = true;
    return zlib->adler == tail_adler(zlib->tail) || does_not_decompress(err, "incorrect data check");
}

static bool zlib_blocks(struct decoder *decoder, const unsigned char *bytes, size_t size, archive_take_fn *take,
                        void *context, struct err *err)
{
    struct zlib_stream *zlib = decoder->zlib;
    struct inflate_state *state = &zlib->state;
    unsigned char ahead[8];
    state->next_in = (unsigned char *)(uintptr_t)bytes;
    state->avail_in = (uint32_t)size;
    do {
        state->next_out = decoder->out;
        state->avail_out = DECODER_OUT;
        int result = isal_inflate(state);
        size_t got = DECODER_OUT - state->avail_out;
        if (result < 0 || result == ISAL_NEED_DICT)
            return does_not_decompress(err, isal_words(result));
        zlib->adler = isal_adler32(zlib->adler, decoder->out, got);
        if (got > 0 && !take(context, decoder->out, got, err))
            return false;
    } while (state->block_state != ISAL_BLOCK_FINISH && (state->avail_in > 0 || state->avail_out == 0));
    if (state->block_state != ISAL_BLOCK_FINISH)
        return true;
    return add_tail(decoder, ahead, take_read_ahead(state, ahead), err)
           && add_tail(decoder, state->next_in, state->avail_in, err);
}

static bool zlib_add(struct decoder *decoder, const unsigned char *bytes, size_t size, archive_take_fn *take,
                     void *context, struct err *err)
{
    struct zlib_stream *zlib = decoder->zlib;
    for (; size > 0 && zlib->head_size < ZLIB_HEAD_SIZE; size--) {
        zlib->head[zlib->head_size++] = *bytes++;
        if (zlib->head_size == ZLIB_HEAD_SIZE && !check_head(zlib->head, err))
            return false;
    }
    if (size == 0)
        return true;
    return zlib->state.block_state == ISAL_BLOCK_FINISH ? add_tail(decoder, bytes, size, err)
                                                        : zlib_blocks(decoder, bytes, size, take, context, err);
}

bool decoder_piece(struct decoder *decoder, const unsigned char *bytes, size_t size, bool first,
                   struct decoded_piece *piece, struct err *err)
{
    struct inflate_state *state = &decoder->zlib->state;
    unsigned char tail[ZLIB_TAIL_SIZE];
    if (first && (size < ZLIB_HEAD_SIZE || !check_head(bytes, err)))
        return size >= ZLIB_HEAD_SIZE ? false : no_end(err);
    isal_inflate_init(state);
    state->next_in = (unsigned char *)(uintptr_t)bytes + (first ? ZLIB_HEAD_SIZE : 0);
    state->avail_in = (uint32_t)(size - (first ? ZLIB_HEAD_SIZE : 0));
    state->next_out = piece->out;
    state->avail_out = (uint32_t)piece->room;
    int result = isal_inflate_stateless(state);
    piece->size = state->total_out;
    piece->adler = isal_adler32(1, piece->out, piece->size);
    piece->last = result == ISAL_DECOMP_OK;
    if (result == ISAL_OUT_OVERFLOW)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "a piece of more than %zu bytes", piece->room);
    if (!piece->last)
        return (result == ISAL_END_INPUT && state->block_state == ISAL_BLOCK_NEW_HDR && state->avail_in == 0
                && state->read_in_length == 0)
               || does_not_decompress(err, result == ISAL_END_INPUT ? "a piece has no end" : isal_words(result));
    if (state->avail_in != ZLIB_TAIL_SIZE)
        return state->avail_in < ZLIB_TAIL_SIZE ? no_end(err) : after_end(err);
    memcpy(tail, state->next_in, sizeof tail);
    piece->stream_adler = tail_adler(tail);
    return true;
}

/* ---- LZ4 --------------------------------------------------------------------------------------------------------- */

static bool lz4_add(struct decoder *decoder, const unsigned char *bytes, size_t size, archive_take_fn *take,
                    void *context, struct err *err)
{
    size_t in, out;
    do {
        if (decoder->ended)
            return size == 0 || after_end(err);
        in = size;
        out = DECODER_OUT;
        size_t result = LZ4F_decompress(decoder->lz4, decoder->out, &out, bytes, &in, NULL);
        if (LZ4F_isError(result))
            return does_not_decompress(err, LZ4F_getErrorName(result));
        decoder->ended = result == 0;
        bytes += in;
        size -= in;
        if (out > 0 && !take(context, decoder->out, out, err))
            return false;
    } while (size > 0 || out == DECODER_OUT);
    return true;
}

/* ---- zstd -------------------------------------------------------------------------------------------------------- */

static bool zstd_add(struct decoder *decoder, const unsigned char *bytes, size_t size, archive_take_fn *take,
                     void *context, struct err *err)
{
    ZSTD_inBuffer in = {.src = bytes, .size = size};
    ZSTD_outBuffer out;
    do {
        if (decoder->ended)
            return in.pos == in.size || after_end(err);
        out = (ZSTD_outBuffer){.dst = decoder->out, .size = DECODER_OUT};
        size_t result = ZSTD_decompressStream(decoder->zstd, &out, &in);
        if (ZSTD_isError(result))
            return does_not_decompress(err, ZSTD_getErrorName(result));
        decoder->ended = result == 0;
        if (out.pos > 0 && !take(context, decoder->out, out.pos, err))
            return false;
    } while (in.pos < in.size || out.pos == out.size);
    return true;
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

bool decoder_add(struct decoder *decoder, const unsigned char *bytes, size_t size, archive_take_fn *take, void *context,
                 struct err *err)
{
    switch (decoder->compression) {
    case ARCHIVE_GZIP:
        return zlib_add(decoder, bytes, size, take, context, err);
    case ARCHIVE_LZ4:
        return lz4_add(decoder, bytes, size, take, context, err);
    case ARCHIVE_ZSTD:
        return zstd_add(decoder, bytes, size, take, context, err);
    default:
        return size == 0 || take(context, bytes, size, err);
    }
}

bool decoder_end(struct decoder *decoder, struct err *err)
{
    return decoder->ended || decoder->compression == ARCHIVE_NONE || no_end(err);
}
