/* What the database resource's files share. */
#ifndef API_DATABASE_H
#define API_DATABASE_H

#include "api/api.h"
#include "backup/job.h"

/* A job for this request; it ends with it. */
struct job api_job(struct request *request);

#endif
