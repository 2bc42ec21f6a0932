#include "backup/dump_process.h"

#include "backup/export_source.h"
#include "base/text.h"
#include "os/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_SIZE (1024 * 1024)
#define OWN_OPTIONS 8

struct dump_process {
    struct job *job;
    struct subprocess *child;
    int messages; /* memfd that holds its stderr */
    bool ended;   /* its output did */
    struct dump_stream *stream;
};

static const char *const *arguments(struct job *job, const char *const *options)
{
    size_t count = 0, used = 0;
    while (options[count] != NULL)
        count++;
    const char **argv = arena_alloc(job->arena, (count + OWN_OPTIONS) * sizeof *argv);
    argv[used++] = job->app->tools.dump;
    argv[used++] = "--format=custom";
    argv[used++] = "--compress=0"; /* done here, by several threads */
    argv[used++] = "--no-password";
    argv[used++] = "--lock-wait-timeout=30000";
    argv[used++] = "--exclude-schema=hubport";
    for (size_t i = 0; i < count; i++)
        argv[used++] = options[i];
    argv[used++] = pg_target_argument(export_source(job), job->arena, NULL);
    return argv;
}

struct dump_process *dump_process_start(struct job *job, const char *const *options, struct err *err)
{
    struct dump_process *process = arena_alloc(job->arena, sizeof *process);
    *process = (struct dump_process){.job = job, .messages = memfd_create("pg_dump", MFD_CLOEXEC)};
    if (process->messages < 0) {
        err_errno(err, ERR_SYSTEM, "memfd_create");
        return NULL;
    }
    struct subprocess_spec spec = {.argv = arguments(job, options),
                                   .env = pg_target_env(export_source(job), job->arena, NULL),
                                   .in = SUBPROCESS_NULL,
                                   .out = SUBPROCESS_PIPE,
                                   .error = process->messages};
    process->child = subprocess_start(&spec, err);
    if (process->child == NULL) {
        dump_process_free(process);
        return NULL;
    }
    (void)fcntl(subprocess_out(process->child), F_SETPIPE_SZ, PIPE_SIZE);
    return process;
}

void dump_process_end(struct dump_process *process)
{
    subprocess_free(process->child);
    process->child = NULL;
}

void dump_process_free(struct dump_process *process)
{
    if (process == NULL)
        return;
    dump_process_end(process);
    dump_stream_close(process->stream);
    close(process->messages);
}

/* The last thing that pg_dump said, for the error; with the server's words, which are its first detail. */
static const char *last_message(struct dump_process *process)
{
    char text[4096];
    struct stat status;
    if (fstat(process->messages, &status) != 0 || status.st_size == 0)
        return "no message";
    off_t from = MAX(status.st_size - (off_t)sizeof text + 1, 0);
    ssize_t got = pread(process->messages, text, sizeof text - 1, from);
    text[MAX(got, 0)] = '\0';
    char *error = strstr(text, "error: ");
    char *start = error == NULL ? text : error, *end = start + strcspn(start, "\n");
    char *detail = *end == '\0' ? NULL : strstr(end + 1, "detail: ");
    *end = '\0';
    if (error == NULL || detail == NULL)
        return text_utf8(process->job->arena, start);
    detail += strlen("detail: ");
    detail[strcspn(detail, "\n")] = '\0';
    return text_utf8(process->job->arena, arena_printf(process->job->arena, "%s %s", start, detail));
}

/* Wait for its end after its output's; anything but 0 is a failure. */
static bool check_status(struct dump_process *process, struct err *err)
{
    if (subprocess_wait(process->child, process->job->cancel, -1, err) != 1)
        return false;
    int status = subprocess_status(process->child);
    if (status == 0)
        return true;
    return err_set(err, ERR_EXPORT_FAILED, "pg_dump ended with %d: %s", status, last_message(process));
}

/* What came was not whole: when pg_dump failed, why it did says more. */
static bool failed(struct dump_process *process, struct err *err)
{
    struct err own = *err;
    if (err->code == ERR_EXPORT_FAILED && process->ended && check_status(process, err))
        *err = own;
    return false;
}

static ssize_t read_dump(void *context, void *buffer, size_t size, struct err *err)
{
    struct dump_process *process = context;
    int fd = subprocess_out(process->child);
    for (;;) {
        if (cancel_poll(process->job->cancel, fd, POLLIN, -1, err) < 0)
            return -1;
        ssize_t got = read(fd, buffer, size);
        if (got < 0 && errno == EINTR)
            continue;
        process->ended = got == 0;
        return got >= 0 ? got : (err_errno(err, ERR_SYSTEM, "reading from pg_dump"), -1);
    }
}

bool dump_process_open(struct dump_process *process, struct err *err)
{
    process->stream = dump_stream_open(read_dump, process, process->job->arena, err);
    return process->stream != NULL || failed(process, err);
}

struct dump_stream *dump_process_stream(const struct dump_process *process)
{
    return process->stream;
}

bool dump_process_copy(struct dump_process *process, struct writer *writer,
                       int32_t (*dump_id_of)(void *context, const struct archive_entry *entry), void *context,
                       struct err *err)
{
    return dump_stream_copy(process->stream, writer, dump_id_of, context, err) ? check_status(process, err)
                                                                               : failed(process, err);
}
