/* Parallel copy: the data of large tables for an export, each read by several connections on one snapshot.
 *
 * A leader's transaction exports the snapshot and holds ACCESS SHARE locks on the large tables; a pg_dump that is given
 * the snapshot's name sees the same. Each connection then reads ranges of a table's pages (from PostgreSQL 14; older
 * servers cannot do that without reading it all: one connection a table), and compresses them in its own thread. Rows
 * are as pg_dump writes them, in another order.
 *
 * Large is what takes HUBPORT_EXPORT_PARALLEL_FROM on disk: plain tables of the heap, in no extension (pg_dump may
 * leave out rows of those).
 */
#ifndef BACKUP_PARALLEL_COPY_H
#define BACKUP_PARALLEL_COPY_H

#include "archive/dump_stream.h"
#include "backup/job.h"

struct parallel_copy;

struct parallel_copy *parallel_copy_open(struct job *job, int connections, struct err *err) MUST_CHECK;
void parallel_copy_close(struct parallel_copy *copy); /* NULL is ignored */

size_t parallel_copy_tables(const struct parallel_copy *copy);
const char *parallel_copy_snapshot(const struct parallel_copy *copy); /* --snapshot=... of pg_dump */
/* Options that make a pg_dump leave the large tables' data to us; NULL ends them. */
const char *const *parallel_copy_excludes(const struct parallel_copy *copy);

/* The data of those large tables that `contents` says to have some. Marks their entries as written (has_block). */
bool parallel_copy_run(struct parallel_copy *copy, const struct archive *contents, struct writer *writer,
                       struct err *err) MUST_CHECK;

#endif
