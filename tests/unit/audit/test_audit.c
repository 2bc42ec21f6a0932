#include "audit/audit.h"
#include "audit/list.h"

#include "base/log.h"
#include "base/text.h"
#include "support/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct app app; /* of one test: its pool only */

static int open_app(void **state)
{
    if (open_bench(state) != 0)
        return -1;
    app = (struct app){.pool = pg_pool_new(dsn_of(*state), "audit test", 2)};
    return 0;
}

static int close_app(void **state)
{
    pg_pool_free(app.pool);
    return close_bench(state);
}

static void refuse_rows(struct bench *bench)
{
    run(bench, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no room'; END$$;"
               "CREATE TRIGGER refuse BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse()");
}

static const struct audit_actor nobody = {0};
static const struct audit_event plain = {.category = "auth", .type = "unit.tested", .success = true};

static void secrets_are_redacted_at_any_depth_and_the_given_value_stays(void **state)
{
    struct bench *bench = *state;
    json_t *given = json_pack("{s:s, s:[{s:s, s:i}, i], s:{s:{s:s}}, s:s}", "API-Key", "sk-1", "keys", "token", "sk-2",
                              "id", 7, 8, "deep", "more", "password", "sk-3", "name", "kept");
    json_t *before = json_deep_copy(given);
    struct audit_event event = plain;
    event.before = before;
    event.after = given;
    migrate(bench, true);
    audit_write(&app, &nobody, &event);
    assert_value(bench, "SELECT after_value::text FROM audit_log",
                 "{\"deep\": {\"more\": {\"password\": \"[REDACTED]\"}}, \"keys\": [{\"id\": 7, \"token\": "
                 "\"[REDACTED]\"}, 8], \"name\": \"kept\", \"API-Key\": \"[REDACTED]\"}");
    assert_value(bench, "SELECT (before_value = after_value)::text FROM audit_log", "true");
    assert_true(json_equal(given, before));
    json_decref(before);
    json_decref(given);
}

static void what_is_too_long_for_its_column_is_cut_between_characters(void **state)
{
    struct bench *bench = *state;
    char name[901] = "";
    for (size_t i = 0; i < 300; i++)
        memcpy(name + 3 * i, "多", 4);
    struct audit_event event = plain;
    event.target_name = name;
    event.target_id = name;
    struct audit_actor actor = {.user_name = "\xff bad", .user_agent = name};
    migrate(bench, true);
    audit_write(&app, &actor, &event);
    assert_value(bench,
                 "SELECT concat_ws(' ', length(target_id), length(target_name), length(user_agent)) FROM audit_log",
                 "21 85 170");
    assert_value(bench, "SELECT operator_user_name FROM audit_log", "\xef\xbf\xbd bad");
}

static void without_its_table_nothing_is_written_and_lists_say_so(void **state)
{
    struct bench *bench = *state;
    struct audit_filter filter = {.limit = 10};
    struct err err = ERR_NONE_YET;
    run(bench, "BEGIN");
    assert_true(audit_write_within(bench->conn, &nobody, &plain, &err));
    run(bench, "COMMIT");
    audit_write(&app, &nobody, &plain);
    assert_null(audit_list(&app, bench->arena, &filter, NULL, &err));
    assert_int_equal(err.code, ERR_FEATURE_UNAVAILABLE);
    assert_string_equal(err.args[0], "audit_log");
    err = ERR_NONE_YET;
    assert_null(audit_get(&app, bench->arena, 1, NULL, &err));
    assert_int_equal(err.code, ERR_FEATURE_UNAVAILABLE);
}

static void a_row_that_is_refused_does_not_take_what_it_tells_of_with_it(void **state)
{
    struct bench *bench = *state;
    struct err err;
    migrate(bench, true);
    refuse_rows(bench);
    run(bench, "CREATE TABLE change (id int); BEGIN; INSERT INTO change VALUES (1)");
    assert_true(audit_write_within(bench->conn, &nobody, &plain, &err));
    run(bench, "INSERT INTO change VALUES (2); COMMIT");
    assert_value(bench, "SELECT count(*) FROM change", "2");
    audit_write(&app, &nobody, &plain);
    assert_value(bench, "SELECT count(*) FROM audit_log", "0");
}

static void a_transaction_that_is_of_no_use_is_told(void **state)
{
    struct bench *bench = *state;
    struct err err;
    migrate(bench, true);
    run(bench, "BEGIN");
    assert_false(pg_run(bench->conn, &err, "SELECT 1 / 0"));
    assert_false(audit_write_within(bench->conn, &nobody, &plain, &err));
    assert_int_equal(err.code, ERR_DATABASE_ERROR);
    run(bench, "ROLLBACK");
}

static void without_a_database_the_error_is_its_own(void **state)
{
    struct bench *bench = *state;
    struct audit_filter filter = {.limit = 10};
    struct err err;
    pg_pool_free(app.pool);
    app.pool = pg_pool_new("host=/nonexistent", "audit test", 2);
    audit_write(&app, &nobody, &plain);
    assert_null(audit_list(&app, bench->arena, &filter, NULL, &err));
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    assert_null(audit_get(&app, bench->arena, 1, NULL, &err));
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
}

static void rows_are_read_back_and_bad_filters_refused_by_name(void **state)
{
    struct bench *bench = *state;
    static const struct {
        struct audit_filter filter;
        const char *name;
    } bad[] = {{{.success = "yes"}, "success"},
               {{.from = "the day before"}, "from"},
               {{.to = "2026-13-01"}, "to"},
               {{.cursor = "1"}, "cursor"},
               {{.cursor = "x_1"}, "cursor"}};
    struct audit_filter all = {.limit = 10};
    struct err err;
    migrate(bench, true);
    audit_write(&app, &nobody, &plain);
    const char *json = audit_list(&app, bench->arena, &all, NULL, &err);
    assert_non_null(json);
    assert_non_null(strstr(json, "unit.tested"));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_null(audit_list(&app, bench->arena, &bad[i].filter, NULL, &err));
        assert_int_equal(err.code, ERR_VALIDATION_FAILED);
        assert_string_equal(err.args[0], bad[i].name);
    }
    assert_null(audit_get(&app, bench->arena, 2000000, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

int main(void)
{
#define WITH_APP(test) cmocka_unit_test_setup_teardown(test, open_app, close_app)
    const struct CMUnitTest tests[] = {
        WITH_APP(secrets_are_redacted_at_any_depth_and_the_given_value_stays),
        WITH_APP(what_is_too_long_for_its_column_is_cut_between_characters),
        WITH_APP(without_its_table_nothing_is_written_and_lists_say_so),
        WITH_APP(a_row_that_is_refused_does_not_take_what_it_tells_of_with_it),
        WITH_APP(a_transaction_that_is_of_no_use_is_told),
        WITH_APP(without_a_database_the_error_is_its_own),
        WITH_APP(rows_are_read_back_and_bad_filters_refused_by_name),
    };
    log_set_level(LOG_OFF);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
