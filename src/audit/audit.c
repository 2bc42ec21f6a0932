#include "audit/audit.h"

#include "base/log.h"
#include "base/text.h"

#include <strings.h>

#define REDACTED "[REDACTED]"

static bool is_secret(const char *name)
{
    static const char *const names[] = {"key",    "apikey", "api_key",       "api-key",       "password",
                                        "secret", "token",  "authorization", "webhook_secret"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The value without secrets, a new reference: what holds none is shared, not copied. */
static json_t *redacted(json_t *value)
{
    json_t *copy = NULL, *member;
    const char *name;
    size_t index;
    json_object_foreach(value, name, member)
    {
        json_t *clean = is_secret(name) ? json_string(REDACTED) : redacted(member);
        if (clean != member && copy == NULL)
            copy = json_copy(value);
        if (clean != member)
            json_object_set(copy, name, clean);
        json_decref(clean);
    }
    json_array_foreach(value, index, member)
    {
        json_t *clean = redacted(member);
        if (clean != member && copy == NULL)
            copy = json_copy(value);
        if (clean != member)
            json_array_set(copy, index, clean);
        json_decref(clean);
    }
    return copy != NULL ? copy : json_incref(value);
}

static const char *json_text(struct arena *arena, json_t *value)
{
    if (value == NULL)
        return NULL;
    json_t *clean = redacted(value);
    char *text = json_dumps(clean, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *kept = arena_strdup(arena, text);
    free(text);
    json_decref(clean);
    return kept;
}

/* At most `size` bytes of valid UTF-8: the columns are varchar(size), counted in characters. */
static const char *clipped(struct arena *arena, const char *text, size_t size)
{
    if (text == NULL)
        return NULL;
    char *copy = arena_strdup(arena, text_utf8(arena, text));
    if (strlen(copy) > size) {
        copy[size] = '\0';
        text_cut_utf8(copy);
    }
    return copy;
}

static bool insert(struct pg_conn *conn, struct arena *arena, const struct audit_actor *actor,
                   const struct audit_event *event, struct err *err)
{
    struct pg_result found;
    if (!pg_query(conn, arena, &found, err, "SELECT to_regclass('public.audit_log') IS NOT NULL", PG_NO_ARGS))
        return false;
    if (!pg_bool(&found, 0, 0))
        return true;
    return pg_query(
        conn, arena, NULL, err,
        "INSERT INTO public.audit_log (action_category, action_type, target_type, target_id, target_name, before_value,"
        " after_value, operator_user_id, operator_user_name, operator_key_id, operator_key_name, operator_ip, "
        "user_agent,"
        " success, error_message)"
        " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, nullif($8::int, 0), $9, nullif($10::int, 0), $11, $12, $13,"
        " $14::boolean, $15)",
        PG_ARGS(event->category, event->type, event->target_type, clipped(arena, event->target_id, 64),
                clipped(arena, event->target_name, 256), json_text(arena, event->before),
                json_text(arena, event->after), arena_printf(arena, "%lld", (long long)actor->user_id),
                clipped(arena, actor->user_name, 128), arena_printf(arena, "%lld", (long long)actor->key_id),
                clipped(arena, actor->key_name, 128), clipped(arena, actor->address, 45),
                clipped(arena, actor->user_agent, 512), event->success ? "t" : "f",
                clipped(arena, event->error, 4096)));
}

static void lost(struct arena *arena, const struct audit_event *event, const struct err *err)
{
    log_event(LOG_WARN, "audit.lost", "{s:s, s:s}", "type", event->type, "error", text_utf8(arena, err->words));
}

void audit_write(struct app *app, const struct audit_actor *actor, const struct audit_event *event)
{
    struct arena *arena = arena_new();
    struct err err;
    struct pg_conn *conn = pg_pool_take(app->pool, NULL, &err);
    if (conn == NULL || !insert(conn, arena, actor, event, &err))
        lost(arena, event, &err);
    pg_pool_give(app->pool, conn);
    arena_free(arena);
}

bool audit_write_within(struct pg_conn *conn, const struct audit_actor *actor, const struct audit_event *event,
                        struct err *err)
{
    struct arena *arena = arena_new();
    bool ok = pg_run(conn, err, "SAVEPOINT audit");
    if (ok && !insert(conn, arena, actor, event, err)) {
        lost(arena, event, err);
        ok = pg_run(conn, err, "ROLLBACK TO SAVEPOINT audit");
    }
    arena_free(arena);
    return ok;
}
