/* Reader: a file's bytes in order, by large pread(2) calls, and the primitives of the archive format. Ending too early
 * is ERR_ARCHIVE_DAMAGED with the offset in the words. Inside archive/ only.
 */
#ifndef ARCHIVE_READER_H
#define ARCHIVE_READER_H

#include "base/err.h"

#define READER_BLOCK (256 * KIB)

struct reader {
    int fd;
    uint64_t size;     /* of the file */
    uint64_t position; /* of the next byte to be handed out */
    unsigned char *block;
    size_t at, end; /* what of the block is still to be handed out */
    /* Sees each block once, when it is read: its bytes start at `offset` of the file. May be NULL. */
    bool (*on_block)(void *context, const unsigned char *bytes, size_t size, uint64_t offset, struct err *err);
    void *context;
};

bool reader_open(struct reader *reader, int fd, struct err *err) MUST_CHECK; /* at the file's beginning */
void reader_close(struct reader *reader); /* also after a failed open; the fd stays open */

void reader_seek(struct reader *reader, uint64_t position); /* at most the size */
uint64_t reader_left(const struct reader *reader);

/* All that is at hand, at least one byte: nothing is consumed. */
bool reader_peek(struct reader *reader, const unsigned char **bytes, size_t *size, struct err *err) MUST_CHECK;
void reader_consume(struct reader *reader, size_t size); /* at most what was peeked */

bool reader_bytes(struct reader *reader, void *out, size_t size, struct err *err) MUST_CHECK;
bool reader_skip(struct reader *reader, uint64_t size, struct err *err) MUST_CHECK;
bool reader_byte(struct reader *reader, uint8_t *value, struct err *err) MUST_CHECK;

/* Bytes elsewhere in the file, past the block: on_block does not see them. */
bool reader_look(const struct reader *reader, uint64_t offset, void *out, size_t size, struct err *err) MUST_CHECK;

/* A sign byte and four bytes, little-endian. Only what PostgreSQL writes is taken: no other sign than 0 and 1, no -0.
 */
bool reader_int(struct reader *reader, int32_t *value, struct err *err) MUST_CHECK;

/* ERR_ARCHIVE_DAMAGED, "byte N: ..." */
bool reader_damaged(const struct reader *reader, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
