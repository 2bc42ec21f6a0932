#include "ops/overview.h"

#include "base/log.h"
#include "base/messages.h"
#include "base/text.h"
#include "batch/circuits.h"
#include "ops/health.h"
#include "prices/sync_state.h"
#include "prices/unpriced.h"

#include <string.h>

#define BACKUP_OLD_DAYS 7
#define UNPRICED_DAYS 7

struct run {
    struct app *app;
    struct arena *arena;
    enum lang lang;
    struct pg_conn *conn;
    json_t *attention;
};

/* ---- Small queries whose failing leaves a gap, not an error ------------------------------------------------------ */

static bool has_table(struct run *run, const char *name)
{
    struct pg_result rows;
    struct err err;
    return pg_query(run->conn, run->arena, &rows, &err, "SELECT to_regclass($1) IS NOT NULL", PG_ARGS(name))
           && pg_bool(&rows, 0, 0);
}

/* The rows, or none: what the log then says is for the operator. */
static bool look(struct run *run, struct pg_result *rows, const char *table, const char *sql, const char *const *args,
                 int arg_count)
{
    struct err err;
    if (!has_table(run, table))
        return false;
    if (pg_query(run->conn, run->arena, rows, &err, sql, args, arg_count))
        return true;
    log_event(LOG_WARN, "overview.gap", "{s:s, s:s}", "table", table, "words", text_utf8(run->arena, err.words));
    return false;
}

static void attend(struct run *run, const char *kind, const char *level, const char *text, int64_t count)
{
    json_array_append_new(run->attention, json_pack("{s:s, s:s, s:s, s:I}", "kind", kind, "level", level, "text",
                                                    text_utf8(run->arena, text), "count", (json_int_t)count));
}

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

static void attend_health(struct run *run)
{
    struct health_check *checks;
    size_t count;
    (void)health_run(run->app, run->arena, run->lang, &checks, &count);
    for (size_t i = 0; i < count; i++)
        if (checks[i].state != HEALTH_OK)
            attend(run, checks[i].name, checks[i].state == HEALTH_FAILED ? "error" : "warning", checks[i].advice, 0);
}

static json_t *describe_backup(struct run *run)
{
    struct pg_result rows;
    if (!look(run, &rows, "hubport.exports",
              "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), file_name, size, "
              "user_name,"
              " floor(extract(epoch FROM now() - created_at) / 86400)::bigint FROM hubport.exports"
              " WHERE mode <> 'ledgerOnly' ORDER BY created_at DESC LIMIT 1",
              PG_NO_ARGS))
        return json_null();
    if (rows.count == 0) {
        attend(run, "backup", "warning", MESSAGE(run->arena, run->lang, MSG_ATTEND_NO_BACKUP), 0);
        return json_null();
    }
    int64_t days = pg_int(&rows, 0, 4);
    if (days >= BACKUP_OLD_DAYS)
        attend(run, "backup", "warning",
               MESSAGE(run->arena, run->lang, MSG_ATTEND_OLD_BACKUP, arena_printf(run->arena, "%lld", (long long)days)),
               days);
    return json_pack("{s:s, s:s, s:I, s:s}", "lastAt", pg_text(&rows, 0, 0), "fileName", pg_text(&rows, 0, 1), "bytes",
                     (json_int_t)pg_int(&rows, 0, 2), "userName", pg_text(&rows, 0, 3));
}

/* What cannot be asked is left out: the health checks tell of a Redis that is away. */
static void attend_circuits(struct run *run, const struct cancel *cancel)
{
    struct batch_job job = {.app = run->app, .arena = run->arena, .cancel = cancel, .lang = run->lang};
    struct err err;
    json_t *answer = redis_configured(run->app->redis) ? circuits_list(&job, &err) : NULL, *item;
    int64_t open = 0;
    size_t index;
    json_array_foreach(json_object_get(answer, "items"), index, item) open +=
        strcmp(json_string_value(json_object_get(item, "state")), "open") == 0;
    if (open > 0)
        attend(run, "circuits", "warning",
               MESSAGE(run->arena, run->lang, MSG_ATTEND_CIRCUITS, arena_printf(run->arena, "%lld", (long long)open)),
               open);
    json_decref(answer);
}

