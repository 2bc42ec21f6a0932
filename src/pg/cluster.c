#include "pg/cluster.h"

#include "base/log.h"
#include "os/directory.h"
#include "os/subprocess.h"
#include "pg/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT "8451" /* only a part of the socket's name */
#define ROLE "hubport"
#define LOG_KEEP_BYTES ((off_t)(10 * 1024 * 1024))
#define START_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS 8000

struct cluster {
    struct arena *arena;
    const char *user; /* whom the server runs as; NULL: us */
    const char *pg, *run, *log, *dsn;
    const struct pg_tools *tools;
    int lock;
    struct subprocess *server; /* NULL: attached */
};

/* Below the data directory where its path can be a socket's (sun_path has 108 bytes), else in /tmp. */
static const char *socket_directory(struct arena *arena, const char *data_dir)
{
    const char *run = arena_printf(arena, "%s/run", data_dir);
    bool is_plain = strpbrk(run, "'\\,\"") == NULL; /* has a meaning in a connection string or a list of directories */
    if (is_plain && strlen(run) + strlen("/.s.PGSQL." PORT ".lock") < sizeof((struct sockaddr_un *)NULL)->sun_path)
        return run;
    unsigned char hash[16];
    char hex[33];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)data_dir, strlen(data_dir), NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    return arena_printf(arena, "/tmp/hubport-%u-%.16s", (unsigned)geteuid(), hex);
}

static const char *conninfo(const struct cluster *cluster, const char *role, const char *database)
{
    return arena_printf(cluster->arena, "host='%s' port=" PORT " user=%s dbname=%s connect_timeout=5", cluster->run,
                        role, database);
}

/* ---- Making it --------------------------------------------------------------------------------------------------- */

static bool remove_tree(const char *path, struct err *err)
{
    struct subprocess_spec spec = {.argv = (const char *const[]){"/bin/rm", "-rf", "--", path, NULL},
                                   .in = SUBPROCESS_NULL,
                                   .out = SUBPROCESS_NULL,
                                   .error = SUBPROCESS_NULL};
    struct subprocess *process = subprocess_start(&spec, err);
    bool ok = process != NULL && subprocess_wait(process, NULL, -1, err) == 1;
    subprocess_free(process);
    return ok;
}

static bool run_initdb(const struct cluster *cluster, const char *directory, struct err *err)
{
    const char *const argv[] = {
        cluster->tools->initdb, "-D", directory, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
        "--lc-messages=C",      NULL};
    int log = open(cluster->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct subprocess_spec spec = {
        .argv = argv, .in = SUBPROCESS_NULL, .out = log, .error = log, .user = cluster->user};
    struct subprocess *process = log < 0 ? NULL : subprocess_start(&spec, err);
    bool ok = false;

    if (log < 0)
        return err_errno(err, ERR_SYSTEM, "opening %s", cluster->log);
    close(log);
    if (process == NULL)
        return false;
    ok = subprocess_wait(process, NULL, -1, err) == 1;
    if (ok && subprocess_status(process) != 0)
        ok = err_set(err, ERR_DATABASE_UNAVAILABLE, "initdb failed, see %s", cluster->log);
    subprocess_free(process);
    return ok;
}

/* initdb beside, then rename: a kill in between leaves pg.new, which is made again. */
static bool make_cluster(const struct cluster *cluster, struct err *err)
{
    const char *fresh = arena_printf(cluster->arena, "%s.new", cluster->pg);
    if (access(cluster->pg, F_OK) == 0)
        return true;
    if (!remove_tree(fresh, err) || !directory_make_private(fresh, cluster->user, err)
        || !run_initdb(cluster, fresh, err))
        return false;
    if (rename(fresh, cluster->pg) != 0)
        return err_errno(err, ERR_SYSTEM, "renaming %s", fresh);
    log_event(LOG_INFO, "cluster.created", "{s:s}", "directory", cluster->pg);
    return true;
}

/* ---- Running it -------------------------------------------------------------------------------------------------- */

/* The server of a process that was killed: it is ending by its death signal; wait for that, then for the file to go. */
static bool wait_leftover(const struct cluster *cluster, struct err *err)
{
    const char *path = arena_printf(cluster->arena, "%s/postmaster.pid", cluster->pg);
    for (int waited = 0; waited < STOP_TIMEOUT_MS; waited += 50) {
        char text[32] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return true;
        ssize_t got = read(fd, text, sizeof text - 1);
        close(fd);
        pid_t pid = got > 0 ? atoi(text) : 0;
        if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH))
            return true; /* stale: postgres itself checks and removes it */
        const char *exe = arena_printf(cluster->arena, "/proc/%d/cwd", (int)pid);
        char cwd[512];
        ssize_t length = readlink(exe, cwd, sizeof cwd - 1);
        cwd[MAX(length, 0)] = '\0';
        if (length > 0 && strcmp(cwd, cluster->pg) != 0)
            return true; /* the number was taken by another program */
        kill(pid, waited < STOP_TIMEOUT_MS / 2 ? SIGINT : SIGQUIT);
        if (!cancel_sleep(NULL, 50, err))
            return false;
    }
    return err_set(err, ERR_DATABASE_UNAVAILABLE, "a server left from before does not stop, see %s", path);
}

