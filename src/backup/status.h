/* The state of the database and of what hubport needs, for the page, the status command and doctor (hub-contract
 * section 3.4).
 */
#ifndef BACKUP_STATUS_H
#define BACKUP_STATUS_H

#include "backup/job.h"

/* Never fails: what cannot be known is "N/A" or "Unknown", with `error`, as the hub does. The caller decrefs. */
json_t *backup_status(struct job *job);

#endif
