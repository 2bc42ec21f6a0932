#include "batch/list.h"

#include "base/text.h"

#include <string.h>

struct filter {
    const char *name;
    const char *condition; /* $? stands for the value, a text */
};

struct sort {
    const char *name, *expression;
};

struct listing {
    const char *from;
    const char *more; /* members of an item beyond the fields */
    const char *search;
    struct filter filters[10];
    struct sort sorts[10];
};

/* Both answers of a yes-or-no filter are texts: "true", "false". */
#define IS(column) column " = ($?)::boolean"
#define HAS_GROUP(column) "($?) = ANY (string_to_array(" column ", ','))"
/* As value_shown() does it. */
#define MASKED_URL(column) "regexp_replace(regexp_replace(" column ", '^([^/]*//)?.*@', '\\1***@'), '[?#].*$', '?***')"

static const struct listing listings[KIND_COUNT] = {
    [KIND_USERS] =
        {.from = "public.users t",
         .more =
             "'role', t.role, 'isEnabled', t.is_enabled, 'expiresAt', t.expires_at, 'providerGroup', t.provider_group, "
             "'keyCount', (SELECT count(*) FROM public.keys k WHERE k.user_id = t.id AND k.deleted_at IS NULL), "
             "'enabledKeyCount', (SELECT count(*) FROM public.keys k WHERE k.user_id = t.id AND k.deleted_at IS NULL "
             "AND "
             "k.is_enabled)",
         .search = "concat_ws(' ', t.id, t.name, t.description)",
         .filters = {{"enabled", IS("t.is_enabled")},
                     {"group", HAS_GROUP("t.provider_group")},
                     {"tag", "t.tags ? ($?)"},
                     {"role", "t.role = ($?)"},
                     {"user", "t.id = ($?)::int"}},
         .sorts = {{"id", "t.id"},
                   {"name", "t.name"},
                   {"createdAt", "t.created_at"},
                   {"updatedAt", "t.updated_at"},
                   {"expiresAt", "t.expires_at"},
                   {"rpm", "t.rpm_limit"},
                   {"dailyQuota", "t.daily_limit_usd"}}},
    [KIND_KEYS] =
        {.from = "public.keys t LEFT JOIN public.users u ON u.id = t.user_id",
         .more = "'userId', t.user_id, 'userName', u.name, 'keyLast4', right(t.key, 4), 'expiresAt', t.expires_at",
         .search = "concat_ws(' ', t.id, t.name, u.name)",
         .filters = {{"enabled", IS("t.is_enabled")},
                     {"group", HAS_GROUP("t.provider_group")},
                     {"user", "t.user_id = ($?)::int"}},
         .sorts = {{"id", "t.id"},
                   {"name", "t.name"},
                   {"userName", "u.name"},
                   {"createdAt", "t.created_at"},
                   {"updatedAt", "t.updated_at"},
                   {"expiresAt", "t.expires_at"}}},
    [KIND_PROVIDERS] =
        {.from = "public.providers t LEFT JOIN public.provider_vendors v ON v.id = t.provider_vendor_id",
         .more = "'providerType', t.provider_type, 'vendor', coalesce(v.display_name, v.website_domain), 'vendorId', "
                 "t.provider_vendor_id, 'url', " MASKED_URL("t.url") ", 'keyLast4', right(t.key, 4)",
         .search = "concat_ws(' ', t.id, t.name, t.description, t.url, t.group_tag, v.display_name, v.website_domain)",
         .filters = {{"enabled", IS("t.is_enabled")},
                     {"group", HAS_GROUP("t.group_tag")},
                     {"type", "t.provider_type = ($?)"},
                     {"vendor", "coalesce(v.display_name, v.website_domain) = ($?)"}},
         .sorts = {{"id", "t.id"},
                   {"name", "t.name"},
                   {"providerType", "t.provider_type"},
                   {"vendor", "coalesce(v.display_name, v.website_domain)"},
                   {"priority", "t.priority"},
                   {"weight", "t.weight"},
                   {"costMultiplier", "t.cost_multiplier"},
                   {"createdAt", "t.created_at"},
                   {"updatedAt", "t.updated_at"}}},
};

/* ---- SQL --------------------------------------------------------------------------------------------------------- */

