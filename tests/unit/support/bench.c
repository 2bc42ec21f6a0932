#include "support/bench.h"

#include "support/postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct test_postgres *server; /* starting it takes longer than the tests */

int start_server(void **state)
{
    (void)state;
    server = test_postgres_start();
    return server == NULL ? -1 : 0;
}

int stop_server(void **state)
{
    (void)state;
    test_postgres_stop(server);
    return 0;
}

const char *dsn_of(struct bench *bench)
{
    return test_postgres_dsn(server, bench->arena, bench->database, NULL);
}

struct pg_conn *connect_as(struct bench *bench, const char *database, const char *user)
{
    struct pg_conn *conn = pg_open(test_postgres_dsn(server, bench->arena, database, user), "test", NULL, &bench->err);
    if (conn == NULL)
        fail_msg("connecting to %s: %s", database, bench->err.words);
    return conn;
}

void run(struct bench *bench, const char *sql)
{
    if (!pg_run(bench->conn, &bench->err, sql))
        fail_msg("%s: %s", sql, bench->err.words);
}

const char *value(struct bench *bench, const char *sql)
{
    struct pg_result row;
    if (!pg_query(bench->conn, bench->arena, &row, &bench->err, sql, PG_NO_ARGS))
        fail_msg("%s: %s", sql, bench->err.words);
    assert_int_equal(row.count, 1);
    return pg_text(&row, 0, 0);
}

void migrate(struct bench *bench, bool create_hub)
{
    if (!migrate_apply(bench->conn, create_hub, &bench->result, &bench->err))
        fail_msg("migrating: %s", bench->err.words);
}

int open_bench(void **state)
{
    static int number; /* tests run one after another */
    struct bench *bench = calloc(1, sizeof *bench);
    bench->arena = arena_new();
    bench->conn = connect_as(bench, "postgres", NULL);
    snprintf(bench->database, sizeof bench->database, "test_%d", ++number);
    run(bench, arena_printf(bench->arena, "CREATE DATABASE %s TEMPLATE template0", bench->database));
    pg_close(bench->conn);
    bench->conn = connect_as(bench, bench->database, NULL);
    *state = bench;
    return 0;
}

int close_bench(void **state)
{
    struct bench *bench = *state;
    pg_close(bench->conn);
    bench->conn = connect_as(bench, "postgres", NULL);
    run(bench, arena_printf(bench->arena, "DROP DATABASE %s WITH (FORCE)", bench->database));
    pg_close(bench->conn);
    arena_free(bench->arena);
    free(bench);
    return 0;
}
