/* What sql/ puts into a database: the demo's data, and the trigger that keeps usage_ledger. */
#include "support/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void demo(struct bench *bench)
{
    if (!migrate_demo(bench->conn, &bench->err))
        fail_msg("filling: %s", bench->err.words);
}

static void the_demo_fills_every_table_and_the_ledger_follows(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    demo(bench);
    assert_value(bench, "SELECT count(*) FROM message_request", "20000");
    assert_value(bench,
                 "SELECT concat_ws(' ', (SELECT count(*) FROM provider_vendors), (SELECT count(*) FROM providers),"
                 " (SELECT count(*) FROM users), (SELECT count(*) FROM users WHERE role = 'admin'),"
                 " (SELECT count(*) FROM keys), (SELECT count(*) FROM model_prices),"
                 " (SELECT count(*) FROM system_settings))",
                 "8 24 40 2 90 60 1");
    assert_value(bench,
                 "SELECT string_agg(name, ' ') FROM (SELECT tablename AS name, (xpath('/row/n/text()', query_to_xml("
                 "format('SELECT count(*) AS n FROM public.%I', tablename), false, true, '')))[1]::text AS n"
                 " FROM pg_tables WHERE schemaname = 'public') AS c WHERE n = '0'",
                 "");
    assert_value(bench,
                 "SELECT (SELECT count(*) FROM usage_ledger) = count(*) FROM message_request"
                 " WHERE blocked_by IS DISTINCT FROM 'warmup' AND endpoint NOT LIKE '%count_tokens'",
                 "t");
    assert_value(bench,
                 "SELECT count(*) > 18000 AND bool_and(l.cost_usd = CASE WHEN r.is_replay THEN 0 ELSE r.cost_usd END)"
                 " FROM usage_ledger l JOIN message_request r ON r.id = request_id",
                 "t");
    assert_value(bench,
                 "SELECT max(created_at) <= now() AND max(updated_at) <= now() AND max(created_at) > now() - interval"
                 " '2 hours' AND min(created_at) BETWEEN now() - interval '15 days' AND now() - interval '13 days'"
                 " FROM message_request",
                 "t");
    assert_value(bench,
                 "SELECT count(*) FROM keys k JOIN users u ON u.id = user_id"
                 " WHERE u.role = 'admin' AND k.can_login_web_ui",
                 "0");
}

static void the_demos_costs_are_tokens_times_prices(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    demo(bench);
    assert_value(
        bench,
        "SELECT count(*) FROM message_request r JOIN model_prices p ON p.model_name = r.original_model"
        " WHERE endpoint NOT LIKE '%count_tokens' AND cost_usd = round(cost_multiplier * group_cost_multiplier * ("
        " input_tokens * (price_data ->> 'input_cost_per_token')::numeric"
        " + output_tokens * (price_data ->> 'output_cost_per_token')::numeric"
        " + cache_creation_5m_input_tokens * coalesce((price_data ->> 'cache_creation_input_token_cost')::numeric, 0)"
        " + cache_creation_1h_input_tokens * coalesce((price_data ->> "
        "'cache_creation_input_token_cost_above_1hr')::numeric, 0)"
        " + cache_read_input_tokens * coalesce((price_data ->> 'cache_read_input_token_cost')::numeric, 0)), 15)",
        value(bench, "SELECT count(*) FROM message_request WHERE endpoint NOT LIKE '%count_tokens'"));
    assert_value(bench,
                 "SELECT count(*) FROM message_request r LEFT JOIN keys k USING (key)"
                 " WHERE k.user_id IS DISTINCT FROM r.user_id",
                 "0");
    assert_value(bench, "SELECT sum(cost_usd) > 100 FROM message_request", "t");
}

static void after_the_demo_every_sequence_gives_a_free_id(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    demo(bench);
    run(bench, "INSERT INTO users (name) VALUES ('new'); INSERT INTO keys (user_id, key, name) VALUES (41, 'k', 'n');"
               "INSERT INTO provider_vendors (website_domain) VALUES ('new.example');"
               "INSERT INTO provider_endpoints (vendor_id, url) VALUES (9, 'https://new.example');"
               "INSERT INTO provider_groups (name) VALUES ('new');"
               "INSERT INTO providers (name, url, key) VALUES ('new', 'https://new.example', 's');"
               "INSERT INTO model_prices (model_name, price_data) VALUES ('new', '{}');"
               "INSERT INTO message_request (provider_id, user_id, key) VALUES (25, 41, 'k');"
               "INSERT INTO system_settings DEFAULT VALUES;"
               "INSERT INTO audit_log (action_category, action_type, success) VALUES ('auth', 'login.success', true)");
    assert_value(bench,
                 "SELECT concat_ws(' ', (SELECT max(id) FROM users), (SELECT max(id) FROM providers),"
                 " (SELECT max(request_id) FROM usage_ledger))",
                 "41 25 20001");
}

