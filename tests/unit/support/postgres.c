#include "support/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUPERUSER "postgres"

struct test_postgres {
    char directory[64];
    char bin[256];
    pid_t pid;
};

static bool find_bin(char *bin, size_t size)
{
    const char *given = getenv("PG_BIN_DIR");
    if (given != NULL) {
        snprintf(bin, size, "%s", given);
        return true;
    }
    glob_t found;
    long newest = 0;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        long version = strtol(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);
        if (version > newest) {
            newest = version;
            snprintf(bin, size, "/usr/lib/postgresql/%ld/bin", version);
        }
    }
    globfree(&found);
    return newest > 0;
}

static void become_postgres(void)
{
    struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (geteuid() != 0)
        return;
    if (user == NULL || initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        _exit(126);
}

/* Starts bin/program; its output goes to the file "log" in the server's directory. */
static pid_t start(struct test_postgres *server, const char *program, const char *const *args)
{
    char path[320], log[96];
    snprintf(path, sizeof path, "%s/%s", server->bin, program);
    snprintf(log, sizeof log, "%s/log", server->directory);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    become_postgres();
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which resets it */
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (chdir(server->directory) == 0)
        execv(path, (char *const *)args);
    _exit(127);
}

static bool wait_ready(struct test_postgres *server)
{
    char dsn[160];
    snprintf(dsn, sizeof dsn, "host=%s user=" SUPERUSER " dbname=postgres", server->directory);
    for (int i = 0; i < 600; i++) {
        if (PQping(dsn) == PQPING_OK)
            return true;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = 0;
            return false;
        }
        usleep(50000);
    }
    return false;
}

static void show_log(const struct test_postgres *server)
{
    char path[96], line[512];
    snprintf(path, sizeof path, "%s/log", server->directory);
    FILE *log = fopen(path, "re");
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        fputs(line, stderr);
    if (log != NULL)
        fclose(log);
}

struct test_postgres *test_postgres_start(void)
{
    struct test_postgres *server = calloc(1, sizeof *server);
    struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (server == NULL)
        abort();
    snprintf(server->directory, sizeof server->directory, "/tmp/hubport-test-XXXXXX");
    if (!find_bin(server->bin, sizeof server->bin) || mkdtemp(server->directory) == NULL) {
        fprintf(stderr, "no PostgreSQL server programs, or no temporary directory\n");
        free(server);
        return NULL;
    }
    if (user != NULL && chown(server->directory, user->pw_uid, user->pw_gid) != 0)
        goto failed;
    pid_t initdb = start(server, "initdb",
                         (const char *const[]){"initdb", "-D", "data", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                                               "--locale=C.UTF-8", "--no-sync", NULL});
    int status = 0;
    if (initdb < 0 || waitpid(initdb, &status, 0) != initdb || status != 0)
        goto failed;
    server->pid =
        start(server, "postgres",
              (const char *const[]){"postgres", "-D", "data", "-k", server->directory, "-c", "listen_addresses=", "-c",
                                    "fsync=off", "-c", "max_connections=20", "-c", "shared_buffers=32MB", NULL});
    if (server->pid > 0 && wait_ready(server))
        return server;
failed:
    show_log(server);
    test_postgres_stop(server);
    return NULL;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void test_postgres_stop(struct test_postgres *server)
{
    if (server == NULL)
        return;
    if (server->pid > 0) {
        kill(server->pid, SIGQUIT);
        while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    nftw(server->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(server);
}

const char *test_postgres_dsn(const struct test_postgres *server, struct arena *arena, const char *database,
                              const char *user)
{
    return arena_printf(arena, "host=%s dbname=%s user=%s", server->directory, database,
                        user == NULL ? SUPERUSER : user);
}
