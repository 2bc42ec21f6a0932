#include "backup/export.h"

#include "archive/archive.h"
#include "backup/log_tables.h"
#include "backup/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)64 * 1024) /* one write: what http/ sends in one piece */
#define PIPE_SIZE (1024 * 1024)

static const struct {
    const char *name, *suffix;
    const char *log_flag; /* for each log table; NULL: none */
} modes[] = {
    [EXPORT_FULL] = {"full", "", NULL},
    [EXPORT_EXCLUDE_LOGS] = {"excludeLogs", "_no-logs", "--exclude-table-data"},
    [EXPORT_LEDGER_ONLY] = {"ledgerOnly", "_ledger-only", "--exclude-table"},
};

struct export {
    struct job *job;
    enum export_mode mode;
    const char *file_name;
    struct backup_lock *lock;
    struct subprocess *dump;
    int messages; /* memfd that holds pg_dump's stderr */
    int64_t started_ms;
    struct export_result result;
    size_t first_size;
    unsigned char first[PIECE];
};

bool export_parse_mode(const char *mode, const char *exclude_logs, enum export_mode *out, struct err *err)
{
    bool exclude = false;
    int found = -1;
    *out = EXPORT_FULL;
    if (exclude_logs != NULL) {
        exclude = strcmp(exclude_logs, "true") == 0;
        if (!exclude && strcmp(exclude_logs, "false") != 0) {
            err_set(err, ERR_EXPORT_MODE_INVALID, "excludeLogs must be true or false");
            return err_args(err, "excludeLogs", NULL);
        }
        *out = exclude ? EXPORT_EXCLUDE_LOGS : EXPORT_FULL;
    }
    if (mode == NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(mode, modes[i].name) == 0)
            found = (int)i;
    if (found < 0 || (exclude_logs != NULL && exclude != (found != EXPORT_FULL))) {
        err_set(err, ERR_EXPORT_MODE_INVALID, "%s",
                found < 0 ? "mode must be full, excludeLogs or ledgerOnly"
                          : "mode and excludeLogs contradict each other");
        return err_args(err, "mode", NULL);
    }
    *out = (enum export_mode)found;
    return true;
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
    argv[used++] = "--no-password";
    argv[used++] = "--lock-wait-timeout=30000";
    argv[used++] = "--exclude-schema=hubport";
    for (const struct log_table *table = log_tables; modes[export->mode].log_flag != NULL && table->name != NULL;
         table++)
        argv[used++] = arena_printf(arena, "%s=%s.%s", modes[export->mode].log_flag, table->schema, table->name);
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

/* The next bytes of the dump: 0 at its end, -1 cancelled or failed. */
static ssize_t read_dump(struct export *export, void *buffer, size_t size, struct err *err)
{
    int fd = subprocess_out(export->dump);
    for (;;) {
        if (cancel_poll(export->job->cancel, fd, POLLIN, -1, err) < 0)
            return -1;
        ssize_t got = read(fd, buffer, size);
        if (got >= 0 || errno != EINTR)
            return got >= 0 ? got : (err_errno(err, ERR_SYSTEM, "reading from pg_dump"), -1);
    }
}

static bool read_first_bytes(struct export *export, struct err *err)
{
    ssize_t got = read_dump(export, export->first, sizeof export->first, err);
    if (got < 0)
        return false;
    if (got == 0)
        return check_status(export, err) && err_set(err, ERR_EXPORT_FAILED, "pg_dump wrote nothing");
    export->first_size = (size_t)got;
    return true;
}

struct export *export_begin(struct job *job, enum export_mode mode, struct err *err)
{
    struct export *export = arena_alloc(job->arena, sizeof *export);
    char stamp[CLOCK_TEXT_SIZE];
    *export = (struct export){.job = job, .mode = mode, .messages = -1, .started_ms = clock_mono_ms()};
    clock_file_stamp(clock_wall_ms(), stamp);
    export->file_name = arena_printf(job->arena, "backup_%s%s.dump", stamp, modes[mode].suffix);
    export->lock = backup_lock_acquire(job->app, "export", job->actor.user_name, job->cancel, &job->holder, err);
    if (export->lock != NULL && server_check(job, err) && start_dump(export, err) && read_first_bytes(export, err)) {
        log_event(LOG_INFO, "export.started", "{s:s, s:s}", "mode", modes[mode].name, "file", export->file_name);
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

static bool write_piece(struct export *export, int out, const unsigned char *bytes, size_t size, struct err *err)
{
    while (size > 0) {
        if (cancel_poll(export->job->cancel, out, POLLOUT, -1, err) < 0)
            return false;
        ssize_t written = write(out, bytes, MIN(size, PIECE));
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

static bool copy_all(struct export *export, int out, crypto_hash_sha256_state *hash, struct err *err)
{
    unsigned char piece[PIECE];
    crypto_hash_sha256_update(hash, export->first, export->first_size);
    if (!write_piece(export, out, export->first, export->first_size, err))
        return false;
    for (;;) {
        ssize_t got = read_dump(export, piece, sizeof piece, err);
        if (got <= 0)
            return got == 0;
        crypto_hash_sha256_update(hash, piece, (size_t)got);
        if (!write_piece(export, out, piece, (size_t)got, err))
            return false;
    }
}

bool export_copy(struct export *export, int out, struct export_result *result, struct err *err)
{
    unsigned char digest[crypto_hash_sha256_BYTES], seal[ARCHIVE_SEAL_MAX];
    crypto_hash_sha256_state hash, before_seal;
    crypto_hash_sha256_init(&hash);
    if (!copy_all(export, out, &hash, err) || !check_status(export, err) || !backup_lock_held(export->lock, err))
        return false;
    before_seal = hash;
    crypto_hash_sha256_final(&before_seal, digest);
    size_t size = archive_seal(digest, seal);
    crypto_hash_sha256_update(&hash, seal, size);
    if (!write_piece(export, out, seal, size, err))
        return false;
    crypto_hash_sha256_final(&hash, digest);
    text_hex(digest, sizeof digest, export->result.sha256);
    export->result.ms = clock_mono_ms() - export->started_ms;
    *result = export->result;
    return true;
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
            PG_ARGS(export->result.sha256, export->file_name, modes[export->mode].name,
                    arena_printf(job->arena, "%llu", (unsigned long long)export->result.bytes), job->actor.user_name)))
        log_event(LOG_WARN, "export.not_remembered", "{s:s}", "error", err.words);
    pg_pool_give(job->app->pool, conn);
}

static void write_audit(struct export *export, const struct err *failure)
{
    json_t *after = json_pack("{s:s, s:s, s:I, s:s}", "mode", modes[export->mode].name, "file", export->file_name,
                              "bytes", (json_int_t) export->result.bytes, "sha256", export->result.sha256);
    job_audit(export->job, "database.export", after, failure);
}

void export_end(struct export *export, const struct err *failure)
{
    subprocess_free(export->dump);
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
