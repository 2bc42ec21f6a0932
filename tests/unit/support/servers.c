#include "support/servers.h"

#include "base/clock.h"
#include "net/redis.h"
#include "os/subprocess.h"
#include "pg/conn.h"

#include <ftw.h>
#include <glob.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_MS 60000

#define CHECK(condition, ...) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, __VA_ARGS__); \
            fputc('\n', stderr); \
            abort(); \
        } \
    } while (0)

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct subprocess *start(const char *const *argv, const char *user, int death_signal)
{
    struct err err;
    struct subprocess_spec spec = {.argv = argv,
                                   .in = SUBPROCESS_NULL,
                                   .out = SUBPROCESS_NULL,
                                   .error = SUBPROCESS_NULL,
                                   .death_signal = death_signal,
                                   .user = user};
    struct subprocess *process = subprocess_start(&spec, &err);
    CHECK(process != NULL, "%s", err.words);
    return process;
}

/* ---- PostgreSQL --------------------------------------------------------------------------------------------- */

struct test_postgres {
    char directory[64];
    char conninfo[192];
    struct subprocess *process;
};

/* PG_BIN_DIR, else the newest of Debian's. */
static void find_program(const char *name, char *path, size_t size)
{
    glob_t found = {0};
    const char *directory = getenv("PG_BIN_DIR");
    if (directory == NULL && glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0)
        directory = found.gl_pathv[found.gl_pathc - 1];
    CHECK(directory != NULL, "PostgreSQL's programs are not installed");
    snprintf(path, size, "%s/%s", directory, name);
    globfree(&found);
}

static void wait_postgres(const struct test_postgres *postgres)
{
    struct err err;
    struct pg_conn *conn = NULL;
    int64_t deadline = clock_mono_ms() + START_MS;
    while ((conn = pg_open(postgres->conninfo, "test", NULL, &err)) == NULL) {
        CHECK(clock_mono_ms() < deadline, "PostgreSQL does not start: %s", err.words);
        usleep(20000);
    }
    pg_close(conn);
}

struct test_postgres *test_postgres_start(void)
{
    struct err err;
    char initdb[256], server[256], data[96];
    const char *user = geteuid() == 0 ? "postgres" : NULL;
    struct test_postgres *postgres = calloc(1, sizeof *postgres);
    CHECK(postgres != NULL, "no memory");
    snprintf(postgres->directory, sizeof postgres->directory, "/tmp/hubport-servers-XXXXXX");
    CHECK(mkdtemp(postgres->directory) != NULL, "mkdtemp");
    if (user != NULL) {
        const struct passwd *entry = getpwnam(user);
        CHECK(entry != NULL && chown(postgres->directory, entry->pw_uid, entry->pw_gid) == 0,
              "there is no user postgres");
    }
    snprintf(data, sizeof data, "%s/data", postgres->directory);
    snprintf(postgres->conninfo, sizeof postgres->conninfo, "host=%s port=5432 user=postgres dbname=postgres",
             postgres->directory);
    find_program("initdb", initdb, sizeof initdb);
    find_program("postgres", server, sizeof server);

    const char *init[] = {initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", NULL};
    struct subprocess *process = start(init, user, 0);
    CHECK(subprocess_wait(process, NULL, START_MS, &err) == 1 && subprocess_status(process) == 0, "initdb failed");
    subprocess_free(process);
    const char *run[] = {server, "-D", data, "-k", postgres->directory, "-h", "", "-F", "-c", "shared_buffers=16MB",
                         NULL};
    postgres->process = start(run, user, SIGINT);
    wait_postgres(postgres);
    return postgres;
}

void test_postgres_stop(struct test_postgres *postgres)
{
    struct err err;
    if (postgres == NULL)
        return;
    kill(subprocess_pid(postgres->process), SIGINT); /* fast shutdown; its children are its own to end */
    int ended = subprocess_wait(postgres->process, NULL, START_MS, &err);
    (void)ended;
    subprocess_free(postgres->process);
    remove_tree(postgres->directory);
    free(postgres);
}

const char *test_postgres_conninfo(const struct test_postgres *postgres)
{
    return postgres->conninfo;
}

void test_postgres_run(struct test_postgres *postgres, const char *sql)
{
    struct err err;
    struct pg_conn *conn = pg_open(postgres->conninfo, "test", NULL, &err);
    CHECK(conn != NULL, "%s", err.words);
    CHECK(pg_run(conn, &err, sql), "%s: %s", sql, err.words);
    pg_close(conn);
}

/* ---- Redis -------------------------------------------------------------------------------------------------- */

struct test_redis {
    char directory[64];
    char password[64];
    int port;
    struct subprocess *process;
};

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0
              && getsockname(fd, (struct sockaddr *)&address, &size) == 0,
          "no free port");
    close(fd);
    return ntohs(address.sin_port);
}

static bool redis_answers(const struct test_redis *server)
{
    struct err err;
    char url[160];
    snprintf(url, sizeof url, "redis://%s%s%s127.0.0.1:%d", server->password[0] == '\0' ? "" : ":", server->password,
             server->password[0] == '\0' ? "" : "@", server->port);
    struct redis *redis = redis_new(url, &err);
    bool ok = redis != NULL && REDIS_CALL(redis, NULL, NULL, &err, "PING");
    redis_free(redis);
    return ok;
}

void test_redis_revive(struct test_redis *server)
{
    char port[16];
    int64_t deadline = clock_mono_ms() + START_MS;
    snprintf(port, sizeof port, "%d", server->port);
    const char *argv[] = {"/usr/bin/redis-server",
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--save",
                          "",
                          "--dir",
                          server->directory,
                          "--requirepass",
                          server->password,
                          NULL};
    server->process = start(argv, NULL, 0);
    while (!redis_answers(server)) {
        CHECK(clock_mono_ms() < deadline, "Redis does not start");
        usleep(20000);
    }
}

struct test_redis *test_redis_start(const char *password)
{
    struct test_redis *server = calloc(1, sizeof *server);
    CHECK(server != NULL, "no memory");
    snprintf(server->directory, sizeof server->directory, "/tmp/hubport-servers-XXXXXX");
    CHECK(mkdtemp(server->directory) != NULL, "mkdtemp");
    snprintf(server->password, sizeof server->password, "%s", password == NULL ? "" : password);
    server->port = free_port();
    test_redis_revive(server);
    return server;
}

void test_redis_kill(struct test_redis *server)
{
    subprocess_signal(server->process, SIGKILL);
    subprocess_free(server->process);
    server->process = NULL;
}

void test_redis_pause(struct test_redis *server, bool pause)
{
    subprocess_signal(server->process, pause ? SIGSTOP : SIGCONT);
}

void test_redis_stop(struct test_redis *server)
{
    if (server == NULL)
        return;
    if (server->process != NULL)
        test_redis_kill(server);
    remove_tree(server->directory);
    free(server);
}

int test_redis_port(const struct test_redis *server)
{
    return server->port;
}
