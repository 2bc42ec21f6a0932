#include "backup/export.h"

#include "archive/dump_stream.h"
#include "backup/log_tables.h"
#include "backup/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_SIZE (1024 * 1024)

static const struct {
    const char *name, *suffix;
    const char *log_flag; /* for each log table; NULL: none */
} modes[] = {
    [EXPORT_FULL] = {"full", "", NULL},
    [EXPORT_EXCLUDE_LOGS] = {"excludeLogs", "_no-logs", "--exclude-table-data"},
    [EXPORT_LEDGER_ONLY] = {"ledgerOnly", "_ledger-only", "--exclude-table"},
};

static const char *const methods[] = {
    [METHOD_BALANCED] = "balanced", [METHOD_FAST] = "fast", [METHOD_NONE] = "none", [METHOD_ZSTD] = "zstd"};

struct export
{
    struct job *job;
    struct export_options options;
    const char *file_name;
    struct backup_lock *lock;
    struct subprocess *dump;
    int messages; /* memfd that holds pg_dump's stderr */
    int64_t started_ms;
    struct export_result result;
    struct dump_stream *stream;
    bool dump_ended; /* its output did */
    int out;
};

/* ---- What is wanted ---------------------------------------------------------------------------------------------- */

static bool wrong_parameter(struct err *err, const char *name, const char *words)
{
    err_set(err, ERR_EXPORT_MODE_INVALID, "%s", words);
    return err_args(err, name, NULL);
}

static bool parse_mode(const char *mode, const char *exclude_logs, enum export_mode *out, struct err *err)
{
    bool exclude = false;
    int found = -1;
    *out = EXPORT_FULL;
    if (exclude_logs != NULL) {
        exclude = strcmp(exclude_logs, "true") == 0;
        if (!exclude && strcmp(exclude_logs, "false") != 0)
            return wrong_parameter(err, "excludeLogs", "excludeLogs must be true or false");
        *out = exclude ? EXPORT_EXCLUDE_LOGS : EXPORT_FULL;
    }
    if (mode == NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(mode, modes[i].name) == 0)
            found = (int)i;
    if (found < 0 || (exclude_logs != NULL && exclude != (found != EXPORT_FULL)))
        return wrong_parameter(err, "mode",
                               found < 0 ? "mode must be full, excludeLogs or ledgerOnly"
                                         : "mode and excludeLogs contradict each other");
    *out = (enum export_mode)found;
    return true;
}

bool export_parse(const struct export_request *request, const struct config *config, struct export_options *options,
                  struct err *err)
{
    const char *method = request->compression;
    if (!parse_mode(request->mode, request->exclude_logs, &options->mode, err))
        return false;
    if (method == NULL)
        method = config_text(config, SETTING_EXPORT_COMPRESSION);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (strcmp(method, methods[i]) == 0) {
            options->method = (enum writer_method)i;
            return true;
        }
    return wrong_parameter(err, "compression", "compression must be balanced, fast, none or zstd");
}

/* ---- Starting ---------------------------------------------------------------------------------------------------- */

static bool start_dump(struct export *export, struct err *err)
{
    struct arena *arena = export->job->arena;
    struct app *app = export->job->app;
    const char *argv[32];
    size_t used = 0;

    argv[used++] = app->tools.dump;
    argv[used++] = "--format=custom";
    argv[used++] = "--compress=0"; /* done here, by several threads */
    argv[used++] = "--no-password";
    argv[used++] = "--lock-wait-timeout=30000";
    argv[used++] = "--exclude-schema=hubport";
    for (const struct log_table *table = log_tables;
         modes[export->options.mode].log_flag != NULL && table->name != NULL; table++)
        argv[used++] =
            arena_printf(arena, "%s=%s.%s", modes[export->options.mode].log_flag, table->schema, table->name);
    argv[used++] = pg_target_argument(app->target, arena, NULL);
    argv[used] = NULL;

    export->messages = memfd_create("pg_dump", MFD_CLOEXEC);
    if (export->messages < 0)
        return err_errno(err, ERR_SYSTEM, "memfd_create");
    struct subprocess_spec spec = {.argv = argv,
                                   .env = pg_target_env(app->target, arena, NULL),
                                   .in = SUBPROCESS_NULL,
                                   .out = SUBPROCESS_PIPE,
                                   .error = export->messages};
    export->dump = subprocess_start(&spec, err);
    if (export->dump == NULL)
        return false;
    (void)fcntl(subprocess_out(export->dump), F_SETPIPE_SZ, PIPE_SIZE);
    return true;
}

