#include "backup/export.h"

#include "backup/dump_process.h"
#include "backup/export_source.h"
#include "backup/log_tables.h"
#include "backup/parallel_copy.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

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
    struct parallel_copy *parallel; /* NULL: not asked for */
    struct dump_process *dump;
    struct dump_process *rest; /* parallel: what gives the data that `dump` does not */
    int64_t started_ms;
    struct export_result result;
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
    options->parallel = 1;
    if (request->parallel != NULL) {
        int64_t connections;
        if (!text_parse_integer(request->parallel, 2, EXPORT_MAX_PARALLEL, &connections))
            return wrong_parameter(err, "parallel", "parallel must be a number from 2 to 8");
        options->parallel = (int)connections;
    }
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

/* What this export asks of pg_dump, besides `more`, which NULL ends. */
static struct dump_process *start_dump(struct export *export, const char *const *more, struct err *err)
{
    struct arena *arena = export->job->arena;
    const char *flag = modes[export->options.mode].log_flag, *snapshot = NULL;
    const char **options = NULL;
    size_t used = 0;
    if (export->parallel != NULL)
        snapshot = parallel_copy_snapshot(export->parallel);
    for (const struct log_table *table = log_tables; flag != NULL && table->name != NULL; table++)
        *(const char **)arena_push(arena, &options, used++, sizeof *options) =
            arena_printf(arena, "%s=%s.%s", flag, table->schema, table->name);
    if (snapshot != NULL)
        *(const char **)arena_push(arena, &options, used++, sizeof *options) = snapshot;
    for (; more != NULL && *more != NULL; more++)
        *(const char **)arena_push(arena, &options, used++, sizeof *options) = *more;
    *(const char **)arena_push(arena, &options, used, sizeof *options) = NULL;
    return dump_process_start(export->job, options, err);
}

static bool open_dump(struct export *export, struct err *err)
{
    if (export->options.parallel > 1) {
        export->parallel = parallel_copy_open(export->job, export->options.parallel, err);
        if (export->parallel == NULL)
            return false;
    }
    export->dump = start_dump(export, NULL, err);
    return export->dump != NULL && dump_process_open(export->dump, err);
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
    *export = (struct export){.job = job, .options = *options, .started_ms = clock_mono_ms()};
    clock_file_stamp(clock_wall_ms(), stamp);
    export->file_name = arena_printf(job->arena, "backup_%s%s.dump", stamp, modes[options->mode].suffix);
    export->lock = backup_lock_acquire(job->app, "export", job->actor.user_name, job->cancel, &job->holder, err);
    if (export->lock != NULL && FAIL_POINT(EXPORT_LOCKED, err) && export_source_check(job, err)
        && check_method(export, err) && open_dump(export, err) && FAIL_POINT(EXPORT_OPENED, err)) {
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

/* The rest's data goes under the dump id that the entry has in the table of contents that was sent. */
static int32_t dump_id_of(void *context, const struct archive_entry *entry)
{
    const struct archive *contents = context;
    const struct archive_entry *same = archive_find(contents, entry->desc, entry->schema, entry->tag);
    if (same == NULL || !same->has_data || same->has_block)
        return 0;
    archive_entry_by_id(contents, same->dump_id)->has_block = true;
    return same->dump_id;
}

/* The first pg_dump gave the table of contents, and waits with its locks because nobody reads on. A second one, on the
 * same snapshot, gives the data of all but the large tables; it gets ready while those are read. */
static bool copy_parallel(struct export *export, struct writer *writer, struct err *err)
{
    const struct archive *contents = dump_stream_contents(dump_process_stream(export->dump));
    export->rest = start_dump(export, parallel_copy_excludes(export->parallel), err);
    if (export->rest == NULL || !parallel_copy_run(export->parallel, contents, writer, err)
        || !dump_process_open(export->rest, err))
        return false;
    dump_process_end(export->dump);
    return dump_process_copy(export->rest, writer, dump_id_of, (void *)(uintptr_t)contents, err);
}

/* pg_dump's status is known before the seal, which makes the archive whole, is written. */
static bool write_archive(struct export *export, struct writer *writer, struct err *err)
{
    struct dump_stream *stream = dump_process_stream(export->dump);
    size_t size;
    const unsigned char *head = dump_stream_head(stream, export->options.method, &size);
    bool parallel = export->parallel != NULL && parallel_copy_tables(export->parallel) > 0;
    return writer_write(writer, head, size, err) && writer_flush(writer, err)
           && (parallel ? copy_parallel(export, writer, err) : dump_process_copy(export->dump, writer, NULL, NULL, err))
           && FAIL_POINT(EXPORT_COPIED, err) && dump_stream_complete(stream, err) && backup_lock_held(export->lock, err)
           && writer_seal(writer, err) && FAIL_POINT(EXPORT_SEALED, err);
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
    if (conn == NULL || !FAIL_POINT(EXPORT_REMEMBERED, &err)
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
    json_t *after =
        json_pack("{s:s, s:s, s:i, s:s, s:I, s:s}", "mode", modes[export->options.mode].name, "compression",
                  methods[export->options.method], "parallel", export->options.parallel, "file", export->file_name,
                  "bytes", (json_int_t) export->result.bytes, "sha256", export->result.sha256);
    job_audit(export->job, "database.export", after, failure);
}

void export_end(struct export *export, const struct err *failure)
{
    dump_process_free(export->rest);
    dump_process_free(export->dump);
    parallel_copy_close(export->parallel);
    if (failure == NULL) {
        remember(export);
        log_event(LOG_INFO, "export.finished", "{s:s, s:I, s:s, s:I}", "file", export->file_name, "bytes",
                  (json_int_t) export->result.bytes, "sha256", export->result.sha256, "ms",
                  (json_int_t) export->result.ms);
    } else {
        log_event(LOG_WARN, "export.failed", "{s:s, s:s, s:s, s:I}", "file", export->file_name, "code",
                  err_name(failure->code), "error", text_utf8(export->job->arena, failure->words), "bytes",
                  (json_int_t) export->result.bytes);
    }
    write_audit(export, failure);
    FAIL_POINT_PAST(EXPORT_AUDITED);
    backup_lock_release(export->lock);
}
