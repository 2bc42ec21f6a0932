/* What comes after pg_restore: which entries it gets, grants and publications one by one, the counts. */
#include "backup/counts.h"
#include "backup/overwrite.h"

#include "base/log.h"
#include "support/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct app app; /* of one test */
static struct job job;

static int open_job(void **state)
{
    struct err err;
    struct config *config = config_new();
    if (open_bench(state) != 0 || !config_load(config, &err))
        return -1;
    struct bench *bench = *state;
    app = (struct app){.config = config};
    job = (struct job){.app = &app, .arena = bench->arena};
    run(bench, "CREATE TABLE t (id int); CREATE TABLE other (id int); INSERT INTO t VALUES (1), (2)");
    return 0;
}

static int close_job(void **state)
{
    config_free((struct config *)app.config);
    return close_bench(state);
}

#define ENTRY(of_desc, of_tag, sql)                                                                                    \
    {                                                                                                                  \
        .desc = of_desc, .tag = of_tag, .definition = sql, .schema = "public", .owner = "", .drop = "", .copy = ""     \
    }

static bool apply(struct bench *bench, struct archive_entry *entries, size_t count, int *warnings, struct err *err)
{
    const struct archive archive = {.entries = entries, .entry_count = count};
    const struct foreign foreign = {0};
    const struct contents_filter filter = {.in_place = true};
    struct overwrite overwrite = {.job = &job, .archive = &archive, .foreign = &foreign};
    bool ok = overwrite_apply_later(&overwrite, bench->conn, &filter, err);
    *warnings = overwrite.warnings;
    assert_int_equal(PQtransactionStatus(pg_raw(bench->conn)), PQTRANS_IDLE);
    return ok;
}

static void a_grant_to_nobody_here_is_passed_by_and_the_others_stay(void **state)
{
    struct bench *bench = *state;
    struct archive_entry entries[] = {ENTRY("TABLE", "t", "DROP TABLE t"),
                                      ENTRY("ACL", "TABLE t", "GRANT SELECT ON TABLE t TO PUBLIC"),
                                      ENTRY("ACL", "TABLE t", "GRANT SELECT ON TABLE t TO nobody_here"),
                                      ENTRY("PUBLICATION", "p", "CREATE PUBLICATION p")};
    struct err err = ERR_NONE_YET;
    int warnings;
    if (!apply(bench, entries, ARRAY_LEN(entries), &warnings, &err))
        fail_msg("%s", err.words);
    assert_int_equal(warnings, 1);
    assert_value(bench,
                 "SELECT relacl::text LIKE '%{=r/postgres%' OR relacl::text LIKE '%,=r/postgres%' FROM pg_class"
                 " WHERE oid = 't'::regclass",
                 "t");
    assert_value(bench, "SELECT count(*) FROM pg_publication", "1");
}

static void a_statement_that_fails_for_another_reason_takes_all_of_them_back(void **state)
{
    struct bench *bench = *state;
    struct archive_entry entries[] = {ENTRY("PUBLICATION", "p", "CREATE PUBLICATION p"),
                                      ENTRY("ACL", "TABLE gone", "GRANT SELECT ON TABLE gone TO PUBLIC")};
    struct err err = ERR_NONE_YET;
    int warnings;
    assert_false(apply(bench, entries, ARRAY_LEN(entries), &warnings, &err));
    assert_int_equal(err.code, ERR_RESTORE_FATAL);
    assert_non_null(strstr(err.words, "ACL TABLE gone"));
    assert_int_equal(warnings, 0);
    assert_value(bench, "SELECT count(*) FROM pg_publication", "0");
}

