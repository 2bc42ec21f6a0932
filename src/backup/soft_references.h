/* The table of soft references: which column of the hub's tables names a row of which other table, and by what a row is
 * known to be the same one in two databases. (decision 4)
 *
 * Keys are integers and most references are no foreign keys: user 5 of an archive may be another person than user 5
 * here. A row is only merged when the parent that it names is, by its identity columns, the parent that it had.
 */
#ifndef BACKUP_SOFT_REFERENCES_H
#define BACKUP_SOFT_REFERENCES_H

#include "base/macros.h"

#define IDENTITY_COLUMNS 3

/* All in schema public; keyed by the column "id". */
struct identity {
    const char *table;
    const char *columns[IDENTITY_COLUMNS]; /* "" beyond the last */
};

struct soft_reference {
    const char *child, *column, *parent; /* parent: a row of identities[] */
    bool outlives; /* rows of the child are kept when the parent is deleted: the parent's sequence must stay above them
                    */
};

extern const struct identity identities[];            /* ended by a row whose table is NULL */
extern const struct soft_reference soft_references[]; /* ended by a row whose child is NULL */

const struct identity *identity_of(const char *schema, const char *table); /* NULL: none */

#endif
