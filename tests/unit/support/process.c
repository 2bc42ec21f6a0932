#include "support/process.h"

#include "base/clock.h"
#include "os/subprocess.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_MS 60000
#define END_MS 10000
#define ASK_AGAIN_MS 20

static void show_log(const struct test_process *process)
{
    char path[96], line[512];
    snprintf(path, sizeof path, "%s/log", process->directory);
    usleep(100000); /* until the last lines are written */
    FILE *log = fopen(path, "re");
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        fputs(line, stderr);
    if (log != NULL)
        fclose(log);
}

/* Collects what the processes print, in the log, until the last of them and this program have closed the pipe, which
 * they do in whatever way they end; removes the directory then, and not under a server that is just ending. */
static bool start_remover(struct test_process *process)
{
    struct err err;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        perror("pipe");
        return false;
    }
    const char *const argv[] = {"/bin/sh", "-c", "cat >\"$0/log\" && rm -rf \"$0\"", process->directory, NULL};
    const struct subprocess_spec spec = {.argv = argv,
                                         .in = ends[0],
                                         .out = SUBPROCESS_NULL,
                                         .error = STDERR_FILENO,
                                         .death_signal = SIGURG}; /* ignored: it outlives us */
    process->remover = subprocess_start(&spec, &err);
    process->output = ends[1];
    close(ends[0]);
    if (process->remover != NULL)
        return true;
    fprintf(stderr, "%s\n", err.words);
    close(process->output);
    return false;
}

bool test_process_open(struct test_process *process, const char *user)
{
    const char *parent = getenv("HUBPORT_TEST_TMP");
    const struct passwd *owner = user == NULL ? NULL : getpwnam(user);
    *process = (struct test_process){.user = user};
    int length = snprintf(process->directory, sizeof process->directory, "%s/hubport-test-XXXXXX",
                          parent == NULL ? "/tmp" : parent);
    if (length >= (int)sizeof process->directory || mkdtemp(process->directory) == NULL) {
        fprintf(stderr, "no temporary directory %s\n", process->directory);
        return false;
    }
    if (user != NULL && (owner == NULL || chown(process->directory, owner->pw_uid, owner->pw_gid) != 0)) {
        fprintf(stderr, "%s cannot be given to the user %s\n", process->directory, user);
        rmdir(process->directory);
        return false;
    }
    if (start_remover(process))
        return true;
    rmdir(process->directory);
    return false;
}

void test_process_close(struct test_process *process)
{
    struct err err;
    test_process_end(process);
    close(process->output);
    if (subprocess_wait(process->remover, NULL, END_MS, &err) != 1 || subprocess_status(process->remover) != 0)
        fprintf(stderr, "%s is not removed\n", process->directory);
    subprocess_free(process->remover);
}

static struct subprocess *launch(const struct test_process *process, const char *const *argv, int death_signal)
{
    struct err err;
    const struct subprocess_spec spec = {.argv = argv,
                                         .in = SUBPROCESS_NULL,
                                         .out = process->output,
                                         .error = process->output,
                                         .death_signal = death_signal,
                                         .user = process->user};
    struct subprocess *started = subprocess_start(&spec, &err);
    if (started == NULL)
        fprintf(stderr, "%s\n", err.words);
    return started;
}

bool test_process_run(const struct test_process *process, const char *const *argv)
{
    struct err err;
    struct subprocess *program = launch(process, argv, SIGTERM);
    if (program == NULL)
        return false;
    bool ok = subprocess_wait(program, NULL, START_MS, &err) == 1 && subprocess_status(program) == 0;
    subprocess_free(program);
    if (!ok)
        show_log(process);
    return ok;
}

bool test_process_start(struct test_process *process, const char *const *argv, int end_signal,
                        bool (*ready)(const void *context), const void *context)
{
    struct err err;
    int64_t deadline = clock_mono_ms() + START_MS;
    process->running = launch(process, argv, end_signal);
    process->end_signal = end_signal;
    if (process->running == NULL)
        return false;
    while (!ready(context))
        if (subprocess_wait(process->running, NULL, ASK_AGAIN_MS, &err) != 0 || clock_mono_ms() > deadline) {
            fprintf(stderr, "%s does not start:\n", argv[0]);
            show_log(process);
            test_process_end(process);
            return false;
        }
    return true;
}

void test_process_end(struct test_process *process)
{
    struct err err;
    if (process->running == NULL)
        return;
    subprocess_signal(process->running, process->end_signal);
    if (subprocess_wait(process->running, NULL, END_MS, &err) != 1)
        fprintf(stderr, "a server in %s does not end\n", process->directory);
    subprocess_free(process->running); /* kills it then */
    process->running = NULL;
}