static bool spawn_server(struct cluster *cluster, struct err *err)
{
    const char *const argv[] = {cluster->tools->server,
                                "-D",
                                cluster->pg,
                                "-c",
                                "listen_addresses=",
                                "-c",
                                arena_printf(cluster->arena, "unix_socket_directories=%s", cluster->run),
                                "-c",
                                "unix_socket_permissions=0700",
                                "-c",
                                "port=" PORT,
                                "-c",
                                "logging_collector=off",
                                "-c",
                                "log_destination=stderr",
                                "-c",
                                "jit=off", /* where no memory may become a program (hubport.service), it fails */
                                NULL};
    struct stat status;
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    if (stat(cluster->log, &status) == 0 && status.st_size > LOG_KEEP_BYTES)
        flags |= O_TRUNC;
    int log = open(cluster->log, flags, 0600);
    if (log < 0)
        return err_errno(err, ERR_SYSTEM, "opening %s", cluster->log);
    struct subprocess_spec spec = {
        .argv = argv, .in = SUBPROCESS_NULL, .out = log, .error = log, .death_signal = SIGINT, .user = cluster->user};
    cluster->server = subprocess_start(&spec, err);
    close(log);
    return cluster->server != NULL;
}

/* Connect as the superuser until it answers. */
static struct pg_conn *wait_ready(const struct cluster *cluster, struct err *err)
{
    for (int waited = 0; waited < START_TIMEOUT_MS; waited += 50) {
        struct err ignored;
        struct pg_conn *conn = pg_open(conninfo(cluster, "postgres", "postgres"), "hubport", NULL, err);
        if (conn != NULL)
            return conn;
        if (cluster->server != NULL && subprocess_wait(cluster->server, NULL, 50, &ignored) == 1) {
            err_set(err, ERR_DATABASE_UNAVAILABLE, "the private PostgreSQL ended at its start, see %s", cluster->log);
            return NULL;
        }
        if (cluster->server == NULL && !cancel_sleep(NULL, 50, &ignored))
            return NULL;
    }
    err_wrap(err, "the private PostgreSQL does not answer, see %s", cluster->log);
    return NULL;
}

static bool ensure_role_and_database(const struct cluster *cluster, struct pg_conn *conn, struct err *err)
{
    struct pg_result found;
    if (!pg_query(conn, cluster->arena, &found, err,
                  "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '" ROLE "'),"
                  " EXISTS (SELECT FROM pg_database WHERE datname = '" ROLE "')",
                  PG_NO_ARGS))
        return false;
    if (!pg_bool(&found, 0, 0) && !pg_run(conn, err, "CREATE ROLE " ROLE " LOGIN CREATEDB"))
        return false;
    /* Its name is that of our own schema, which would come first otherwise and take what the user creates. */
    if (!pg_run(conn, err, "ALTER ROLE " ROLE " SET search_path TO public"))
        return false;
    return pg_bool(&found, 0, 1) || pg_run(conn, err, "CREATE DATABASE " ROLE " OWNER " ROLE " TEMPLATE template0");
}

/* Ours to run, or somebody's who runs it already? */
static bool take_directory(struct cluster *cluster, const char *data_dir, bool may_attach, bool *attached,
                           struct err *err)
{
    const char *path = arena_printf(cluster->arena, "%s/lock", data_dir);
    cluster->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (cluster->lock < 0)
        return err_errno(err, ERR_SYSTEM, "opening %s", path);
    *attached = flock(cluster->lock, LOCK_EX | LOCK_NB) != 0;
    if (*attached && !may_attach)
        return err_set(err, ERR_DATABASE_UNAVAILABLE, "another hubport already uses the data directory %s", data_dir);
    return true;
}

