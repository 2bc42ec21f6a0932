/* What the files of `hubport prices` share. */
#ifndef CLI_PRICES_H
#define CLI_PRICES_H

#include "cli/command.h"
#include "cli/table.h"
#include "prices/import.h"

/* Open what a price command works on; NULL after having told the error. The job ends with the invocation. */
struct app *prices_open(struct invocation *invocation, struct price_job *job, int *status);

/* "a,b" as names; NULL gives none. */
struct price_names prices_names(struct invocation *invocation, const char *list);

#endif
