/* Foreign content of an archive: who vouches for it, and whether the role that would run it is confined. The second and
 * third of the layers that backup/allow.h tells of.
 */
#ifndef BACKUP_FOREIGN_H
#define BACKUP_FOREIGN_H

#include "backup/allow.h"
#include "backup/job.h"
#include "backup/plan.h"

/* How far code reaches that runs as DSN's role. */
enum role_reach {
    REACH_DATABASE,  /* what it owns, no more */
    REACH_SERVER,    /* files, programs or other roles: it may become a superuser, but is none */
    REACH_SUPERUSER, /* everything; it can make a role that is confined */
};

bool role_reach(struct job *job, enum role_reach *reach, struct err *err) MUST_CHECK;

struct foreign {
    struct allow_finding *items; /* what nobody vouches for, in the archive's order */
    size_t count;
    enum role_reach reach;
    bool needs_superuser; /* some of what is vouched for can be restored by a superuser only */
};

/* Classes the archive, then leaves out what is vouched for: everything when this installation exported the file
 * (`sha256`, lower-case hex), else each entry that the live database has in the very same words (by a pg_dump of its
 * schema, made only when there is something to compare; when pg_dump cannot, nothing is left out). */
bool foreign_find(struct job *job, const struct archive *archive, const char *sha256, struct foreign *foreign,
                  struct err *err) MUST_CHECK;

/* Whether the import may go on: nothing is foreign, or `confirmed` says that it is wanted and the restore is confined.
 * ERR_ARCHIVE_FORGED, ERR_ARCHIVE_FOREIGN_REFUSED, ERR_ARCHIVE_FOREIGN_CONTENT; foreign->items is the list. */
bool foreign_check(struct job *job, const struct foreign *foreign, enum overwrite_way way, bool confirmed,
                   struct err *err) MUST_CHECK;

/* The refusal when confinement turns out not to be possible. */
bool foreign_refuse(struct job *job, const struct foreign *foreign, const char *why, struct err *err);

/* Whether somebody vouches for it, or it was accepted as it is. */
bool foreign_has(const struct foreign *foreign, const struct archive_entry *entry);

/* The list for an answer: [{"name", "reason", "text", "forged"}], at most 200 items; texts are cut at 16 KB. */
json_t *foreign_json(const struct allow_finding *items, size_t count, struct arena *arena);

#endif
