#include "prices/history.h"

#include "prices/query.h"

bool price_history(const struct price_job *job, const char *model, int64_t offset, int64_t limit, const char **items,
                   int64_t *total, struct err *err)
{
    struct pg_result rows;
    if (!price_query(
            job, &rows, err,
            "SELECT (SELECT count(*) FROM hubport.price_history WHERE model_name = $1),"
            " (SELECT coalesce(json_agg(json_build_object('id', id, 'changedAt', " PRICE_TIME(
                "changed_at") ","
                              " 'userId', user_id, 'userName', user_name, 'action', action, 'batch', batch, "
                              "'sourceBefore',"
                              " source_before, 'sourceAfter', source_after, 'before', before, 'after', after) ORDER BY "
                              "id DESC), '[]')"
                              " FROM (SELECT * FROM hubport.price_history WHERE model_name = $1 ORDER BY id DESC"
                              " OFFSET $2::bigint LIMIT $3::bigint) AS part)",
            PG_ARGS(model, price_number(job, offset), price_number(job, limit))))
        return false;
    *total = pg_int(&rows, 0, 0);
    *items = pg_text(&rows, 0, 1);
    return true;
}

bool price_history_before(const struct price_job *job, const char *model, int64_t id, const char **source,
                          const char **data, struct err *err)
{
    struct pg_result rows;
    if (!price_query(job, &rows, err,
                     "SELECT source_before, before FROM hubport.price_history WHERE model_name = $1"
                     " AND ($2::bigint = 0 OR id = $2::bigint) ORDER BY id DESC LIMIT 1",
                     PG_ARGS(model, price_number(job, id))))
        return false;
    if (rows.count == 0)
        return err_set(err, ERR_PRICE_NO_HISTORY, "%s has no such change", model) || err_args(err, model, NULL);
    *source = rows.values[0];
    *data = rows.values[1];
    return true;
}
