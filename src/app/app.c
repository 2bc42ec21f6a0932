#include "app/app.h"

#include "app/admin_token.h"

#define POOL_SIZE 8

static bool open_target(struct app *app, enum app_kind kind, struct err *err)
{
    const char *dsn = config_text(app->config, SETTING_DSN), *source = config_text(app->config, SETTING_EXPORT_DSN);
    if (dsn[0] == '\0') {
        app->cluster = cluster_open(app->data_dir, &app->tools, kind == APP_COMMAND, err);
        if (app->cluster == NULL)
            return false;
        dsn = cluster_dsn(app->cluster);
    }
    app->target = pg_target_new(dsn, "DSN", err);
    if (app->target == NULL || source[0] == '\0')
        return app->target != NULL;
    app->export_target = pg_target_new(source, "EXPORT_DSN", err);
    return app->export_target != NULL;
}

struct app *app_open(const struct config *config, enum app_kind kind, struct err *err)
{
    struct arena *arena = arena_new();
    struct app *app = arena_alloc(arena, sizeof *app);
    *app = (struct app){
        .arena = arena, .config = config, .data_dir = config_text(config, SETTING_DATA_DIR), .admin_token = ""};

    pg_tools_find(config_text(config, SETTING_PG_BIN_DIR), arena, &app->tools);
    app->redis = redis_new(config_text(config, SETTING_REDIS_URL), err);
    if (app->redis == NULL || !open_target(app, kind, err))
        goto failed;
    if (kind == APP_SERVER && (app->admin_token = admin_token_find(config, arena, err)) == NULL)
        goto failed;
    app->pool = pg_pool_new(pg_target_conninfo(app->target, arena, NULL), "hubport", POOL_SIZE);
    return app;
failed:
    app_close(app);
    return NULL;
}

void app_close(struct app *app)
{
    if (app == NULL)
        return;
    pg_pool_free(app->pool);
    redis_free(app->redis);
    pg_target_free(app->export_target);
    pg_target_free(app->target);
    cluster_close(app->cluster);
    arena_free(app->arena);
}

/* A proxy that hands out server connections (pgbouncer) gives clients a process number of its own. Session state, and
 * with it the backup lock, does not survive there. */
static bool refuse_pooler(struct pg_conn *conn, struct arena *arena, struct err *err)
{
    struct pg_result pid;
    if (!pg_query(conn, arena, &pid, err, "SELECT pg_backend_pid()", PG_NO_ARGS))
        return false;
    if (pg_int(&pid, 0, 0) == PQbackendPID(pg_raw(conn)))
        return true;
    return err_set(err, ERR_DATABASE_POOLER,
                   "the server process behind the connection is not the one that answered it");
}

struct pg_conn *app_connect(struct app *app, const char *database, const char *name, const struct cancel *cancel,
                            struct err *err)
{
    return app_connect_as(app->target, database, name, cancel, err);
}

struct pg_conn *app_connect_as(const struct pg_target *target, const char *database, const char *name,
                               const struct cancel *cancel, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_conn *conn = pg_open(pg_target_conninfo(target, arena, database), name, cancel, err);
    if (conn != NULL && !refuse_pooler(conn, arena, err)) {
        pg_close(conn);
        conn = NULL;
    }
    arena_free(arena);
    return conn;
}
