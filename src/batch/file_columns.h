/* The columns of a file of a kind, and its cells. Inside batch/ only. */
#ifndef BATCH_FILE_COLUMNS_H
#define BATCH_FILE_COLUMNS_H

#include "batch/fields.h"
#include "base/arena.h"

#include <jansson.h>

#define FILE_COLUMNS_MAX 80

/* Their names in order: id, name, what tells the item, the fields, updatedAt. Members of a list's item. */
size_t file_columns(const struct kind *kind, const char *names[FILE_COLUMNS_MAX]);

/* A member of a list's item as a cell. In the arena. */
const char *file_cell(struct arena *arena, json_t *value);

#endif
