#include "prices/sync_state.h"

#include "base/log.h"
#include "base/text.h"
#include "prices/query.h"

#include <sodium.h>

#define LOCK_KEYS "hashtext('hubport:price_sync'), 1"
#define JITTER_PERCENT 10

/* ---- The lock ---------------------------------------------------------------------------------------------------- */

struct pg_conn *sync_lock_take(const struct price_job *job, struct err *err)
{
    struct pg_result taken;
    struct pg_conn *conn = app_connect(job->app, NULL, "hubport", job->cancel, err);
    if (conn == NULL)
        return NULL;
    bool asked = pg_query(conn, job->arena, &taken, err, "SELECT pg_try_advisory_lock(" LOCK_KEYS ")", PG_NO_ARGS);
    if (asked && pg_bool(&taken, 0, 0))
        return conn;
    if (asked)
        err_set(err, ERR_PRICE_SYNC_BUSY, "another one holds the lock");
    pg_close(conn);
    return NULL;
}

void sync_lock_drop(const struct price_job *job, struct pg_conn *conn)
{
    struct err ignored;
    struct pg_result result;
    if (conn == NULL)
        return;
    /* Closing alone would free it a moment later, and the next one may follow at once. */
    pg_set_cancel(conn, NULL);
    if (!pg_query(conn, job->arena, &result, &ignored, "SELECT pg_advisory_unlock_all()", PG_NO_ARGS))
        log_event(LOG_WARN, "prices.sync_lock_lost", NULL);
    pg_close(conn);
}

/* ---- The schedule ------------------------------------------------------------------------------------------------ */

/* Servers that were started together do not ask the cloud together. NULL: there is no schedule. */
static const char *interval_ms(const struct price_job *job)
{
    int64_t interval = config_ms(job->app->config, SETTING_PRICE_SYNC_INTERVAL);
    int64_t jitter = interval * JITTER_PERCENT / 100;
    if (interval == 0)
        return NULL;
    return price_number(job, interval + (int64_t)randombytes_uniform((uint32_t)MIN(jitter, INT32_MAX) + 1));
}

#define NEXT "now() + $1::bigint * interval '1 millisecond'"

bool sync_state_due(const struct price_job *job, bool now_if_empty, bool *due, int64_t *wait_ms, struct err *err)
{
    struct pg_result rows;
    /* A row that is further away than the interval was planned when that was longer. */
    if (!price_query(job, &rows, err,
                     "UPDATE hubport.price_sync SET next_at = " NEXT " WHERE next_at IS NULL OR next_at > " NEXT,
                     PG_ARGS(interval_ms(job)))
        || !price_query(job, &rows, err,
                        "SELECT next_at <= now() OR ($1::boolean AND NOT EXISTS (SELECT FROM public.model_prices)),"
                        " ceil(extract(epoch FROM next_at - now()) * 1000)::bigint FROM hubport.price_sync",
                        PG_ARGS(now_if_empty ? "t" : "f")))
        return false;
    *due = rows.count == 1 && pg_bool(&rows, 0, 0);
    *wait_ms = rows.count == 1 ? MAX(pg_int(&rows, 0, 1), 0) : 0;
    return true;
}

/* ---- A try ------------------------------------------------------------------------------------------------------- */

bool sync_state_begin(const struct price_job *job, struct pg_conn *conn, bool automatic, struct err *err)
{
    bool ok = pg_query(conn, job->arena, NULL, err,
                       "INSERT INTO hubport.price_sync AS state (next_at, tried_at, tried_by, outcome)"
                       " VALUES (" NEXT ", now(), $2, 'running') ON CONFLICT (the_row) DO UPDATE SET next_at ="
                       " excluded.next_at, tried_at = now(), tried_by = excluded.tried_by, outcome = 'running'",
                       PG_ARGS(interval_ms(job), automatic ? NULL : job->actor.user_name));
    if (!ok)
        price_explain(job, conn, err);
    return ok;
}

static bool write_success(const struct price_job *job, struct pg_conn *conn, const struct sync_success *success,
                          struct err *err)
{
    char *result = json_dumps(success->result, JSON_COMPACT);
    bool ok = pg_query(conn, job->arena, NULL, err,
                       "UPDATE hubport.price_sync SET outcome = $1, error = NULL, succeeded_at = now(), version = $2,"
                       " sha256 = $3, from_cache = $4::boolean, result = $5::jsonb",
                       PG_ARGS(success->applied ? "applied" : "unchanged", success->version, success->sha256,
                               success->from_cache ? "t" : "f", result));
    free(result);
    return ok;
}

