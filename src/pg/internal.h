/* The inside of a connection, for the files of pg/ that speak other protocols over it. Inside pg/ only. */
#ifndef PG_INTERNAL_H
#define PG_INTERNAL_H

#include "pg/conn.h"

struct pg_conn {
    PGconn *raw;
    const struct cancel *cancel;
    char sqlstate[6];
};

/* Wait, at most for the address's connect_timeout, else 10 s, until `raw`, which was just started, is connected. */
bool pg_finish_connect(struct pg_conn *conn, struct err *err) MUST_CHECK;

/* The connection's own message. */
bool pg_fail(struct pg_conn *conn, struct err *err);

/* Wait until the next result can be taken without blocking. On a cancel the statement is ended at the server, so that
 * the connection is usable again, and the reason is reported. */
bool pg_wait_result(struct pg_conn *conn, struct err *err) MUST_CHECK;

bool pg_note_failure(struct pg_conn *conn, const PGresult *result, struct err *err);

/* Take every result of what was sent; the first failure counts, the last rows stay. `result` may be NULL. */
bool pg_take_results(struct pg_conn *conn, struct arena *arena, struct pg_result *result, struct err *err) MUST_CHECK;

#endif
