/* What the files about bulk changes share. */
#ifndef API_BATCH_H
#define API_BATCH_H

#include "api/api.h"
#include "batch/batch.h"
#include "batch/input.h"

struct batch_job api_batch_job(struct request *request); /* it ends with the request */

/* The body; numbers that cannot be kept become problems. NULL: the error was replied. */
json_t *api_batch_body(struct request *request, struct batch_problems *problems) MUST_CHECK;

/* Replies with all problems and is true, when there are any; writes the audit row of the refusal when there is a `type`
 * for it. Takes the list. */
bool api_batch_problems(struct request *request, struct batch_problems *problems, const struct kind *kind,
                        const char *type);

/* Replies with a refusal, and audits it in the same way. Takes `more`. */
void api_batch_reply_refusal(struct request *request, const struct err *err, json_t *more, const struct kind *kind,
                             const char *type);
void api_batch_refuse(struct request *request, enum err_code code, const char *argument, const struct kind *kind,
                      const char *type);

#endif
