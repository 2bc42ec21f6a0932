/* The figures of an import, table by table: what a merge did or would do, what an overwrite would replace, and how the
 * two schemas differ.
 */
#ifndef BACKUP_FIGURES_H
#define BACKUP_FIGURES_H

#include "base/arena.h"

#include <jansson.h>

struct table_figures {
    const char *table; /* "public.users", UTF-8 */
    /* A merge's: every row of the archive is counted once. */
    uint64_t added;
    uint64_t updated;        /* onConflict=update: the row with the same key was overwritten */
    uint64_t identical;      /* the very row is there already */
    uint64_t conflicting;    /* same key, or same value of another unique constraint, other content: kept as it is */
    uint64_t failed;         /* a constraint of the table would be violated (a foreign key's parent is missing, ...) */
    uint64_t foreign_parent; /* names a row that is another one here (backup/soft_references.h) */
    const char *first_conflicting, *first_failed, *first_foreign_parent; /* "id=5"; NULL: none, or no primary key */
    const char *failed_by;                                               /* the first violated constraint */
    bool created; /* only the archive has the table: it is created from it */
    bool exists_here, exists_there;
    /* An overwrite's preview: */
    uint64_t old_rows, new_rows;
};

struct schema_differences {
    const char **tables_here, **tables_there;   /* only in the live database, only in the archive */
    const char **columns_here, **columns_there; /* "public.users.note" */
    const char **not_created;                   /* "public.notes: a default calls f()"; those of tables_there */
    size_t table_here_count, table_there_count, column_here_count, column_there_count, not_created_count;
};

struct figures {
    bool merge; /* else of an overwrite */
    struct table_figures *tables;
    size_t count;
    struct schema_differences differences;
    bool newer_archive; /* its hub migration level is above the live one's */
    /* A preview's: */
    int64_t estimate_ms;
    const char *estimate_basis; /* how the estimate was made, English */
};

struct table_figures figures_total(const struct figures *figures); /* table is NULL */

/* {"tables": [{"table", "added", ...}], "totals": {...}, "schema": {...}}; with an estimate in a preview. */
json_t *figures_json(const struct figures *figures);
json_t *figures_table_json(const struct figures *figures, const struct table_figures *table);

#endif