static const char demo_digest[] =
    "SELECT md5((SELECT string_agg(md5((to_jsonb(r) - 'created_at' - 'updated_at')::text), '' ORDER BY id) FROM "
    "message_request r)"
    " || (SELECT string_agg((to_jsonb(u) - 'created_at' - 'updated_at' - 'expires_at' - 'deleted_at')::text, '' ORDER "
    "BY id) FROM users u)"
    " || (SELECT string_agg((to_jsonb(k) - 'created_at' - 'updated_at' - 'expires_at' - 'deleted_at')::text, '' ORDER "
    "BY id) FROM keys k)"
    " || (SELECT string_agg((to_jsonb(p) - 'created_at' - 'updated_at' - 'deleted_at')::text, '' ORDER BY id) FROM "
    "providers p)"
    " || (SELECT string_agg((to_jsonb(p) - 'created_at' - 'updated_at')::text, '' ORDER BY id) FROM model_prices p))";

static void two_demos_differ_in_their_times_alone(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    demo(bench);
    const char *first = value(bench, demo_digest);
    run(bench, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    migrate(bench, true);
    assert_true(bench->result.created_hub);
    demo(bench);
    assert_value(bench, demo_digest, first);
}

static void the_demo_refuses_a_database_with_rows(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    run(bench, "INSERT INTO users (name) VALUES ('somebody')");
    assert_false(migrate_demo(bench->conn, &bench->err));
    assert_int_equal(bench->err.code, ERR_VALIDATION_FAILED);
    assert_non_null(strstr(bench->err.words, "users"));
    assert_value(bench, "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM keys)", "1");
    run(bench, "TRUNCATE users");
    demo(bench);
    assert_false(migrate_demo(bench->conn, &bench->err));
    assert_int_equal(bench->err.code, ERR_VALIDATION_FAILED);
    assert_value(bench, "SELECT count(*) FROM message_request", "20000");
}

static void the_demo_needs_the_tables(void **state)
{
    struct bench *bench = *state;
    assert_false(migrate_demo(bench->conn, &bench->err));
    assert_int_equal(bench->err.code, ERR_FEATURE_UNAVAILABLE);
    assert_string_equal(bench->err.args[0], "users");
}

static void request(struct bench *bench, const char *columns, const char *values)
{
    run(bench,
        arena_printf(bench->arena, "INSERT INTO message_request (provider_id, user_id, key, %s) VALUES (7, 3, 'k', %s)",
                     columns, values));
}

/* What the ledger says about the request that was written last, "" for nothing. */
static const char *booked(struct bench *bench, const char *expression)
{
    return value(bench, arena_printf(bench->arena,
                                     "SELECT coalesce((SELECT (%s)::text FROM usage_ledger WHERE request_id ="
                                     " (SELECT max(id) FROM message_request)), '')",
                                     expression));
}

static void a_request_is_booked_and_its_changes_follow(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    request(bench, "model, input_tokens, client_ip, created_at", "'m', 5, '10.0.0.1', '2025-01-29 10:30:00+00'");
    assert_string_equal(booked(bench,
                               "concat_ws(' ', user_id, key, provider_id, final_provider_id, model, input_tokens,"
                               " client_ip, created_at AT TIME ZONE 'UTC', success_rate_outcome)"),
                        "3 k 7 7 m 5 10.0.0.1 2025-01-29 10:30:00");
    run(bench, "UPDATE message_request SET status_code = 200, cost_usd = 0.25, output_tokens = 9");
    assert_string_equal(
        booked(bench, "concat_ws(' ', status_code, cost_usd, output_tokens, is_success, success_rate_outcome)"),
        "200 0.250000000000000 9 t success");
    assert_value(bench, "SELECT count(*) FROM usage_ledger", "1");
    run(bench, "DELETE FROM message_request"); /* the ledger outlives the log */
    assert_value(bench, "SELECT count(*) FROM usage_ledger", "1");
}

static void every_column_that_is_booked_is_watched(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    assert_value(
        bench,
        "SELECT coalesce(string_agg(r.attname, ' '), '') FROM pg_trigger, pg_attribute r"
        " WHERE tgname = 'trg_upsert_usage_ledger' AND attrelid = 'message_request'::regclass AND attnum > 0"
        " AND attname <> 'id' AND (attname IN ('provider_chain', 'error_message') OR attname IN (SELECT attname"
        "  FROM pg_attribute WHERE attrelid = 'usage_ledger'::regclass)) AND attnum <> ALL (tgattr)",
        "");
}

static void a_warmup_only_marks_what_is_booked(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    request(bench, "blocked_by, cost_usd", "'warmup', 1");
    assert_string_equal(booked(bench, "id"), "");
    request(bench, "cost_usd", "2");
    run(bench, "UPDATE message_request SET blocked_by = 'warmup', cost_usd = 9 WHERE cost_usd = 2");
    assert_string_equal(booked(bench, "blocked_by || ' ' || cost_usd"), "warmup 2.000000000000000");
}

static void counting_and_compacting_are_not_booked(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    request(bench, "endpoint", "'/v1/messages/count_tokens'");
    assert_string_equal(booked(bench, "id"), "");
    request(bench, "endpoint", "'/V1/Responses/Compact//'");
    assert_string_equal(booked(bench, "id"), "");
    request(bench, "endpoint", "'/v1/messages/count_tokens/more'");
    assert_string_not_equal(booked(bench, "id"), "");
    run(bench, "UPDATE message_request SET endpoint = '/v1/messages/count_tokens/'");
    assert_value(bench, "SELECT count(*) FROM usage_ledger", "0");
}

static void a_replay_costs_nothing(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    request(bench, "cost_usd, is_replay, replay_source_request_id", "3, true, 12");
    assert_string_equal(booked(bench, "concat_ws(' ', cost_usd, is_replay, replay_source_request_id)"),
                        "0.000000000000000 t 12");
}

static void the_final_provider_is_the_chains_last(void **state)
{
    static const char *const chains[][2] = {{"NULL", "7"},
                                            {"'[]'", "7"},
                                            {"'[{\"id\": 4}]'", "4"},
                                            {"'[{\"id\": 4}, {\"id\": 9}]'", "9"},
                                            {"'[{\"id\": 4}, {\"name\": \"x\"}]'", "7"},
                                            {"'[{\"id\": \"x\"}]'", "7"},
                                            {"'[{\"id\": 99999999999}]'", "7"},
                                            {"'{\"id\": 4}'", "7"},
                                            {"'[4]'", "7"},
                                            {"'[{\"id\": -1}]'", "7"}};
    struct bench *bench = *state;
    migrate(bench, true);
    for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
        request(bench, "provider_chain", chains[i][0]);
        if (strcmp(booked(bench, "final_provider_id"), chains[i][1]) != 0)
            fail_msg("%s gives %s", chains[i][0], booked(bench, "final_provider_id"));
    }
}

