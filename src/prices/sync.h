/* Synchronising the price table with the cloud's: by hand, and on a schedule (PRICE_SYNC_INTERVAL), one of many servers
 * at a time.
 *
 * Prices set by hand stay unless they are named. What looks wrong (prices/import.h) is held back and listed until it is
 * confirmed by name; models that the cloud's table lacks are listed and stay. Everything is written in one transaction
 * or not at all. The last good table is kept on the disk (prices/cache.h): when there are no prices at all and the
 * cloud cannot be reached, the schedule takes that.
 */
#ifndef PRICES_SYNC_H
#define PRICES_SYNC_H

#include "prices/import.h"

struct price_sync_options {
    struct price_names overwrite_manual, confirm;
    bool legacy; /* the answer has failed models as names, as the hub's old clients expect */
};

/* `answer`: as prices_import_json(), and {version, fromCache}. ERR_PRICE_SYNC_BUSY while another one is at it. */
bool price_sync_run(const struct price_job *job, const struct price_sync_options *options, json_t **answer,
                    struct err *err) MUST_CHECK;

/* What a sync would do, as JSON text: {hasConflicts, conflicts: [{modelName, manualPrice, cloudPrice}], version,
 * preview}. Conflicts are the models set by hand that the cloud's table has, too; `preview` is as prices_import_json().
 * Writes nothing. */
bool price_sync_check(const struct price_job *job, const char **answer, struct err *err) MUST_CHECK;

/* How many usable models the cloud's table has, and its version. */
bool price_sync_count(const struct price_job *job, size_t *count, const char **version, struct err *err) MUST_CHECK;

/* For the janitor: do what is due; returns after how many milliseconds it wants to be asked again, -1 for never.
 * `*at_start` is true for a server that has just started (then an empty table does not wait); cleared when that was
 * looked after. */
int64_t price_sync_scheduled(struct app *app, bool *at_start, struct cancel *cancel);

#endif
