/* Tables for people at a terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/arena.h"

/* A cell of a table for people: `width` columns of the terminal, Chinese characters taking two; cut when longer. */
void table_cell(const char *text, int width);

/* The text without what could steer a terminal. */
const char *table_plain(struct arena *arena, const char *text);

#endif
