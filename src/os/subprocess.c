/* Not covered: a child whose program does not start (it ends by _exit, without its counts), and failures of pipe, fork,
 * waitpid and pidfd_open. */
#include "os/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TERM_GRACE_MS 500
#define OUTPUT_MAX ((size_t)64 * 1024)

struct subprocess {
    pid_t pid;
    int pidfd;
    int out, error;
    int status; /* as subprocess_status() tells it */
    bool ended;
};

/* Everything that the child needs, made before fork(): after it only async-signal-safe calls are allowed. */
struct launch {
    const struct subprocess_spec *spec;
    char **env;
    int stdio[3];
    pid_t parent;
    uid_t uid;
    gid_t gid;
    bool change_user;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool same_name(const char *one, const char *other)
{
    size_t length = strcspn(one, "=");
    return strncmp(one, other, length + 1) == 0;
}

/* Our environment with the given variables on top. */
static char **merge_env(const char *const *extra)
{
    size_t ours = 0, theirs = 0, used = 0;
    while (environ[ours] != NULL)
        ours++;
    while (extra != NULL && extra[theirs] != NULL)
        theirs++;
    char **env = calloc(ours + theirs + 1, sizeof *env);
    if (env == NULL)
        abort();
    for (size_t i = 0; i < ours; i++) {
        bool replaced = false;
        for (size_t j = 0; j < theirs && !replaced; j++)
            replaced = same_name(extra[j], environ[i]);
        if (!replaced)
            env[used++] = environ[i];
    }
    for (size_t j = 0; j < theirs; j++)
        env[used++] = (char *)extra[j];
    return env;
}

static bool find_user(struct launch *launch, struct err *err)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (launch->spec->user == NULL)
        return true;
    if (getpwnam_r(launch->spec->user, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
        return err_set(err, ERR_SYSTEM, "there is no user %s on this machine", launch->spec->user);
    launch->uid = found->pw_uid;
    launch->gid = found->pw_gid;
    launch->change_user = true;
    return true;
}

static _Noreturn void run_child(const struct launch *launch, int report)
{
    const struct subprocess_spec *spec = launch->spec;
    sigset_t none;

    setpgid(0, 0);
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        signal(signal_number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < 3; i++)
        if (dup2(launch->stdio[i], i) < 0)
            goto failed;
    if (launch->change_user
        && (setgroups(0, NULL) != 0 || setgid(launch->gid) != 0 || setuid(launch->uid) != 0 || chdir("/") != 0))
        goto failed;
    if (prctl(PR_SET_PDEATHSIG, spec->death_signal == 0 ? SIGKILL : spec->death_signal) != 0)
        goto failed;
    if (getppid() != launch->parent) /* it ended before the line above */
        _exit(127);
    execve(spec->argv[0], (char *const *)spec->argv, launch->env);
failed:;
    int reason = errno;
    ssize_t ignored = write(report, &reason, sizeof reason);
    (void)ignored;
    _exit(127);
}

/* Fork, and learn through a pipe that closes on exec whether the program really started. */
static bool fork_and_exec(struct subprocess *process, const struct launch *launch, struct err *err)
{
    int report[2], reason = 0;
    if (pipe2(report, O_CLOEXEC) != 0)
        return err_errno(err, ERR_SYSTEM, "pipe");
    process->pid = fork();
    if (process->pid == 0)
        run_child(launch, report[1]);
    close(report[1]);
    if (process->pid < 0) {
        close(report[0]);
        return err_errno(err, ERR_SYSTEM, "fork");
    }
    ssize_t got;
    do
        got = read(report[0], &reason, sizeof reason);
    while (got < 0 && errno == EINTR);
    close(report[0]);
    setpgid(process->pid, process->pid); /* the child does it too; whoever is first */
    if (got == sizeof reason) {
        waitpid(process->pid, NULL, 0);
        errno = reason;
        return err_errno(err, ERR_SYSTEM, "starting %s", launch->spec->argv[0]);
    }
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0) {
        kill(-process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
        return err_errno(err, ERR_SYSTEM, "pidfd_open");
    }
    return true;
}

/* The child's end of one of its three descriptors; the parent's end of a pipe goes to *ours. */
static bool open_stdio(int wanted, bool reading, int *theirs, int *ours, bool *close_theirs, struct err *err)
{
    int ends[2];
    *close_theirs = true;
    if (wanted >= 0) {
        *theirs = wanted;
        *close_theirs = false;
        return true;
    }
    if (wanted == SUBPROCESS_NULL) {
        *theirs = open("/dev/null", (reading ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
        return *theirs >= 0 || err_errno(err, ERR_SYSTEM, "/dev/null");
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, ERR_SYSTEM, "pipe");
    *ours = ends[0];
    *theirs = ends[1];
    return true;
}

struct subprocess *subprocess_start(const struct subprocess_spec *spec, struct err *err)
{
    struct subprocess *process = calloc(1, sizeof *process);
    struct launch launch = {.spec = spec, .stdio = {-1, -1, -1}, .parent = getpid()};
    bool close_theirs[3] = {false, false, false}, ok = false;
    int unused = -1;

    if (process == NULL)
        abort();
    process->pidfd = process->out = process->error = -1;
    launch.env = merge_env(spec->env);
    ok = find_user(&launch, err) && open_stdio(spec->in, true, &launch.stdio[0], &unused, &close_theirs[0], err)
         && open_stdio(spec->out, false, &launch.stdio[1], &process->out, &close_theirs[1], err)
         && open_stdio(spec->error, false, &launch.stdio[2], &process->error, &close_theirs[2], err)
         && fork_and_exec(process, &launch, err);
    for (int i = 0; i < 3; i++)
        if (close_theirs[i])
            close_fd(&launch.stdio[i]);
    free(launch.env);
    if (ok)
        return process;
    close_fd(&process->out);
    close_fd(&process->error);
    free(process);
    return NULL;
}

int subprocess_out(const struct subprocess *process)
{
    return process->out;
}

int subprocess_error(const struct subprocess *process)
{
    return process->error;
}

int subprocess_pid(const struct subprocess *process)
{
    return process->pid;
}

int subprocess_wait(struct subprocess *process, const struct cancel *cancel, int timeout_ms, struct err *err)
{
    int status;
    if (process->ended)
        return 1;
    int ready = cancel_poll(cancel, process->pidfd, POLLIN, timeout_ms, err);
    if (ready <= 0)
        return ready;
    if (waitpid(process->pid, &status, 0) != process->pid) {
        err_errno(err, ERR_SYSTEM, "waitpid");
        return -1;
    }
    process->ended = true;
    process->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 1;
}

int subprocess_status(const struct subprocess *process)
{
    return process->status;
}

void subprocess_signal(struct subprocess *process, int signal)
{
    if (!process->ended)
        kill(-process->pid, signal);
}

void subprocess_free(struct subprocess *process)
{
    struct err ignored;
    if (process == NULL)
        return;
    subprocess_signal(process, SIGTERM);
    if (subprocess_wait(process, NULL, TERM_GRACE_MS, &ignored) <= 0) {
        subprocess_signal(process, SIGKILL);
        int ended = subprocess_wait(process, NULL, -1, &ignored);
        (void)ended;
    }
    kill(-process->pid, SIGKILL); /* what its group still holds: pg_restore's workers */
    close_fd(&process->out);
    close_fd(&process->error);
    close_fd(&process->pidfd);
    free(process);
}

bool subprocess_output(const char *const *argv, struct arena *arena, const char **output, struct err *err)
{
    struct subprocess_spec spec = {
        .argv = argv, .in = SUBPROCESS_NULL, .out = SUBPROCESS_PIPE, .error = SUBPROCESS_NULL};
    struct subprocess *process = subprocess_start(&spec, err);
    char *text = arena_alloc(arena, OUTPUT_MAX + 1);
    size_t used = 0;
    bool ok = false;

    if (process == NULL)
        return false;
    while (used < OUTPUT_MAX) {
        ssize_t got = read(process->out, text + used, OUTPUT_MAX - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    *output = text;
    ok = subprocess_wait(process, NULL, 10000, err) == 1;
    if (ok && process->status != 0)
        ok = err_set(err, ERR_SYSTEM, "%s: exit status %d", argv[0], process->status);
    subprocess_free(process);
    return ok;
}
