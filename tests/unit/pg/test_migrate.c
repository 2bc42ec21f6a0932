#include "support/bench.h"

#include "base/embedded.h"

#include <pthread.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char tables_in_public[] = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
static const char ledger[] =
    "SELECT string_agg(concat_ws(' ', number, name, CASE WHEN applied_at IS NULL THEN 'passed' ELSE 'applied' END,"
    " created_hub), '; ' ORDER BY number) FROM hubport.migrations WHERE number <= 2";
static const char drizzle[] =
    "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL,"
    " created_at numeric); INSERT INTO drizzle.__drizzle_migrations (hash, created_at)"
    " VALUES ('a', 1761057311271), ('b', 1785688550789)";

/* How many files change what the first line's start says: "-- hub" anything, "-- hub\n" the hub's tables, "--
 * hubport\n" our own. */
static int files_of(const char *start)
{
    int count = 0;
    for (const struct embedded_file *file = embedded_sql; file->name != NULL; file++)
        count += file->name[0] != 'd' && strncmp((const char *)file->bytes, start, strlen(start)) == 0;
    return count;
}

static const char *read_expected(struct bench *bench, const char *name)
{
    char *text = arena_alloc(bench->arena, 128 * KIB);
    FILE *file = fopen(arena_printf(bench->arena, "%s/%s", EXPECTED_DIR, name), "re");
    assert_non_null(file);
    size_t length = fread(text, 1, 128 * KIB - 1, file);
    fclose(file);
    assert_in_range(length, 1, 128 * KIB - 2);
    return text;
}

/* Equal texts, or a failure that shows the first line that is not. */
static void assert_same_lines(const char *got, const char *expected)
{
    size_t line = 0, at = 0;
    for (; got[at] == expected[at]; at++) {
        if (got[at] == '\0')
            return;
        if (got[at] == '\n')
            line = at + 1;
    }
    fail_msg("expected: %.*s\n     got: %.*s", (int)strcspn(expected + line, "\n"), expected + line,
             (int)strcspn(got + line, "\n"), got + line);
}

static void an_empty_database_gets_the_tables_as_the_hub_describes_them(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    assert_int_equal(bench->result.applied, files_of("-- hub"));
    assert_true(bench->result.created_hub);
    assert_false(bench->result.hub_ledger);
    assert_same_lines(value(bench, read_expected(bench, "hub_tables.sql")), read_expected(bench, "hub_tables.txt"));
    assert_value(bench, tables_in_public, "12");
    assert_value(bench, ledger, "1 0001_hub.sql applied t; 2 0002_hubport.sql applied f");
}

static void keys_and_enums_are_the_hubs(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    assert_value(bench,
                 "SELECT count(*) FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid"
                 " WHERE contype = 'p' AND conname = relname || '_pkey' AND relnamespace = 'public'::regnamespace",
                 "12");
    assert_value(bench,
                 "SELECT string_agg(conname, ',') FROM pg_constraint WHERE contype = 'u'"
                 " AND connamespace = 'public'::regnamespace",
                 "provider_groups_name_unique");
    assert_value(
        bench,
        "SELECT count(*) FROM pg_class t JOIN pg_depend ON refobjid = t.oid AND deptype = 'a' AND refobjsubid = 1"
        " JOIN pg_class s ON s.oid = objid AND s.relkind = 'S' AND s.relname = t.relname || '_id_seq'"
        " WHERE t.relnamespace = 'public'::regnamespace",
        "11");
    assert_value(bench,
                 "SELECT string_agg(typname || ':' || labels, ' ' ORDER BY typname) FROM (SELECT typname,"
                 " string_agg(enumlabel, ',' ORDER BY enumsortorder) AS labels FROM pg_enum JOIN pg_type t"
                 " ON t.oid = enumtypid WHERE typnamespace = 'public'::regnamespace GROUP BY 1) AS e",
                 "daily_reset_mode:fixed,rolling"
                 " notification_type:circuit_breaker,daily_leaderboard,cost_alert,cache_hit_rate_alert"
                 " webhook_provider_type:wechat,feishu,dingtalk,telegram,custom");
    assert_value(bench,
                 "SELECT string_agg(concat_ws(' ', oid::regprocedure, prorettype::regtype, provolatile,"
                 " array_to_string(proconfig, ',')), '; ' ORDER BY proname) FROM pg_proc"
                 " WHERE pronamespace = 'public'::regnamespace",
                 "fn_compute_message_request_success_rate_outcome(character varying,integer,text,jsonb)"
                 " character varying i search_path=public;"
                 " fn_is_message_request_finalized(character varying,integer,jsonb,text) boolean i search_path=public;"
                 " fn_upsert_usage_ledger() trigger v search_path=public");
}

