#include "audit/list.h"

#include "base/text.h"

/* The hub's names. */
#define ITEM                                                                                                           \
    "json_build_object('id', id, 'actionCategory', action_category, 'actionType', action_type, 'targetType', "         \
    "target_type, 'targetId', target_id, 'targetName', target_name, 'beforeValue', before_value, 'afterValue', "       \
    "after_value, 'operatorUserId', operator_user_id, 'operatorUserName', operator_user_name, 'operatorKeyId', "       \
    "operator_key_id, 'operatorKeyName', operator_key_name, 'operatorIp', operator_ip, 'userAgent', user_agent, "      \
    "'success', success, 'errorMessage', error_message, 'createdAt', to_char(created_at AT TIME ZONE 'UTC', "          \
    "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))"

static struct pg_conn *take(struct app *app, struct arena *arena, const struct cancel *cancel, struct err *err)
{
    struct pg_result found;
    struct pg_conn *conn = pg_pool_take(app->pool, cancel, err);
    if (conn == NULL)
        return NULL;
    if (pg_query(conn, arena, &found, err, "SELECT to_regclass('public.audit_log') IS NOT NULL", PG_NO_ARGS)) {
        if (pg_bool(&found, 0, 0))
            return conn;
        err_set(err, ERR_FEATURE_UNAVAILABLE, "the table audit_log is missing");
        err_args(err, "audit_log", NULL);
    }
    pg_pool_give(app->pool, conn);
    return NULL;
}

static bool refuse(struct err *err, const char *name, const char *words)
{
    err_set(err, ERR_VALIDATION_FAILED, "%s %s", name, words);
    return err_args(err, name, NULL);
}

static const char *given(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* A cursor is "<microseconds>_<id>" of the last row seen. */
static bool read_cursor(struct arena *arena, const char *cursor, const char **micros, const char **id, struct err *err)
{
    int64_t value;
    *micros = *id = NULL;
    if (cursor == NULL)
        return true;
    size_t length = strcspn(cursor, "_");
    *micros = arena_strndup(arena, cursor, length);
    *id = cursor[length] == '_' ? cursor + length + 1 : "";
    return (text_parse_integer(*micros, INT64_MIN, INT64_MAX, &value) && text_parse_integer(*id, 1, INT32_MAX, &value))
           || refuse(err, "cursor", "is none of ours");
}

static bool check_time(struct pg_conn *conn, struct arena *arena, const char *name, const char *text, struct err *err)
{
    if (text == NULL || pg_query(conn, arena, NULL, err, "SELECT $1::timestamptz", PG_ARGS(text)))
        return true;
    return err->code == ERR_DATABASE_ERROR ? refuse(err, name, "must be a time, as 2026-01-31T00:00:00Z") : false;
}

const char *audit_list(struct app *app, struct arena *arena, const struct audit_filter *filter,
                       const struct cancel *cancel, struct err *err)
{
    static const char sql[] =
        "WITH page AS MATERIALIZED (SELECT * FROM public.audit_log"
        " WHERE ($1::text IS NULL OR action_category = $1) AND ($2::boolean IS NULL OR success = $2)"
        " AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)"
        " AND ($5::text IS NULL OR concat_ws(' ', action_type, target_type, target_id, target_name, "
        "operator_user_name, operator_ip) ILIKE '%' || replace(replace(replace($5, '\\', '\\\\'), '%', '\\%'), '_', "
        "'\\_') || '%')"
        " AND ($6::bigint IS NULL OR (created_at, id) < (timestamptz 'epoch' + $6 * interval '1 microsecond', $7::int))"
        " ORDER BY created_at DESC NULLS LAST, id DESC LIMIT $8::int + 1),"
        " shown AS (SELECT * FROM page ORDER BY created_at DESC NULLS LAST, id DESC LIMIT $8::int)"
        " SELECT json_build_object('items', coalesce((SELECT json_agg(" ITEM " ORDER BY created_at DESC, id DESC) FROM "
        "shown), '[]'), 'pageInfo', json_build_object('nextCursor', CASE WHEN (SELECT count(*) FROM page) > $8::int "
        "THEN "
        "(SELECT (extract(epoch FROM created_at) * 1000000)::bigint || '_' || id FROM shown ORDER BY created_at, id "
        "LIMIT "
        "1) END, 'hasMore', (SELECT count(*) FROM page) > $8::int, 'limit', $8::int))";
    struct pg_result rows;
    const char *micros, *id, *from = given(filter->from), *to = given(filter->to), *json = NULL;
    const char *success = given(filter->success);
    if (success != NULL && strcmp(success, "true") != 0 && strcmp(success, "false") != 0) {
        refuse(err, "success", "must be true or false");
        return NULL;
    }
    if (!read_cursor(arena, given(filter->cursor), &micros, &id, err))
        return NULL;
    struct pg_conn *conn = take(app, arena, cancel, err);
    if (conn == NULL)
        return NULL;
    if (check_time(conn, arena, "from", from, err) && check_time(conn, arena, "to", to, err)
        && pg_query(conn, arena, &rows, err, sql,
                    PG_ARGS(given(filter->category), success, from, to, given(filter->search), micros, id,
                            arena_printf(arena, "%lld", (long long)filter->limit))))
        json = pg_text(&rows, 0, 0);
    pg_pool_give(app->pool, conn);
    return json;
}

const char *audit_get(struct app *app, struct arena *arena, int64_t id, const struct cancel *cancel, struct err *err)
{
    struct pg_result rows;
    const char *json = NULL;
    struct pg_conn *conn = take(app, arena, cancel, err);
    if (conn == NULL)
        return NULL;
    if (pg_query(conn, arena, &rows, err, "SELECT " ITEM " FROM public.audit_log WHERE id = $1::int",
                 PG_ARGS(arena_printf(arena, "%lld", (long long)id)))) {
        if (rows.count == 1)
            json = pg_text(&rows, 0, 0);
        else
            err_set(err, ERR_NOT_FOUND, "there is no row %lld in the audit log", (long long)id);
    }
    pg_pool_give(app->pool, conn);
    return json;
}
