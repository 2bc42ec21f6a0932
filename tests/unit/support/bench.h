/* Tests on a real database: each has its own, on one private PostgreSQL for the whole program. A failing statement
 * fails the test, with PostgreSQL's words.
 */
#ifndef UNIT_SUPPORT_BENCH_H
#define UNIT_SUPPORT_BENCH_H

#include "pg/migrate.h"

struct bench {
    struct arena *arena;
    char database[32];
    struct pg_conn *conn; /* to it, as the superuser */
    struct err err;
    struct migrate_result result; /* of the last migrate() */
};

/* For cmocka: the program's server, a test's bench. */
int start_server(void **state);
int stop_server(void **state);
int open_bench(void **state);
int close_bench(void **state);

const char *dsn_of(struct bench *bench); /* of its database, as the superuser */
struct pg_conn *connect_as(struct bench *bench, const char *database, const char *user); /* NULL: the superuser */

void run(struct bench *bench, const char *sql);
const char *value(struct bench *bench, const char *sql); /* the single value of a query, "" for NULL */
#define assert_value(bench, sql, expected) assert_string_equal(value(bench, sql), expected)

void migrate(struct bench *bench, bool create_hub); /* the embedded files */

#endif
