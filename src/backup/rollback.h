/* Rollback: a previous database becomes the live one again, by the same switch; the live one becomes a previous one, so
 * the step can be taken back too.
 */
#ifndef BACKUP_ROLLBACK_H
#define BACKUP_ROLLBACK_H

#include "backup/databases.h"

/* `name` is one of status's previous databases; NULL: the newest. ERR_NO_PREVIOUS. On success `*restored` is the one
 * that is live again, `kept` what the live one became. Takes the lock, writes the audit row, tells the hub. */
bool rollback_run(struct job *job, const char *name, const char **restored, struct previous *kept,
                  struct err *err) MUST_CHECK;

#endif