static bool write_failure(const struct price_job *job, struct pg_conn *conn, const struct err *failure, struct err *err)
{
    char zh[ERR_TEXT_SIZE], en[ERR_TEXT_SIZE];
    err_text(failure, LANG_ZH, zh);
    err_text(failure, LANG_EN, en);
    json_t *error = json_pack("{s:s, s:s, s:s, s:s}", "code", err_name(failure->code), "zh", text_utf8(job->arena, zh),
                              "en", text_utf8(job->arena, en), "details", text_utf8(job->arena, failure->words));
    char *text = json_dumps(error, JSON_COMPACT);
    bool ok = pg_query(conn, job->arena, NULL, err,
                       "UPDATE hubport.price_sync SET outcome = 'failed', error = $1::jsonb", PG_ARGS(text));
    free(text);
    json_decref(error);
    return ok;
}

void sync_state_end(const struct price_job *job, struct pg_conn *conn, const struct sync_success *success,
                    const struct err *failure)
{
    struct err err;
    pg_set_cancel(conn, NULL); /* a try that was cancelled has ended, too */
    if (success != NULL ? !write_success(job, conn, success, &err) : !write_failure(job, conn, failure, &err))
        log_event(LOG_WARN, "prices.sync_state_lost", "{s:s}", "error", text_utf8(job->arena, err.words));
}

bool sync_state_failed_by(const struct price_job *job, struct pg_conn *conn, enum err_code code)
{
    struct pg_result rows;
    struct err ignored;
    return pg_query(conn, job->arena, &rows, &ignored,
                    "SELECT error ->> 'code' IS NOT DISTINCT FROM $1 FROM hubport.price_sync", PG_ARGS(err_name(code)))
           && rows.count == 1 && pg_bool(&rows, 0, 0);
}

/* ---- For people -------------------------------------------------------------------------------------------------- */

/* Without the query, which may hold a key. */
static const char *shown_url(const struct price_job *job)
{
    const char *url = config_text(job->app->config, SETTING_PRICE_TABLE_URL);
    const char *path = strstr(url, "://"), *at = strrchr(url, '@');
    if (path != NULL && at != NULL)
        return "***";
    return arena_strndup(job->arena, url, strcspn(url, "?#"));
}

json_t *sync_state_json(const struct price_job *job, struct err *err)
{
    struct pg_result rows;
    int64_t interval = config_ms(job->app->config, SETTING_PRICE_SYNC_INTERVAL);
    if (!price_query(
            job, &rows, err,
            "SELECT json_build_object('enabled', $1::boolean, 'intervalSeconds', $2::bigint, 'url', $3::text,"
            " 'running', running, 'lastTriedAt', " PRICE_TIME(
                "tried_at") ", 'lastTriedBy', tried_by,"
                            " 'lastOutcome', CASE WHEN outcome = 'running' AND NOT running THEN 'interrupted' ELSE "
                            "outcome END,"
                            " 'lastError', CASE WHEN error IS NOT NULL THEN json_build_object('code', error -> 'code', "
                            "'message',"
                            "   error -> $4::text, 'details', error -> 'details') END,"
                            " 'lastSucceededAt', " PRICE_TIME(
                                "succeeded_at") ", 'version', version, 'sha256', sha256,"
                                                " 'fromCache', from_cache, 'nextAt', CASE WHEN $1::boolean "
                                                "THEN " PRICE_TIME(
                                                    "next_at") " END,"
                                                               " 'result', result)"
                                                               " FROM hubport.price_sync, (SELECT EXISTS (SELECT FROM "
                                                               "pg_locks WHERE locktype = 'advisory' AND granted"
                                                               "   AND database = (SELECT oid FROM pg_database WHERE "
                                                               "datname = current_database())"
                                                               "   AND classid::bigint = "
                                                               "hashtext('hubport:price_sync')::bigint & 4294967295 "
                                                               "AND objid = 1"
                                                               "   AND objsubid = 2) AS running) AS lock",
            PG_ARGS(interval > 0 ? "t" : "f", price_number(job, interval / 1000), shown_url(job),
                    job->lang == LANG_ZH ? "zh" : "en")))
        return NULL;
    json_t *state = rows.count == 0 ? NULL : json_loads(pg_text(&rows, 0, 0), 0, NULL);
    if (state == NULL)
        err_set(err, ERR_INTERNAL_ERROR, "hubport.price_sync has no row");
    return state;
}
