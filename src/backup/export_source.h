/* The export's source: the server that an export reads, DSN's or, with EXPORT_DSN, a replica of it. */
#ifndef BACKUP_EXPORT_SOURCE_H
#define BACKUP_EXPORT_SOURCE_H

#include "backup/job.h"

const struct pg_target *export_source(const struct job *job);

/* That it answers, that our tools are new enough for it, and, with EXPORT_DSN, that it is DSN's database there or at a
 * physical replica of DSN's server, with each of DSN's tables and their rows. Says in the log how far it is behind.
 * ERR_EXPORT_SOURCE_OTHER, ERR_EXPORT_SOURCE_DIFFERS, ERR_EXPORT_SOURCE_UNLOGGED, and those of server_check(). */
bool export_source_check(struct job *job, struct err *err) MUST_CHECK;

/* That two connections are to one database of one server or of its physical replica: a wrong address must not pass for
 * a backup. ERR_EXPORT_SOURCE_OTHER. */
bool export_source_same(struct arena *arena, struct pg_conn *live, struct pg_conn *source, struct err *err) MUST_CHECK;

/* A connection to it. */
struct pg_conn *export_source_connect(struct job *job, struct err *err) MUST_CHECK;

#endif
