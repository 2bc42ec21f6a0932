/* Prices on a database that lacks something: an older hub, a hub without its tables, a catalogue of another form. */
#include "prices/catalogue.h"
#include "prices/history.h"
#include "prices/list.h"
#include "prices/query.h"
#include "prices/unpriced.h"

#include "base/log.h"
#include "support/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct app app; /* of one test */
static struct price_job job;

static int open_job(void **state)
{
    struct err err;
    struct config *config = config_new();
    if (open_bench(state) != 0 || !config_set_flag(config, "db-lock-timeout", "1s") || !config_load(config, &err))
        return -1;
    struct bench *bench = *state;
    app = (struct app){.pool = pg_pool_new(dsn_of(bench), "price test", 2), .config = config};
    job = (struct price_job){.app = &app, .arena = bench->arena};
    return 0;
}

static int close_job(void **state)
{
    pg_pool_free(app.pool);
    config_free((struct config *)app.config);
    return close_bench(state);
}

enum question { LIST, GET, CATALOG, CHAT, EXISTS, VENDORS, HISTORY, BEFORE, UNPRICED, QUESTIONS };

static bool ask(enum question question, struct err *err)
{
    const struct price_filter filter = {.limit = 10};
    const char *text, *more;
    int64_t total;
    bool exists, ok = false;
    json_t *answer = NULL;
    switch (question) {
    case LIST:
        return price_list(&job, &filter, &text, &total, err);
    case GET:
        return price_get(&job, "gpt", &text, err);
    case CATALOG:
        return price_catalog(&job, true, &text, err);
    case CHAT:
        return price_chat_models(&job, &text, err);
    case EXISTS:
        return price_exists(&job, &exists, err);
    case VENDORS:
        return price_vendors(&job, &text, err);
    case HISTORY:
        return price_history(&job, "gpt", 0, 10, &text, &total, err);
    case BEFORE:
        return price_history_before(&job, "gpt", 0, &text, &more, err);
    default:
        ok = price_unpriced(&job, 7, &answer, err);
        json_decref(answer);
        return ok;
    }
}

static void is_missing(enum question question, const char *what)
{
    struct err err = ERR_NONE_YET;
    assert_false(ask(question, &err));
    if (err.code != ERR_FEATURE_UNAVAILABLE || strcmp(err.args[0], what) != 0)
        fail_msg("%d: %s %s instead of %s", (int)question, err.words, err.args[0], what);
}

static void a_table_that_is_not_there_is_named_by_every_question(void **state)
{
    (void)state;
    for (enum question question = LIST; question <= VENDORS; question++)
        is_missing(question, "model_prices");
    is_missing(HISTORY, "hubport.price_history");
    is_missing(BEFORE, "hubport.price_history");
    is_missing(UNPRICED, "message_request");
}

static void a_column_that_is_not_there_is_named(void **state)
{
    struct bench *bench = *state;
    migrate(bench, true);
    run(bench, "ALTER TABLE model_prices DROP COLUMN source CASCADE");
    is_missing(LIST, "source");
    is_missing(VENDORS, "source");
    is_missing(UNPRICED, "source");
}

static void another_failure_is_not_taken_for_that(void **state)
{
    struct bench *bench = *state;
    struct err err = ERR_NONE_YET;
    migrate(bench, true);
    run(bench, "INSERT INTO model_prices (model_name, price_data, source) VALUES ('gpt', '{}', 'litellm');"
               "ALTER TABLE model_prices RENAME TO kept;"
               "CREATE VIEW model_prices AS SELECT *, 1 / (id - id) AS broken FROM kept");
    assert_false(ask(LIST, &err));
    assert_int_equal(err.code, ERR_DATABASE_ERROR);
    assert_non_null(strstr(err.words, "division by zero"));
}

static void without_a_database_every_question_fails_as_that(void **state)
{
    (void)state;
    pg_pool_free(app.pool);
    app.pool = pg_pool_new("host=/nonexistent", "price test", 2);
    for (enum question question = LIST; question < QUESTIONS; question++) {
        struct err err = ERR_NONE_YET;
        assert_false(ask(question, &err));
        assert_int_equal(err.code, ERR_DATABASE_UNAVAILABLE);
    }
}

static void a_model_without_a_price_is_not_found(void **state)
{
    struct bench *bench = *state;
    struct err err = ERR_NONE_YET;
    const char *item;
    migrate(bench, true);
    assert_false(price_get(&job, "nobody's", &item, &err));
    assert_int_equal(err.code, ERR_PRICE_NOT_FOUND);
    assert_string_equal(err.args[0], "nobody's");
}

static void changes_wait_for_one_another_and_give_up_in_time(void **state)
{
    struct bench *bench = *state;
    struct err err = ERR_NONE_YET;
    int taken = -1, idle;
    run(bench, "BEGIN; SELECT pg_advisory_xact_lock(hashtext('hubport:prices'))");
    assert_null(price_begin(&job, &err));
    assert_non_null(strstr(err.words, "55P03")); /* lock_not_available */
    pg_pool_use(app.pool, &taken, &idle);
    assert_int_equal(taken, 0);
    run(bench, "COMMIT");
    struct pg_conn *conn = price_begin(&job, &err);
    assert_non_null(conn);
    assert_true(price_end(&job, conn, true, &err));
}

static void a_catalogue_that_cannot_be_written_does_not_stop_the_prices(void **state)
{
    struct bench *bench = *state;
    struct err err = ERR_NONE_YET;
    const struct price_table table = {.format = PRICE_CPT, .version = "2026-01-02"};
    migrate(bench, true);
    run(bench, "CREATE TABLE cloud_pricing_catalog (version text, of_another_form int NOT NULL)");
    struct pg_conn *conn = price_begin(&job, &err);
    assert_non_null(conn);
    catalogue_write(&job, conn, &table);
    assert_true(pg_run(conn, &err, "INSERT INTO model_prices (model_name, price_data) VALUES ('gpt', '{}')"));
    assert_true(price_end(&job, conn, true, &err));
    assert_value(bench, "SELECT count(*) FROM model_prices", "1");
    assert_value(bench, "SELECT count(*) FROM cloud_pricing_catalog", "0");
}

int main(void)
{
#define WITH_JOB(test) cmocka_unit_test_setup_teardown(test, open_job, close_job)
    const struct CMUnitTest tests[] = {
        WITH_JOB(a_table_that_is_not_there_is_named_by_every_question),
        WITH_JOB(a_column_that_is_not_there_is_named),
        WITH_JOB(another_failure_is_not_taken_for_that),
        WITH_JOB(without_a_database_every_question_fails_as_that),
        WITH_JOB(a_model_without_a_price_is_not_found),
        WITH_JOB(changes_wait_for_one_another_and_give_up_in_time),
        WITH_JOB(a_catalogue_that_cannot_be_written_does_not_stop_the_prices),
    };
    log_set_level(LOG_OFF);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
