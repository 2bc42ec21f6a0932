/* What lanes need of a writer. Inside archive/ only. */
#ifndef ARCHIVE_WRITER_INTERNAL_H
#define ARCHIVE_WRITER_INTERNAL_H

#include "archive/deflate_pool.h"

enum writer_method writer_method(const struct writer *writer);

/* Locked in any case; false when another lane has failed before. */
bool writer_lock(struct writer *writer, struct err *err) MUST_CHECK;
void writer_unlock(struct writer *writer, bool ok);

/* While locked: a piece of the table being written. */
bool writer_put(struct writer *writer, const struct deflate_job *piece, struct err *err) MUST_CHECK;

#endif
