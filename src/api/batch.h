/* What the files about bulk changes share. */
#ifndef API_BATCH_H
#define API_BATCH_H

#include "api/api.h"
#include "batch/batch.h"
#include "batch/input.h"

struct batch_job api_batch_job(struct request *request); /* it ends with the request */

/* Replies with all problems and is true, when there are any. Takes the list. */
bool api_batch_problems(struct request *request, struct batch_problems *problems);

#endif
