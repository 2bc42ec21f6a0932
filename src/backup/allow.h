/* What an archive may contain: every entry of its table of contents is one of three kinds. (decisions 11 to 13)
 *
 * Restoring an archive runs SQL that somebody else wrote, as our role. Three layers keep that from doing harm; this
 * module is the first:
 *
 * 1. This classification. An entry is accepted only when its text is, word for word, of the form that pg_dump writes
 *    for its kind (allow_rules.c), about the object that its name says, and calls no function but those of pg_catalog
 *    that only compute (allow_functions.c) and the archive's own, which are listed themselves. It guarantees: with
 *    nothing but accepted entries, no code of the archive's author runs at the server; at worst tables are wrong. It
 *    reads no database, so it is the same for `verify`, and it errs on the side of asking.
 * 2. Who vouches for the rest (backup/foreign.h): the live database has the very same definition, this installation
 *    exported the file, or the user has read the list and confirmed it.
 * 3. Confinement (backup/foreign.h): foreign content, also when it is confirmed, is only ever run by a role that is no
 *    superuser and cannot become one. It guarantees: even if layers 1 and 2 are wrong, the restore reaches what that
 *    role reaches, not the server's files or programs. It does not help later: what was accepted lives in the database
 *    from then on, and runs as whoever uses it.
 */
#ifndef BACKUP_ALLOW_H
#define BACKUP_ALLOW_H

#include "archive/archive.h"

enum allow_class {
    ALLOW_ACCEPT,
    ALLOW_FOREIGN, /* may run code: somebody must vouch for it */
    ALLOW_FORGED,  /* pg_dump never writes this (a COPY that is none, a newline in a name): refused whatever is said,
                      unless this installation exported the file */
};

struct allow_finding {
    enum allow_class class;            /* not ALLOW_ACCEPT */
    const struct archive_entry *entry; /* NULL: the archive as a whole */
    const char *reason;                /* English, a predicate: "calls pg_read_file()" */
};

/* All entries that are not accepted, in the archive's order. Entries that an import never runs do not count. What is
 * found lives in `arena`; beyond that, the tokens of one entry at a time. */
void allow_list(const struct archive *archive, struct arena *arena, struct allow_finding **findings, size_t *count);

/* "FUNCTION public.f(integer)": one line of UTF-8, for people. */
const char *allow_name(const struct allow_finding *finding, struct arena *arena);

/* Entries that belong to no import, whoever made them: the database itself and its settings, plpgsql (which every
 * database has), planner statistics, schema hubport. They are left out of what pg_restore is told to run. */
bool allow_never_runs(const struct archive_entry *entry);

#endif
