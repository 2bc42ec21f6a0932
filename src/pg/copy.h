/* COPY: rows as text, to and from a connection, that a cancel interrupts.
 *
 *     if (!pg_copy_in(conn, "COPY users (id, name) FROM STDIN", err))
 *         return false;
 *     while (...)
 *         if (!pg_copy_put(conn, bytes, size, err))   // any pieces
 *             return false;
 *     return pg_copy_end(conn, &rows, err);
 *
 * A call that failed in the middle (cancelled, connection gone) leaves the connection good for nothing but pg_close(),
 * which ends the COPY at the server: nothing of it stays. Errors are those of pg_query(); PostgreSQL's context (line
 * and column) is in the words.
 */
#ifndef PG_COPY_H
#define PG_COPY_H

#include "pg/conn.h"

bool pg_copy_in(struct pg_conn *conn, const char *sql, struct err *err) MUST_CHECK;
bool pg_copy_put(struct pg_conn *conn, const void *bytes, size_t size, struct err *err) MUST_CHECK;
bool pg_copy_end(struct pg_conn *conn, uint64_t *rows, struct err *err) MUST_CHECK;

/* COPY ... TO STDOUT: `take` gets each row's line with its newline; false stops it. */
bool pg_copy_out(struct pg_conn *conn, const char *sql,
                 bool (*take)(void *context, const char *line, size_t size, struct err *err), void *context,
                 struct err *err) MUST_CHECK;

#endif
