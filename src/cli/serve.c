/* hubport serve */
#include "cli/command.h"

#include "api/api.h"
#include "api/follow.h"
#include "api/upload.h"
#include "base/log.h"
#include "base/text.h"
#include "ops/janitor.h"
#include "ops/metrics.h"
#include "pg/migrate.h"

#include <unistd.h>

#define CODE_LENGTH 32
#define STOP_LIMIT_S 10

struct server {
    struct invocation *invocation;
    struct app *app;
    struct api api;
    struct http_server *http;
    struct janitor *janitor;
    char code[CODE_LENGTH + 1]; /* "" when ADMIN_TOKEN is the user's own */
};

/* Migrations at start. A database that cannot be reached, or where we may create nothing, does not keep the server from
 * running: status, readyz and doctor tell. */
static bool prepare_database(struct server *server, struct err *err)
{
    struct invocation *invocation = server->invocation;
    struct migrate_result result;
    bool demo = invocation->values[0] != NULL;
    struct pg_conn *conn = app_connect(server->app, NULL, "hubport", invocation->cancel, err);
    bool ok = conn != NULL;
    if (ok && config_bool(invocation->config, SETTING_AUTO_MIGRATE))
        ok = migrate_apply(conn, config_bool(invocation->config, SETTING_CREATE_SCHEMA), &result, err);
    if (!ok)
        log_event(LOG_ERROR, "migrate.failed", "{s:s, s:s}", "code", err_name(err->code), "error",
                  text_utf8(invocation->arena, err->words));
    bool fatal = conn == NULL && err->code == ERR_DATABASE_POOLER;
    if (ok && demo && !migrate_demo(conn, err)) {
        /* Data is there already: a second start with --demo is no mistake. */
        fatal = err->code != ERR_VALIDATION_FAILED;
        log_event(LOG_WARN, "demo.skipped", "{s:s}", "error", text_utf8(invocation->arena, err->words));
    }
    pg_close(conn);
    return !fatal;
}

static const char **trusted_proxies(struct invocation *invocation)
{
    const char **list = arena_alloc(invocation->arena, 66 * sizeof *list);
    char *text = arena_strdup(invocation->arena, config_text(invocation->config, SETTING_TRUSTED_PROXIES)),
         *state = NULL;
    size_t count = 0;
    for (char *at = strtok_r(text, ", ", &state); at != NULL && count < 64; at = strtok_r(NULL, ", ", &state))
        list[count++] = at;
    return list;
}

static bool start_http(struct server *server, struct err *err)
{
    struct config *config = server->invocation->config;
    const char *listen = config_text(config, SETTING_LISTEN);
    const char *colon = strrchr(listen, ':');
    size_t length = (size_t)(colon - listen);
    bool bracketed = listen[0] == '[' && length > 2 && listen[length - 1] == ']';
    struct http_options options = {
        .host = arena_strndup(server->invocation->arena, listen + bracketed, length - 2 * (size_t)bracketed),
        .port = atoi(colon + 1),
        .max_connections = (int)config_int(config, SETTING_MAX_CONNECTIONS),
        .header_timeout_ms = (int)config_ms(config, SETTING_HEADER_TIMEOUT),
        .idle_timeout_ms = 30000,
        .client_timeout_ms = (int)config_ms(config, SETTING_CLIENT_TIMEOUT),
        .routes = api_routes,
        .route_count = api_route_count,
        .context = &server->api,
        .finished = api_count_request,
        .trusted_proxies = trusted_proxies(server->invocation),
    };
    server->http = http_start(&options, err);
    return server->http != NULL;
}

static bool start(struct server *server, struct err *err)
{
    struct config *config = server->invocation->config;
    server->app = app_open(config, APP_SERVER, err);
    if (server->app == NULL || !prepare_database(server, err))
        return false;
    bool own_token = strcmp(server->app->admin_token, config_text(config, SETTING_ADMIN_TOKEN)) == 0;
    if (!own_token)
        text_random(server->code, CODE_LENGTH);
    struct auth_options options = {.admin_token = server->app->admin_token,
                                   .csrf_secret = config_text(config, SETTING_CSRF_SECRET),
                                   .session_ttl_ms = config_int(config, SETTING_SESSION_TTL) * 1000,
                                   .sign_in_code = own_token ? NULL : server->code,
                                   .pool = server->app->pool,
                                   .redis = server->app->redis};
    server->api = (struct api){.app = server->app, .session_ttl_ms = options.session_ttl_ms};
    server->api.auth = auth_new(&options);
    server->api.follow = follow_new();
    server->api.uploads =
        uploads_new(config_ms(config, SETTING_KEEP_UPLOADS), config_bytes(config, SETTING_KEEP_UPLOADS_SIZE));
    server->api.metrics = metrics_new(api_route_count);
    server->janitor = janitor_start(server->app, err);
    return server->janitor != NULL && start_http(server, err);
}

/* What a person needs, on stdout; the log goes to stderr. */
static void greet(struct server *server)
{
    struct invocation *invocation = server->invocation;
    const char *listen = config_text(invocation->config, SETTING_LISTEN);
    int host_length = (int)(strrchr(listen, ':') - listen);
    bool any = text_starts(listen, "0.0.0.0:") || text_starts(listen, "[::]:");
    const char *host = any ? "127.0.0.1" : arena_strndup(invocation->arena, listen, (size_t)host_length);
    printf("hubport %s: http://%s:%d/%s%s\n", HUBPORT_VERSION, host, http_port(server->http),
           server->code[0] == '\0' ? "" : "#code=", server->code);
    if (server->code[0] != '\0')
        printf("  %s\n  %s %s/admin_token\n",
               command_say(invocation, "打开上面的地址即可登录（一次有效）。",
                           "Open the address to sign in; it works once."),
               command_say(invocation, "再次登录请使用管理员令牌，见文件", "To sign in again use the admin token, in"),
               config_text(invocation->config, SETTING_DATA_DIR));
    else
        printf("  %s\n", command_say(invocation, "使用 ADMIN_TOKEN 或管理员的 API Key 登录。",
                                     "Sign in with ADMIN_TOKEN or an administrator's API key."));
    printf("  %s\n", server->app->cluster != NULL
                         ? command_say(invocation, "数据库：私有 PostgreSQL", "Database: private PostgreSQL")
                         : arena_printf(invocation->arena, "%s %s", command_say(invocation, "数据库：", "Database:"),
                                        pg_target_where(server->app->target)));
    fflush(stdout);
}

static void stop(struct server *server)
{
    /* However badly something hangs, the process is gone in time; children end with it. */
    alarm(STOP_LIMIT_S);
    if (server->api.follow != NULL)
        follow_shutdown(server->api.follow);
    if (server->http != NULL)
        http_stop(server->http);
    janitor_stop(server->janitor);
    follow_free(server->api.follow);
    uploads_free(server->api.uploads);
    metrics_free(server->api.metrics);
    auth_free(server->api.auth);
    app_close(server->app);
    alarm(0);
}

int command_serve(struct invocation *invocation)
{
    struct server server = {.invocation = invocation};
    struct err err, ignored;
    int status = 0;
    if (start(&server, &err)) {
        greet(&server);
        log_event(LOG_INFO, "server.started", "{s:s, s:i}", "version", HUBPORT_VERSION, "port", http_port(server.http));
        while (cancel_sleep(invocation->cancel, 60000, &ignored))
            ;
        log_event(LOG_INFO, "server.stopping", NULL);
    } else {
        status = command_fail(invocation, &err, NULL);
    }
    stop(&server);
    return status;
}
