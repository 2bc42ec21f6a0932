/* Migrations: numbered SQL files (sql/), embedded, each applied once.
 *
 * 0001_hub.sql creates what hubport needs of the hub's own tables, on an empty database only: where the hub's
 * ledger `drizzle.__drizzle_migrations` exists, or any of the hub's tables does, hubport creates nothing of the hub's (a table made by us
 * would make the hub's own migration fail). The files from 0002 on create hubport's own objects in schema `hubport`. Recorded in
 * hubport.migrations (number, name, applied_at, created_hub).
 */
#ifndef PG_MIGRATE_H
#define PG_MIGRATE_H

#include "pg/conn.h"

struct migrate_result {
    int applied;        /* files applied by this run */
    bool created_hub;   /* 0001 was among them */
    bool hub_ledger;    /* the hub's drizzle ledger is there: the hub migrates its own schema */
    int64_t hub_level;  /* greatest created_at of that ledger (ms), 0 without */
};

/* Apply what is pending, in one transaction, under the hub's own migration lock
 * (pg_advisory_lock(hashtext('claude-code-hub:migrations')), held for the transaction), with search_path public. `create_hub` = HUBPORT_CREATE_SCHEMA.
 * ERR_MIGRATION_FAILED names the file; nothing is applied then. */
bool migrate_apply(struct pg_conn *conn, bool create_hub, struct migrate_result *result, struct err *err) MUST_CHECK;

/* The demo's data (sql/demo.sql) into an empty database: false with ERR_VALIDATION_FAILED when users, keys or providers hold rows. */
bool migrate_demo(struct pg_conn *conn, struct err *err) MUST_CHECK;

#endif
