#include "archive/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

bool reader_open(struct reader *reader, int fd, struct err *err)
{
    struct stat status;
    *reader = (struct reader){.fd = fd};
    if (fstat(fd, &status) != 0)
        return err_errno(err, ERR_SYSTEM, "looking at the archive");
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_FILE_NOT_ARCHIVE, "not a regular file%s",
                       S_ISDIR(status.st_mode) ? " but a directory (pg_dump -Fd writes those)" : "");
    reader->size = (uint64_t)status.st_size;
    reader->block = malloc(READER_BLOCK);
    if (reader->block == NULL)
        abort();
    return true;
}

void reader_close(struct reader *reader)
{
    free(reader->block);
    reader->block = NULL;
}

void reader_seek(struct reader *reader, uint64_t position)
{
    reader->position = position;
    reader->at = reader->end = 0;
}

uint64_t reader_left(const struct reader *reader)
{
    return reader->size - reader->position;
}

bool reader_damaged(const struct reader *reader, struct err *err, const char *format, ...)
{
    char words[512];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return err_set(err, ERR_ARCHIVE_DAMAGED, "byte %llu: %s", (unsigned long long)reader->position, words);
}

bool reader_look(const struct reader *reader, uint64_t offset, void *out, size_t size, struct err *err)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = pread(reader->fd, (unsigned char *)out + have, size - have, (off_t)(offset + have));
        if (got < 0 && errno != EINTR)
            return err_errno(err, ERR_SYSTEM, "reading the archive at byte %llu", (unsigned long long)offset);
        if (got == 0)
            return reader_damaged(reader, err, "the file became shorter while it was read");
        have += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool fill(struct reader *reader, struct err *err)
{
    size_t size = (size_t)MIN(reader_left(reader), (uint64_t)READER_BLOCK);
    if (size == 0)
        return reader_damaged(reader, err, "the file ends where more must follow");
    if (!reader_look(reader, reader->position, reader->block, size, err))
        return false;
    reader->at = 0;
    reader->end = size;
    return reader->on_block == NULL || reader->on_block(reader->context, reader->block, size, reader->position, err);
}

bool reader_peek(struct reader *reader, const unsigned char **bytes, size_t *size, struct err *err)
{
    if (reader->at == reader->end && !fill(reader, err))
        return false;
    *bytes = reader->block + reader->at;
    *size = reader->end - reader->at;
    return true;
}

void reader_consume(struct reader *reader, size_t size)
{
    reader->at += size;
    reader->position += size;
}

bool reader_bytes(struct reader *reader, void *out, size_t size, struct err *err)
{
    const unsigned char *bytes;
    size_t available;
    for (unsigned char *to = out; size > 0; to += available, size -= available) {
        if (!reader_peek(reader, &bytes, &available, err))
            return false;
        available = MIN(available, size);
        memcpy(to, bytes, available);
        reader_consume(reader, available);
    }
    return true;
}

bool reader_skip(struct reader *reader, uint64_t size, struct err *err)
{
    const unsigned char *bytes;
    size_t available;
    for (; size > 0; size -= available) {
        if (!reader_peek(reader, &bytes, &available, err))
            return false;
        available = (size_t)MIN((uint64_t)available, size);
        reader_consume(reader, available);
    }
    return true;
}

bool reader_byte(struct reader *reader, uint8_t *value, struct err *err)
{
    return reader_bytes(reader, value, 1, err);
}

bool reader_int(struct reader *reader, int32_t *value, struct err *err)
{
    unsigned char raw[5];
    if (!reader_bytes(reader, raw, sizeof raw, err))
        return false;
    uint32_t size = (uint32_t)raw[1] | (uint32_t)raw[2] << 8 | (uint32_t)raw[3] << 16 | (uint32_t)raw[4] << 24;
    bool negative = raw[0] == 1;
    if (raw[0] > 1 || (negative && size == 0) || size > (uint32_t)INT32_MAX + negative)
        return reader_damaged(reader, err, "bytes that are not a number end here");
    *value = (int32_t)(negative ? -(int64_t)size : (int64_t)size);
    return true;
}