/* The members of an item: the kind's fields in their table's order, amounts as exact texts. */
static const char *item_sql(const struct kind *kind, struct arena *arena)
{
    const char *sql = "'id', t.id, 'name', t.name";
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *field = &kind->fields[i];
        const char *value = field->secret                  ? arena_printf(arena, MASKED_URL("t.%s"), field->column)
                            : field->type == FIELD_DECIMAL ? arena_printf(arena, "t.%s::text", field->column)
                                                           : arena_printf(arena, "t.%s", field->column);
        sql = arena_printf(arena, "%s, '%s', %s", sql, field->name, value);
    }
    /* A function takes at most 100 arguments. */
    return arena_printf(arena, "%s, %s, 'createdAt', t.created_at, 'updatedAt', t.updated_at", sql,
                        listings[kind->id].more);
}

/* jsonb_build_object(...) || jsonb_build_object(...): each with at most 80 of the arguments, cut between members. */
static const char *object_sql(const char *members, struct arena *arena)
{
    const char *sql = "jsonb_build_object(";
    int depth = 0, commas = 0;
    bool quoted = false;
    const char *start = members;
    for (const char *at = members; *at != '\0'; at++) {
        quoted = *at == '\'' ? !quoted : quoted;
        depth += quoted ? 0 : (*at == '(') - (*at == ')');
        if (*at != ',' || depth > 0 || quoted || ++commas % 80 != 0)
            continue;
        sql = arena_printf(arena, "%s%.*s) || jsonb_build_object(", sql, (int)(at - start), start);
        start = at + 1;
    }
    return arena_printf(arena, "%s%s)", sql, start);
}

struct where {
    const char *sql;
    const char *args[12];
    int count;
};

static bool wrong(struct err *err, const char *name, const char *words)
{
    err_set(err, ERR_VALIDATION_FAILED, "%s %s", name, words);
    return err_args(err, name, NULL);
}

static void add_condition(struct where *where, struct arena *arena, const char *condition, const char *value)
{
    const char *mark = strstr(condition, "$?");
    where->args[where->count++] = value;
    where->sql =
        arena_printf(arena, "%s AND %.*s$%d%s", where->sql, (int)(mark - condition), condition, where->count, mark + 2);
}

