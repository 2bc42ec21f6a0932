/* What killed processes leave behind, taken away: temp files, shadow databases, previous databases whose time is over.
 */
#ifndef BACKUP_SWEEP_H
#define BACKUP_SWEEP_H

#include "backup/job.h"

/* `at_start`: dead temp files of any age, else those over HUBPORT_TMP_MAX_AGE. Databases only when the backup lock is
 * free: false when there are some to drop and it is not. */
bool backup_sweep(struct app *app, bool at_start, struct cancel *cancel);

#endif
