/* One connection to PostgreSQL, calls that block, and that a cancel interrupts.
 *
 * Every call waits on {socket, cancel}; when the cancel fires, the running statement is cancelled at the server and the
 * call fails with the cancel's reason. A connection that broke stays broken: close it. Not thread-safe.
 *
 *     struct pg_result rows;
 *     if (!pg_query(conn, arena, &rows, err, "SELECT id, name FROM users WHERE role = $1", PG_ARGS(role)))
 *         return err_wrap(err, "reading administrators");
 *     for (int i = 0; i < rows.count; i++)
 *         use(pg_int(&rows, i, 0), pg_text(&rows, i, 1));
 */
#ifndef PG_CONN_H
#define PG_CONN_H

#include "base/arena.h"
#include "os/cancel.h"

#include <libpq-fe.h>

struct pg_conn;

/* Open by a libpq connection string (not logged: it may hold a password); waits at most for
 * its connect_timeout (seconds), else 10 s. `name` is the application_name. */
struct pg_conn *pg_open(const char *conninfo, const char *name, const struct cancel *cancel,
                        struct err *err) MUST_CHECK;
void pg_close(struct pg_conn *conn); /* NULL is ignored; a running statement is cancelled first */

PGconn *pg_raw(struct pg_conn *conn);                                  /* for COPY and quoting */
void pg_set_cancel(struct pg_conn *conn, const struct cancel *cancel); /* for a connection that outlives a request */

/* A result copied into an arena: text values, NULL for SQL NULL. */
struct pg_result {
    int count; /* rows returned */
    int columns;
    long affected;       /* rows written by INSERT, UPDATE, DELETE */
    const char **values; /* count * columns */
};

#define PG_ARGS(...)                                                                                                   \
    ((const char *const[]){__VA_ARGS__}), (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define PG_NO_ARGS NULL, 0

/* One statement with text parameters $1..$n (NULL is SQL NULL). `result` may be NULL. Failing sets ERR_DATABASE_ERROR,
 * or ERR_DATABASE_UNAVAILABLE when the connection is gone, with PostgreSQL's message and SQLSTATE in the words. */
bool pg_query(struct pg_conn *conn, struct arena *arena, struct pg_result *result, struct err *err, const char *sql,
              const char *const *args, int arg_count) MUST_CHECK;

/* Any number of statements without parameters, as written in a migration file. Not in a transaction of its own. */
bool pg_run(struct pg_conn *conn, struct err *err, const char *sql) MUST_CHECK;

/* COMMIT, with an answer that is true. It fails when the connection's cancel has fired already, and is not cancelled
 * from then on: nobody could tell then whether it happened. When the connection breaks before the answer, the server is
 * asked by a second connection what became of the transaction, for up to 20 s; only when that gives nothing it is
 * ERR_OUTCOME_UNKNOWN. */
bool pg_commit(struct pg_conn *conn, struct err *err) MUST_CHECK;

/* SQLSTATE of the last failure on this connection, "" when it had none. */
const char *pg_sqlstate(const struct pg_conn *conn);
#define PG_INSUFFICIENT_PRIVILEGE "42501"

const char *pg_text(const struct pg_result *result, int row, int column); /* "" for NULL */
int64_t pg_int(const struct pg_result *result, int row, int column);      /* 0 for NULL */
bool pg_bool(const struct pg_result *result, int row, int column);

/* Quoted for SQL text, in the arena. */
const char *pg_ident(struct pg_conn *conn, struct arena *arena, const char *name);
const char *pg_literal(struct pg_conn *conn, struct arena *arena, const char *text);

#endif