/* "1,2,3" -> "{1,2,3}"; NULL when it is no list of ids. */
static const char *id_list(struct arena *arena, const char *text)
{
    int64_t number;
    for (const char *at = text; at != NULL; at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
        if (!text_parse_integer(arena_strndup(arena, at, strcspn(at, ",")), 1, INT32_MAX, &number))
            return NULL;
    return arena_printf(arena, "{%s}", text);
}

/* Metacharacters of LIKE are searched for as they are. */
static const char *like_pattern(struct arena *arena, const char *text)
{
    char *pattern = arena_alloc(arena, 2 * strlen(text) + 3), *at = pattern;
    *at++ = '%';
    for (; *text != '\0'; text++) {
        if (strchr("\\%_", *text) != NULL)
            *at++ = '\\';
        *at++ = *text;
    }
    *at++ = '%';
    *at = '\0';
    return pattern;
}

static bool make_where(const struct batch_job *job, const struct kind *kind, const struct list_query *query,
                       struct where *where, struct err *err)
{
    const struct listing *listing = &listings[kind->id];
    const char *search = query->value(query->context, "search"), *ids = query->value(query->context, "ids");
    *where = (struct where){.sql = "t.deleted_at IS NULL"};
    if (ids != NULL && ids[0] != '\0') {
        const char *list = id_list(job->arena, ids);
        if (list == NULL)
            return wrong(err, "ids", "must be ids separated by commas");
        add_condition(where, job->arena, "t.id = ANY (($?)::int[])", list);
    }
    for (const struct filter *filter = listing->filters; filter->name != NULL; filter++) {
        const char *value = query->value(query->context, filter->name);
        int64_t number;
        if (value == NULL || value[0] == '\0')
            continue;
        if (strstr(filter->condition, "::boolean") != NULL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return wrong(err, filter->name, "must be true or false");
        if (strstr(filter->condition, "::int") != NULL && !text_parse_integer(value, 1, INT32_MAX, &number))
            return wrong(err, filter->name, "must be an id");
        add_condition(where, job->arena, filter->condition, value);
    }
    if (search != NULL && search[0] != '\0')
        add_condition(where, job->arena, arena_printf(job->arena, "%s ILIKE ($?)", listing->search),
                      like_pattern(job->arena, search));
    return true;
}

/* "name", "-name"; the id decides between equals. */
static const char *order_sql(const struct batch_job *job, const struct kind *kind, const struct list_query *query,
                             struct err *err)
{
    const char *wanted = query->value(query->context, "sort");
    if (wanted == NULL || wanted[0] == '\0')
        return "t.id";
    bool down = *wanted == '-';
    for (const struct sort *sort = listings[kind->id].sorts; sort->name != NULL; sort++)
        if (strcmp(sort->name, wanted + down) == 0)
            return arena_printf(job->arena, "%s %s NULLS LAST, t.id", sort->expression, down ? "DESC" : "ASC");
    wrong(err, "sort", "must be a sortable member's name, with - before it for descending");
    return NULL;
}

static bool run(const struct batch_job *job, struct pg_result *rows, const char *sql, const struct where *where,
                struct err *err)
{
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL && pg_query(conn, job->arena, rows, err, sql, where->args, where->count);
    pg_pool_give(job->app->pool, conn);
    return ok;
}

/* ---- Lists ------------------------------------------------------------------------------------------------------- */

bool list_items(const struct batch_job *job, const struct kind *kind, const struct list_query *query,
                const char **items, int64_t *total, struct err *err)
{
    struct where where;
    struct pg_result rows;
    const char *order;
    if (!make_where(job, kind, query, &where, err) || (order = order_sql(job, kind, query, err)) == NULL)
        return false;
    const char *from = listings[kind->id].from;
    const char *sql = arena_printf(job->arena,
                                   "WITH page AS (SELECT row_number() OVER (ORDER BY %s) AS place, %s AS item FROM %s "
                                   "WHERE %s ORDER BY %s OFFSET %lld "
                                   "LIMIT %lld) SELECT coalesce((SELECT json_agg(item ORDER BY place) FROM page), "
                                   "'[]'), (SELECT count(*) FROM %s WHERE "
                                   "%s)",
                                   order, object_sql(item_sql(kind, job->arena), job->arena), from, where.sql, order,
                                   (long long)query->offset, (long long)query->limit, from, where.sql);
    if (!run(job, &rows, sql, &where, err))
        return false;
    *items = pg_text(&rows, 0, 0);
    *total = pg_int(&rows, 0, 1);
    return true;
}

bool list_open(const struct batch_job *job, const struct kind *kind, const struct list_query *query,
               struct pg_conn *conn, const char *cursor, struct err *err)
{
    struct where where;
    const char *order;
    if (!make_where(job, kind, query, &where, err) || (order = order_sql(job, kind, query, err)) == NULL)
        return false;
    const char *sql =
        arena_printf(job->arena, "DECLARE %s NO SCROLL CURSOR FOR SELECT %s FROM %s WHERE %s ORDER BY %s", cursor,
                     object_sql(item_sql(kind, job->arena), job->arena), listings[kind->id].from, where.sql, order);
    return pg_query(conn, job->arena, NULL, err, sql, where.args, where.count);
}

bool list_ids(const struct batch_job *job, const struct kind *kind, const struct list_query *query, const char **answer,
              struct err *err)
{
    struct where where;
    struct pg_result rows;
    const char *order;
    if (!make_where(job, kind, query, &where, err) || (order = order_sql(job, kind, query, err)) == NULL)
        return false;
    const char *from = listings[kind->id].from;
    const char *sql =
        arena_printf(job->arena,
                     "SELECT json_build_object('ids', coalesce((SELECT json_agg(id) FROM (SELECT t.id FROM %s "
                     "WHERE %s ORDER BY %s LIMIT %lld) AS chosen), '[]'), 'total', (SELECT count(*) FROM %s "
                     "WHERE %s))",
                     from, where.sql, order, (long long)query->limit, from, where.sql);
    if (!run(job, &rows, sql, &where, err))
        return false;
    *answer = pg_text(&rows, 0, 0);
    return true;
}

bool list_one(const struct batch_job *job, const struct kind *kind, int64_t id, const char **item, struct err *err)
{
    const char *number = arena_printf(job->arena, "%lld", (long long)id);
    struct where where = {.args = {number}, .count = 1};
    struct pg_result rows;
    const char *sql = arena_printf(job->arena, "SELECT %s FROM %s WHERE t.deleted_at IS NULL AND t.id = $1::int",
                                   object_sql(item_sql(kind, job->arena), job->arena), listings[kind->id].from);
    if (!run(job, &rows, sql, &where, err))
        return false;
    if (rows.count == 1) {
        *item = pg_text(&rows, 0, 0);
        return true;
    }
    err_set(err, kind_not_found(kind), "%s: %s", kind->name, number);
    return err_args(err, number, NULL);
}
