#include "prices/import.h"

#include "base/failpoint.h"
#include "base/text.h"
#include "prices/catalogue.h"
#include "prices/import_sql.h"

#include <stdlib.h>
#include <string.h>

#define LARGE (4 * MIB) /* a pooled connection would keep the memory of sending more */

struct import {
    const struct price_job *job;
    const struct price_table *table;
    const struct price_import_options *options;
    struct price_import_result *result;
    struct pg_conn *conn;
    bool own; /* the connection is not the pool's */
};

/* ---- What is sent ------------------------------------------------------------------------------------------------ */

static size_t table_size(const struct price_table *table)
{
    size_t size = 0;
    for (size_t i = 0; i < table->count; i++)
        size += strlen(table->entries[i].name) + table->entries[i].data.size + sizeof "\"\":,";
    return size;
}

static char *table_text(const struct price_table *table)
{
    struct jtext_out out = {0};
    jtext_reserve(&out, table_size(table) / 4 * 3);
    for (size_t i = 0; i < table->count; i++) {
        jtext_puts(&out, i == 0 ? "{" : ",");
        jtext_put_string(&out, table->entries[i].name);
        jtext_puts(&out, ":");
        jtext_put_value(&out, table->entries[i].data);
    }
    jtext_puts(&out, "}");
    return out.text;
}

static const char *names_text(struct arena *arena, const struct price_names *names)
{
    struct jtext_out out = {0};
    jtext_puts(&out, "[");
    for (size_t i = 0; i < names->count; i++) {
        jtext_puts(&out, i == 0 ? "" : ",");
        jtext_put_string(&out, names->items[i]);
    }
    jtext_puts(&out, "]");
    const char *text = arena_strdup(arena, out.text);
    free(out.text);
    return text;
}

static const char *statement(struct arena *arena, const struct price_import_options *options)
{
    bool changes = options->preview;
    return arena_printf(arena, "%s%s%s%s%s%s%s%s%s", IMPORT_CLASSED, changes || options->guard ? IMPORT_CHANGES : "",
                        options->guard ? IMPORT_GUARDED : IMPORT_UNGUARDED, options->preview ? "" : IMPORT_WRITTEN,
                        IMPORT_CLASSES, options->guard ? IMPORT_HELD_ROWS : "", changes ? IMPORT_CHANGE_ROWS : "",
                        options->list_missing ? IMPORT_MISSING_ROWS : "", IMPORT_ORDER);
}

/* ---- What comes back --------------------------------------------------------------------------------------------- */

static void push_name(struct arena *arena, struct price_names *names, const char *name)
{
    *(const char **)arena_push(arena, &names->items, names->count++, sizeof *names->items) = name;
}

static void take_row(struct import *import, const char *const *row)
{
    struct price_import_result *result = import->result;
    struct arena *arena = import->job->arena;
    const char *kind = row[0], *name = row[1];
    if (strcmp(kind, "suspect") == 0) {
        struct price_held *held = arena_push(arena, &result->held, result->held_count++, sizeof *held);
        *held = (struct price_held){name, row[2], row[3], row[4], row[5]};
    } else if (strcmp(kind, "change") == 0) {
        struct price_change *change = arena_push(arena, &result->changes, result->change_count++, sizeof *change);
        *change = (struct price_change){name, row[2], row[3], row[4], row[5]};
    } else if (strcmp(kind, "conflict") == 0) {
        push_name(arena, &result->skipped_conflicts, name);
        push_name(arena, &result->unchanged, name);
    } else {
        struct price_names *names = strcmp(kind, "added") == 0       ? &result->added
                                    : strcmp(kind, "updated") == 0   ? &result->updated
                                    : strcmp(kind, "unchanged") == 0 ? &result->unchanged
                                    : strcmp(kind, "held") == 0      ? &result->held_models
                                                                     : &result->missing;
        push_name(arena, names, name);
    }
}

bool prices_import_refused(const struct price_import_result *result)
{
    for (size_t i = 0; i < result->held_count; i++)
        if (strcmp(result->held[i].model, "*") == 0)
            return true;
    return false;
}

/* ---- The transaction --------------------------------------------------------------------------------------------- */

static bool missing(struct err *err, const char *what)
{
    err_set(err, ERR_FEATURE_UNAVAILABLE, "%s is missing; start the hub, or run hubport migrate", what);
    return err_args(err, what, NULL);
}

static bool begin(struct import *import, struct err *err)
{
    struct arena *arena = import->job->arena;
    struct app *app = import->job->app;
    struct pg_result rows;
    import->own = table_size(import->table) > LARGE;
    import->conn = import->own ? app_connect(app, NULL, "hubport", import->job->cancel, err)
                               : pg_pool_take(app->pool, import->job->cancel, err);
    if (import->conn == NULL)
        return false;
    const char *timeout = arena_printf(arena, "BEGIN; SET LOCAL lock_timeout = %lld",
                                       (long long)config_ms(app->config, SETTING_DB_LOCK_TIMEOUT));
    if (!pg_run(import->conn, err, timeout)
        || !pg_query(
            import->conn, arena, &rows, err,
            "SELECT to_regclass('public.model_prices') IS NOT NULL, to_regclass('hubport.price_history') IS NOT "
            "NULL, EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.model_prices')"
            " AND attname = 'source' AND NOT attisdropped)",
            PG_NO_ARGS))
        return false;
    if (!pg_bool(&rows, 0, 0))
        return missing(err, "model_prices");
    if (!pg_bool(&rows, 0, 2))
        return missing(err, "model_prices.source");
    if (!pg_bool(&rows, 0, 1))
        return missing(err, "hubport.price_history");
    return import->options->preview
           || pg_query(import->conn, arena, NULL, err, "SELECT pg_advisory_xact_lock(hashtext('hubport:prices'))",
                       PG_NO_ARGS);
}

