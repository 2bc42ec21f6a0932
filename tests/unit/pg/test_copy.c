#include "pg/copy.h"

#include "os/cancel.h"
#include "support/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int open_table(void **state)
{
    if (open_bench(state) != 0)
        return -1;
    run(*state, "CREATE TABLE rows (id int, name text)");
    return 0;
}

struct taken {
    int count, most;
};

static bool take(void *context, const char *line, size_t size, struct err *err)
{
    struct taken *taken = context;
    assert_int_equal(line[size - 1], '\n');
    return ++taken->count <= taken->most || err_set(err, ERR_CANCELLED, "enough");
}

static void rows_go_in_by_any_pieces_and_come_out_by_lines(void **state)
{
    struct bench *bench = *state;
    static const char bytes[] = "1\tone\n2\t多\n3\t\\N\n";
    struct taken taken = {.most = 10};
    uint64_t rows = 0;
    assert_true(pg_copy_in(bench->conn, "COPY rows FROM STDIN", &bench->err));
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        assert_true(pg_copy_put(bench->conn, bytes + i, 1, &bench->err));
    assert_true(pg_copy_end(bench->conn, &rows, &bench->err));
    assert_int_equal(rows, 3);
    assert_value(bench, "SELECT name FROM rows WHERE id = 2", "多");
    assert_true(pg_copy_out(bench->conn, "COPY rows TO STDOUT", take, &taken, &bench->err));
    assert_int_equal(taken.count, 3);
}

static void a_statement_that_fails_leaves_the_connection_good(void **state)
{
    struct bench *bench = *state;
    struct taken taken = {.most = 10};
    assert_false(pg_copy_in(bench->conn, "COPY nothing FROM STDIN", &bench->err));
    assert_int_equal(bench->err.code, ERR_DATABASE_ERROR);
    assert_non_null(strstr(bench->err.words, "nothing"));
    assert_string_equal(pg_sqlstate(bench->conn), "42P01");
    assert_false(pg_copy_out(bench->conn, "COPY nothing TO STDOUT", take, &taken, &bench->err));
    assert_int_equal(taken.count, 0);
    assert_value(bench, "SELECT 1", "1");
}

static void a_row_that_is_refused_is_told_with_its_line_and_nothing_stays(void **state)
{
    struct bench *bench = *state;
    static const char bytes[] = "1\tone\nx\ttwo\n";
    uint64_t rows;
    assert_true(pg_copy_in(bench->conn, "COPY rows FROM STDIN", &bench->err));
    assert_true(pg_copy_put(bench->conn, bytes, sizeof bytes - 1, &bench->err));
    assert_false(pg_copy_end(bench->conn, &rows, &bench->err));
    assert_non_null(strstr(bench->err.words, "line 2, column id"));
    assert_value(bench, "SELECT count(*) FROM rows", "0");
}

static void a_backend_that_ends_in_the_middle_is_an_error(void **state)
{
    struct bench *bench = *state;
    static char bytes[64 * 1024];
    struct pg_conn *copying = connect_as(bench, bench->database, NULL);
    struct err err = ERR_NONE_YET;
    bool ok = true;
    for (size_t i = 0; i < sizeof bytes; i += 4)
        memcpy(bytes + i, "1\tx\n", 4);
    assert_true(pg_copy_in(copying, "COPY rows FROM STDIN", &err));
    run(bench, arena_printf(bench->arena, "SELECT pg_terminate_backend(%d)", PQbackendPID(pg_raw(copying))));
    for (int i = 0; i < 10000 && ok; i++)
        ok = pg_copy_put(copying, bytes, sizeof bytes, &err);
    uint64_t rows;
    assert_false(ok && pg_copy_end(copying, &rows, &err));
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    pg_close(copying);
    assert_value(bench, "SELECT count(*) FROM rows", "0");
}

