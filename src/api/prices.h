/* What the files of the price table's resource share. */
#ifndef API_PRICES_H
#define API_PRICES_H

#include "api/api.h"
#include "prices/job.h"

/* For this request; it ends with it. */
struct price_job api_price_job(struct request *request);

#endif
