/* Any text as DSN and as REDIS_URL. The tools' command line holds no password; what libpq is given names the same
 * server again; a Redis address that is refused is not quoted. */
#include "fuzz/must.h"
#include "net/redis_url.h"
#include "pg/target.h"

#include <libpq-fe.h>
#include <string.h>

#define SECRET "pA55w0rd" /* the seeds' password */

static void must_be_same(const char *a, const char *b)
{
    must(strcmp(a, b) == 0);
}

/* Is the marker the password's alone? */
static bool is_secret_only(const char *dsn)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &message);
    bool only = false;
    for (PQconninfoOption *at = options; at != NULL && at->keyword != NULL; at++)
        if (at->val != NULL && strstr(at->val, SECRET) != NULL) {
            only = strcmp(at->keyword, "password") == 0;
            if (!only)
                break;
        }
    PQconninfoFree(options);
    PQfreemem(message);
    return only;
}

static void try_dsn(const char *dsn, struct arena *arena)
{
    struct err err = ERR_NONE_YET;
    struct pg_target *target = pg_target_new(dsn, "DSN", &err);
    if (target == NULL) {
        must(err.code == ERR_CONFIG_INVALID && strstr(err.words, SECRET) == NULL);
        return;
    }
    struct pg_target *again = pg_target_new(pg_target_conninfo(target, arena, NULL), "DSN", &err);
    must(again != NULL);
    must_be_same(pg_target_database(target), pg_target_database(again));
    must_be_same(pg_target_user(target), pg_target_user(again));
    must_be_same(pg_target_where(target), pg_target_where(again));
    must_be_same(pg_target_conninfo(target, arena, NULL), pg_target_conninfo(again, arena, NULL));
    struct pg_target *other = pg_target_as(target, "o'ther \\", "x' host=elsewhere", &err);
    must(other != NULL);
    must_be_same(pg_target_user(other), "o'ther \\");
    must_be_same(pg_target_where(target), pg_target_where(other));
    struct pg_target *shadow = pg_target_new(pg_target_conninfo(target, arena, "a b'c\\ user=evil"), "DSN", &err);
    must(shadow != NULL);
    must_be_same(pg_target_database(shadow), "a b'c\\ user=evil");
    must_be_same(pg_target_user(target), pg_target_user(shadow));
    if (is_secret_only(dsn))
        must(strstr(pg_target_argument(target, arena, NULL), SECRET) == NULL
             && strstr(pg_target_where(target), SECRET) == NULL);
    must(pg_target_env(target, arena, "-c statement_timeout=0") != NULL);
    pg_target_free(shadow);
    pg_target_free(other);
    pg_target_free(again);
    pg_target_free(target);
}

static void try_redis(const char *url, struct arena *arena)
{
    struct redis_url parts;
    struct err err = ERR_NONE_YET;
    if (redis_url_parse(url, arena, &parts, &err)) {
        must(parts.host[0] != '\0' && strpbrk(parts.host, "@/?# ") == NULL);
        must(strspn(parts.port, "0123456789") == strlen(parts.port) && parts.port[0] != '\0');
        must(parts.user != NULL && parts.password != NULL && parts.database[0] != '\0');
    } else {
        must(err.code == ERR_CONFIG_INVALID && strstr(err.words, SECRET) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, size == 0 ? "" : (const char *)bytes, size);
    try_dsn(text, arena);
    try_redis(text, arena);
    arena_free(arena);
    return 0;
}
