/* What every price operation needs of who asked for it (a request, a command, the schedule). */
#ifndef PRICES_JOB_H
#define PRICES_JOB_H

#include "audit/audit.h"
#include "base/messages.h"
#include "os/cancel.h"

struct price_job {
    struct app *app;
    struct arena *arena; /* all results live in it */
    const struct cancel *cancel;
    enum lang lang; /* of reasons */
    struct audit_actor actor;
};

#endif
