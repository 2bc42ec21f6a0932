/* The target: which PostgreSQL, as whom, which database. Parsed once from a setting; connection strings and tool
 * arguments are made from it, for the live database or another one on the same server. It does not change: threads
 * share it.
 */
#ifndef PG_TARGET_H
#define PG_TARGET_H

#include "base/arena.h"
#include "base/err.h"

struct pg_target;

/* A libpq URI or connection string; percent-encoding, sslmode, several hosts are libpq's. Absent parts: host localhost,
 * port 5432, user postgres, database postgres (requirement). `setting`: where it stands, for ERR_CONFIG_INVALID. */
struct pg_target *pg_target_new(const char *dsn, const char *setting, struct err *err) MUST_CHECK;
/* The same server as another role. */
struct pg_target *pg_target_as(const struct pg_target *target, const char *user, const char *password,
                               struct err *err) MUST_CHECK;
void pg_target_free(struct pg_target *target);

const char *pg_target_database(const struct pg_target *target);
const char *pg_target_user(const struct pg_target *target);
const char *pg_target_where(const struct pg_target *target); /* "host:port", for people */

/* A connection string for `database` (NULL: the live one), password included: for libpq only. */
const char *pg_target_conninfo(const struct pg_target *target, struct arena *arena, const char *database);

/* For pg_dump and pg_restore: `--dbname=` argument without secrets, and NAME=VALUE variables with them
 * (NULL-terminated). `options` are server settings for the session (PGOPTIONS), NULL for none. */
const char *pg_target_argument(const struct pg_target *target, struct arena *arena, const char *database);
const char *const *pg_target_env(const struct pg_target *target, struct arena *arena, const char *options);

#endif