static void a_second_run_applies_nothing(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    const char *before = value(bench, "SELECT md5(string_agg(m::text, '' ORDER BY number)) FROM hubport.migrations m");
    migrate(bench, true);
    assert_int_equal(bench->result.applied, 0);
    assert_false(bench->result.created_hub);
    assert_value(bench, "SELECT md5(string_agg(m::text, '' ORDER BY number)) FROM hubport.migrations m", before);
}

static void beside_the_hubs_ledger_nothing_of_the_hubs_is_created(void **state)
{
    struct bench *bench = *state;
    run(bench, drizzle);
    migrate(bench, true);
    assert_int_equal(bench->result.applied, files_of("-- hubport\n"));
    assert_false(bench->result.created_hub);
    assert_true(bench->result.hub_ledger);
    assert_true(bench->result.hub_level == 1785688550789);
    assert_value(bench, tables_in_public, "0");
    assert_value(bench, "SELECT count(*) FROM pg_type t JOIN pg_enum ON enumtypid = t.oid", "0");
    assert_value(bench, ledger, "1 0001_hub.sql passed f; 2 0002_hubport.sql applied f");
    migrate(bench, true);
    assert_int_equal(bench->result.applied, 0);
}

static void one_table_of_the_hubs_is_enough_to_create_none(void **state)
{
    struct bench *bench = *state;
    run(bench, "CREATE TABLE webhook_targets (id serial)");
    migrate(bench, true);
    assert_false(bench->result.created_hub);
    assert_value(bench, tables_in_public, "1");
}

static void tables_of_others_do_not_keep_the_hubs_from_being_created(void **state)
{
    struct bench *bench = *state;
    run(bench, "CREATE TABLE notes (id serial); CREATE SCHEMA other; CREATE TABLE other.users (id serial)");
    migrate(bench, true);
    assert_true(bench->result.created_hub);
    assert_value(bench, tables_in_public, "13");
}

static void without_leave_to_create_they_wait_until_it_is_given(void **state)
{
    struct bench *bench = *state;
    migrate(bench, false);
    assert_int_equal(bench->result.applied, files_of("-- hubport\n"));
    assert_value(bench, tables_in_public, "0");
    assert_value(bench, ledger, "1 0001_hub.sql passed f; 2 0002_hubport.sql applied f");
    migrate(bench, true);
    assert_int_equal(bench->result.applied, files_of("-- hub\n"));
    assert_true(bench->result.created_hub);
    assert_value(bench, ledger, "1 0001_hub.sql applied t; 2 0002_hubport.sql applied f");
}

static void tables_that_the_ledger_does_not_know_are_left_alone(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    run(bench, "DELETE FROM hubport.migrations WHERE number = 1; DROP TABLE model_prices");
    migrate(bench, true);
    assert_int_equal(bench->result.applied, 0);
    assert_value(bench, tables_in_public, "11");
    assert_value(bench, ledger, "1 0001_hub.sql passed f; 2 0002_hubport.sql applied f");
}

static void tables_that_only_the_ledger_knows_are_created_again(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    run(bench, "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP"
               " EXECUTE format('DROP TABLE public.%I CASCADE', t); END LOOP; END $$");
    migrate(bench, true);
    assert_int_equal(bench->result.applied, files_of("-- hub\n"));
    assert_true(bench->result.created_hub);
    assert_same_lines(value(bench, read_expected(bench, "hub_tables.sql")), read_expected(bench, "hub_tables.txt"));
}

static struct embedded_file text_file(const char *name, const char *text)
{
    return (struct embedded_file){name, (const unsigned char *)text, strlen(text)};
}

static void migrate_with(struct bench *bench, const char *name, const char *text)
{
    struct embedded_file files[4] = {embedded_sql[0], embedded_sql[1], text_file(name, text), {0}};
    if (!migrate_files(bench->conn, files, true, &bench->result, &bench->err))
        fail_msg("migrating: %s", bench->err.words);
}

static const char add_colour[] = "-- hub\nALTER TABLE users ADD COLUMN colour text";

static void a_later_change_of_the_hubs_tables_is_made_where_hubport_created_them(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    migrate_with(bench, "9999_colour.sql", add_colour);
    assert_int_equal(bench->result.applied, 1);
    assert_false(bench->result.created_hub);
    assert_value(bench, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'colour'",
                 "1");
    migrate_with(bench, "9999_colour.sql", add_colour);
    assert_int_equal(bench->result.applied, 0);
}

