/* The private cluster: a PostgreSQL of our own below the data directory, when no DSN is given.
 *
 * Listens on a Unix socket only, in a directory that only its owner can enter; that is what protects it (authentication
 * is "trust"). Runs as the user `postgres` when we are root. Used through the plain role `hubport`, which owns the
 * database `hubport` and may create databases, nothing more. Ends with the process that started it, a kill -9 included;
 * what such a kill left is recovered at the next start.
 *
 *     DIR/lock         flock by the process that runs the cluster
 *     DIR/pg/          the cluster (initdb'd as pg.new, then renamed)
 *     DIR/run/         the socket; or /tmp/hubport-<uid>-<hash>/ when the path would be over the limit of 107 bytes
 *     DIR/postgres.log its messages
 */
#ifndef PG_CLUSTER_H
#define PG_CLUSTER_H

#include "os/cancel.h"
#include "pg/tools.h"

struct cluster;

/* Make it (first time), recover it, start it and wait until it answers. When another process runs it already: attach to
 * it if `may_attach`, else ERR_DATABASE_UNAVAILABLE naming that. The calling thread must live as long as the cluster is
 * needed. Unsets libpq's environment variables: before there are other threads. */
struct cluster *cluster_open(const char *data_dir, const struct pg_tools *tools, bool may_attach,
                             struct err *err) MUST_CHECK;
void cluster_close(struct cluster *cluster); /* fast shutdown when we started it; NULL is ignored */

const char *cluster_dsn(const struct cluster *cluster);
const char *cluster_directory(const struct cluster *cluster); /* for the disk's free space */

#endif
