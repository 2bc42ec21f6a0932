#include "prices/sync.h"

#include "base/log.h"
#include "base/text.h"
#include "prices/cloud.h"
#include "prices/list.h"
#include "prices/query.h"
#include "prices/sync_state.h"

#define RETRY_MS 5000       /* somebody else is at it */
#define AWAY_MS 15000       /* the database is away */
#define LOOK_MS (5 * 60000) /* another server may have moved the next time */

#define AUDIT_TYPE "model_price.sync_litellm"

struct sync {
    const struct price_job *job;
    const struct price_sync_options *options;
    bool automatic;
    struct pg_conn *lock;
    struct price_cloud cloud;
    struct price_import_options import;
    struct price_import_result result;
};

/* ---- One sync ---------------------------------------------------------------------------------------------------- */

static bool obtain_table(struct sync *sync, struct err *err)
{
    struct err reason;
    bool exists = true;
    if (price_cloud_fetch(sync->job, &sync->cloud, err))
        return true;
    /* Old prices are better than none; but whoever asks for a sync by hand wants to know. */
    if (!sync->automatic || cancel_fired(sync->job->cancel) || !price_exists(sync->job, &exists, &reason) || exists)
        return false;
    if (price_cloud_recall(sync->job, &sync->cloud, &reason)) {
        log_event(LOG_WARN, "prices.from_cache", "{s:s, s:s, s:s}", "code", err_name(err->code), "error",
                  text_utf8(sync->job->arena, err->words), "fetchedAt", sync->cloud.copy.fetched_at);
        return true;
    }
    return err_wrap(
        err, "there are no prices yet; upload a table (hubport prices import FILE), or make the cloud's reachable");
}

static void describe_import(struct sync *sync)
{
    sync->import = (struct price_import_options){
        .source = "litellm",
        .overwrite_manual = sync->options->overwrite_manual,
        .confirm = sync->options->confirm,
        .guard = true,
        .list_missing = true,
        .catalogue = true,
        .action = sync->automatic ? "auto_sync" : "sync",
        /* The schedule's audit row is written here: what changed nothing would fill the log. */
        .audit_type = sync->automatic ? NULL : AUDIT_TYPE,
    };
}

static json_t *result_json(struct sync *sync, bool legacy)
{
    json_t *answer = prices_import_json(&sync->result, &sync->import, legacy);
    json_object_set_new(answer, "version", json_string(text_utf8(sync->job->arena, sync->cloud.version)));
    json_object_set_new(answer, "fromCache", json_boolean(sync->cloud.recalled));
    return answer;
}

/* What the state keeps: not the names of thousands of models that are as they were. */
static json_t *kept_json(struct sync *sync)
{
    static const char *const kept[] = {"failed", "skippedConflicts", "heldBack", "missing"};
    json_t *all = result_json(sync, false), *some = json_object();
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        json_object_set(some, kept[i], json_object_get(all, kept[i]));
    json_object_set_new(some, "added", json_integer((json_int_t)sync->result.added.count));
    json_object_set_new(some, "updated", json_integer((json_int_t)sync->result.updated.count));
    json_object_set_new(some, "unchanged", json_integer((json_int_t)sync->result.unchanged.count));
    json_object_set(some, "total", json_object_get(all, "total"));
    json_decref(all);
    return some;
}

static void write_audit(struct sync *sync, bool applied, const struct err *failure)
{
    /* By hand: the import writes it, also when it fails; a table that did not come never got there. */
    bool by_import = !sync->automatic && sync->cloud.copy.text != NULL;
    bool news =
        failure == NULL ? applied : !sync->automatic || !sync_state_failed_by(sync->job, sync->lock, failure->code);
    if (!by_import && news)
        prices_import_audit(sync->job, AUDIT_TYPE, &sync->import, &sync->result, failure);
}

/* Under the lock. */
static bool sync_once(struct sync *sync, json_t **answer, struct err *err)
{
    describe_import(sync);
    bool ok = sync_state_begin(sync->job, sync->lock, sync->automatic, err);
    if (!ok)
        return false;
    ok = obtain_table(sync, err) && prices_import(sync->job, &sync->cloud.table, &sync->import, &sync->result, err);
    bool applied = ok && sync->result.added.count + sync->result.updated.count > 0;
    write_audit(sync, applied, ok ? NULL : err);
    if (!ok) {
        sync_state_end(sync->job, sync->lock, NULL, err);
        price_cloud_free(&sync->cloud);
        return false;
    }
    if (!prices_import_refused(&sync->result))
        price_cloud_keep(sync->job, &sync->cloud);
    json_t *kept = kept_json(sync);
    const struct sync_success success = {.version = sync->cloud.version,
                                         .sha256 = sync->cloud.copy.sha256,
                                         .applied = applied,
                                         .from_cache = sync->cloud.recalled,
                                         .result = kept};
    sync_state_end(sync->job, sync->lock, &success, NULL);
    json_decref(kept);
    *answer = result_json(sync, sync->options->legacy);
    price_cloud_free(&sync->cloud);
    return true;
}

bool price_sync_run(const struct price_job *job, const struct price_sync_options *options, json_t **answer,
                    struct err *err)
{
    struct sync sync = {.job = job, .options = options, .lock = sync_lock_take(job, err)};
    bool ok = sync.lock != NULL && sync_once(&sync, answer, err);
    sync_lock_drop(job, sync.lock);
    return ok;
}

/* ---- Looking first ----------------------------------------------------------------------------------------------- */

static int by_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct price_entry *)entry)->name);
}