/* The last thing that pg_dump said, for the error. */
static const char *last_message(struct export *export)
{
    char text[4096];
    struct stat status;
    if (fstat(export->messages, &status) != 0 || status.st_size == 0)
        return "no message";
    off_t from = MAX(status.st_size - (off_t)sizeof text + 1, 0);
    ssize_t got = pread(export->messages, text, sizeof text - 1, from);
    text[MAX(got, 0)] = '\0';
    char *error = strstr(text, "error: ");
    char *start = error == NULL ? text : error;
    start[strcspn(start, "\n")] = '\0';
    return text_utf8(export->job->arena, start);
}

/* Wait for pg_dump's end after its output's; anything but 0 is a failure. */
static bool check_status(struct export *export, struct err *err)
{
    if (subprocess_wait(export->dump, export->job->cancel, -1, err) != 1)
        return false;
    int status = subprocess_status(export->dump);
    if (status == 0)
        return true;
    return err_set(err, ERR_EXPORT_FAILED, "pg_dump ended with %d: %s", status, last_message(export));
}

static ssize_t read_dump(void *context, void *buffer, size_t size, struct err *err)
{
    struct export *export = context;
    int fd = subprocess_out(export->dump);
    for (;;) {
        if (cancel_poll(export->job->cancel, fd, POLLIN, -1, err) < 0)
            return -1;
        ssize_t got = read(fd, buffer, size);
        if (got < 0 && errno == EINTR)
            continue;
        export->dump_ended = got == 0;
        return got >= 0 ? got : (err_errno(err, ERR_SYSTEM, "reading from pg_dump"), -1);
    }
}

/* What came from pg_dump was not whole: when it failed, why it did says more. */
static bool dump_failed(struct export *export, struct err *err)
{
    struct err own = *err;
    if (err->code == ERR_EXPORT_FAILED && export->dump_ended && check_status(export, err))
        *err = own;
    return false;
}

static bool read_contents(struct export *export, struct err *err)
{
    export->stream = dump_stream_open(read_dump, export, export->job->arena, err);
    return export->stream != NULL || dump_failed(export, err);
}

/* Archives before version 1.15 cannot say that they are compressed by zstd. */
static bool check_method(struct export *export, struct err *err)
{
    const struct pg_tools *tools = &export->job->app->tools;
    if (export->options.method != METHOD_ZSTD || tools->dump_version >= 160000)
        return true;
    const char *version = pg_version_text(export->job->arena, tools->dump_version);
    err_set(err, ERR_COMPRESSION_UNAVAILABLE, "compression=zstd needs pg_dump 16 or newer, and %s is %s", tools->dump,
            version);
    return err_args(err, version, NULL);
}

struct export *export_begin(struct job *job, const struct export_options *options, struct err *err)
{
    struct export *export = arena_alloc(job->arena, sizeof *export);
    char stamp[CLOCK_TEXT_SIZE];
    *export = (struct export){.job = job, .options = *options, .messages = -1, .started_ms = clock_mono_ms()};
    clock_file_stamp(clock_wall_ms(), stamp);
    export->file_name = arena_printf(job->arena, "backup_%s%s.dump", stamp, modes[options->mode].suffix);
    export->lock = backup_lock_acquire(job->app, "export", job->actor.user_name, job->cancel, &job->holder, err);
    if (export->lock != NULL && server_check(job, err) && check_method(export, err) && start_dump(export, err)
        && read_contents(export, err)) {
        log_event(LOG_INFO, "export.started", "{s:s, s:s, s:s}", "mode", modes[options->mode].name, "compression",
                  methods[options->method], "file", export->file_name);
        return export;
    }
    export_end(export, err);
    return NULL;
}

const char *export_file_name(const struct export *export)
{
    return export->file_name;
}