static void attend_prices(struct run *run, const struct cancel *cancel)
{
    struct price_job job = {.app = run->app, .arena = run->arena, .cancel = cancel, .lang = run->lang};
    struct err err;
    json_t *unpriced = NULL, *state = sync_state_json(&job, &err);
    const char *outcome = json_string_value(json_object_get(state, "lastOutcome"));
    if (outcome != NULL && strcmp(outcome, "failed") == 0) {
        const char *why = json_string_value(json_object_get(json_object_get(state, "lastError"), "message"));
        attend(run, "priceSync", "warning",
               MESSAGE(run->arena, run->lang, MSG_ATTEND_SYNC_FAILED, why == NULL ? "" : why), 0);
    }
    if (has_table(run, "public.message_request") && price_unpriced(&job, UNPRICED_DAYS, &unpriced, &err)) {
        int64_t total = json_integer_value(json_object_get(unpriced, "total"));
        if (total > 0)
            attend(
                run, "unpriced", "warning",
                MESSAGE(run->arena, run->lang, MSG_ATTEND_UNPRICED, arena_printf(run->arena, "%lld", (long long)total)),
                total);
    }
    json_decref(unpriced);
    json_decref(state);
}

static json_t *count_of(struct run *run, const char *table, const char *sql)
{
    struct pg_result rows;
    return look(run, &rows, table, sql, PG_NO_ARGS) ? json_integer(pg_int(&rows, 0, 0)) : json_null();
}

static json_t *describe_counts(struct run *run)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o}", "users",
        count_of(run, "public.users", "SELECT count(*) FROM public.users WHERE deleted_at IS NULL"), "keys",
        count_of(run, "public.keys", "SELECT count(*) FROM public.keys WHERE deleted_at IS NULL"), "providers",
        count_of(run, "public.providers", "SELECT count(*) FROM public.providers WHERE deleted_at IS NULL"), "models",
        count_of(run, "public.model_prices", "SELECT count(DISTINCT model_name) FROM public.model_prices"));
}

static json_t *describe_usage(struct run *run, int days, const char *time_zone)
{
    struct pg_result rows;
    const char *count = arena_printf(run->arena, "%d", days);
    if (!look(
            run, &rows, "public.usage_ledger",
            "WITH days AS (SELECT ((now() AT TIME ZONE $2)::date - n) AS day FROM generate_series(0, $1::int - 1) n),"
            " used AS (SELECT (created_at AT TIME ZONE $2)::date AS day, count(*) AS requests, count(*) FILTER (WHERE "
            "NOT is_success) AS failures, sum(cost_usd) AS cost FROM public.usage_ledger WHERE created_at >= ((now() "
            "AT "
            "TIME ZONE $2)::date - ($1::int - 1))::timestamp AT TIME ZONE $2 AND blocked_by IS NULL GROUP BY 1)"
            " SELECT day::text, coalesce(requests, 0), coalesce(failures, 0), trim_scale(coalesce(cost, 0))::text"
            " FROM days LEFT JOIN used USING (day) ORDER BY day",
            PG_ARGS(count, time_zone)))
        return json_null();
    json_t *list = json_array();
    for (int i = 0; i < rows.count; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s}", "date", pg_text(&rows, i, 0), "requests",
                                              (json_int_t)pg_int(&rows, i, 1), "failures",
                                              (json_int_t)pg_int(&rows, i, 2), "costUsd", pg_text(&rows, i, 3)));
    return json_pack("{s:o}", "days", list);
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static bool check_time_zone(struct run *run, const char *time_zone, struct err *err)
{
    struct pg_result rows;
    if (!pg_query(run->conn, run->arena, &rows, err, "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)",
                  PG_ARGS(time_zone)))
        return false;
    if (pg_bool(&rows, 0, 0))
        return true;
    err_set(err, ERR_VALIDATION_FAILED, "timeZone must be a name as Asia/Shanghai");
    return err_args(err, "timeZone", NULL);
}

json_t *overview_make(struct app *app, struct arena *arena, enum lang lang, int days, const char *time_zone,
                      const struct cancel *cancel, struct err *err)
{
    struct run run = {.app = app, .arena = arena, .lang = lang, .attention = json_array()};
    json_t *overview = NULL;
    run.conn = app_connect(app, NULL, "hubport:overview", cancel, err);
    if (run.conn != NULL && pg_run(run.conn, err, "SET statement_timeout = '5s'")
        && check_time_zone(&run, time_zone, err)) {
        attend_health(&run);
        attend_circuits(&run, cancel);
        attend_prices(&run, cancel);
        json_t *backup = describe_backup(&run), *counts = describe_counts(&run);
        json_t *usage = describe_usage(&run, days, time_zone);
        overview = json_pack("{s:O, s:o, s:o, s:o}", "attention", run.attention, "backup", backup, "counts", counts,
                             "usage", usage);
    }
    pg_close(run.conn);
    json_decref(run.attention);
    return overview;
}
