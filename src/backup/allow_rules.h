/* The forms of accepted definitions, and whether a text has one of them. Inside the allow*.c files only. */
#ifndef BACKUP_ALLOW_RULES_H
#define BACKUP_ALLOW_RULES_H

#include "archive/archive.h"
#include "backup/sql_text.h"

struct allow_rules {
    const char **functions; /* "schema.name" of the archive's own, sorted */
    size_t function_count;
    struct arena *arena; /* for reasons */
};

/* Why the entry's definition, DROP statement or COPY statement is not of an accepted form; NULL when all are. */
const char *allow_check_definition(const struct allow_rules *rules, const struct archive_entry *entry);
const char *allow_check_drop(const struct allow_rules *rules, const struct archive_entry *entry);
bool allow_check_copy(const struct archive_entry *entry);

#endif