static void a_connection_that_ends_between_them_is_an_error(void **state)
{
    struct bench *bench = *state;
    struct archive_entry entries[] = {
        ENTRY("ACL", "TABLE t", "SELECT pg_terminate_backend(pg_backend_pid())"),
    };
    const struct archive archive = {.entries = entries, .entry_count = 1};
    const struct contents_filter filter = {.in_place = true};
    struct overwrite overwrite = {.job = &job, .archive = &archive};
    struct pg_conn *conn = connect_as(bench, bench->database, NULL);
    struct err err = ERR_NONE_YET;
    assert_false(overwrite_apply_later(&overwrite, conn, &filter, &err));
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    assert_false(overwrite_apply_later(&overwrite, conn, &filter, &err));
    pg_close(conn);
}

static bool compare(struct bench *bench, const char *table, bool known, uint64_t rows, struct err *err)
{
    struct archive_entry entries[] = {ENTRY("TABLE", table, ""), ENTRY("TABLE DATA", table, "")};
    const struct archive archive = {.entries = entries, .entry_count = ARRAY_LEN(entries)};
    const struct contents_filter filter = {0};
    entries[1].rows_known = known;
    entries[1].rows = rows;
    assert_int_equal(counts_rows(&archive, &filter), rows);
    return counts_compare(&job, bench->conn, &archive, &filter, err);
}

static void tables_must_have_as_many_rows_as_the_archive(void **state)
{
    struct bench *bench = *state;
    struct err err = ERR_NONE_YET;
    assert_true(compare(bench, "t", true, 2, &err));
    assert_true(compare(bench, "t", false, 0, &err));
    assert_false(compare(bench, "t", true, 3, &err));
    assert_int_equal(err.code, ERR_COUNTS_DIFFER);
    assert_non_null(strstr(err.args[0], "t"));
    assert_non_null(strstr(err.words, "has 2 rows, the archive holds 3"));
    assert_false(compare(bench, "gone", true, 3, &err));
    assert_int_equal(err.code, ERR_DATABASE_ERROR);
    assert_non_null(strstr(err.words, "counting"));
}

static void pg_restores_list_has_what_it_restores_in_the_archives_order(void **state)
{
    struct bench *bench = *state;
    enum { MANY = 3000 };
    struct archive_entry *entries = arena_alloc(bench->arena, MANY * sizeof *entries);
    const struct archive archive = {.entries = entries, .entry_count = MANY};
    const struct contents_filter plain = {0}, in_place = {.in_place = true};
    struct err err;
    int id = 0, expected = 0;
    for (int i = 0; i < MANY; i++) {
        entries[i] = (struct archive_entry)ENTRY("TABLE", "t", "");
        entries[i].dump_id = i + 1;
    }
    entries[0].desc = "ACL";
    entries[1].desc = "PUBLICATION TABLE";
    assert_int_equal(contents_use(&entries[0], &plain), CONTENTS_RESTORE);
    assert_int_equal(contents_use(&entries[0], &in_place), CONTENTS_LATER);
    assert_int_equal(contents_use(&entries[1], &in_place), CONTENTS_LATER);
    struct tempfile *list = tempfile_create("/tmp", "list", &err);
    assert_non_null(list);
    assert_true(contents_write_list(&archive, &in_place, list, &err));
    FILE *file = fopen(tempfile_path(list), "re");
    assert_non_null(file);
    for (expected = 3; fscanf(file, "%d;\n", &id) == 1; expected++)
        assert_int_equal(id, expected);
    assert_int_equal(expected, MANY + 1);
    fclose(file);
    tempfile_remove(list);
}

int main(void)
{
#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, open_job, close_job)
    const struct CMUnitTest tests[] = {
        WITH_JOB(a_grant_to_nobody_here_is_passed_by_and_the_others_stay),
        WITH_JOB(a_statement_that_fails_for_another_reason_takes_all_of_them_back),
        WITH_JOB(a_connection_that_ends_between_them_is_an_error),
        WITH_JOB(tables_must_have_as_many_rows_as_the_archive),
        WITH_JOB(pg_restores_list_has_what_it_restores_in_the_archives_order),
    };
    log_set_level(LOG_OFF);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
