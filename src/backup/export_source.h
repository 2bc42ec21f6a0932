/* The export's source: the server that an export reads, DSN's or, with EXPORT_DSN, another, such as a replica. */
#ifndef BACKUP_EXPORT_SOURCE_H
#define BACKUP_EXPORT_SOURCE_H

#include "backup/job.h"

const struct pg_target *export_source(const struct job *job);

/* That it answers, that our tools are new enough for it, and, where it is another server than DSN's, that it has each
 * of DSN's tables. Says in the log how far a replica is behind. ERR_EXPORT_SOURCE_DIFFERS, and those of server_check().
 */
bool export_source_check(struct job *job, struct err *err) MUST_CHECK;

/* A connection to it. */
struct pg_conn *export_source_connect(struct job *job, struct err *err) MUST_CHECK;

#endif
