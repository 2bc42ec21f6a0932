/* What must be true after a batch, beyond the fields themselves, checked and kept inside its transaction
 * (hub-contract sections 5.3 and 5.4). */
#include "batch/internal.h"

#include "base/text.h"

static bool disables_keys(const struct operation *operation)
{
    const struct batch_request *request = &operation->request;
    if (request->kind->id != KIND_KEYS || !changes_column(operation, "is_enabled"))
        return false;
    for (size_t i = 0; i < request->count; i++)
        if (json_is_false(json_object_get(request->rows[i].changes, "is_enabled")))
            return true;
    return false;
}

/* Users come before their keys, so that two requests about different keys of one user follow one another. */
bool invariants_lock(struct operation *operation, struct err *err)
{
    bool groups = operation->request.kind->id == KIND_KEYS && changes_column(operation, "provider_group");
    if (!disables_keys(operation) && !groups)
        return true;
    return pg_query(operation->conn, operation->job->arena, NULL, err,
                    "SELECT FROM public.users WHERE id IN (SELECT user_id FROM public.keys WHERE id = ANY ($1::int[]))"
                    " ORDER BY id FOR UPDATE",
                    PG_ARGS(operation->ids));
}

/* A user whose key was disabled keeps one that is enabled, not deleted and not expired. One who had none before is not
 * worse off. */
static bool keep_last_keys(struct operation *operation, struct err *err)
{
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    const char *disabled = "";
    json_t *row;
    size_t index;
    json_array_foreach(operation->result->rows, index, row)
    {
        bool was = json_is_true(json_object_get(json_object_get(row, "before"), "isEnabled"));
        bool is = json_is_true(json_object_get(json_object_get(row, "after"), "isEnabled"));
        if (was && !is)
            disabled = arena_printf(arena, "%s%s%lld", disabled, disabled[0] == '\0' ? "" : ",",
                                    (long long)json_integer_value(json_object_get(row, "id")));
    }
    if (!pg_query(operation->conn, arena, &rows, err,
                  "SELECT u.id, u.name FROM public.users u WHERE u.deleted_at IS NULL"
                  " AND u.id IN (SELECT user_id FROM public.keys WHERE id = ANY ($1::int[])"
                  "   AND (expires_at IS NULL OR expires_at > now()))"
                  " AND NOT EXISTS (SELECT FROM public.keys k WHERE k.user_id = u.id AND k.is_enabled AND k.deleted_at "
                  "IS NULL"
                  "   AND (k.expires_at IS NULL OR k.expires_at > now())) ORDER BY u.id",
                  PG_ARGS(arena_printf(arena, "{%s}", disabled))))
        return false;
    if (rows.count == 0)
        return true;
    operation->result->users = json_array();
    const char *names = "";
    for (int i = 0; i < rows.count; i++) {
        const char *name = text_utf8(arena, pg_text(&rows, i, 1));
        json_array_append_new(operation->result->users,
                              json_pack("{s:I, s:s}", "id", (json_int_t)pg_int(&rows, i, 0), "name", name));
        names = arena_printf(arena, "%s%s%s", names, i == 0 ? "" : ", ", name);
    }
    return err_set(err, ERR_CANNOT_DISABLE_LAST_KEY, "no key would be left to: %s", names);
}

#define GROUPS_OF_USERS                                                                                                \
    "(SELECT k.user_id, string_agg(DISTINCT part, ',' ORDER BY part) AS groups FROM public.keys k,"                    \
    " unnest(string_to_array(coalesce(nullif(k.provider_group, ''), 'default'), ',')) AS part"                         \
    " WHERE k.deleted_at IS NULL AND k.user_id IN (SELECT user_id FROM public.keys WHERE id = ANY ($1::int[]))"        \
    " GROUP BY k.user_id) g"

/* A user's groups are those of his keys, as long as the column takes them all. */
static bool gather_groups(struct operation *operation, struct err *err)
{
    struct arena *arena = operation->job->arena;
    struct pg_result rows;
    if (!pg_query(operation->conn, arena, &rows, err,
                  "SELECT u.name FROM public.users u JOIN " GROUPS_OF_USERS
                  " ON u.id = g.user_id WHERE length(g.groups) > 200 ORDER BY u.id LIMIT 1",
                  PG_ARGS(operation->ids)))
        return false;
    if (rows.count > 0) {
        err_set(err, ERR_GROUPS_TOO_LONG, "users.provider_group takes 200 characters");
        return err_args(err, text_utf8(arena, pg_text(&rows, 0, 0)), NULL);
    }
    return pg_query(operation->conn, arena, NULL, err,
                    "UPDATE public.users u SET provider_group = g.groups, updated_at = now() FROM " GROUPS_OF_USERS
                    " WHERE u.id = g.user_id AND u.provider_group IS DISTINCT FROM g.groups",
                    PG_ARGS(operation->ids));
}

/* Groups that providers name exist as rows. */
static bool make_groups(struct operation *operation, struct err *err)
{
    return pg_query(operation->conn, operation->job->arena, NULL, err,
                    "INSERT INTO public.provider_groups (name) SELECT DISTINCT part FROM public.providers p,"
                    " unnest(string_to_array(p.group_tag, ',')) AS part WHERE p.id = ANY ($1::int[]) AND part <> ''"
                    " ON CONFLICT (name) DO NOTHING",
                    PG_ARGS(operation->ids));
}

/* A provider that is switched on has its endpoint. */
bool invariants_endpoints(struct operation *operation, struct err *err)
{
    return pg_query(
        operation->conn, operation->job->arena, NULL, err,
        "INSERT INTO public.provider_endpoints (vendor_id, provider_type, url)"
        " SELECT DISTINCT provider_vendor_id, provider_type, url FROM public.providers WHERE id = ANY ($1::int[])"
        " AND is_enabled AND provider_vendor_id > 0 AND deleted_at IS NULL"
        " ON CONFLICT (vendor_id, provider_type, url) WHERE deleted_at IS NULL DO NOTHING",
        PG_ARGS(operation->ids));
}

bool invariants_check(struct operation *operation, struct err *err)
{
    enum kind_id kind = operation->request.kind->id;
    if (disables_keys(operation) && !keep_last_keys(operation, err))
        return false;
    if (kind == KIND_KEYS && changes_column(operation, "provider_group") && !gather_groups(operation, err))
        return false;
    if (kind == KIND_PROVIDERS && changes_column(operation, "group_tag") && !make_groups(operation, err))
        return false;
    return kind != KIND_PROVIDERS || !changes_column(operation, "is_enabled") || invariants_endpoints(operation, err);
}
