/* The janitor: all periodic work, in one thread.
 */
#ifndef OPS_JANITOR_H
#define OPS_JANITOR_H

#include "app/app.h"

struct janitor;

/* Sweeps once (what killed processes left), then every HUBPORT_TMP_SWEEP_INTERVAL. */
struct janitor *janitor_start(struct app *app, struct err *err) MUST_CHECK;
void janitor_stop(struct janitor *janitor); /* waits for the running sweep; NULL is ignored */

#endif
