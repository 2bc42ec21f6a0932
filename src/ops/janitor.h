/* The janitor: all periodic work, in one thread.
 */
#ifndef OPS_JANITOR_H
#define OPS_JANITOR_H

#include "app/app.h"

struct janitor;

/* Sweeps at once and often in the first minute: what a killed process left may come to light only then (PostgreSQL
 * finishes a CREATE DATABASE for a client that is gone, and frees its locks a moment later). Then every
 * HUBPORT_TMP_SWEEP_INTERVAL. */
struct janitor *janitor_start(struct app *app, struct err *err) MUST_CHECK;
void janitor_stop(struct janitor *janitor); /* waits for the running sweep; NULL is ignored */

#endif