/* The conflicting models with both prices; PostgreSQL writes them, digits and all. */
static bool describe_conflicts(struct sync *sync, const char **conflicts, struct err *err)
{
    const struct price_names *names = &sync->result.skipped_conflicts;
    const struct price_table *table = &sync->cloud.table;
    struct jtext_out cloud = {0};
    struct pg_result rows;
    jtext_puts(&cloud, "{");
    for (size_t i = 0; i < names->count; i++) {
        const struct price_entry *entry =
            bsearch(names->items[i], table->entries, table->count, sizeof *table->entries, by_name);
        if (entry == NULL)
            continue;
        jtext_puts(&cloud, cloud.size > 1 ? "," : "");
        jtext_put_string(&cloud, entry->name);
        jtext_puts(&cloud, ":");
        jtext_put(&cloud, entry->data.at, entry->data.size);
    }
    jtext_puts(&cloud, "}");
    bool ok =
        price_query(sync->job, &rows, err,
                    "SELECT coalesce(json_agg(json_build_object('modelName', model_name, 'manualPrice', price_data,"
                    " 'cloudPrice', value) ORDER BY model_name COLLATE \"C\"), '[]')"
                    " FROM jsonb_each($1::jsonb) JOIN " PRICE_EFFECTIVE " AS live ON model_name = key",
                    PG_ARGS(cloud.text));
    free(cloud.text);
    *conflicts = ok ? pg_text(&rows, 0, 0) : NULL;
    return ok;
}

bool price_sync_check(const struct price_job *job, const char **answer, struct err *err)
{
    const struct price_sync_options none = {0};
    struct sync sync = {.job = job, .options = &none};
    const char *conflicts;
    describe_import(&sync);
    sync.import.preview = true;
    if (!price_cloud_fetch(job, &sync.cloud, err))
        return false;
    bool ok = prices_import(job, &sync.cloud.table, &sync.import, &sync.result, err)
              && describe_conflicts(&sync, &conflicts, err);
    if (ok) {
        json_t *preview = prices_import_json(&sync.result, &sync.import, false);
        char *preview_text = json_dumps(preview, JSON_COMPACT);
        json_t *version = json_string(text_utf8(job->arena, sync.cloud.version));
        char *version_text = json_dumps(version, JSON_ENCODE_ANY);
        *answer = arena_printf(job->arena, "{\"hasConflicts\":%s,\"conflicts\":%s,\"version\":%s,\"preview\":%s}",
                               sync.result.skipped_conflicts.count > 0 ? "true" : "false", conflicts, version_text,
                               preview_text);
        free(version_text);
        free(preview_text);
        json_decref(version);
        json_decref(preview);
    }
    price_cloud_free(&sync.cloud);
    return ok;
}

bool price_sync_count(const struct price_job *job, size_t *count, const char **version, struct err *err)
{
    struct price_cloud cloud;
    if (!price_cloud_fetch(job, &cloud, err))
        return false;
    *count = cloud.table.count;
    *version = arena_strdup(job->arena, cloud.version);
    price_cloud_free(&cloud);
    return true;
}

/* ---- The schedule ------------------------------------------------------------------------------------------------ */

static int64_t sync_when_due(const struct price_job *job, bool *at_start, struct err *err)
{
    const struct price_sync_options options = {0};
    struct sync sync = {.job = job, .options = &options, .automatic = true};
    json_t *answer = NULL;
    int64_t wait_ms = 0;
    bool due = false;
    if (!sync_state_due(job, *at_start, &due, &wait_ms, err))
        return err->code == ERR_DATABASE_UNAVAILABLE ? AWAY_MS : LOOK_MS;
    if (!due) {
        *at_start = false;
        return MIN(wait_ms, LOOK_MS);
    }
    sync.lock = sync_lock_take(job, err);
    if (sync.lock == NULL)
        return err->code == ERR_PRICE_SYNC_BUSY ? RETRY_MS : LOOK_MS;
    /* Another server may have done it between the first look and the lock. */
    due = sync_state_due(job, *at_start, &due, &wait_ms, err) && due;
    *at_start = *at_start && !due;
    if (due && sync_once(&sync, &answer, err)) {
        *err = ERR_NONE_YET; /* a cloud that was away may have been made up for by the copy on the disk */
        log_event(LOG_INFO, "prices.synced", "{s:s, s:I, s:I, s:I}", "version",
                  text_utf8(job->arena, json_string_value(json_object_get(answer, "version"))), "added",
                  (json_int_t)sync.result.added.count, "updated", (json_int_t)sync.result.updated.count, "heldBack",
                  (json_int_t)sync.result.held_models.count);
    }
    sync_lock_drop(job, sync.lock);
    json_decref(answer);
    return MIN(config_ms(job->app->config, SETTING_PRICE_SYNC_INTERVAL), RETRY_MS);
}

int64_t price_sync_scheduled(struct app *app, bool *at_start, struct cancel *cancel)
{
    struct err err = ERR_NONE_YET;
    if (config_ms(app->config, SETTING_PRICE_SYNC_INTERVAL) == 0)
        return -1;
    struct price_job job = {.app = app,
                            .arena = arena_new(),
                            .cancel = cancel,
                            .lang = LANG_ZH,
                            .actor = {.user_name = "hubport", .user_agent = "hubport " HUBPORT_VERSION}};
    int64_t wait_ms = sync_when_due(&job, at_start, &err);
    if (err.code != ERR_OK && err.code != ERR_PRICE_SYNC_BUSY && !cancel_fired(cancel))
        log_event(LOG_WARN, "prices.sync_failed", "{s:s, s:s}", "code", err_name(err.code), "error",
                  text_utf8(job.arena, err.words));
    arena_free(job.arena);
    return wait_ms;
}
