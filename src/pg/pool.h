/* A pool of connections to the live database, for short statements: sign-in, audit, status, lists.
 *
 * Connections are opened when needed, at most `size`; who asks while all are taken waits (5 s, then
 * ERR_DATABASE_UNAVAILABLE). One that broke is dropped on return; one that died while idle (a switch ends them all) is
 * noticed on the way out.
 */
#ifndef PG_POOL_H
#define PG_POOL_H

#include "pg/conn.h"

struct pg_pool;

struct pg_pool *pg_pool_new(const char *conninfo, const char *name, int size);
void pg_pool_free(struct pg_pool *pool);

struct pg_conn *pg_pool_take(struct pg_pool *pool, const struct cancel *cancel, struct err *err) MUST_CHECK;
/* How many connections are in somebody's hands, and how many are open and wait for work. */
void pg_pool_use(struct pg_pool *pool, int *taken, int *idle);

void pg_pool_give(struct pg_pool *pool, struct pg_conn *conn); /* NULL is ignored */

#endif
