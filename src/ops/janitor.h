/* The janitor: all periodic work, one thread and a table of jobs. A job does what is due and says when it wants to run
 * again; a new one is a function and a row.
 *
 * Jobs: the sweep of leftovers (backup/sweep.h), the synchronisation of the price table (prices/sync.h).
 */
#ifndef OPS_JANITOR_H
#define OPS_JANITOR_H

#include "app/app.h"

struct janitor;

/* Every job runs at once. The sweep then runs often in the first minute: what a killed process left may come to light
 * only then (PostgreSQL finishes a CREATE DATABASE for a client that is gone, and frees its locks a moment later). */
struct janitor *janitor_start(struct app *app, struct err *err) MUST_CHECK;
void janitor_stop(struct janitor *janitor); /* waits for the running job, which is cancelled; NULL is ignored */

#endif
