/* Tell the hub that its data is another: caches dropped, channels published (hub-contract section 5.6).
 *
 * Best effort: without Redis, or when it fails, the hub's caches end by themselves (providers 30 s, keys 60 s).
 */
#ifndef BACKUP_NOTIFY_H
#define BACKUP_NOTIFY_H

#include "backup/job.h"

void notify_hub(struct job *job);

#endif