static bool apply(struct import *import, struct err *err)
{
    const struct price_import_options *options = import->options;
    const struct price_job *job = import->job;
    struct pg_result rows;
    char *text = table_text(import->table), batch[17];
    text_random(batch, sizeof batch - 1);
    const char *args[] = {text,
                          options->source,
                          names_text(job->arena, &options->overwrite_manual),
                          names_text(job->arena, &options->confirm),
                          import->table->format == PRICE_TOML ? "t" : "f",
                          arena_printf(job->arena, "%lld", (long long)job->actor.user_id),
                          job->actor.user_name,
                          options->action,
                          batch};
    const char *sql = statement(job->arena, options);
    int used = options->preview ? 5 : ARRAY_LEN(args);
    bool ok = pg_query(import->conn, job->arena, &rows, err, sql, args, used);
    free(text);
    if (!ok)
        return false;
    for (int i = 0; i < rows.count; i++)
        take_row(import, rows.values + i * rows.columns);
    import->result->batch = options->preview ? NULL : arena_strdup(job->arena, batch);
    if (options->catalogue && !options->preview && !prices_import_refused(import->result))
        catalogue_write(job, import->conn, import->table);
    return true;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

void prices_import_audit(const struct price_job *job, const char *type, const struct price_import_options *options,
                         const struct price_import_result *result, const struct err *failure)
{
    json_t *after =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "added", (json_int_t)result->added.count, "updated",
                  (json_int_t)result->updated.count, "unchanged", (json_int_t)result->unchanged.count, "failed",
                  (json_int_t)result->failed_count, "skippedConflicts", (json_int_t)result->skipped_conflicts.count,
                  "total", (json_int_t)result->total, "overwriteManualCount",
                  (json_int_t)options->overwrite_manual.count, "source", options->source);
    struct audit_event event = {.category = "model_price",
                                .type = type,
                                .after = failure == NULL ? after : NULL,
                                .success = failure == NULL,
                                .error = failure == NULL ? NULL : err_name(failure->code)};
    audit_write(job->app, &job->actor, &event);
    json_decref(after);
}

bool prices_import(const struct price_job *job, const struct price_table *table,
                   const struct price_import_options *options, struct price_import_result *result, struct err *err)
{
    struct import import = {.job = job, .table = table, .options = options, .result = result};
    *result = (struct price_import_result){
        .failed = table->failed, .failed_count = table->failed_count, .total = table->count + table->failed_count};
    bool ok = begin(&import, err) && FAIL_POINT(PRICES_BEGUN, err) && apply(&import, err)
              && FAIL_POINT(PRICES_WRITTEN, err) && pg_commit(import.conn, err);
    if (ok)
        FAIL_POINT_PAST(PRICES_COMMITTED);
    /* An open transaction ends with its connection: the pool does not keep such a one. */
    if (import.own)
        pg_close(import.conn);
    else
        pg_pool_give(job->app->pool, import.conn);
    if (!ok && err->code == ERR_DATABASE_ERROR)
        err->code = ERR_PRICE_IMPORT_FAILED;
    if (!options->preview && options->audit_type != NULL)
        prices_import_audit(job, options->audit_type, options, result, ok ? NULL : err);
    return ok;
}

/* ---- The answer -------------------------------------------------------------------------------------------------- */

static json_t *names_json(const struct price_names *names)
{
    json_t *list = json_array();
    for (size_t i = 0; i < names->count; i++)
        json_array_append_new(list, json_string(names->items[i]));
    return list;
}

static json_t *failed_json(const struct price_import_result *result, bool legacy)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->failed_count; i++) {
        const struct price_failure *one = &result->failed[i];
        json_array_append_new(list, legacy ? json_string(one->model)
                                           : json_pack("{s:s, s:s}", "model", one->model, "reason", one->reason));
    }
    return list;
}

static json_t *held_json(const struct price_import_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->held_count; i++) {
        const struct price_held *one = &result->held[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "model", one->model, "reason", one->reason,
                                        "field", one->field, "old", one->old_value, "new", one->new_value));
    }
    return list;
}

static json_t *changes_json(const struct price_import_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->change_count; i++) {
        const struct price_change *one = &result->changes[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "model", one->model, "field", one->field,
                                              "old", one->old_value, "new", one->new_value, "percent", one->percent));
    }
    return list;
}

json_t *prices_import_json(const struct price_import_result *result, const struct price_import_options *options,
                           bool legacy)
{
    json_t *answer = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "added", names_json(&result->added), "updated",
                               names_json(&result->updated), "unchanged", names_json(&result->unchanged), "failed",
                               failed_json(result, legacy), "skippedConflicts", names_json(&result->skipped_conflicts),
                               "total", (json_int_t)result->total);
    if (options->guard)
        json_object_set_new(answer, "heldBack", held_json(result));
    if (options->list_missing)
        json_object_set_new(answer, "missing", names_json(&result->missing));
    if (!options->preview)
        return answer;
    json_object_set_new(answer, "changes", changes_json(result));
    json_object_set_new(answer, "counts",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "added", (json_int_t)result->added.count,
                                  "updated", (json_int_t)result->updated.count, "unchanged",
                                  (json_int_t)result->unchanged.count, "failed", (json_int_t)result->failed_count,
                                  "skippedConflicts", (json_int_t)result->skipped_conflicts.count, "heldBack",
                                  (json_int_t)result->held_models.count, "missing", (json_int_t)result->missing.count));
    return answer;
}
