/* The databases beside the live one that hubport makes: shadows, which an import restores into, and previous ones,
 * which a switch leaves behind. What is known about them is in their names and comments (decision 2), so every server
 * sees the same.
 *
 *     <live>_import_<12 of a-z0-9>     a shadow; alive only while its import holds the backup lock
 *     <live>_before_<UTC time>         a previous one; its comment says since when and until when it is kept
 *
 * All calls work on a connection to the maintenance database.
 */
#ifndef BACKUP_DATABASES_H
#define BACKUP_DATABASES_H

#include "backup/job.h"

struct previous {
    const char *name;
    int64_t since_ms; /* when it stopped being the live one */
    int64_t until_ms; /* dropped after this time */
    bool pinned;      /* holds objects that nothing else has: never dropped by itself */
};

/* Create an empty database like the live one (encoding, locale, tablespace, owner, connection limit). */
const char *shadow_create(struct job *job, struct pg_conn *maintenance, struct err *err) MUST_CHECK;

/* Give the shadow the live database's settings, grants and comment. */
bool shadow_dress(struct job *job, struct pg_conn *maintenance, const char *shadow, struct err *err) MUST_CHECK;

/* End its connections and drop it. */
bool database_drop(struct job *job, struct pg_conn *maintenance, const char *name, struct err *err) MUST_CHECK;

/* Newest first. */
bool previous_list(struct job *job, struct pg_conn *maintenance, struct previous **list, size_t *count,
                   struct err *err) MUST_CHECK;

/* The switch, one transaction: live -> <live>_before_<time>, `incoming` -> live. Connections of both are ended; new
 * ones wait for the moment that it takes. Either both renames happen or none. `previous` is set to the name that the
 * old live database has now. */
bool databases_switch(struct job *job, struct pg_conn *maintenance, const char *incoming, bool pin_previous,
                      struct previous *previous, struct err *err) MUST_CHECK;

/* Whether there is a shadow, or a previous database whose time is over. */
bool databases_have_leftovers(struct job *job, struct pg_conn *maintenance);

/* Drop shadows that nobody works on and previous databases whose time is over. The caller holds the backup lock.
 * Returns how many. */
int databases_sweep(struct job *job, struct pg_conn *maintenance);

#endif
