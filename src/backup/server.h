/* The server at hand: that it answers, and that our tools are new enough for it. */
#ifndef BACKUP_SERVER_H
#define BACKUP_SERVER_H

#include "backup/job.h"

/* ERR_DATABASE_UNAVAILABLE, ERR_TOOLS_MISSING, ERR_TOOLS_TOO_OLD, ERR_DATABASE_POOLER. */
bool server_check(struct job *job, struct err *err) MUST_CHECK;

/* Settings (PGOPTIONS) for pg_restore's sessions: English messages, which the sorting of errors needs, where our role
 * may ask for them; NULL else. */
const char *server_restore_options(struct job *job);

#endif