/* As root the server runs as `postgres`, who must get into the data directory: a home of root's does not let it. */
static bool check_reachable(const struct cluster *cluster, const char *path, struct err *err)
{
    char part[PATH_MAX];
    struct stat status;
    snprintf(part, sizeof part, "%s", path);
    for (char *end = part + strlen(part); cluster->user != NULL && end > part; end = strrchr(part, '/')) {
        *end = '\0';
        const char *directory = part[0] == '\0' ? "/" : part;
        if (stat(directory, &status) != 0)
            return err_errno(err, ERR_SYSTEM, "%s", directory);
        if ((status.st_mode & 0001) == 0)
            return err_set(err, ERR_SYSTEM,
                           "the user %s cannot enter %s (chmod o+x), or set HUBPORT_DATA_DIR to another place",
                           cluster->user, directory);
    }
    return true;
}

/* Make the data directory and name what is in it; absolute, because PostgreSQL changes into its own. */
static bool name_files(struct cluster *cluster, const char **data_dir, struct err *err)
{
    char absolute[PATH_MAX];
    mode_t mode = cluster->user == NULL ? 0700 : 0711; /* as root, the postgres user must reach pg/ and run/ */
    if (!directory_make(*data_dir, mode, err))
        return false;
    if (realpath(*data_dir, absolute) == NULL)
        return err_errno(err, ERR_SYSTEM, "%s", *data_dir);
    if (!check_reachable(cluster, absolute, err))
        return false;
    *data_dir = arena_strdup(cluster->arena, absolute);
    cluster->pg = arena_printf(cluster->arena, "%s/pg", absolute);
    cluster->run = socket_directory(cluster->arena, absolute);
    cluster->log = arena_printf(cluster->arena, "%s/postgres.log", absolute);
    cluster->dsn = conninfo(cluster, ROLE, ROLE);
    return true;
}

static bool start(struct cluster *cluster, const char *data_dir, bool may_attach, struct err *err)
{
    bool attached = false;
    if (!name_files(cluster, &data_dir, err) || !directory_make_private(cluster->run, cluster->user, err)
        || !take_directory(cluster, data_dir, may_attach, &attached, err))
        return false;
    if (!attached && !(make_cluster(cluster, err) && wait_leftover(cluster, err) && spawn_server(cluster, err)))
        return false;
    struct pg_conn *conn = wait_ready(cluster, err);
    bool ok = conn != NULL && (attached || ensure_role_and_database(cluster, conn, err));
    pg_close(conn);
    return ok;
}

/* Who starts us may have set PGHOSTADDR, PGSERVICE, PGOPTIONS and the like for servers of his own: libpq and the tools
 * would take them for ours. */
static void forget_libpq_environment(void)
{
    static const char *const others[] = {"PGDATESTYLE", "PGTZ", "PGGEQO"};
    PQconninfoOption *options = PQconninfoParse("", NULL); /* PQconndefaults() gives nothing with a wrong PGSERVICE */
    for (PQconninfoOption *at = options; at != NULL && at->keyword != NULL; at++)
        if (at->envvar != NULL)
            unsetenv(at->envvar);
    PQconninfoFree(options);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        unsetenv(others[i]);
}

struct cluster *cluster_open(const char *data_dir, const struct pg_tools *tools, bool may_attach, struct err *err)
{
    struct arena *arena = arena_new();
    struct cluster *cluster = arena_alloc(arena, sizeof *cluster);
    *cluster = (struct cluster){.arena = arena, .tools = tools, .lock = -1};
    cluster->user = geteuid() == 0 ? "postgres" : NULL;
    forget_libpq_environment();
    if (tools->server == NULL || tools->initdb == NULL) {
        err_set(err, ERR_TOOLS_MISSING,
                "no DSN is set, and there is no PostgreSQL server program to start a private one");
        err_args(err, "postgres", NULL);
    } else if (start(cluster, data_dir, may_attach, err)) {
        return cluster;
    } else {
        err_wrap(err, "private PostgreSQL");
    }
    cluster_close(cluster);
    return NULL;
}

void cluster_close(struct cluster *cluster)
{
    struct err ignored;
    if (cluster == NULL)
        return;
    if (cluster->server != NULL) {
        kill(subprocess_pid(cluster->server), SIGINT);
        if (subprocess_wait(cluster->server, NULL, STOP_TIMEOUT_MS, &ignored) != 1)
            kill(subprocess_pid(cluster->server), SIGQUIT);
        if (subprocess_wait(cluster->server, NULL, STOP_TIMEOUT_MS, &ignored) != 1)
            log_event(LOG_WARN, "cluster.killed", NULL);
        subprocess_free(cluster->server);
        (void)rmdir(cluster->run); /* empty now, unless the server was killed */
    }
    if (cluster->lock >= 0)
        close(cluster->lock);
    arena_free(cluster->arena);
}

const char *cluster_dsn(const struct cluster *cluster)
{
    return cluster->dsn;
}

const char *cluster_directory(const struct cluster *cluster)
{
    return cluster->pg;
}
