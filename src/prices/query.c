#include "prices/query.h"

#include "base/text.h"

bool price_explain(const struct price_job *job, struct pg_conn *conn, struct err *err)
{
    const char *state = pg_sqlstate(conn), *quote = strchr(err->words, '"');
    if (err->code != ERR_DATABASE_ERROR || (strcmp(state, "42P01") != 0 && strcmp(state, "42703") != 0))
        return false;
    const char *what = quote == NULL ? "model_prices" : arena_strndup(job->arena, quote + 1, strcspn(quote + 1, "\""));
    err->code = ERR_FEATURE_UNAVAILABLE;
    return err_args(err, text_starts(what, "public.") ? what + strlen("public.") : what, NULL);
}

bool price_query(const struct price_job *job, struct pg_result *rows, struct err *err, const char *sql,
                 const char *const *args, int arg_count)
{
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL && pg_query(conn, job->arena, rows, err, sql, args, arg_count);
    if (!ok && conn != NULL)
        price_explain(job, conn, err);
    pg_pool_give(job->app->pool, conn);
    return ok;
}

struct pg_conn *price_begin(const struct price_job *job, struct err *err)
{
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    const char *begin = arena_printf(job->arena, "BEGIN; SET LOCAL lock_timeout = %lld",
                                     (long long)config_ms(job->app->config, SETTING_DB_LOCK_TIMEOUT));
    if (conn != NULL
        && (!pg_run(conn, err, begin)
            || !pg_query(conn, job->arena, NULL, err, "SELECT pg_advisory_xact_lock(hashtext('hubport:prices'))",
                         PG_NO_ARGS))) {
        pg_pool_give(job->app->pool, conn);
        conn = NULL;
    }
    return conn;
}

bool price_end(const struct price_job *job, struct pg_conn *conn, bool commit, struct err *err)
{
    /* From the last look at the cancel on, one would leave it open whether the change happened. */
    bool ok = commit && cancel_check(job->cancel, err);
    pg_set_cancel(conn, NULL);
    ok = ok && pg_run(conn, err, "COMMIT");
    pg_pool_give(job->app->pool, conn); /* an open transaction ends there with its connection */
    return ok;
}

const char *price_number(const struct price_job *job, int64_t number)
{
    return arena_printf(job->arena, "%lld", (long long)number);
}
