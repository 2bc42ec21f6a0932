/* The hub's catalogue of the cloud's table (cloud_pricing_catalog, one row): its version, providers and vendors. By its
 * version and number of models the hub tells that it need not sync again.
 */
#ifndef PRICES_CATALOGUE_H
#define PRICES_CATALOGUE_H

#include "prices/table.h"

/* In the open transaction that wrote the prices of a CPT table. Best effort: where it cannot be written (older hubs have
 * no such table) the transaction goes on without. */
void catalogue_write(const struct price_job *job, struct pg_conn *conn, const struct price_table *table);

#endif
