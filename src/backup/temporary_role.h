/* The temporary role: with a superuser's DSN a shadow is filled by a login of its own that is no superuser, so that
 * whatever the archive runs reaches that shadow and nothing else. (decision 12: SET ROLE and pg_restore --role confine
 * nothing, an archive can reset them.)
 *
 *     create -> the shadow belongs to it -> restore, check, migrate as it -> hand over -> it is gone
 *
 * It has the shadow's name, a random password that leaves the process only as a SCRAM verifier and in pg_restore's
 * environment, and it expires after a day. Handing over ends its connections first, takes back what it set on the
 * database, then gives all it owns to the owner of the live tables: a superuser connects to the shadow only when the
 * archive's author cannot have prepared that connection's settings. What a crash leaves is found by its name and
 * comment; roles are swept after the shadows that they own.
 */
#ifndef BACKUP_TEMPORARY_ROLE_H
#define BACKUP_TEMPORARY_ROLE_H

#include "backup/job.h"

struct temporary_role {
    const char *name;         /* the shadow's */
    struct pg_target *target; /* the same server as this role */
};

/* Make the role, give it the shadow, and log in. When the server lets it not log in (pg_hba.conf), `role->target` stays
 * NULL, the shadow belongs to whom it belonged, and this is no failure: the reason is logged. */
bool temporary_role_create(struct job *job, struct pg_conn *maintenance, const char *shadow,
                           struct temporary_role *role, struct err *err) MUST_CHECK;

/* Everything in the shadow to the owner of the live database's tables, schema hubport and the database itself to their
 * own. The role is gone then. `live` is connected to the live database. */
bool temporary_role_hand_over(struct job *job, struct pg_conn *maintenance, struct pg_conn *live,
                              const struct temporary_role *role, struct err *err) MUST_CHECK;

/* After a failure, when the shadow is dropped; true also when there is no such role. */
bool temporary_role_drop(struct job *job, struct pg_conn *maintenance, const char *name, struct err *err) MUST_CHECK;
void temporary_role_close(struct temporary_role *role); /* forgets the password */

/* Those that a crash left: names. */
bool temporary_roles_list(struct job *job, struct pg_conn *maintenance, struct pg_result *names,
                          struct err *err) MUST_CHECK;

#endif
