/* Lane: one thread's own way into the table that a writer is writing, when several threads read that table.
 *
 *     writer_begin(writer, SEAL_TABLE, dump_id, err)
 *     writer_begin_lanes(writer, err)
 *         in each thread: lane_new, lane_add_rows..., lane_flush, lane_free
 *     writer_add(writer, "\\.\n\n\n", 5, err)                  when all threads are done
 *     writer_end(writer, err)
 *
 * A lane gathers whole rows into pieces, compresses them in its thread and puts each into the archive as soon as it is
 * ready: rows of different lanes mix, a row is never cut by another's. The writer's sink is called by whichever thread
 * has something to put, one at a time. After a failure (in any lane) all others fail too, with ERR_CANCELLED.
 */
#ifndef ARCHIVE_LANE_H
#define ARCHIVE_LANE_H

#include "archive/writer.h"

struct lane;

struct lane *lane_new(struct writer *writer);
void lane_free(struct lane *lane); /* NULL is ignored */

bool lane_add_rows(struct lane *lane, const unsigned char *rows, size_t size, struct err *err) MUST_CHECK;
bool lane_flush(struct lane *lane, struct err *err) MUST_CHECK;

/* This lane's thread gives up: the others shall not go on. */
void lane_fail(struct lane *lane);

#endif
