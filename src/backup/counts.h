/* Whether every row of the archive arrived: counted in the restored database and compared, table by table.
 */
#ifndef BACKUP_COUNTS_H
#define BACKUP_COUNTS_H

#include "backup/contents.h"
#include "backup/job.h"

/* ERR_COUNTS_DIFFER names the first table that differs. `archive` is verified. */
bool counts_compare(struct job *job, struct pg_conn *restored, const struct archive *archive,
                    const struct contents_filter *filter, struct err *err) MUST_CHECK;

/* Rows, and uncompressed bytes, of the tables that the filter lets in. */
uint64_t counts_rows(const struct archive *archive, const struct contents_filter *filter);
uint64_t counts_bytes(const struct archive *archive, const struct contents_filter *filter);

#endif
