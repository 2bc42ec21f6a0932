/* Health: whether hubport can do its work now. The same checks serve /readyz, the overview and `hubport doctor`; a row
 * each.
 */
#ifndef OPS_HEALTH_H
#define OPS_HEALTH_H

#include "app/app.h"

enum health_state {
    HEALTH_OK,
    HEALTH_DEGRADED, /* works, with less: Redis is down, the disk fills */
    HEALTH_FAILED,
};

struct health_check {
    const char *name; /* "postgresql", "tools", "rights", "schema", "export", "redis", "tmp", "disk" */
    enum health_state state;
    const char *found;  /* what was seen, English */
    const char *advice; /* what to do, in the reader's language; "" when all is well */
};

/* Runs every check; the worst state is returned. Strings live in the arena. */
enum health_state health_run(struct app *app, struct arena *arena, enum lang lang, struct health_check **checks,
                             size_t *count);

/* The same for who asks without a name: names and states alone, at most a second old. One looks at a time and all who
 * wait get what was found, so that nobody can take the database's connections by asking. Thread-safe. */
enum health_state health_glance(struct app *app, struct arena *arena, struct health_check **checks, size_t *count);

const char *health_state_name(enum health_state state); /* "ok", "degraded", "failed" */

#endif