static void a_later_change_of_the_hubs_tables_is_not_made_where_the_hub_is(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    run(bench, drizzle); /* as after a switch to a hub's archive, with our schema carried over */
    migrate_with(bench, "9999_colour.sql", add_colour);
    assert_int_equal(bench->result.applied, 0);
    assert_value(bench, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'colour'",
                 "0");
    assert_value(bench, "SELECT applied_at IS NULL FROM hubport.migrations WHERE number = 9999", "t");
}

static void a_change_of_hubports_own_is_made_where_the_hub_is(void **state)
{
    struct bench *bench = *state;
    run(bench, drizzle);
    migrate_with(bench, "9999_own.sql", "-- hubport\nCREATE TABLE hubport.own (id int)");
    assert_int_equal(bench->result.applied, 2);
    assert_value(bench, "SELECT to_regclass('hubport.own') IS NOT NULL", "t");
}

static void a_failing_file_is_named_and_leaves_nothing(void **state)
{
    struct bench *bench = *state;
    struct embedded_file files[] = {
        embedded_sql[0],
        text_file("0002_bad.sql", "-- hubport\nCREATE TABLE hubport.half (id int); SELECT nonsense"),
        {0}};
    assert_false(migrate_files(bench->conn, files, true, &bench->result, &bench->err));
    assert_int_equal(bench->err.code, ERR_MIGRATION_FAILED);
    assert_non_null(strstr(bench->err.words, "0002_bad.sql"));
    assert_non_null(strstr(bench->err.words, "nonsense"));
    assert_int_equal(bench->result.applied, 0);
    assert_false(bench->result.created_hub);
    assert_value(bench, tables_in_public, "0");
    assert_value(bench, "SELECT count(*) FROM pg_namespace WHERE nspname = 'hubport'", "0");
    assert_value(bench, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0");
    migrate(bench, true); /* the connection serves on */
    assert_int_equal(bench->result.applied, files_of("-- hub"));
}

static void a_file_that_does_not_say_what_it_changes_is_refused(void **state)
{
    struct bench *bench = *state;
    struct embedded_file files[] = {text_file("0001_quiet.sql", "CREATE TABLE users (id int)"), {0}};
    assert_false(migrate_files(bench->conn, files, true, &bench->result, &bench->err));
    assert_int_equal(bench->err.code, ERR_MIGRATION_FAILED);
    assert_non_null(strstr(bench->err.words, "0001_quiet.sql"));
    assert_value(bench, tables_in_public, "0");
}

static void a_file_without_a_number_is_no_migration(void **state)
{
    struct bench *bench = *state;
    struct embedded_file files[] = {text_file("demo.sql", "CREATE TABLE users (id int)"), {0}};
    assert_true(migrate_files(bench->conn, files, true, &bench->result, &bench->err));
    assert_int_equal(bench->result.applied, 0);
    assert_value(bench, tables_in_public, "0");
}

static void a_transaction_of_the_callers_is_neither_used_nor_ended(void **state)
{
    struct bench *bench = *state;
    run(bench, "BEGIN; CREATE TABLE notes (id int)");
    assert_false(migrate_apply(bench->conn, true, &bench->result, &bench->err));
    assert_int_equal(bench->err.code, ERR_INTERNAL_ERROR);
    run(bench, "COMMIT");
    assert_value(bench, tables_in_public, "1");
}

static struct pg_conn *connect_plain(struct bench *bench)
{
    run(bench, "DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    return connect_as(bench, bench->database, "plain");
}

static void a_role_that_may_not_create_the_schema_is_told_what_to_grant(void **state)
{
    struct bench *bench = *state;
    run(bench, drizzle);
    struct pg_conn *plain = connect_plain(bench);
    run(bench, "GRANT USAGE ON SCHEMA drizzle TO plain; GRANT SELECT ON drizzle.__drizzle_migrations TO plain");
    assert_false(migrate_apply(plain, true, &bench->result, &bench->err));
    assert_int_equal(bench->err.code, ERR_MIGRATION_FAILED);
    assert_non_null(strstr(bench->err.words, "role plain may not create schema hubport"));
    assert_non_null(
        strstr(bench->err.words, arena_printf(bench->arena, "GRANT CREATE ON DATABASE %s TO plain", bench->database)));
    run(bench, arena_printf(bench->arena, "GRANT CREATE ON DATABASE %s TO plain", bench->database));
    if (!migrate_apply(plain, true, &bench->result, &bench->err))
        fail_msg("after the grant: %s", bench->err.words);
    assert_int_equal(bench->result.applied, files_of("-- hubport\n"));
    pg_close(plain);
    run(bench, "DROP OWNED BY plain");
}

static void where_nothing_is_pending_reading_the_ledger_is_enough(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    struct pg_conn *plain = connect_plain(bench);
    run(bench, "GRANT USAGE ON SCHEMA hubport TO plain; GRANT SELECT ON hubport.migrations TO plain");
    if (!migrate_apply(plain, true, &bench->result, &bench->err))
        fail_msg("migrating: %s", bench->err.words);
    assert_int_equal(bench->result.applied, 0);
    pg_close(plain);
    run(bench, "DROP OWNED BY plain");
}

struct runner {
    struct pg_conn *conn;
    struct migrate_result result;
    struct err err;
    bool ok;
};

static void *migrate_in_thread(void *argument)
{
    struct runner *runner = argument;
    runner->ok = migrate_apply(runner->conn, true, &runner->result, &runner->err);
    return NULL;
}

static void wait_for_waiters(struct bench *bench, const char *count)
{
    for (int i = 0; i < 200; i++) {
        if (strcmp(value(bench, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), count)
            == 0)
            return;
        usleep(25000);
    }
    fail_msg("%s waiters were expected", count);
}

static void of_two_runs_at_once_the_second_waits_and_applies_nothing(void **state)
{
    struct bench *bench = *state;
    struct runner runners[2] = {{.conn = connect_as(bench, bench->database, NULL)},
                                {.conn = connect_as(bench, bench->database, NULL)}};
    pthread_t threads[2];
    run(bench, "SELECT pg_advisory_lock(hashtext('claude-code-hub:migrations'))"); /* as the hub does */
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_in_thread, &runners[i]), 0);
    wait_for_waiters(bench, "2");
    run(bench, "SELECT pg_advisory_unlock(hashtext('claude-code-hub:migrations'))");
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        if (!runners[i].ok)
            fail_msg("run %d: %s", i, runners[i].err.words);
        pg_close(runners[i].conn);
    }
    assert_int_equal(runners[0].result.applied + runners[1].result.applied, files_of("-- hub"));
    assert_int_equal(runners[0].result.applied * runners[1].result.applied, 0);
}

