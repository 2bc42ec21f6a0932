#include "prices/catalogue.h"

#include "base/log.h"
#include "base/text.h"

/* The hub marks the version by that of its conversion. */
#define CONVERSION "+cvt1"

static const char catalogue_sql[] =
    "WITH gone AS (DELETE FROM public.cloud_pricing_catalog),"
    " synced AS (SELECT DISTINCT ON (model_name COLLATE \"C\") price_data AS data FROM public.model_prices"
    "   WHERE source <> 'manual' ORDER BY model_name COLLATE \"C\", created_at DESC NULLS LAST, id DESC),"
    " vendors AS (SELECT data ->> 'vendor' AS vendor, count(*) AS models, max(data ->> 'vendor_icon') AS icon,"
    "   max(data ->> 'vendor_icon_mono') AS icon_mono FROM synced WHERE data ->> 'vendor' <> '' GROUP BY 1)"
    " INSERT INTO public.cloud_pricing_catalog (version, currency, refreshed_at, providers, vendors, model_count, "
    "synced_at)"
    " SELECT left($1, 59) || '" CONVERSION "', left(coalesce($2, 'USD'), 16), $3::timestamptz, $4::jsonb,"
    "   (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('vendor', vendor, 'name',"
    "      coalesce($4::jsonb -> vendor ->> 'name', vendor), 'icon', icon, 'iconMono', icon_mono, 'modelCount', "
    "models))"
    "      ORDER BY models DESC, vendor COLLATE \"C\"), '[]') FROM vendors),"
    "   (SELECT count(*) FROM synced), now()";

static bool has_catalogue(const struct price_job *job, struct pg_conn *conn)
{
    struct pg_result rows;
    struct err ignored;
    return pg_query(conn, job->arena, &rows, &ignored,
                    "SELECT to_regclass('public.cloud_pricing_catalog') IS NOT NULL", PG_NO_ARGS)
           && pg_bool(&rows, 0, 0);
}

void catalogue_write(const struct price_job *job, struct pg_conn *conn, const struct price_table *table)
{
    struct err err;
    const char *providers =
        table->providers.at == NULL ? "{}" : arena_strndup(job->arena, table->providers.at, table->providers.size);
    if (table->format != PRICE_CPT || table->version == NULL || !has_catalogue(job, conn)
        || !pg_run(conn, &err, "SAVEPOINT catalogue"))
        return;
    if (pg_query(conn, job->arena, NULL, &err, catalogue_sql,
                 PG_ARGS(table->version, table->currency, table->refreshed_at, providers)))
        return;
    /* Whatever is wrong with it, the prices count more; a transaction that is lost fails at its commit. */
    log_event(LOG_WARN, "prices.catalogue_not_written", "{s:s}", "error", text_utf8(job->arena, err.words));
    if (!pg_run(conn, &err, "ROLLBACK TO SAVEPOINT catalogue"))
        log_event(LOG_WARN, "prices.transaction_lost", "{s:s}", "error", text_utf8(job->arena, err.words));
}
