/* How the live database's tables differ from an archive's, by name. Schemas drizzle and hubport do not count. */
#ifndef BACKUP_DIFFERENCES_H
#define BACKUP_DIFFERENCES_H

#include "archive/archive.h"
#include "backup/figures.h"
#include "backup/job.h"

/* The archive's columns are those of its COPY statements: tables without rows in it are compared as tables only. */
bool differences_find(struct job *job, struct pg_conn *conn, const struct archive *archive,
                      struct schema_differences *differences, struct err *err) MUST_CHECK;

/* Schemas that no merge reads or writes: the hub's ledger, hubport's own, the system's. */
bool differences_passes_by(const char *schema);

#endif
