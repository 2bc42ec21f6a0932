/* Shadows, previous databases and the temporary role where something is in the way. */
#include "backup/databases.h"
#include "backup/temporary_role.h"

#include "base/log.h"
#include "support/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct app app; /* of one test; its live database is the bench's */
static struct job job;

static int open_job(void **state)
{
    struct err err;
    struct config *config = config_new();
    if (open_bench(state) != 0 || !config_load(config, &err))
        return -1;
    struct bench *bench = *state;
    app = (struct app){.target = pg_target_new(dsn_of(bench), "DSN", &err), .config = config};
    job = (struct job){.app = &app, .arena = bench->arena, .cancel = cancel_new()};
    return app.target == NULL ? -1 : 0;
}

static int close_job(void **state)
{
    pg_target_free(app.target);
    config_free((struct config *)app.config);
    cancel_free(job.cancel);
    return close_bench(state);
}

static const char *named(struct bench *bench, const char *middle)
{
    return arena_printf(bench->arena, "%s_%s", bench->database, middle);
}

#define runf(bench, ...) run(bench, arena_printf((bench)->arena, __VA_ARGS__))

static const char *make_shadow(struct bench *bench, struct pg_conn *maintenance)
{
    const char *shadow = shadow_create(&job, maintenance, &bench->err);
    if (shadow == NULL)
        fail_msg("%s", bench->err.words);
    return shadow;
}

/* A connection to the maintenance database. */
static struct pg_conn *open_maintenance(struct bench *bench)
{
    struct pg_conn *maintenance = connect_as(bench, "postgres", NULL);
    pg_set_cancel(maintenance, job.cancel);
    return maintenance;
}

static void a_shadow_sorts_as_the_live_database_does(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *maintenance = open_maintenance(bench);
    struct err err = ERR_NONE_YET;
    const char *live = named(bench, "icu");
    runf(bench, "CREATE DATABASE %s TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' CONNECTION LIMIT 7",
         live);
    pg_target_free(app.target);
    app.target = pg_target_new(arena_printf(bench->arena, "%s dbname=%s", dsn_of(bench), live), "DSN", &err);
    assert_string_equal(pg_target_database(app.target), live);
    const char *shadow = make_shadow(bench, maintenance);
    assert_value(bench,
                 arena_printf(bench->arena,
                              "SELECT concat_ws(' ', datlocprovider, datconnlimit, coalesce(to_jsonb(d) ->> "
                              "'daticulocale', to_jsonb(d) ->> 'datlocale')) FROM pg_database d WHERE datname = '%s'",
                              shadow),
                 "i 7 de-AT");
    assert_true(database_drop(&job, maintenance, shadow, &err));
    assert_true(database_drop(&job, maintenance, live, &err));
    assert_null(shadow_create(&job, maintenance, &err)); /* of a live database that is gone */
    assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    assert_non_null(strstr(err.words, live));
    pg_close(maintenance);
}

static void a_role_that_may_not_create_databases_is_told(void **state)
{
    struct bench *bench = *state;
    struct err err = ERR_NONE_YET;
    run(bench, "CREATE ROLE plain LOGIN");
    struct pg_conn *maintenance = connect_as(bench, "postgres", "plain");
    assert_null(shadow_create(&job, maintenance, &err));
    assert_non_null(strstr(err.words, "creating the shadow database"));
    pg_close(maintenance);
    run(bench, "DROP ROLE plain");
}