static void success_and_outcome_follow_status_error_and_block(void **state)
{
    static const char *const cases[][5] = {
        /* status, error, block, chain; is_success and outcome */
        {"NULL", "NULL", "NULL", "NULL", "t "},
        {"200", "NULL", "NULL", "NULL", "t success"},
        {"200", "''", "NULL", "NULL", "t success"},
        {"399", "NULL", "NULL", "NULL", "t success"},
        {"400", "NULL", "NULL", "NULL", "f failure"},
        {"200", "'broke off'", "NULL", "NULL", "f failure"},
        {"NULL", "'no provider'", "NULL", "NULL", "f failure"},
        {"499", "'gone'", "NULL", "NULL", "f excluded"},
        {"403", "NULL", "'sensitive_word'", "NULL", "f excluded"},
        {"NULL", "NULL", "NULL", "'[{\"id\": 1, \"statusCode\": 200}]'", "t success"},
        {"NULL", "NULL", "NULL", "'[{\"id\": 1, \"statusCode\": 503}]'", "t "},
        {"NULL", "NULL", "NULL", "'[{\"id\": 1}]'", "t "}};
    struct bench *bench = *state;
    migrate(bench, true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        request(bench, "status_code, error_message, blocked_by, provider_chain",
                arena_printf(bench->arena, "%s, %s, %s, %s", cases[i][0], cases[i][1], cases[i][2], cases[i][3]));
        const char *got = booked(bench, "concat(is_success, ' ', success_rate_outcome)");
        if (strcmp(got, cases[i][4]) != 0)
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, cases[i][4], got);
    }
}

static void a_restore_with_an_empty_search_path_books_too(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    run(bench, "SET search_path TO ''; INSERT INTO public.message_request (provider_id, user_id, key, status_code)"
               " VALUES (1, 1, 'k', 200); RESET search_path");
    assert_string_equal(booked(bench, "success_rate_outcome"), "success");
}

static void a_ledger_that_fails_does_not_cost_the_log_row(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    run(bench, "ALTER TABLE usage_ledger ADD CHECK (user_id <> 3)");
    request(bench, "status_code", "200");
    assert_value(bench, "SELECT (SELECT count(*) FROM message_request) || ' ' || (SELECT count(*) FROM usage_ledger)",
                 "1 0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_demo_fills_every_table_and_the_ledger_follows),
        TEST(the_demos_costs_are_tokens_times_prices),
        TEST(after_the_demo_every_sequence_gives_a_free_id),
        TEST(two_demos_differ_in_their_times_alone),
        TEST(the_demo_refuses_a_database_with_rows),
        TEST(the_demo_needs_the_tables),
        TEST(a_request_is_booked_and_its_changes_follow),
        TEST(every_column_that_is_booked_is_watched),
        TEST(a_warmup_only_marks_what_is_booked),
        TEST(counting_and_compacting_are_not_booked),
        TEST(a_replay_costs_nothing),
        TEST(the_final_provider_is_the_chains_last),
        TEST(success_and_outcome_follow_status_error_and_block),
        TEST(a_restore_with_an_empty_search_path_books_too),
        TEST(a_ledger_that_fails_does_not_cost_the_log_row),
    };
    return cmocka_run_group_tests_name("sql", tests, start_server, stop_server);
}
