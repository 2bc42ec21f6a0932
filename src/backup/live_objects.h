/* What is in a database, as far as an overwrite must know it. */
#ifndef BACKUP_LIVE_OBJECTS_H
#define BACKUP_LIVE_OBJECTS_H

#include "archive/archive.h"
#include "backup/job.h"

/* Objects of the user's (tables, views, sequences, functions, types, schemas, extensions) that the database has and the
 * archive lacks, as "table public.notes". The hub's own tables and functions do not count where its migrations make
 * them again. */
bool live_objects_missing_in(struct job *job, struct pg_conn *conn, const struct archive *archive, const char ***names,
                             size_t *count, struct err *err) MUST_CHECK;

/* Whether it is a table, type or function that the hub's own migrations make (at v0.9). */
bool live_objects_is_hubs(const char *schema, const char *tag);

/* How far the hub has migrated this database: the greatest created_at of its ledger (ms), 0 without a ledger. */
bool live_hub_level(struct job *job, struct pg_conn *conn, int64_t *level, struct err *err) MUST_CHECK;

#endif
