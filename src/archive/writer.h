/* Writer: an archive's bytes in order, the data compressed by several threads, sealed at the end.
 *
 *     struct writer *writer = writer_new(&spec);
 *     writer_write(writer, head, size, err)                       header and table of contents, as they are
 *     writer_begin(writer, SEAL_TABLE, 2817, err)            then for each entry with data
 *     writer_add(writer, bytes, size, err) ...                    cut anywhere
 *     writer_end(writer, err)
 *     writer_seal(writer, err)
 *
 * A large objects' entry is begun as SEAL_OBJECTS; each object goes between writer_begin_object and writer_end_object.
 * Rows are counted and digests taken on the way; how data is cut and what the seal holds is told by seal.h.
 *
 * Memory: (threads + 2) pieces of 1 MiB, twice, and under 1 MiB a thread. A call that fails has set err (of `sink`, or
 * ERR_EXPORT_FAILED for rows that are none); after it only writer_free may be called.
 */
#ifndef ARCHIVE_WRITER_H
#define ARCHIVE_WRITER_H

#include "archive/seal.h"
#include "base/err.h"

enum writer_method {
    METHOD_BALANCED, /* libdeflate 6: as small as zlib 6 in less than half its time */
    METHOD_FAST,     /* ISA-L 2: as small as zlib 1 in a fifth of its time */
    METHOD_NONE,     /* not compressed */
    METHOD_ZSTD      /* zstd 3; only archives of version 1.15 and newer can say so */
};

#define WRITER_MAX_THREADS 8

struct writer_spec {
    enum writer_method method;
    int threads; /* that compress, besides the caller's: 1 to WRITER_MAX_THREADS; what is more is not used */
    /* Takes the archive's bytes, in order; up to 64 KiB a call. */
    bool (*sink)(void *context, const unsigned char *bytes, size_t size, struct err *err);
    void *context;
};

struct writer;

struct writer *writer_new(const struct writer_spec *spec);
void writer_free(struct writer *writer); /* NULL is ignored */

bool writer_write(struct writer *writer, const void *bytes, size_t size, struct err *err) MUST_CHECK;
bool writer_flush(struct writer *writer, struct err *err) MUST_CHECK; /* what is gathered, into the sink */

bool writer_begin(struct writer *writer, enum seal_kind kind, int32_t dump_id, struct err *err) MUST_CHECK;
bool writer_begin_object(struct writer *writer, uint32_t oid, struct err *err) MUST_CHECK;
bool writer_add(struct writer *writer, const unsigned char *bytes, size_t size, struct err *err) MUST_CHECK;
bool writer_end_object(struct writer *writer, struct err *err) MUST_CHECK;
bool writer_end(struct writer *writer, struct err *err) MUST_CHECK;

/* From here to writer_end the table's rows come by lanes (lane.h), and at last its end by writer_add. What was begun
 * before is out. */
bool writer_begin_lanes(struct writer *writer, struct err *err) MUST_CHECK;

/* Everything is out when it returns. */
bool writer_seal(struct writer *writer, struct err *err) MUST_CHECK;

void writer_digest(const struct writer *writer, unsigned char sha256[SHA256_SIZE]); /* of all so far */

#endif
