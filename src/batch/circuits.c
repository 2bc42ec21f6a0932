#include "batch/circuits.h"

#include "base/text.h"
#include "batch/internal.h"

#include <string.h>

#define STATE_LIFE_S "86400"

static const char *state_key(struct arena *arena, int64_t id)
{
    return arena_printf(arena, "circuit_breaker:state:%lld", (long long)id);
}

static struct redis_command command_of(struct arena *arena, const char *const *args, size_t count)
{
    const char **kept = arena_alloc(arena, count * sizeof *kept);
    memcpy(kept, args, count * sizeof *kept);
    return (struct redis_command){kept, count};
}
#define COMMAND(arena, ...)                                                                                            \
    command_of(arena, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* ---- List -------------------------------------------------------------------------------------------------------- */

static const char *hash_value(const struct redis_reply *hash, const char *name)
{
    for (size_t i = 0; hash->kind == REDIS_LIST && i + 1 < hash->count; i += 2)
        if (strcmp(hash->items[i].text, name) == 0)
            return hash->items[i + 1].text;
    return "";
}

static json_t *number_or_null(const char *text)
{
    int64_t value;
    return text_parse_integer(text, INT64_MIN, INT64_MAX, &value) ? json_integer((json_int_t)value) : json_null();
}

static json_t *describe(int64_t id, const struct redis_reply *hash)
{
    const char *state = hash_value(hash, "circuitState");
    int64_t failures = 0, successes = 0;
    (void)!text_parse_integer(hash_value(hash, "failureCount"), 0, INT32_MAX, &failures);
    (void)!text_parse_integer(hash_value(hash, "halfOpenSuccessCount"), 0, INT32_MAX, &successes);
    bool known = strcmp(state, "open") == 0 || strcmp(state, "half-open") == 0;
    return json_pack("{s:I, s:s, s:I, s:o, s:o, s:I}", "providerId", (json_int_t)id, "state", known ? state : "closed",
                     "failureCount", (json_int_t)failures, "openUntil",
                     number_or_null(hash_value(hash, "circuitOpenUntil")), "lastFailureAt",
                     number_or_null(hash_value(hash, "lastFailureTime")), "halfOpenSuccessCount",
                     (json_int_t)successes);
}

json_t *circuits_list(const struct batch_job *job, struct err *err)
{
    struct pg_result rows;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL
              && pg_query(conn, job->arena, &rows, err,
                          "SELECT id FROM public.providers WHERE deleted_at IS NULL ORDER BY id", PG_NO_ARGS);
    pg_pool_give(job->app->pool, conn);
    if (!ok)
        return NULL;
    size_t count = (size_t)rows.count;
    struct redis_command *commands = arena_alloc(job->arena, (count + 1) * sizeof *commands);
    struct redis_reply *replies = arena_alloc(job->arena, (count + 1) * sizeof *replies);
    for (size_t i = 0; i < count; i++)
        commands[i] = COMMAND(job->arena, "HGETALL", state_key(job->arena, pg_int(&rows, (int)i, 0)));
    if (!redis_pipeline(job->app->redis, job->arena, commands, count, replies, err))
        return NULL;
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(items, describe(pg_int(&rows, (int)i, 0), &replies[i]));
    return json_pack("{s:o}", "items", items);
}

/* ---- Reset ------------------------------------------------------------------------------------------------------- */

static bool all_exist(const struct batch_job *job, const struct batch_row *rows, size_t count,
                      struct batch_result *result, struct err *err)
{
    struct pg_result missing;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok =
        conn != NULL
        && pg_query(conn, job->arena, &missing, err,
                    "SELECT w.id FROM unnest($1::int[]) AS w (id) LEFT JOIN public.providers p ON p.id = w.id AND "
                    "p.deleted_at IS NULL WHERE p.id IS NULL ORDER BY w.id",
                    PG_ARGS(rows_ids(job->arena, rows, count)));
    pg_pool_give(job->app->pool, conn);
    if (!ok || missing.count == 0)
        return ok;
    const char *names = "";
    result->missing = json_array();
    for (int i = 0; i < missing.count; i++) {
        json_array_append_new(result->missing, json_integer((json_int_t)pg_int(&missing, i, 0)));
        names = arena_printf(job->arena, "%s%s%s", names, i == 0 ? "" : ", ", pg_text(&missing, i, 0));
    }
    err_set(err, ERR_PROVIDER_NOT_FOUND, "providers: %s", names);
    return err_args(err, names, NULL);
}

/* As the hub's reset writes it: hash and its life. Only what Redis confirmed counts. */
static bool reset(const struct batch_job *job, const struct batch_row *rows, size_t count, struct batch_result *result,
                  struct err *err)
{
    struct arena *arena = job->arena;
    struct redis_command *commands = arena_alloc(arena, (2 * count + 1) * sizeof *commands);
    struct redis_reply *replies = arena_alloc(arena, (2 * count + 1) * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        const char *key = state_key(arena, rows[i].id);
        commands[2 * i] = COMMAND(arena, "HSET", key, "failureCount", "0", "lastFailureTime", "", "circuitState",
                                  "closed", "circuitOpenUntil", "", "halfOpenSuccessCount", "0");
        commands[2 * i + 1] = COMMAND(arena, "EXPIRE", key, STATE_LIFE_S);
    }
    if (!redis_pipeline(job->app->redis, arena, commands, 2 * count, replies, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (replies[2 * i].kind == REDIS_NUMBER && replies[2 * i + 1].kind == REDIS_NUMBER
            && replies[2 * i + 1].number == 1)
            continue;
        if (result->stale == NULL)
            result->stale = json_array();
        json_array_append_new(result->stale, json_integer((json_int_t)rows[i].id));
    }
    return result->stale == NULL
           || err_set(err, ERR_CIRCUITS_NOT_RESET, "Redis refused %zu of %zu", json_array_size(result->stale), count);
}

bool circuits_reset(const struct batch_job *job, const struct batch_row *rows, size_t count,
                    struct batch_result *result, struct err *err)
{
    bool ok = all_exist(job, rows, count, result, err) && reset(job, rows, count, result, err);
    json_t *ids = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(ids, json_integer((json_int_t)rows[i].id));
    json_t *after = json_pack("{s:o}", "ids", ids);
    batch_audit(job, &batch_kinds[KIND_PROVIDERS], "providers.reset_circuits", NULL, after, ok ? NULL : err);
    json_decref(after);
    return ok;
}