static void what_cannot_be_dropped_stays_and_the_rest_goes(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *maintenance = open_maintenance(bench);
#define OVER "COMMENT ON DATABASE %s IS 'hubport:{\"since\": 1, \"until\": 2, \"pinned\": false}'"
    const char *stuck = named(bench, "before_a"), *gone = named(bench, "before_b"),
               *shadow = named(bench, "import_0123456789ab");
    const char *users = named(bench, "before_c"), *pinned = named(bench, "before_d");
    struct previous *list;
    struct err err;
    size_t count;
    const char *const all[] = {stuck, gone, shadow, users, pinned};
    assert_false(databases_have_leftovers(&job, maintenance));
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        runf(bench, "CREATE DATABASE %s TEMPLATE template0", all[i]);
    runf(bench, OVER, stuck);
    runf(bench, "ALTER DATABASE %s IS_TEMPLATE true", stuck); /* PostgreSQL drops no template */
    runf(bench, OVER, gone);
    runf(bench, "COMMENT ON DATABASE %s IS 'the user''s own'", users);
    runf(bench, "COMMENT ON DATABASE %s IS 'hubport:{\"since\": 1, \"until\": 2, \"pinned\": true}'", pinned);
    assert_true(databases_have_leftovers(&job, maintenance));
    assert_int_equal(databases_sweep(&job, maintenance), 2);
    assert_value(bench,
                 arena_printf(bench->arena,
                              "SELECT string_agg(right(datname, 8), ' ' ORDER BY datname) FROM pg_database"
                              " WHERE starts_with(datname, '%s_')",
                              bench->database),
                 "before_a before_c before_d");
    assert_true(previous_list(&job, maintenance, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_true(list[0].pinned);
    assert_false(database_drop(&job, maintenance, stuck, &err));
    assert_non_null(strstr(err.words, stuck));
    runf(bench, "ALTER DATABASE %s IS_TEMPLATE false", stuck);
    assert_true(databases_have_leftovers(&job, maintenance)); /* no shadow: its time is over */
    assert_int_equal(databases_sweep(&job, maintenance), 1);
    assert_false(databases_have_leftovers(&job, maintenance));
    runf(bench, "DROP DATABASE %s", users);
    runf(bench, "DROP DATABASE %s", pinned);
    pg_close(maintenance);
}

static void a_switch_to_what_is_not_there_changes_nothing(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *maintenance = open_maintenance(bench);
    struct previous previous;
    struct err err = ERR_NONE_YET;
    pg_close(bench->conn); /* it would be ended */
    assert_false(databases_switch(&job, maintenance, named(bench, "import_nowhere"), false, &previous, &err));
    assert_int_equal(err.code, ERR_SWITCH_FAILED);
    bench->conn = connect_as(bench, bench->database, NULL);
    assert_value(bench, "SELECT current_database()", bench->database);
    pg_close(maintenance);
}

static void after_a_cancel_nothing_is_asked_but_a_drop_is_done(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *maintenance = open_maintenance(bench);
    struct temporary_role role;
    struct previous *list;
    struct err err = ERR_NONE_YET;
    size_t count;
    const char *shadow = make_shadow(bench, maintenance);
    cancel_fire(job.cancel, ERR_SHUTTING_DOWN);
    assert_false(shadow_dress(&job, maintenance, shadow, &err));
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    assert_false(previous_list(&job, maintenance, &list, &count, &err));
    assert_true(databases_have_leftovers(&job, maintenance)); /* not known: the sweep is to look again */
    assert_false(temporary_role_create(&job, maintenance, shadow, &role, &err));
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    assert_null(role.name);
    assert_true(database_drop(&job, maintenance, shadow, &err));
    assert_value(bench, arena_printf(bench->arena, "SELECT count(*) FROM pg_database WHERE datname = '%s'", shadow),
                 "0");
    pg_close(maintenance);
}

static void a_temporary_role_whose_name_is_taken_is_not_made(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *maintenance = open_maintenance(bench);
    struct temporary_role role;
    struct err err = ERR_NONE_YET;
    const char *shadow = make_shadow(bench, maintenance);
    runf(bench, "CREATE ROLE %s", shadow);
    assert_false(temporary_role_create(&job, maintenance, shadow, &role, &err));
    assert_non_null(strstr(err.words, "making the temporary role"));
    assert_true(pg_run(maintenance, &err, "SELECT 1")); /* no transaction is left open */
    assert_int_equal(PQtransactionStatus(pg_raw(maintenance)), PQTRANS_IDLE);
    assert_value(
        bench,
        arena_printf(bench->arena, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '%s'", shadow),
        "postgres");
    assert_true(database_drop(&job, maintenance, shadow, &err));
    runf(bench, "DROP ROLE %s", shadow);
    pg_close(maintenance);
}

static void handing_over_ends_the_roles_connections_first(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *maintenance = open_maintenance(bench);
    struct temporary_role role;
    struct err err = ERR_NONE_YET;
    const char *shadow = make_shadow(bench, maintenance);
    if (!temporary_role_create(&job, maintenance, shadow, &role, &err))
        fail_msg("%s", err.words);
    assert_non_null(role.target);
    struct pg_conn *theirs = connect_as(bench, shadow, shadow);
    assert_true(pg_run(theirs, &err, "CREATE TABLE made (id int)"));
    if (!temporary_role_hand_over(&job, maintenance, bench->conn, &role, &err))
        fail_msg("%s", err.words);
    assert_false(pg_run(theirs, &err, "SELECT 1"));
    pg_close(theirs);
    struct pg_conn *after = connect_as(bench, shadow, NULL);
    struct pg_result owner;
    assert_true(pg_query(after, bench->arena, &owner, &err, "SELECT tableowner FROM pg_tables WHERE tablename = 'made'",
                         PG_NO_ARGS));
    assert_string_equal(pg_text(&owner, 0, 0), "postgres");
    pg_close(after);
    assert_value(bench, arena_printf(bench->arena, "SELECT count(*) FROM pg_roles WHERE rolname = '%s'", shadow), "0");
    temporary_role_close(&role);
    assert_true(database_drop(&job, maintenance, shadow, &err));
    pg_close(maintenance);
}

static void a_shadow_that_cannot_be_entered_is_not_handed_over(void **state)
{
    struct bench *bench = *state;
    struct pg_conn *maintenance = open_maintenance(bench);
    struct temporary_role role;
    struct err err = ERR_NONE_YET;
    const char *shadow = make_shadow(bench, maintenance);
    assert_true(temporary_role_create(&job, maintenance, shadow, &role, &err));
    runf(bench, "ALTER DATABASE %s ALLOW_CONNECTIONS false", shadow);
    assert_false(temporary_role_hand_over(&job, maintenance, bench->conn, &role, &err));
    assert_non_null(strstr(err.words, "giving the shadow to its owner"));
    cancel_fire(job.cancel, ERR_SHUTTING_DOWN);
    assert_false(temporary_role_hand_over(&job, maintenance, bench->conn, &role, &err));
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    temporary_role_close(&role);
    assert_false(temporary_role_drop(&job, maintenance, shadow, &err)); /* it owns the shadow */
    assert_true(database_drop(&job, maintenance, shadow, &err));
    assert_true(temporary_role_drop(&job, maintenance, shadow, &err));
    assert_true(temporary_role_drop(&job, maintenance, shadow, &err));
    pg_close(maintenance);
}

int main(void)
{
#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, open_job, close_job)
    const struct CMUnitTest tests[] = {
        WITH_JOB(a_shadow_sorts_as_the_live_database_does),
        WITH_JOB(a_role_that_may_not_create_databases_is_told),
        WITH_JOB(what_cannot_be_dropped_stays_and_the_rest_goes),
        WITH_JOB(a_switch_to_what_is_not_there_changes_nothing),
        WITH_JOB(after_a_cancel_nothing_is_asked_but_a_drop_is_done),
        WITH_JOB(a_temporary_role_whose_name_is_taken_is_not_made),
        WITH_JOB(handing_over_ends_the_roles_connections_first),
        WITH_JOB(a_shadow_that_cannot_be_entered_is_not_handed_over),
    };
    log_set_level(LOG_OFF);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
