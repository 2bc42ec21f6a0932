#include "auth/account.h"

#include "base/text.h"

/* The tables are the hub's, in schema public whatever search_path says. Nullable flags count as the hub counts them:
 * NULL is no. */
#define SELECT_ACCOUNTS                                                                                                \
    "SELECT u.id, u.name, coalesce(u.role, 'user'), coalesce(u.description, ''), k.id, k.name,"                        \
    " 'sha256:' || encode(sha256(convert_to(k.key, 'UTF8')), 'hex'),"                                                  \
    " k.deleted_at IS NULL AND k.is_enabled IS TRUE AND (k.expires_at IS NULL OR k.expires_at > now())"                \
    " AND u.deleted_at IS NULL AND u.is_enabled IS TRUE AND (u.expires_at IS NULL OR u.expires_at > now()),"           \
    " k.can_login_web_ui IS TRUE"                                                                                      \
    " FROM public.keys k JOIN public.users u ON u.id = k.user_id WHERE "

#define UNDEFINED_COLUMN "42703"
#define UNDEFINED_TABLE "42P01"
#define UNDEFINED_SCHEMA "3F000"
#define SERVER_GOES "57P0" /* start of: shut down, crashed, not up yet, database gone. The connection's end follows */

/* Ask; a connection that broke since it was last used is replaced once (a switch of databases ends them all). */
static bool ask(struct pg_pool *pool, struct arena *arena, const char *sql, const char *arg,
                const struct cancel *cancel, struct pg_result *rows, char sqlstate[6], struct err *err)
{
    bool ok = false, again = true;
    for (int attempt = 0; attempt < 2 && again; attempt++) {
        struct pg_conn *conn = pg_pool_take(pool, cancel, err);
        if (conn == NULL)
            return false;
        ok = pg_query(conn, arena, rows, err, sql, PG_ARGS(arg));
        snprintf(sqlstate, 6, "%s", pg_sqlstate(conn));
        if (!ok && text_starts(sqlstate, SERVER_GOES))
            err->code = ERR_DATABASE_UNAVAILABLE;
        again = !ok && err->code == ERR_DATABASE_UNAVAILABLE;
        pg_pool_give(pool, conn);
    }
    return ok;
}

static void fill(const struct pg_result *rows, int row, struct account *account)
{
    account->user_id = pg_int(rows, row, 0);
    account->user_name = pg_text(rows, row, 1);
    account->role = pg_text(rows, row, 2);
    account->description = pg_text(rows, row, 3);
    account->key_id = pg_int(rows, row, 4);
    account->key_name = pg_text(rows, row, 5);
    snprintf(account->fingerprint, sizeof account->fingerprint, "%s", pg_text(rows, row, 6));
    account->alive = pg_bool(rows, row, 7);
    account->may_sign_in = pg_bool(rows, row, 8);
    account->admin = strcmp(account->role, "admin") == 0;
}

static bool load(struct pg_pool *pool, struct arena *arena, const char *sql, const char *arg,
                 const struct cancel *cancel, struct accounts *accounts, struct err *err)
{
    struct pg_result rows = {0};
    char sqlstate[6] = "";
    *accounts = (struct accounts){0};
    if (!ask(pool, arena, sql, arg, cancel, &rows, sqlstate, err)) {
        if (strcmp(sqlstate, UNDEFINED_TABLE) == 0 || strcmp(sqlstate, UNDEFINED_SCHEMA) == 0)
            return true;
        if (strcmp(sqlstate, UNDEFINED_COLUMN) == 0) {
            err->code = ERR_FEATURE_UNAVAILABLE;
            err_args(err, "users / keys", NULL);
        }
        return err_wrap(err, "looking up the key");
    }
    accounts->items = arena_alloc(arena, ((size_t)rows.count + 1) * sizeof *accounts->items);
    accounts->count = (size_t)rows.count;
    for (int i = 0; i < rows.count; i++)
        fill(&rows, i, &accounts->items[i]);
    return true;
}

bool accounts_of_key(struct pg_pool *pool, struct arena *arena, const char *key, const struct cancel *cancel,
                     struct accounts *accounts, struct err *err)
{
    return load(pool, arena, SELECT_ACCOUNTS "k.key = $1::text ORDER BY k.id", key, cancel, accounts, err);
}

bool accounts_of_user(struct pg_pool *pool, struct arena *arena, int64_t user_id, const struct cancel *cancel,
                      struct accounts *accounts, struct err *err)
{
    const char *id = arena_printf(arena, "%lld", (long long)user_id);
    return load(pool, arena, SELECT_ACCOUNTS "k.user_id = $1::bigint ORDER BY k.id", id, cancel, accounts, err);
}
