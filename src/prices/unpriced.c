#include "prices/unpriced.h"

#include "base/text.h"
#include "prices/nearest.h"
#include "prices/query.h"

#define BEGIN_SQL "BEGIN READ ONLY; SET LOCAL statement_timeout = 5000"

/* The names come out of the index one by one (there are few of them, and millions of requests); only the requests of
 * those without a price are counted. */
static const char unpriced_sql[] =
    "WITH RECURSIVE seen AS ("
    "   (SELECT model, 1 AS place FROM public.message_request WHERE deleted_at IS NULL AND model IS NOT NULL"
    "    ORDER BY model LIMIT 1)"
    "  UNION ALL"
    "   SELECT (SELECT r.model FROM public.message_request r WHERE r.deleted_at IS NULL AND r.model IS NOT NULL"
    "     AND r.model > seen.model ORDER BY r.model LIMIT 1), place + 1 FROM seen"
    "   WHERE seen.model IS NOT NULL AND place < 20000),"
    " suspects AS MATERIALIZED (SELECT seen.model, live.id IS NOT NULL AS has_price FROM seen LEFT "
    "JOIN " PRICE_EFFECTIVE "   AS live ON live.model_name = seen.model WHERE seen.model <> ''"
    "   AND NOT coalesce((SELECT bool_or(jsonb_typeof(value) = 'number' AND value::text::numeric > 0) FROM"
    "     jsonb_each(CASE jsonb_typeof(price_data) WHEN 'object' THEN price_data ELSE '{}' END)"
    "     WHERE key ~ 'cost_per_|token_cost' AND jsonb_typeof(value) = 'number'), false)"
    "   AND (live.id IS NOT NULL OR NOT EXISTS (SELECT FROM public.model_prices alias"
    "     WHERE alias.price_data -> 'aliases' ? seen.model))),"
    " used AS (SELECT model, count(*) AS requests, max(created_at) AS last_seen FROM public.message_request"
    "   WHERE model = ANY (ARRAY(SELECT model FROM suspects)) AND deleted_at IS NULL AND model IS NOT NULL"
    "   AND created_at >= now() - $1::bigint * interval '1 day' GROUP BY model)"
    " SELECT model, requests, " PRICE_TIME(
        "last_seen") ", has_price, count(*) OVER () FROM used JOIN suspects USING (model)"
                     " ORDER BY requests DESC, model COLLATE \"C\" LIMIT $2::bigint";

static bool ask(const struct price_job *job, int64_t days, struct pg_result *models, struct pg_result *names,
                struct err *err)
{
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    if (conn == NULL)
        return false;
    bool ok =
        pg_run(conn, err, BEGIN_SQL)
        && pg_query(conn, job->arena, models, err, unpriced_sql,
                    PG_ARGS(price_number(job, days), price_number(job, UNPRICED_MAX)))
        && pg_query(conn, job->arena, names, err, "SELECT DISTINCT model_name FROM public.model_prices", PG_NO_ARGS)
        && pg_run(conn, err, "COMMIT");
    if (!ok && strcmp(pg_sqlstate(conn), "57014") == 0 && !cancel_fired(job->cancel))
        err->code = ERR_PRICE_QUERY_SLOW;
    if (!ok)
        price_explain(job, conn, err);
    pg_pool_give(job->app->pool, conn);
    return ok;
}

static json_t *nearest_json(const struct nearest *nearest, const char *model)
{
    const char *found[NEAREST_MAX];
    json_t *list = json_array();
    size_t count = nearest_find(nearest, model, found);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(found[i]));
    return list;
}

bool price_unpriced(const struct price_job *job, int64_t days, json_t **answer, struct err *err)
{
    struct pg_result models, names;
    if (!ask(job, days, &models, &names, err))
        return false;
    const struct nearest *nearest = nearest_new(job->arena, names.values, (size_t)names.count);
    json_t *items = json_array();
    for (int i = 0; i < models.count; i++)
        json_array_append_new(items, json_pack("{s:s, s:I, s:s, s:s, s:o}", "model", pg_text(&models, i, 0), "requests",
                                               (json_int_t)pg_int(&models, i, 1), "lastSeenAt", pg_text(&models, i, 2),
                                               "reason", pg_bool(&models, i, 3) ? "zero" : "missing", "nearest",
                                               nearest_json(nearest, pg_text(&models, i, 0))));
    *answer = json_pack("{s:I, s:o, s:I}", "days", (json_int_t)days, "items", items, "total",
                        (json_int_t)(models.count == 0 ? 0 : pg_int(&models, 0, 4)));
    return true;
}
