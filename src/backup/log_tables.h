/* The table of log tables: those whose rows are left out on demand (requirement: `message_request`). */
#ifndef BACKUP_LOG_TABLES_H
#define BACKUP_LOG_TABLES_H

#include "base/macros.h"

struct log_table {
    const char *schema;
    const char *name;
};

extern const struct log_table log_tables[]; /* ended by a row whose name is NULL */

bool is_log_table(const char *schema, const char *name);

#endif