static void a_cancel_ends_the_wait_for_the_lock(void **state)
{
    struct bench *bench = *state;
    struct cancel *cancel = cancel_new();
    struct runner runner = {.conn = connect_as(bench, bench->database, NULL)};
    pthread_t thread;
    pg_set_cancel(runner.conn, cancel);
    run(bench, "SELECT pg_advisory_lock(hashtext('claude-code-hub:migrations'))");
    assert_int_equal(pthread_create(&thread, NULL, migrate_in_thread, &runner), 0);
    wait_for_waiters(bench, "1");
    cancel_fire(cancel, ERR_SHUTTING_DOWN);
    pthread_join(thread, NULL);
    assert_false(runner.ok);
    assert_int_equal(runner.err.code, ERR_SHUTTING_DOWN);
    pg_close(runner.conn);
    cancel_free(cancel);
    assert_value(bench, "SELECT count(*) FROM pg_namespace WHERE nspname = 'hubport'", "0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_database_gets_the_tables_as_the_hub_describes_them),
        TEST(keys_and_enums_are_the_hubs),
        TEST(a_second_run_applies_nothing),
        TEST(beside_the_hubs_ledger_nothing_of_the_hubs_is_created),
        TEST(one_table_of_the_hubs_is_enough_to_create_none),
        TEST(tables_of_others_do_not_keep_the_hubs_from_being_created),
        TEST(without_leave_to_create_they_wait_until_it_is_given),
        TEST(tables_that_the_ledger_does_not_know_are_left_alone),
        TEST(tables_that_only_the_ledger_knows_are_created_again),
        TEST(a_later_change_of_the_hubs_tables_is_made_where_hubport_created_them),
        TEST(a_later_change_of_the_hubs_tables_is_not_made_where_the_hub_is),
        TEST(a_change_of_hubports_own_is_made_where_the_hub_is),
        TEST(a_failing_file_is_named_and_leaves_nothing),
        TEST(a_file_that_does_not_say_what_it_changes_is_refused),
        TEST(a_file_without_a_number_is_no_migration),
        TEST(a_transaction_of_the_callers_is_neither_used_nor_ended),
        TEST(a_role_that_may_not_create_the_schema_is_told_what_to_grant),
        TEST(where_nothing_is_pending_reading_the_ledger_is_enough),
        TEST(of_two_runs_at_once_the_second_waits_and_applies_nothing),
        TEST(a_cancel_ends_the_wait_for_the_lock),
    };
    return cmocka_run_group_tests_name("migrate", tests, start_server, stop_server);
}
