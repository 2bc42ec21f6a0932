/* The seal: the last block of an archive that hubport wrote, for whoever reads it later. Inside archive/ only.
 *
 * A DATA block under ARCHIVE_SEAL_ID with one chunk that is never compressed (pg_restore passes the block by). Its
 * text, every line ended by a newline:
 *
 *     hubport-seal 2
 *     pieces 1048576
 *     table 2817 60 4711 <sha256>       one line for each entry with data, in the order of their blocks
 *     objects 2903 3 300010 <sha256>
 *     sha256 <sha256> at 0000000000a1b2c3
 *
 * - `table`: dump id, rows, bytes of the uncompressed data ("\.\n\n\n" included), their SHA-256. `data` is the same for
 *   data that is no COPY text; its rows are 0.
 * - `objects` (large objects): dump id, how many, their bytes, and the SHA-256 of, for each in order, its bytes, its
 * oid (4 bytes, little-endian) and its length (8 bytes, little-endian).
 * - `pieces N`: what is compressed by zlib is cut so that it can be inflated in parallel. A table's data (or a large
 *   object) of one chunk is that chunk, a whole zlib stream. Of more chunks, all but the last are pieces: each is raw
 *   deflate data of at most N bytes uncompressed, begins and ends at a byte's border and refers to nothing outside; the
 *   first has the zlib header (2 bytes) before it; the last chunk is 03 00, an empty final block, and the Adler-32 (4
 *   bytes, big-endian). Without compression each chunk has at most N bytes. `pieces 0`: cut in some other way (zstd is
 *   one frame for each entry or large object).
 * - `sha256`: of all bytes before the seal's block, and that block's position in the file. Fixed length: a reader that
 *   has the file's end finds the block's beginning.
 */
#ifndef ARCHIVE_SEAL_H
#define ARCHIVE_SEAL_H

#include "archive/reader.h"
#include "base/arena.h"
#include "base/sha256.h"

#define SEAL_PIECE MIB
#define SEAL_MAX (64 * MIB) /* bytes of the block */

enum seal_kind { SEAL_TABLE, SEAL_DATA, SEAL_OBJECTS };

struct seal_line {
    enum seal_kind kind;
    int32_t dump_id;
    uint64_t rows; /* or large objects */
    uint64_t bytes;
    unsigned char sha256[SHA256_SIZE];
};

struct seal {
    uint32_t piece; /* SEAL_PIECE or 0 */
    struct seal_line *lines;
    size_t count;
    unsigned char sha256[SHA256_SIZE];
    uint64_t position;
};

/* The whole block, to be appended to the archive. In the arena. */
unsigned char *seal_write(const struct seal *seal, struct arena *arena, size_t *size);

/* Look for a seal at the file's end, at `first` or behind. `seal` is NULL when there is none that is right to the
 * letter. False when reading failed. */
bool seal_find(const struct reader *reader, uint64_t first, struct arena *arena, struct seal **seal,
               struct err *err) MUST_CHECK;

/* SHA-256 of large objects, as `objects` has it: to be added after an object's bytes. */
void seal_add_object(struct sha256 *sha, uint32_t oid, uint64_t bytes);

#endif
