/* Statements on the hub's price tables, and what they have in common.
 */
#ifndef PRICES_QUERY_H
#define PRICES_QUERY_H

#include "prices/job.h"

/* The price in force of each model (hub-contract 4.1): set by hand before all others, then the newest. A model's name
 * is compared byte by byte. */
#define PRICE_EFFECTIVE                                                                                                \
    "(SELECT DISTINCT ON (model_name COLLATE \"C\") * FROM public.model_prices ORDER BY model_name COLLATE \"C\","     \
    " (source = 'manual') DESC, created_at DESC NULLS LAST, id DESC)"

/* A time as the hub's API writes it; NULL stays NULL. */
#define PRICE_TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* The hub's ModelPrice, of a row of model_prices. PostgreSQL writes it, so that prices keep their digits. */
#define PRICE_MODEL_JSON                                                                                               \
    "json_build_object('id', id, 'modelName', model_name, 'priceData', price_data, 'source', source, "                 \
    "'createdAt', " PRICE_TIME("created_at") ", 'updatedAt', " PRICE_TIME("updated_at") ")"

/* One statement on a connection of the pool. ERR_FEATURE_UNAVAILABLE names a table or column that is not there. */
bool price_query(const struct price_job *job, struct pg_result *rows, struct err *err, const char *sql,
                 const char *const *args, int arg_count) MUST_CHECK;

/* For callers with a connection of their own: after a failure, say whether something is missing. Returns false. */
bool price_explain(const struct price_job *job, struct pg_conn *conn, struct err *err);

/* A transaction on a connection of the pool, after all other changes of prices: begin, statements, then end with true
 * to commit. After a failure, or with false, nothing of it stays; err is only written when the commit fails. */
struct pg_conn *price_begin(const struct price_job *job, struct err *err) MUST_CHECK;
bool price_end(const struct price_job *job, struct pg_conn *conn, bool commit, struct err *err) MUST_CHECK;

const char *price_number(const struct price_job *job, int64_t number);

#endif
