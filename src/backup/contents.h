/* Which entries of an archive go into the database, and how.
 */
#ifndef BACKUP_CONTENTS_H
#define BACKUP_CONTENTS_H

#include "archive/archive.h"
#include "os/tempfile.h"

enum contents_use {
    CONTENTS_RESTORE, /* by pg_restore */
    CONTENTS_SKIP,    /* rows of log tables (skipLogs); extensions that stay; what no import runs (allow_never_runs) */
    CONTENTS_LATER,   /* each tried alone after the rest: in place grants, publications, subscriptions */
};

struct contents_filter {
    bool skip_logs;
    bool in_place;
    const char *const *extensions; /* in place: the live database's, which stay; NULL ends them. NULL: none */
    bool plain_role;               /* by a role that may not set default privileges of others: they come later */
};

enum contents_use contents_use(const struct archive_entry *entry, const struct contents_filter *filter);

/* The edited table of contents for `pg_restore --use-list`. */
bool contents_write_list(const struct archive *archive, const struct contents_filter *filter, struct tempfile *file,
                         struct err *err) MUST_CHECK;

bool contents_has_table(const struct archive *archive, const char *schema, const char *name);

/* Whether it is a hub's: has the tables users, keys and providers. */
bool contents_is_hub(const struct archive *archive);

#endif
