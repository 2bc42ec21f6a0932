#include "archive/stream.h"

#include "base/text.h"

#define IN_SIZE (64 * KIB)
#define OUT_SIZE (128 * KIB)

static void *must_malloc(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        abort();
    return memory;
}

void data_stream_open(struct stream *stream, enum archive_compression compression)
{
    *stream = (struct stream){.deflated = compression == ARCHIVE_GZIP, .in = must_malloc(IN_SIZE)};
    if (!stream->deflated)
        return;
    stream->out = must_malloc(OUT_SIZE);
    if (inflateInit(&stream->zip) != Z_OK)
        abort(); /* no memory */
}

void data_stream_close(struct stream *stream)
{
    if (stream->deflated)
        inflateEnd(&stream->zip);
    free(stream->in);
    free(stream->out);
}

void data_stream_begin(struct stream *stream, struct rows *rows)
{
    if (stream->deflated)
        inflateReset(&stream->zip);
    stream->ended = false;
    stream->in_size = 0;
    stream->rows = rows;
    stream->bytes = 0;
}

/* Plain bytes have come out. */
static bool take(struct stream *stream, const unsigned char *bytes, size_t size, struct err *err)
{
    stream->bytes += size;
    stream->all_bytes += size;
    if (stream->max_bytes != 0 && stream->all_bytes > stream->max_bytes) {
        char limit[32];
        snprintf(limit, sizeof limit, "%lluMB", (unsigned long long)(stream->max_bytes / MIB));
        err_set(err, ERR_FILE_TOO_LARGE,
                "unpacked it is over %llu bytes (a decompression bomb, or too large for this place)",
                (unsigned long long)stream->max_bytes);
        return err_args(err, limit, NULL);
    }
    if (stream->sha != NULL)
        sha256_add(stream->sha, bytes, size);
    if (stream->rows != NULL && !rows_add(stream->rows, bytes, size))
        return err_set(err, ERR_ARCHIVE_DAMAGED, "there is something after the last row");
    if (stream->taker != NULL && size > 0 && !stream->taker(stream->context, bytes, size, err))
        return false;
    return cancel_check(stream->cancel, err);
}

/* When the input is used up while there is more to come out, it comes with the next input: a stream ends by its
 * checksum, which is read last. */
static bool inflate_gathered(struct stream *stream, struct err *err)
{
    z_stream *zip = &stream->zip;
    zip->next_in = stream->in;
    zip->avail_in = (uInt)stream->in_size;
    stream->in_size = 0;
    while (zip->avail_in > 0 && !stream->ended) {
        zip->next_out = stream->out;
        zip->avail_out = OUT_SIZE;
        int result = inflate(zip, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END)
            return err_set(err, ERR_ARCHIVE_DAMAGED, "it does not decompress: %s",
                           zip->msg == NULL ? zError(result) : zip->msg);
        if (!take(stream, stream->out, OUT_SIZE - zip->avail_out, err))
            return false;
        stream->ended = result == Z_STREAM_END;
    }
    if (zip->avail_in > 0)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "there is something after the end of the compressed stream");
    return true;
}

static bool flush(struct stream *stream, struct err *err)
{
    if (stream->deflated)
        return inflate_gathered(stream, err);
    size_t size = stream->in_size;
    stream->in_size = 0;
    return take(stream, stream->in, size, err);
}

bool data_stream_add(struct stream *stream, const unsigned char *bytes, size_t size, struct err *err)
{
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
    if (!flush(stream, err))
        return false;
    if (stream->deflated && !stream->ended)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the compressed stream has no end");
    if (stream->rows != NULL && !stream->rows->ended)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the rows have no end (\\.)");
    return true;
}

bool data_stream_chunks(struct stream *stream, struct reader *reader, struct rows *rows, struct err *err)
{
    const unsigned char *bytes;
    int32_t left;
    size_t size;
    data_stream_begin(stream, rows);
    for (;;) {
        if (!reader_int(reader, &left, err))
            return false;
        if (left == 0)
            return data_stream_end(stream, err)
                   || err_wrap(err, "before byte %llu", (unsigned long long)reader->position);
        if (left < 0 || (uint64_t)left > reader_left(reader))
            return reader_damaged(reader, err, "a chunk of %d bytes, and %llu are left of the file", left,
                                  (unsigned long long)reader_left(reader));
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
