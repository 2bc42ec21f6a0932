#include "backup/log_tables.h"

const struct log_table log_tables[] = {
    {"public", "message_request"},
    {NULL, NULL},
};

bool is_log_table(const char *schema, const char *name)
{
    for (const struct log_table *table = log_tables; table->name != NULL; table++)
        if (strcmp(table->schema, schema) == 0 && strcmp(table->name, name) == 0)
            return true;
    return false;
}
