#include "backup/status.h"

#include "backup/databases.h"
#include "base/clock.h"
#include "base/text.h"

static json_t *iso_or_null(int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (ms == 0)
        return json_null();
    clock_iso(ms, text);
    return json_string(text);
}

static json_t *describe_lock(struct job *job)
{
    struct lock_holder holder;
    if (!backup_lock_peek(job->app, &holder))
        return json_null();
    return json_pack("{s:s, s:s, s:o}", "operation", text_utf8(job->arena, holder.operation), "user",
                     text_utf8(job->arena, holder.user), "since", iso_or_null(holder.since_ms));
}

static json_t *describe_previous(struct job *job)
{
    struct previous *list;
    size_t count;
    struct err err;
    json_t *array = json_array();
    struct pg_conn *conn =
        app_connect(job->app, config_text(job->app->config, SETTING_LOCK_DATABASE), "hubport", job->cancel, &err);
    if (conn != NULL && previous_list(job, conn, &list, &count, &err))
        for (size_t i = 0; i < count; i++)
            json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:b}", "name", text_utf8(job->arena, list[i].name),
                                                   "since", iso_or_null(list[i].since_ms), "until",
                                                   list[i].pinned ? json_null() : iso_or_null(list[i].until_ms),
                                                   "pinned", list[i].pinned));
    pg_close(conn);
    return array;
}

static const char *redis_state(struct job *job)
{
    struct err err;
    if (!redis_configured(job->app->redis))
        return "off";
    return REDIS_CALL(job->app->redis, job->arena, NULL, &err, "PING") ? "ok" : "down";
}

static void put_error(json_t *status, struct job *job, const struct err *err)
{
    char text[ERR_TEXT_SIZE];
    err_text(err, job->lang, text);
    json_object_set_new(status, "error", json_string(text_utf8(job->arena, text)));
}

/* Size, tables, version. */
static void describe_database(struct job *job, json_t *status)
{
    struct pg_result rows;
    struct err err;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, &err);
    bool available = conn != NULL;
    const char *unknown = available ? "Unknown" : "N/A";
    json_object_set_new(status, "isAvailable", json_boolean(available));
    json_object_set_new(status, "databaseSize", json_string(unknown));
    json_object_set_new(status, "tableCount", json_integer(0));
    json_object_set_new(status, "postgresVersion", json_string(unknown));
    if (available
        && pg_query(conn, job->arena, &rows, &err,
                    "SELECT pg_size_pretty(pg_database_size(current_database())), current_setting('server_version'),"
                    " (SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = "
                    "'BASE TABLE'),"
                    " pg_database_size(current_database())",
                    PG_NO_ARGS)) {
        json_object_set_new(status, "databaseSize", json_string(pg_text(&rows, 0, 0)));
        json_object_set_new(status, "postgresVersion", json_string(pg_text(&rows, 0, 1)));
        json_object_set_new(status, "tableCount", json_integer(pg_int(&rows, 0, 2)));
        json_object_set_new(status, "databaseBytes", json_integer(pg_int(&rows, 0, 3)));
    } else {
        put_error(status, job, &err);
    }
    pg_pool_give(job->app->pool, conn);
}

json_t *backup_status(struct job *job)
{
    struct app *app = job->app;
    const char *where = app->cluster == NULL ? pg_target_where(app->target) : "private";
    json_t *status = json_pack("{s:s, s:s}", "containerName", text_utf8(job->arena, where), "databaseName",
                               text_utf8(job->arena, pg_target_database(app->target)));
    describe_database(job, status);
    bool available = json_is_true(json_object_get(status, "isAvailable"));
    json_object_set_new(status, "lock", available ? describe_lock(job) : json_null());
    json_object_set_new(status, "previous", available ? describe_previous(job) : json_array());
    json_object_set_new(status, "redis", json_string(redis_state(job)));
    json_object_set_new(status, "tools",
                        json_pack("{s:s, s:s}", "pgDump", pg_version_text(job->arena, app->tools.dump_version),
                                  "pgRestore", pg_version_text(job->arena, app->tools.restore_version)));
    json_object_set_new(status, "keepPreviousMs", json_integer(config_ms(app->config, SETTING_KEEP_PREVIOUS)));
    return status;
}
