#include "prices/list.h"

#include "prices/query.h"

bool price_list(const struct price_job *job, const struct price_filter *filter, const char **items, int64_t *total,
                struct err *err)
{
    struct pg_result rows;
    if (!price_query(job, &rows, err,
                     "WITH found AS MATERIALIZED (SELECT * FROM " PRICE_EFFECTIVE " AS live"
                     " WHERE ($1::text IS NULL OR position(lower($1) IN lower(model_name)) > 0"
                     "   OR position(lower($1) IN lower(price_data ->> 'display_name')) > 0)"
                     " AND ($2::text IS NULL OR CASE $2 WHEN 'cloud' THEN source <> 'manual' ELSE source = $2 END)"
                     " AND ($3::text IS NULL OR price_data ->> 'vendor' = $3)"
                     " AND ($4::text IS NULL OR price_data ->> 'litellm_provider' = $4)"
                     " AND ($7::text IS NULL OR price_data ->> 'mode' = $7)),"
                     " part AS (SELECT * FROM found ORDER BY updated_at DESC NULLS LAST, id DESC"
                     "   OFFSET $5::bigint LIMIT $6::bigint)"
                     " SELECT (SELECT count(*) FROM found), (SELECT coalesce(json_agg(" PRICE_MODEL_JSON
                     " ORDER BY updated_at DESC NULLS LAST, id DESC), '[]') FROM part)",
                     PG_ARGS(filter->search, filter->source, filter->vendor, filter->litellm_provider,
                             price_number(job, filter->offset), price_number(job, filter->limit), filter->mode)))
        return false;
    *total = pg_int(&rows, 0, 0);
    *items = pg_text(&rows, 0, 1);
    return true;
}

bool price_get(const struct price_job *job, const char *model, const char **item, struct err *err)
{
    struct pg_result rows;
    if (!price_query(job, &rows, err,
                     "SELECT " PRICE_MODEL_JSON " FROM public.model_prices WHERE model_name = $1"
                     " ORDER BY (source = 'manual') DESC, created_at DESC NULLS LAST, id DESC LIMIT 1",
                     PG_ARGS(model)))
        return false;
    if (rows.count == 0)
        return err_set(err, ERR_PRICE_NOT_FOUND, "%s", model) || err_args(err, model, NULL);
    *item = pg_text(&rows, 0, 0);
    return true;
}

static bool one_text(const struct price_job *job, const char **text, struct err *err, const char *sql,
                     const char *const *args, int arg_count)
{
    struct pg_result rows;
    if (!price_query(job, &rows, err, sql, args, arg_count))
        return false;
    *text = pg_text(&rows, 0, 0);
    return true;
}

bool price_catalog(const struct price_job *job, bool all, const char **items, struct err *err)
{
    return one_text(
        job, items, err,
        "SELECT coalesce(json_agg(json_build_object('modelName', model_name, 'vendor', price_data ->> 'vendor',"
        " 'litellmProvider', price_data ->> 'litellm_provider', 'updatedAt', " PRICE_TIME(
            "updated_at") ")"
                          " ORDER BY model_name COLLATE \"C\"), '[]') FROM " PRICE_EFFECTIVE " AS live"
                          " WHERE $1::boolean OR price_data ->> 'mode' = 'chat'",
        PG_ARGS(all ? "t" : "f"));
}

bool price_chat_models(const struct price_job *job, const char **names, struct err *err)
{
    return one_text(
        job, names, err,
        "SELECT coalesce(json_agg(model_name ORDER BY model_name COLLATE \"C\"), '[]') FROM " PRICE_EFFECTIVE
        " AS live WHERE price_data ->> 'mode' = 'chat'",
        PG_NO_ARGS);
}

bool price_exists(const struct price_job *job, bool *exists, struct err *err)
{
    struct pg_result rows;
    if (!price_query(job, &rows, err, "SELECT EXISTS (SELECT FROM public.model_prices)", PG_NO_ARGS))
        return false;
    *exists = pg_bool(&rows, 0, 0);
    return true;
}

/* Older hubs have no catalogue. */
static bool has_catalogue(const struct price_job *job, bool *has, struct err *err)
{
    struct pg_result rows;
    if (!price_query(job, &rows, err, "SELECT to_regclass('public.cloud_pricing_catalog') IS NOT NULL", PG_NO_ARGS))
        return false;
    *has = pg_bool(&rows, 0, 0);
    return true;
}

bool price_vendors(const struct price_job *job, const char **answer, struct err *err)
{
    bool has;
    *answer = "";
    if (!has_catalogue(job, &has, err)
        || (has
            && !one_text(
                job, answer, err,
                "SELECT max(found) FROM (SELECT json_build_object('vendors', vendors, 'version', version)::text"
                " AS found FROM public.cloud_pricing_catalog ORDER BY id DESC LIMIT 1) AS newest",
                PG_NO_ARGS)))
        return false;
    return (*answer)[0] != '\0'
           || one_text(
               job, answer, err,
               "SELECT json_build_object('vendors', coalesce(json_agg(json_build_object('vendor', vendor, 'name',"
               " vendor, 'modelCount', models) ORDER BY models DESC, vendor COLLATE \"C\"), '[]'), 'version', NULL)"
               " FROM (SELECT price_data ->> 'vendor' AS vendor, count(*) AS models FROM " PRICE_EFFECTIVE
               " AS live WHERE price_data ->> 'vendor' <> '' GROUP BY 1) AS vendors",
               PG_NO_ARGS);
}