static void a_connection_that_is_gone_starts_no_copy(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *gone = connect_as(bench, bench->database, NULL);
    struct taken taken = {.most = 10};
    struct err err = ERR_NONE_YET;
    run(bench, arena_printf(bench->arena, "SELECT pg_terminate_backend(%d, 5000)", PQbackendPID(pg_raw(gone))));
    assert_false(pg_copy_in(gone, "COPY rows FROM STDIN", &err));
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    assert_false(pg_copy_out(gone, "COPY rows TO STDOUT", take, &taken, &err)); /* it knows by now */
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    assert_false(pg_copy_put(gone, "1\tx\n", 4, &err));
    pg_close(gone);
}

static void a_taker_that_has_enough_ends_it(void **state)
{
    struct bench *bench = *state;
    struct taken taken = {.most = 2};
    struct err err = ERR_NONE_YET;
    struct pg_conn *full = connect_as(bench, bench->database, NULL);
    assert_false(pg_copy_out(full, "COPY (SELECT generate_series(1, 1000)) TO STDOUT", take, &taken, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(taken.count, 3);
    pg_close(full);
}

struct canceller {
    struct cancel *cancel;
    int count;
};

static bool cancel_at_first(void *context, const char *line, size_t size, struct err *err)
{
    struct canceller *canceller = context;
    (void)line, (void)size, (void)err;
    if (canceller->count++ == 0)
        cancel_fire(canceller->cancel, ERR_SHUTTING_DOWN);
    return true;
}

static void a_cancel_ends_the_wait_for_rows(void **state)
{
    struct bench *bench = *state;
    struct canceller canceller = {.cancel = cancel_new()};
    struct err err = ERR_NONE_YET;
    struct pg_conn *conn = connect_as(bench, bench->database, NULL);
    pg_set_cancel(conn, canceller.cancel);
    assert_false(pg_copy_out(conn,
                             "COPY (SELECT generate_series(1, 20000) UNION ALL SELECT 0 FROM pg_sleep(60)) TO STDOUT",
                             cancel_at_first, &canceller, &err));
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    assert_true(canceller.count > 0);
    assert_false(pg_copy_in(conn, "COPY rows FROM STDIN", &err));
    pg_close(conn);
    cancel_free(canceller.cancel);
}

/* A server that takes nothing: the trigger waits before the first row is read. */
static void a_cancel_ends_the_wait_for_room(void **state)
{
    struct bench *bench = *state;
    static const char bytes[64 * 1024] = "";
    struct cancel *cancel = cancel_new();
    struct err err = ERR_NONE_YET;
    struct pg_conn *conn = connect_as(bench, bench->database, NULL);
    bool ok = true;
    int pieces = 0;
    run(bench,
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(60); RETURN NULL; END$$;"
        "CREATE TRIGGER wait BEFORE INSERT ON rows EXECUTE FUNCTION wait()");
    pg_set_cancel(conn, cancel);
    assert_true(pg_copy_in(conn, "COPY rows FROM STDIN", &err));
    cancel_fire(cancel, ERR_SHUTTING_DOWN);
    for (; ok && pieces < 1000; pieces++)
        ok = pg_copy_put(conn, bytes, sizeof bytes, &err);
    assert_false(ok);
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    pg_close(conn);
    cancel_free(cancel);
    assert_value(bench, "SELECT count(*) FROM rows", "0");
}

int main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, open_table, close_bench)
    const struct CMUnitTest tests[] = {
        WITH_TABLE(rows_go_in_by_any_pieces_and_come_out_by_lines),
        WITH_TABLE(a_statement_that_fails_leaves_the_connection_good),
        WITH_TABLE(a_row_that_is_refused_is_told_with_its_line_and_nothing_stays),
        WITH_TABLE(a_backend_that_ends_in_the_middle_is_an_error),
        WITH_TABLE(a_connection_that_is_gone_starts_no_copy),
        WITH_TABLE(a_taker_that_has_enough_ends_it),
        WITH_TABLE(a_cancel_ends_the_wait_for_rows),
        WITH_TABLE(a_cancel_ends_the_wait_for_room),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
