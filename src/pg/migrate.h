/* Migrations: numbered SQL files (sql/), embedded, each applied once.
 *
 * 0001_hub.sql creates what hubport needs of the hub's own tables, on an empty database only: where the hub's ledger
 * `drizzle.__drizzle_migrations` exists, or any of the hub's tables does, hubport creates nothing of the hub's (a
 * table made by us would make the hub's own migration fail). The first line of a numbered file says what it changes:
 * `-- hub` the hub's tables, applied only where hubport made them; `-- hubport` hubport's own objects in schema
 * `hubport`, applied always.
 *
 * Recorded in hubport.migrations (number, name, applied_at, created_hub); applied_at is NULL for a file that was
 * passed by because the tables are the hub's, or are not to be made. A switch carries this ledger over to tables that
 * it does not know, so it never stands against the tables themselves: where one of the hub's exists 0001 is not
 * applied, whatever the ledger says; where none does, and no ledger of the hub's, 0001 and every other `-- hub` file
 * are applied again.
 */
#ifndef PG_MIGRATE_H
#define PG_MIGRATE_H

#include "pg/conn.h"

struct migrate_result {
    int applied;       /* files applied by this run */
    bool created_hub;  /* 0001 was among them */
    bool hub_ledger;   /* the hub's drizzle ledger is there: the hub migrates its own schema */
    int64_t hub_level; /* greatest created_at of that ledger (ms), 0 without */
};

/* Apply what is pending, in one transaction, under the hub's own migration lock
 * (pg_advisory_lock(hashtext('claude-code-hub:migrations')), held for the transaction), with search_path public; waits
 * for the lock until the connection's cancel fires. `create_hub` = HUBPORT_CREATE_SCHEMA. The connection must not be
 * in a transaction. ERR_MIGRATION_FAILED names the file; nothing is applied then. ERR_DATABASE_UNAVAILABLE and a
 * cancel's reason stay as they are. */
bool migrate_apply(struct pg_conn *conn, bool create_hub, struct migrate_result *result, struct err *err) MUST_CHECK;

/* The same with other files than the embedded ones, in the order given; the row after the last has no name. */
struct embedded_file;
bool migrate_files(struct pg_conn *conn, const struct embedded_file *files, bool create_hub,
                   struct migrate_result *result, struct err *err) MUST_CHECK;

/* The demo's data (sql/demo.sql) into an empty database: false with ERR_VALIDATION_FAILED when users, keys, providers
 * or what belongs to them hold rows, ERR_FEATURE_UNAVAILABLE when one of these tables is missing. */
bool migrate_demo(struct pg_conn *conn, struct err *err) MUST_CHECK;

#endif
