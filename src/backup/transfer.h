/* Objects from the live database into a shadow: pg_dump piped into pg_restore.
 */
#ifndef BACKUP_TRANSFER_H
#define BACKUP_TRANSFER_H

#include "backup/job.h"

enum transfer_what { TRANSFER_ALL, TRANSFER_STRUCTURE };

/* `restore_as` is who owns them there, NULL the role of DSN. `selection` is pg_dump's argument that says which objects:
 * "--schema=hubport", "--table=public.message_request". */
bool transfer_objects(struct job *job, const struct pg_target *restore_as, const char *shadow, enum transfer_what what,
                      const char *selection, struct err *err) MUST_CHECK;

#endif
