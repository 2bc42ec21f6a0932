#include "archive/stream.h"

#define IN_SIZE (64 * KIB)

void data_stream_open(struct stream *stream, enum archive_compression compression)
{
    *stream = (struct stream){.decoder = decoder_new(compression), .in = malloc(IN_SIZE)};
    if (stream->in == NULL)
        abort();
}

void data_stream_close(struct stream *stream)
{
    decoder_free(stream->decoder);
    free(stream->in);
}

void data_stream_begin(struct stream *stream, struct rows *rows)
{
    decoder_begin(stream->decoder);
    stream->in_size = 0;
    stream->rows = rows;
    stream->bytes = 0;
}

/* ---- Plain bytes ------------------------------------------------------------------------------------------------- */

static bool too_many_bytes(const struct stream *stream, struct err *err)
{
    char limit[32];
    snprintf(limit, sizeof limit, "%lluMB", (unsigned long long)(stream->max_bytes / MIB));
    err_set(err, ERR_FILE_TOO_LARGE,
            "unpacked it is over %llu bytes (a decompression bomb, or too large for this place)",
            (unsigned long long)stream->max_bytes);
    return err_args(err, limit, NULL);
}

bool data_stream_take(struct stream *stream, const unsigned char *plain, size_t size, struct err *err)
{
    stream->bytes += size;
    if (atomic_fetch_add(stream->all_bytes, size) + size > stream->max_bytes && stream->max_bytes != 0)
        return too_many_bytes(stream, err);
    if (stream->rows != NULL && !rows_add(stream->rows, plain, size))
        return err_set(err, ERR_ARCHIVE_DAMAGED, "there is something after the last row");
    if (stream->sha != NULL)
        sha256_add(stream->sha, plain, size);
    if (stream->taker != NULL && !stream->taker(stream->context, plain, size, err))
        return false;
    return cancel_check(stream->cancel, err);
}

bool data_stream_end_rows(struct stream *stream, struct err *err)
{
    if (stream->rows != NULL && !stream->rows->ended)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the rows have no end (\\.)");
    return true;
}

/* ---- Chunks ------------------------------------------------------------------------------------------------------ */

static bool take(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    return data_stream_take(context, bytes, size, err);
}

static bool flush(struct stream *stream, struct err *err)
{
    size_t size = stream->in_size;
    stream->in_size = 0;
    return size == 0 || decoder_add(stream->decoder, stream->in, size, take, stream, err);
}

bool data_stream_add(struct stream *stream, const unsigned char *bytes, size_t size, struct err *err)
{
    if (size >= IN_SIZE)
        return flush(stream, err) && decoder_add(stream->decoder, bytes, size, take, stream, err);
    while (size > 0) {
        size_t part = MIN(size, IN_SIZE - stream->in_size);
        memcpy(stream->in + stream->in_size, bytes, part);
        stream->in_size += part;
        bytes += part;
        size -= part;
        if (stream->in_size == IN_SIZE && !flush(stream, err))
            return false;
    }
    return true;
}

bool data_stream_end(struct stream *stream, struct err *err)
{
    return flush(stream, err) && decoder_end(stream->decoder, err) && data_stream_end_rows(stream, err);
}

bool data_stream_chunk(struct reader *reader, int32_t *length, struct err *err)
{
    if (!reader_int(reader, length, err))
        return false;
    if (*length < 0 || (uint64_t)*length > reader_left(reader))
        return reader_damaged(reader, err, "a chunk of %d bytes, and %llu are left of the file", *length,
                              (unsigned long long)reader_left(reader));
    return true;
}

bool data_stream_chunks(struct stream *stream, struct reader *reader, struct rows *rows, struct err *err)
{
    const unsigned char *bytes;
    int32_t left;
    size_t size;
    data_stream_begin(stream, rows);
    for (;;) {
        if (!data_stream_chunk(reader, &left, err))
            return false;
        if (left == 0)
            return data_stream_end(stream, err)
                   || err_wrap(err, "before byte %llu", (unsigned long long)reader->position);
        for (; left > 0; left -= (int32_t)size) {
            if (!reader_peek(reader, &bytes, &size, err))
                return false;
            size = MIN(size, (size_t)left);
            if (!data_stream_add(stream, bytes, size, err))
                return err_wrap(err, "before byte %llu", (unsigned long long)(reader->position + size));
            reader_consume(reader, size);
        }
    }
}
