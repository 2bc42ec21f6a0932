#include "ops/health.h"

#include "backup/export_source.h"
#include "base/clock.h"
#include "base/text.h"
#include "os/directory.h"

#include <pthread.h>
#include <unistd.h>

#define GLANCE_LIFE_MS 1000
#define DISK_HEADROOM (512 * MIB)

struct run {
    struct app *app;
    struct arena *arena;
    enum lang lang;
    struct pg_conn *conn; /* NULL: the database cannot be reached */
    struct err reason;    /* why not */
};

static const char *say(struct run *run, const char *zh, const char *en)
{
    return run->lang == LANG_ZH ? zh : en;
}

static const char *error_text(struct run *run, const struct err *err)
{
    char text[ERR_TEXT_SIZE];
    err_text(err, run->lang, text);
    return text_utf8(run->arena, text);
}

static void check_postgresql(struct run *run, struct health_check *check)
{
    if (run->conn == NULL) {
        check->state = HEALTH_FAILED;
        check->found = text_utf8(run->arena, run->reason.words);
        check->advice = error_text(run, &run->reason);
        return;
    }
    check->found = arena_printf(run->arena, "%s, database %s, version %s", pg_target_where(run->app->target),
                                pg_target_database(run->app->target),
                                pg_version_text(run->arena, PQserverVersion(pg_raw(run->conn))));
}

static void check_tools(struct run *run, struct health_check *check)
{
    struct err err;
    int server = run->conn == NULL ? 0 : PQserverVersion(pg_raw(run->conn));
    const struct pg_tools *tools = &run->app->tools;
    if (pg_tools_check(tools, server, &err)) {
        check->found = arena_printf(run->arena, "pg_dump %s, pg_restore %s in %s",
                                    pg_version_text(run->arena, tools->dump_version),
                                    pg_version_text(run->arena, tools->restore_version), tools->directory);
        return;
    }
    check->state = HEALTH_FAILED;
    check->found = text_utf8(run->arena, err.words);
    check->advice = error_text(run, &err);
}

static void check_rights(struct run *run, struct health_check *check)
{
    struct pg_result rows;
    struct err err;
    if (run->conn == NULL
        || !pg_query(run->conn, run->arena, &rows, &err,
                     "SELECT rolsuper OR (rolcreatedb AND pg_has_role(current_user, datdba, 'MEMBER')) FROM pg_roles, "
                     "pg_database"
                     " WHERE rolname = current_user AND datname = current_database()",
                     PG_NO_ARGS)) {
        check->state = HEALTH_FAILED;
        check->found = "unknown";
        return;
    }
    if (rows.count == 1 && pg_bool(&rows, 0, 0)) {
        check->found = "may create databases: an overwrite restores beside and switches";
        return;
    }
    check->state = HEALTH_DEGRADED;
    check->found =
        "may not create databases, or does not own this one: an overwrite works in place, in one transaction";
    check->advice = say(run, "如需无中断切换，请以超级用户执行 ALTER ROLE ... CREATEDB",
                        "For restores beside the live database, as a superuser: ALTER ROLE ... CREATEDB");
}

static void check_schema(struct run *run, struct health_check *check)
{
    struct pg_result rows;
    struct err err;
    if (run->conn == NULL
        || !pg_query(run->conn, run->arena, &rows, &err,
                     "SELECT to_regclass('hubport.migrations') IS NOT NULL, to_regclass('public.users') IS NOT NULL,"
                     " to_regclass('drizzle.__drizzle_migrations') IS NOT NULL",
                     PG_NO_ARGS)) {
        check->state = HEALTH_FAILED;
        check->found = "unknown";
        return;
    }
    check->found = pg_bool(&rows, 0, 2)   ? "the hub's tables, migrated by the hub"
                   : pg_bool(&rows, 0, 1) ? "the hub's tables, made by hubport"
                                          : "no tables of a hub";
    if (pg_bool(&rows, 0, 0) && pg_bool(&rows, 0, 1))
        return;
    check->state = HEALTH_DEGRADED;
    check->advice = say(run, "运行 hubport migrate（与 hub 并存时请先启动 hub）",
                        "Run hubport migrate (beside a hub, start the hub first)");
}

static void check_export_source(struct run *run, struct health_check *check)
{
    struct err err = ERR_NONE_YET;
    struct pg_conn *conn = NULL;
    if (run->app->export_target == NULL) {
        check->found = "as postgresql";
        return;
    }
    const char *where = pg_target_where(run->app->export_target);
    conn = app_connect_as(run->app->export_target, NULL, "hubport", NULL, &err);
    int version = conn == NULL ? 0 : PQserverVersion(pg_raw(conn));
    if (conn != NULL && pg_tools_check(&run->app->tools, version, &err)
        && (run->conn == NULL || export_source_same(run->arena, run->conn, conn, &err))) {
        check->found = arena_printf(run->arena, "%s, database %s, version %s", where,
                                    pg_target_database(run->app->export_target), pg_version_text(run->arena, version));
    } else {
        check->state = HEALTH_DEGRADED;
        check->found = text_utf8(run->arena, err.words);
        check->advice =
            say(run, "请检查 EXPORT_DSN；在此期间无法导出", "Check EXPORT_DSN; no export is possible meanwhile");
    }
    pg_close(conn);
}

