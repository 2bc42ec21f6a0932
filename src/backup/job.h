/* A job: one export, import or rollback on its way, for whoever asked for it (a request or a command).
 *
 * The asker makes it and owns everything in it. Domain functions read it, tell progress through `report`, and stop when
 * `cancel` fires.
 */
#ifndef BACKUP_JOB_H
#define BACKUP_JOB_H

#include "audit/audit.h"
#include "base/messages.h"
#include "lock/backup_lock.h"

/* The phases of an import as `progress` events name them. An overwrite: verify, restore, check, migrate, switch; a
 * merge: verify, stage, compare, merge, migrate; a preview ends after verify, of a merge after compare. */
enum phase {
    PHASE_VERIFY,
    PHASE_RESTORE,
    PHASE_CHECK,
    PHASE_MIGRATE,
    PHASE_SWITCH,
    PHASE_STAGE,
    PHASE_COMPARE,
    PHASE_MERGE
};

struct progress {
    enum phase phase;
    int percent;         /* of the phase, 0 to 100; -1 unknown */
    const char *message; /* in the job's language */
    const char *way;     /* "switch", "in_place" or "merge" once an import knows; NULL before */
    json_t *table;       /* a table's figures (backup/figures.h), borrowed; NULL mostly */
};

struct job {
    struct app *app;
    struct arena *arena;
    struct cancel *cancel;
    enum lang lang;
    struct audit_actor actor;
    void (*report)(void *context, const struct progress *progress); /* NULL: nobody listens */
    void (*report_bytes)(void *context, uint64_t bytes);            /* an export's bytes so far; NULL: nobody listens */
    void *report_context;
    const char *way;           /* as in struct progress */
    struct lock_holder holder; /* filled when a call fails with ERR_BACKUP_BUSY */
};

const char *phase_name(enum phase phase); /* "verify" */
/* `message` NULL: only the percent moved; a sentence with it is made. */
void job_report(struct job *job, enum phase phase, int percent, const char *message);
void job_report_table(struct job *job, enum phase phase, const char *message, json_t *table); /* takes `table` */

/* The audit row of a job's end: `type` is "database.export", ...; `after` is taken; `failure` is NULL after success. */
void job_audit(struct job *job, const char *type, json_t *after, const struct err *failure);

#endif
