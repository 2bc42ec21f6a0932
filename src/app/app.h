/* The program's long-lived parts, opened once by a command and passed down. The only thing that everything shares.
 *
 *     struct app *app = app_open(config, APP_SERVER, err);
 *
 * Opening finds the tools, starts or attaches to the private cluster when no DSN is set, and makes the pool and Redis,
 * which connect when first used. It does not migrate.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include "config/config.h"
#include "net/redis.h"
#include "pg/cluster.h"
#include "pg/pool.h"
#include "pg/target.h"
#include "pg/tools.h"

#include <stdatomic.h>

enum app_kind {
    APP_SERVER,  /* owns the private cluster */
    APP_COMMAND, /* may use the one of a running server */
};

struct app {
    struct arena *arena;
    const struct config *config;
    const char *data_dir;
    const char *admin_token; /* "" in a command that needs none */
    struct pg_tools tools;
    struct cluster *cluster; /* NULL with a DSN */
    struct pg_target *target;
    struct pg_target *export_target; /* where exports read; NULL: from `target` */
    struct pg_pool *pool;
    struct redis *redis;
    atomic_bool left_something; /* an operation could not remove its own shadow: the janitor looks within seconds */
};

struct app *app_open(const struct config *config, enum app_kind kind, struct err *err) MUST_CHECK;
void app_close(struct app *app); /* NULL is ignored */

/* A connection of one's own to `database` (NULL: the live one), for work that is no short statement.
 * ERR_DATABASE_POOLER when DSN leads through a pooling proxy: locks and settings of a session do not hold there. */
struct pg_conn *app_connect(struct app *app, const char *database, const char *name, const struct cancel *cancel,
                            struct err *err) MUST_CHECK;

/* The same as another role (pg_target_as). */
struct pg_conn *app_connect_as(const struct pg_target *target, const char *database, const char *name,
                               const struct cancel *cancel, struct err *err) MUST_CHECK;

#endif
