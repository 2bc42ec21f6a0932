#include "support/postgres.h"

#include "pg/conn.h"
#include "pg/tools.h"
#include "support/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

#define SUPERUSER "postgres"

struct test_postgres {
    struct test_process process;
};

static bool is_ready(const void *context)
{
    const struct test_postgres *server = context;
    char dsn[160];
    snprintf(dsn, sizeof dsn, "host=%s user=" SUPERUSER " dbname=postgres", server->process.directory);
    return PQping(dsn) == PQPING_OK;
}

static bool start(struct test_postgres *server, const struct pg_tools *tools)
{
    char data[96];
    const char *directory = server->process.directory;
    snprintf(data, sizeof data, "%s/data", directory);
    const char *const create[] = {
        tools->initdb, "-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", NULL};
    const char *const run[] = {tools->server, "-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off",
                               "-c", "max_connections=20", "-c", "shared_buffers=32MB", NULL};
    /* SIGQUIT ends it and its processes at once, without a last checkpoint. */
    return test_process_run(&server->process, create)
           && test_process_start(&server->process, run, SIGQUIT, is_ready, server);
}

struct test_postgres *test_postgres_start(void)
{
    const char *bin = getenv("PG_BIN_DIR");
    struct test_postgres *server = calloc(1, sizeof *server);
    struct arena *arena = arena_new();
    struct pg_tools tools;
    if (server == NULL)
        abort();
    pg_tools_find(bin == NULL ? "" : bin, arena, &tools);
    bool ok = false;
    if (tools.initdb == NULL || tools.server == NULL) {
        fprintf(stderr, "PostgreSQL's server programs are not installed\n");
    } else if (test_process_open(&server->process, geteuid() == 0 ? "postgres" : NULL)) {
        ok = start(server, &tools);
        if (!ok)
            test_process_close(&server->process);
    }
    arena_free(arena);
    if (ok)
        return server;
    free(server);
    return NULL;
}

void test_postgres_stop(struct test_postgres *server)
{
    if (server == NULL)
        return;
    test_process_close(&server->process);
    free(server);
}

const char *test_postgres_dsn(const struct test_postgres *server, struct arena *arena, const char *database,
                              const char *user)
{
    return arena_printf(arena, "host=%s dbname=%s user=%s", server->process.directory, database,
                        user == NULL ? SUPERUSER : user);
}

void test_postgres_run(const struct test_postgres *server, const char *database, const char *sql)
{
    struct err err;
    struct arena *arena = arena_new();
    struct pg_conn *conn = pg_open(test_postgres_dsn(server, arena, database, NULL), "test", NULL, &err);
    bool ok = conn != NULL && pg_run(conn, &err, sql);
    pg_close(conn);
    arena_free(arena);
    if (!ok)
        fail_msg("%s: %s", sql, err.words);
}
