/* Dump stream: what `pg_dump -Fc -Z0` writes into a pipe, read once, in order, and written as an archive of ours.
 *
 *     struct dump_stream *stream = dump_stream_open(read, context, arena, err);
 *     writer_write(writer, head, head_size) ...            dump_stream_head(stream, method, &size)
 *     dump_stream_copy(stream, writer, NULL, NULL, err)
 *
 * Opening reads header and table of contents, which is all that lives in memory (in the arena); copying then reads 256
 * KB at a time. Versions 1.12 to 1.16. What is not as pg_dump writes it, or ends early, is ERR_EXPORT_FAILED.
 */
#ifndef ARCHIVE_DUMP_STREAM_H
#define ARCHIVE_DUMP_STREAM_H

#include "archive/archive.h"
#include "archive/writer.h"

#include <sys/types.h>

struct dump_stream;

/* The next bytes: how many, 0 at the end, -1 with err set. */
typedef ssize_t dump_read_fn(void *context, void *buffer, size_t size, struct err *err);

struct dump_stream *dump_stream_open(dump_read_fn *read, void *context, struct arena *arena,
                                     struct err *err) MUST_CHECK;
void dump_stream_close(struct dump_stream *stream); /* NULL is ignored */

const struct archive *dump_stream_contents(const struct dump_stream *stream);

/* Header and table of contents as they were, but for the compression named. Belongs to the stream. */
const unsigned char *dump_stream_head(struct dump_stream *stream, enum writer_method method, size_t *size);

/* All data to the stream's end. `dump_id_of` (may be NULL) gives the dump id that a block shall have in the archive
 * written, 0 when there is none. Not checked: whether every entry got its data. */
bool dump_stream_copy(struct dump_stream *stream, struct writer *writer,
                      int32_t (*dump_id_of)(void *context, const struct archive_entry *entry), void *context,
                      struct err *err) MUST_CHECK;

/* That each entry with data had its block in dump_stream_copy. */
bool dump_stream_complete(const struct dump_stream *stream, struct err *err) MUST_CHECK;

#endif
