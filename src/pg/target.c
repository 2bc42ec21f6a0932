#include "pg/target.h"

#include <libpq-fe.h>

struct pg_target {
    PQconninfoOption *options; /* only those that the setting gave, plus the defaults */
    struct arena *arena;
    const char *where;
};

static const struct {
    const char *keyword, *value;
} defaults[] = {{"host", "localhost"}, {"port", "5432"}, {"user", "postgres"}, {"dbname", "postgres"}};

/* Secrets, and the variable that carries each to the tools. */
static const struct {
    const char *keyword, *env;
} secrets[] = {{"password", "PGPASSWORD"}, {"sslpassword", NULL}};

static const char *option(const struct pg_target *target, const char *keyword)
{
    for (PQconninfoOption *at = target->options; at->keyword != NULL; at++)
        if (strcmp(at->keyword, keyword) == 0 && at->val != NULL && at->val[0] != '\0')
            return at->val;
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        if (strcmp(defaults[i].keyword, keyword) == 0)
            return strcmp(keyword, "host") == 0 && option(target, "hostaddr") != NULL ? NULL : defaults[i].value;
    return NULL;
}

struct pg_target *pg_target_new(const char *dsn, const char *setting, struct err *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &message);
    if (options == NULL) {
        /* libpq's message may quote the text, and the text may hold a password. */
        PQfreemem(message);
        err_set(err, ERR_CONFIG_INVALID,
                "%s is not a libpq URI such as postgresql://user:password@host:5432/database "
                "(special characters in a password must be percent-encoded)",
                setting);
        err_args(err, setting, NULL);
        return NULL;
    }
    struct arena *arena = arena_new();
    struct pg_target *target = arena_alloc(arena, sizeof *target);
    target->options = options;
    target->arena = arena;
    const char *host = option(target, "host");
    target->where =
        arena_printf(arena, "%s:%s", host == NULL ? option(target, "hostaddr") : host, option(target, "port"));
    return target;
}

void pg_target_free(struct pg_target *target)
{
    if (target == NULL)
        return;
    PQconninfoFree(target->options);
    arena_free(target->arena);
}

const char *pg_target_database(const struct pg_target *target)
{
    return option(target, "dbname");
}

const char *pg_target_user(const struct pg_target *target)
{
    return option(target, "user");
}

const char *pg_target_where(const struct pg_target *target)
{
    return target->where;
}

static bool is_secret(const char *keyword)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (strcmp(secrets[i].keyword, keyword) == 0)
            return true;
    return false;
}

/* keyword='value' with the quoting of connection strings. */
static const char *add(struct arena *arena, const char *sofar, const char *keyword, const char *value)
{
    char *quoted = arena_alloc(arena, 2 * strlen(value) + 1);
    char *out = quoted;
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\')
            *out++ = '\\';
        *out++ = *at;
    }
    return arena_printf(arena, "%s%s='%s'", sofar[0] == '\0' ? "" : arena_printf(arena, "%s ", sofar), keyword, quoted);
}

static const char *conninfo(const struct pg_target *target, struct arena *arena, const char *database,
                            bool with_secrets)
{
    const char *text = "";
    for (PQconninfoOption *at = target->options; at->keyword != NULL; at++) {
        const char *value =
            strcmp(at->keyword, "dbname") == 0 && database != NULL ? database : option(target, at->keyword);
        bool ours = strcmp(at->keyword, "client_encoding") == 0 || strcmp(at->keyword, "application_name") == 0
                    || strcmp(at->keyword, "fallback_application_name") == 0;
        /* Said to be nothing, or libpq would take PGHOSTADDR's server for the one that `host` names. */
        if (value == NULL && strcmp(at->keyword, "hostaddr") == 0)
            value = "";
        if (value != NULL && !ours && (with_secrets || !is_secret(at->keyword)))
            text = add(arena, text, at->keyword, value);
    }
    return text;
}

const char *pg_target_conninfo(const struct pg_target *target, struct arena *arena, const char *database)
{
    return conninfo(target, arena, database, true);
}

struct pg_target *pg_target_as(const struct pg_target *target, const char *user, const char *password, struct err *err)
{
    /* What is said twice counts as said last. */
    struct arena *arena = arena_new();
    const char *text = conninfo(target, arena, NULL, true);
    struct pg_target *other =
        pg_target_new(add(arena, add(arena, text, "user", user), "password", password), "DSN", err);
    arena_free(arena);
    return other;
}

const char *pg_target_argument(const struct pg_target *target, struct arena *arena, const char *database)
{
    return arena_printf(arena, "--dbname=%s", conninfo(target, arena, database, false));
}

const char *const *pg_target_env(const struct pg_target *target, struct arena *arena, const char *options)
{
    const char **env = arena_alloc(arena, 8 * sizeof *env);
    size_t used = 0;
    env[used++] = "LC_ALL=C";
    env[used++] = "PGCLIENTENCODING=UTF8";
    env[used++] = "PGAPPNAME=hubport";
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (secrets[i].env != NULL && option(target, secrets[i].keyword) != NULL)
            env[used++] = arena_printf(arena, "%s=%s", secrets[i].env, option(target, secrets[i].keyword));
    if (options != NULL)
        env[used++] = arena_printf(arena, "PGOPTIONS=%s", options);
    return env;
}
