/* The audit log: who did what, in the hub's table `audit_log` (hub-contract section 7), for refusals and failures too.
 *
 * Best effort, after the fact: what cannot be written is logged. Where the table is missing nothing is written. Values
 * named key, apikey, api_key, api-key, password, secret, token, authorization, webhook_secret are replaced by
 * "[REDACTED]".
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "app/app.h"

#include <jansson.h>

/* Who: from the request or the command line. Strings may be NULL. */
struct audit_actor {
    int64_t user_id, key_id; /* -1: ADMIN_TOKEN; 0: nobody known */
    const char *user_name, *key_name;
    const char *address, *user_agent;
};

struct audit_event {
    const char *category;                              /* one that the hub knows: "auth", "system_settings", ... */
    const char *type;                                  /* "database.export" */
    const char *target_type, *target_id, *target_name; /* NULL where there is none */
    json_t *before, *after;                            /* borrowed; NULL where there is none */
    bool success;
    const char *error; /* NULL on success */
};

void audit_write(struct app *app, const struct audit_actor *actor, const struct audit_event *event);

/* The same in the transaction of what it tells of: both are committed, or neither. False only when the transaction is
 * of no more use. */
bool audit_write_within(struct pg_conn *conn, const struct audit_actor *actor, const struct audit_event *event,
                        struct err *err) MUST_CHECK;

#endif
