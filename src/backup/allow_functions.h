/* Names that may stand before an opening parenthesis in an accepted definition. Inside the allow_*.c files only. */
#ifndef BACKUP_ALLOW_FUNCTIONS_H
#define BACKUP_ALLOW_FUNCTIONS_H

#include "base/macros.h"

/* A keyword of SQL that opens a parenthesis without a call: CHECK (, PRIMARY KEY (. Unquoted ones only. */
bool allow_keyword(const char *word);

/* A function or a type of pg_catalog that only computes: it reads and writes nothing outside its arguments, but for
 * the clock, random numbers and sequences. */
bool allow_function(const char *name);

#endif