/* ---- Copying ----------------------------------------------------------------------------------------------------- */

static bool write_out(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    struct export *export = context;
    while (size > 0) {
        if (cancel_poll(export->job->cancel, export->out, POLLOUT, -1, err) < 0)
            return false;
        ssize_t written = write(export->out, bytes, size);
        if (written < 0 && errno == EPIPE)
            return err_set(err, ERR_CANCELLED, "the receiver is gone");
        if (written < 0 && errno != EINTR)
            return err_errno(err, errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_SYSTEM,
                             "writing the archive");
        if (written > 0) {
            export->result.bytes += (uint64_t)written;
            if (export->job->report_bytes != NULL)
                export->job->report_bytes(export->job->report_context, export->result.bytes);
            bytes += written;
            size -= (size_t)written;
        }
    }
    return true;
}

static int threads(const struct export *export)
{
    int64_t wanted = config_int(export->job->app->config, SETTING_EXPORT_THREADS);
    return (int)(wanted > 0 ? wanted : MAX(sysconf(_SC_NPROCESSORS_ONLN), 1));
}

/* pg_dump's status is known before the seal, which makes the archive whole, is written. */
static bool write_archive(struct export *export, struct writer *writer, struct err *err)
{
    size_t size;
    const unsigned char *head = dump_stream_head(export->stream, export->options.method, &size);
    if (!writer_write(writer, head, size, err) || !writer_flush(writer, err))
        return false;
    if (!dump_stream_copy(export->stream, writer, NULL, NULL, err))
        return dump_failed(export, err);
    return check_status(export, err) && dump_stream_complete(export->stream, err) && backup_lock_held(export->lock, err)
           && writer_seal(writer, err);
}

bool export_copy(struct export *export, int out, struct export_result *result, struct err *err)
{
    unsigned char digest[SHA256_SIZE];
    struct writer_spec spec = {
        .method = export->options.method, .threads = threads(export), .sink = write_out, .context = export};
    struct writer *writer = writer_new(&spec);
    export->out = out;
    bool ok = write_archive(export, writer, err);
    if (ok) {
        writer_digest(writer, digest);
        text_hex(digest, sizeof digest, export->result.sha256);
        export->result.ms = clock_mono_ms() - export->started_ms;
        *result = export->result;
    }
    writer_free(writer);
    return ok;
}

/* ---- Ending ------------------------------------------------------------------------------------------------------ */

/* This installation's own archives, known by their digest (an import trusts their functions and triggers). */
static void remember(struct export *export)
{
    struct job *job = export->job;
    struct err err;
    struct pg_conn *conn = pg_pool_take(job->app->pool, NULL, &err);
    if (conn == NULL
        || !pg_query(
            conn, job->arena, NULL, &err,
            "INSERT INTO hubport.exports (sha256, file_name, mode, size, user_name) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (sha256) DO NOTHING",
            PG_ARGS(export->result.sha256, export->file_name, modes[export->options.mode].name,
                    arena_printf(job->arena, "%llu", (unsigned long long)export->result.bytes), job->actor.user_name)))
        log_event(LOG_WARN, "export.not_remembered", "{s:s}", "error", err.words);
    pg_pool_give(job->app->pool, conn);
}

static void write_audit(struct export *export, const struct err *failure)
{
    json_t *after = json_pack("{s:s, s:s, s:s, s:I, s:s}", "mode", modes[export->options.mode].name, "compression",
                              methods[export->options.method], "file", export->file_name, "bytes",
                              (json_int_t) export->result.bytes, "sha256", export->result.sha256);
    job_audit(export->job, "database.export", after, failure);
}

void export_end(struct export *export, const struct err *failure)
{
    subprocess_free(export->dump);
    dump_stream_close(export->stream);
    if (export->messages >= 0)
        close(export->messages);
    if (failure == NULL) {
        remember(export);
        log_event(LOG_INFO, "export.finished", "{s:s, s:I, s:s, s:I}", "file", export->file_name, "bytes",
                  (json_int_t) export->result.bytes, "sha256", export->result.sha256, "ms",
                  (json_int_t) export->result.ms);
    }
    write_audit(export, failure);
    backup_lock_release(export->lock);
}
