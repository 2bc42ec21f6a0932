#include "support/redis.h"

#include "net/redis.h"
#include "os/subprocess.h"
#include "support/process.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

struct test_redis {
    struct test_process process;
    char password[64];
    int port; /* 0: none was free */
};

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        perror("a free port");
    close(fd);
    return ntohs(address.sin_port);
}

static bool is_ready(const void *context)
{
    const struct test_redis *server = context;
    struct err err;
    char url[160];
    const char *password = server->password;
    snprintf(url, sizeof url, "redis://%s%s%s127.0.0.1:%d", password[0] == '\0' ? "" : ":", password,
             password[0] == '\0' ? "" : "@", server->port);
    struct redis *redis = redis_new(url, &err);
    bool ok = redis != NULL && REDIS_CALL(redis, NULL, NULL, &err, "PING");
    redis_free(redis);
    return ok;
}

static bool start(struct test_redis *server)
{
    char port[16];
    snprintf(port, sizeof port, "%d", server->port);
    const char *const argv[] = {"/usr/bin/redis-server",
                                "--port",
                                port,
                                "--bind",
                                "127.0.0.1",
                                "--save",
                                "",
                                "--dir",
                                server->process.directory,
                                "--requirepass",
                                server->password,
                                NULL};
    return server->port != 0 && test_process_start(&server->process, argv, SIGKILL, is_ready, server);
}

struct test_redis *test_redis_start(const char *password)
{
    struct test_redis *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    if (!test_process_open(&server->process, NULL)) {
        free(server);
        return NULL;
    }
    snprintf(server->password, sizeof server->password, "%s", password == NULL ? "" : password);
    server->port = free_port();
    if (start(server))
        return server;
    test_redis_stop(server);
    return NULL;
}

void test_redis_stop(struct test_redis *server)
{
    if (server == NULL)
        return;
    test_process_close(&server->process);
    free(server);
}

int test_redis_port(const struct test_redis *server)
{
    return server->port;
}

void test_redis_kill(struct test_redis *server)
{
    test_process_end(&server->process);
}

void test_redis_revive(struct test_redis *server)
{
    if (!start(server))
        fail_msg("Redis does not come back");
}

void test_redis_pause(struct test_redis *server, bool pause)
{
    subprocess_signal(server->process.running, pause ? SIGSTOP : SIGCONT);
}
