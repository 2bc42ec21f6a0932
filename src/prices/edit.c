#include "prices/edit.h"

#include "base/text.h"
#include "prices/history.h"
#include "prices/import.h"
#include "prices/query.h"

/* What an operation is called in the history and in the audit log. */
struct operation {
    const char *action, *audit_type;
};

static const struct operation set = {"set", "model_price.upsert"}, removal = {"delete", "model_price.delete"},
                              pin = {"pin", "model_price.pin"}, revert = {"revert", "model_price.revert"};

/* One side of a change for the audit log, where the exact digits do not matter. */
static json_t *side(const char *source, const char *data)
{
    return data == NULL || data[0] == '\0'
               ? NULL
               : json_pack("{s:s, s:o?}", "source", source, "priceData", json_loads(data, JSON_DECODE_ANY, NULL));
}

static void write_audit(const struct price_job *job, const struct operation *operation, const char *model,
                        const char *batch, const struct err *failure)
{
    struct pg_result rows = {0};
    struct err ignored;
    if (batch != NULL
        && !price_query(job, &rows, &ignored,
                        "SELECT source_before, before, source_after, after FROM hubport.price_history WHERE batch = $1",
                        PG_ARGS(batch)))
        rows.count = 0;
    bool found = rows.count > 0;
    json_t *before = found ? side(pg_text(&rows, 0, 0), pg_text(&rows, 0, 1)) : NULL;
    json_t *after = found ? side(pg_text(&rows, 0, 2), pg_text(&rows, 0, 3)) : NULL;
    struct audit_event event = {.category = "model_price",
                                .type = operation->audit_type,
                                .target_type = "model_price",
                                .target_id = model,
                                .target_name = model,
                                .before = before,
                                .after = after,
                                .success = failure == NULL,
                                .error = failure == NULL ? NULL : err_name(failure->code)};
    audit_write(job->app, &job->actor, &event);
    json_decref(before);
    json_decref(after);
}

/* An import of a table that holds this model alone. */
static bool put(const struct price_job *job, const struct operation *operation, const struct price_table *table,
                const char *source, struct err *err)
{
    const char *model = table->entries[0].name;
    struct price_import_result result;
    const struct price_import_options options = {
        .source = source, .overwrite_manual = {.items = &model, .count = 1}, .action = operation->action};
    bool ok = prices_import(job, table, &options, &result, err);
    write_audit(job, operation, model, ok ? result.batch : NULL, ok ? NULL : err);
    return ok;
}

static bool check_text(const char *data, struct jtext *root, struct err *err)
{
    struct jtext_fault fault;
    return jtext_check(data, strlen(data), root, &fault)
           || err_set(err, ERR_INTERNAL_ERROR, "column %zu: %s", fault.column, fault.what);
}

/* By the rules for tables. */
static bool put_checked(const struct price_job *job, const struct operation *operation, const char *model,
                        const char *data, struct err *err)
{
    struct price_table table = {0};
    struct jtext root;
    if (!check_text(data, &root, err))
        return false;
    price_table_add(job, &table, model, strlen(model), root);
    if (table.count == 1)
        return put(job, operation, &table, "manual", err);
    const char *reason = table.failed_count > 0
                             ? table.failed[0].reason
                             : MESSAGE(job->arena, job->lang, MSG_PRICE_FORBIDDEN_NAME, text_utf8(job->arena, model));
    err_set(err, ERR_PRICE_REFUSED, "%s: %s", text_utf8(job->arena, model), reason);
    return err_args(err, reason, NULL);
}

bool price_set(const struct price_job *job, const struct price_single *single, struct err *err)
{
    return put_checked(job, &set, single->model, single->data, err);
}

static bool remove_model(const struct price_job *job, const struct operation *operation, const char *model,
                         struct err *err)
{
    char batch[17];
    struct pg_result removed;
    text_random(batch, sizeof batch - 1);
    struct pg_conn *conn = price_begin(job, err);
    if (conn == NULL)
        return false;
    bool ok =
        pg_query(conn, job->arena, &removed, err,
                 "WITH gone AS (DELETE FROM public.model_prices WHERE model_name = $1 RETURNING *)"
                 " INSERT INTO hubport.price_history (user_id, user_name, action, batch, model_name, source_before,"
                 " before) SELECT nullif($2::bigint, 0), $3, $4, $5, model_name, source, price_data FROM gone"
                 " ORDER BY (source = 'manual') DESC, created_at DESC NULLS LAST, id DESC LIMIT 1",
                 PG_ARGS(model, price_number(job, job->actor.user_id), job->actor.user_name, operation->action, batch));
    if (!ok)
        price_explain(job, conn, err);
    if (ok && removed.affected == 0) {
        ok = err_set(err, ERR_PRICE_NOT_FOUND, "%s", text_utf8(job->arena, model));
        err_args(err, text_utf8(job->arena, model), NULL);
    }
    ok = price_end(job, conn, ok, err) && ok;
    write_audit(job, operation, model, ok ? batch : NULL, ok ? NULL : err);
    return ok;
}

bool price_delete(const struct price_job *job, const char *model, struct err *err)
{
    return remove_model(job, &removal, model, err);
}

bool price_pin(const struct price_job *job, const char *model, const char *provider, struct err *err)
{
    struct pg_result rows;
    if (strspn(provider, " \t\r\n") == strlen(provider))
        return err_set(err, ERR_PRICE_PROVIDER_EMPTY, "pricingProviderKey is missing or blank");
    if (!price_query(
            job, &rows, err,
            "WITH base AS (SELECT data FROM ("
            "   SELECT price_data AS data, CASE source WHEN 'cloud' THEN 1 ELSE 2 END AS place, created_at AS at,"
            "     id::bigint FROM public.model_prices WHERE model_name = $1::text AND source <> 'manual'"
            "   UNION ALL SELECT before, 3, changed_at, id FROM hubport.price_history"
            "     WHERE model_name = $1::text AND source_before <> 'manual') AS known"
            "   ORDER BY place, at DESC NULLS LAST, id DESC LIMIT 1)"
            " SELECT coalesce(jsonb_typeof(data -> 'pricing' -> $2::text) = 'object', false),"
            "   (data - 'pricing') || (data -> 'pricing' -> $2::text) || jsonb_build_object('litellm_provider', "
            "$2::text,"
            "     'selected_pricing_provider', $2::text, 'selected_pricing_source_model', $1::text,"
            "     'selected_pricing_resolution', 'manual_pin') FROM base",
            PG_ARGS(model, provider)))
        return false;
    if (rows.count == 0)
        return err_set(err, ERR_PRICE_NO_CLOUD, "%s has no price that a sync or an upload made",
                       text_utf8(job->arena, model));
    if (!pg_bool(&rows, 0, 0))
        return err_set(err, ERR_PRICE_NO_PROVIDER, "%s has no price of %s", text_utf8(job->arena, model),
                       text_utf8(job->arena, provider));
    return put_checked(job, &pin, model, pg_text(&rows, 0, 1), err);
}

bool price_revert(const struct price_job *job, const char *model, int64_t id, bool *gone, struct err *err)
{
    const char *source, *data;
    struct price_entry entry = {.name = model};
    const struct price_table table = {.entries = &entry, .count = 1};
    if (!price_history_before(job, model, id, &source, &data, err))
        return false;
    *gone = data == NULL;
    if (*gone)
        return remove_model(job, &revert, model, err);
    /* Not by the rules for tables: it was there before. */
    return check_text(data, &entry.data, err) && put(job, &revert, &table, source, err);
}