static void check_redis(struct run *run, struct health_check *check)
{
    struct err err;
    if (!redis_configured(run->app->redis)) {
        check->found = "off: locks in this process and in PostgreSQL";
        return;
    }
    if (REDIS_CALL(run->app->redis, run->arena, NULL, &err, "PING")) {
        check->found = "answers";
        return;
    }
    check->state = HEALTH_DEGRADED;
    check->found = text_utf8(run->arena, err.words);
    check->advice = say(run, "请检查 REDIS_URL；在此期间由 PostgreSQL 咨询锁保证互斥",
                        "Check REDIS_URL; meanwhile PostgreSQL's advisory lock keeps operations apart");
}

static void check_room(struct run *run, struct health_check *check, const char *directory)
{
    uint64_t room;
    if (access(directory, W_OK) != 0 || !directory_free_bytes(directory, &room)) {
        check->state = HEALTH_FAILED;
        check->found = arena_printf(run->arena, "%s cannot be written", directory);
        check->advice = say(run, "请检查目录是否存在及其权限", "Check that the directory exists and its rights");
        return;
    }
    check->found = arena_printf(run->arena, "%s: %s free", directory, text_bytes(run->arena, room));
    if (room < DISK_HEADROOM) {
        check->state = HEALTH_DEGRADED;
        check->advice = say(run, "磁盘空间不足 512MB", "Less than 512MB is free");
    }
}

static void check_tmp(struct run *run, struct health_check *check)
{
    check_room(run, check, config_text(run->app->config, SETTING_TMP_DIR));
}

static void check_disk(struct run *run, struct health_check *check)
{
    if (run->app->cluster != NULL)
        check_room(run, check, cluster_directory(run->app->cluster));
    else
        check->found = "the server's own affair";
}

static const struct {
    const char *name;
    void (*run)(struct run *run, struct health_check *check);
} rows[] = {
    {"postgresql", check_postgresql}, {"tools", check_tools}, {"rights", check_rights}, {"schema", check_schema},
    {"export", check_export_source},  {"redis", check_redis}, {"tmp", check_tmp},       {"disk", check_disk},
};

enum health_state health_run(struct app *app, struct arena *arena, enum lang lang, struct health_check **checks,
                             size_t *count)
{
    struct run run = {.app = app, .arena = arena, .lang = lang};
    enum health_state worst = HEALTH_OK;
    *count = ARRAY_LEN(rows);
    *checks = arena_alloc(arena, *count * sizeof **checks);
    run.conn = app_connect(app, NULL, "hubport", NULL, &run.reason);
    for (size_t i = 0; i < *count; i++) {
        struct health_check *check = &(*checks)[i];
        *check = (struct health_check){.name = rows[i].name, .found = "", .advice = ""};
        rows[i].run(&run, check);
        worst = MAX(worst, check->state);
    }
    pg_close(run.conn);
    return worst;
}

static pthread_mutex_t glance_mutex = PTHREAD_MUTEX_INITIALIZER; /* over the three, and held while somebody looks */
static struct health_check glance[ARRAY_LEN(rows)];
static enum health_state glance_worst;
static int64_t glance_until_ms = INT64_MIN; /* monotonic clock */

static void look(struct app *app, struct arena *arena)
{
    struct health_check *checks;
    size_t count;
    glance_worst = health_run(app, arena, LANG_EN, &checks, &count);
    for (size_t i = 0; i < count; i++)
        glance[i] = (struct health_check){.name = checks[i].name, .state = checks[i].state, .found = "", .advice = ""};
    glance_until_ms = clock_mono_ms() + GLANCE_LIFE_MS;
}

enum health_state health_glance(struct app *app, struct arena *arena, struct health_check **checks, size_t *count)
{
    *count = ARRAY_LEN(rows);
    *checks = arena_alloc(arena, sizeof glance);
    pthread_mutex_lock(&glance_mutex);
    if (clock_mono_ms() >= glance_until_ms)
        look(app, arena);
    memcpy(*checks, glance, sizeof glance);
    enum health_state worst = glance_worst;
    pthread_mutex_unlock(&glance_mutex);
    return worst;
}

const char *health_state_name(enum health_state state)
{
    static const char *const names[] = {"ok", "degraded", "failed"};
    return names[state];
}
