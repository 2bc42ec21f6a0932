#include "backup/import.h"

#include "backup/counts.h"
#include "backup/notify.h"
#include "backup/overwrite.h"
#include "backup/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <sodium.h>
#include <unistd.h>

#define DIGEST_PIECE (256 * KIB)

struct import {
    struct job *job;
    struct import_options options;
    const char *path;
    int fd;
    struct archive *archive;
    struct backup_lock *lock;
    struct plan plan;
    struct foreign foreign;
    struct import_result result;
    int64_t started_ms;
    bool changed;
    int verify_percent; /* last told */
};

/* ---- Before anything is touched ---------------------------------------------------------------------------------- */

/* The file's digest, where the upload did not take it on its way: it tells whether the file is one of ours. */
static bool take_digest(struct import *import, struct err *err)
{
    struct job *job = import->job;
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state hash;
    char *hex = arena_alloc(job->arena, 2 * sizeof digest + 1);
    unsigned char *piece = arena_alloc(job->arena, DIGEST_PIECE);
    off_t at = 0;
    ssize_t got;
    if (import->options.sha256 != NULL)
        return true;
    crypto_hash_sha256_init(&hash);
    while ((got = pread(import->fd, piece, DIGEST_PIECE, at)) > 0) {
        crypto_hash_sha256_update(&hash, piece, (size_t)got);
        at += got;
        if (!cancel_check(job->cancel, err))
            return false;
    }
    if (got < 0)
        return err_errno(err, ERR_SYSTEM, "reading the archive");
    crypto_hash_sha256_final(&hash, digest);
    text_hex(digest, sizeof digest, hex);
    import->options.sha256 = hex;
    return true;
}

/* Everything that is known before the whole file is read. */
static bool check(struct import *import, struct err *err)
{
    struct job *job = import->job;
    return server_check(job, err) && take_digest(import, err)
           && plan_make(job, import->archive, import->lock, import->options.drop_others, &import->plan, err)
           && foreign_find(job, import->archive, import->options.sha256, &import->foreign, err)
           && foreign_check(job, &import->foreign, import->plan.way, import->options.allow_foreign, err)
           && plan_check_disk(job, import->archive->size, err);
}

struct import *import_begin(struct job *job, int fd, const char *path, const struct import_options *options,
                            struct import_refusal *refusal, struct err *err)
{
    struct import *import = arena_alloc(job->arena, sizeof *import);
    *import = (struct import){.job = job, .options = *options, .path = path, .fd = fd, .started_ms = clock_mono_ms()};
    *refusal = (struct import_refusal){0};
    import->archive = archive_open(fd, job->arena, err);
    if (import->archive == NULL)
        goto refused;
    if (!options->clean_first) {
        err_set(err, ERR_MERGE_NOT_READY, "cleanFirst is false");
        goto refused;
    }
    import->lock = backup_lock_acquire(job->app, "import", job->actor.user_name, job->cancel, &job->holder, err);
    if (import->lock == NULL || !check(import, err)) {
        *refusal = (struct import_refusal){import->plan.others, import->plan.other_count, import->foreign.items,
                                           import->foreign.count};
        goto refused;
    }
    return import;
refused:
    backup_lock_release(import->lock);
    import_audit_refusal(job, &import->options, err);
    return NULL;
}

/* ---- The work ---------------------------------------------------------------------------------------------------- */

static void verify_progress(void *context, uint64_t done, uint64_t total)
{
    struct import *import = context;
    int percent = (int)(done * 100 / MAX(total, 1));
    if (percent >= import->verify_percent + 5) { /* a file is walked in seconds: few lines say enough */
        import->verify_percent = percent;
        job_report(import->job, PHASE_VERIFY, percent, NULL);
    }
}

static bool verify(struct import *import, struct err *err)
{
    struct job *job = import->job;
    job_report(job, PHASE_VERIFY, 0, MESSAGE(job->arena, job->lang, MSG_VERIFYING));
    import->archive->max_bytes = plan_disk_room(job); /* what does not fit is not worth unpacking: a bomb, at worst */
    if (!archive_verify(import->archive, import->fd, job->cancel, verify_progress, import, err))
        return false;
    for (size_t i = 0; i < import->archive->entry_count; i++)
        import->result.tables += strcmp(import->archive->entries[i].desc, "TABLE DATA") == 0;
    struct contents_filter filter = {.skip_logs = import->options.skip_logs};
    import->result.rows = counts_rows(import->archive, &filter);
    import->result.sealed = import->archive->sealed;
    const char *tables = arena_printf(job->arena, "%llu", (unsigned long long)import->result.tables);
    const char *rows = arena_printf(job->arena, "%llu", (unsigned long long)import->archive->rows);
    job_report(job, PHASE_VERIFY, 100,
               import->archive->sealed ? MESSAGE(job->arena, job->lang, MSG_VERIFIED_SEALED, tables, rows)
                                       : MESSAGE(job->arena, job->lang, MSG_VERIFIED, tables, rows));
    return plan_check_disk(job, counts_bytes(import->archive, &filter), err);
}

static void tell_way(struct import *import)
{
    struct job *job = import->job;
    job->way = import->plan.way == WAY_SWITCH ? "switch" : "in_place";
    const char *reason = import->plan.reason == NULL ? "" : text_utf8(job->arena, import->plan.reason);
    job_report(job, PHASE_RESTORE, 0,
               import->plan.way == WAY_SWITCH ? MESSAGE(job->arena, job->lang, MSG_WAY_SWITCH)
                                              : MESSAGE(job->arena, job->lang, MSG_WAY_IN_PLACE, reason));
}

bool import_run(struct import *import, struct import_result *result, struct err *err)
{
    struct job *job = import->job;
    struct overwrite overwrite = {.job = job,
                                  .lock = import->lock,
                                  .archive = import->archive,
                                  .archive_path = import->path,
                                  .plan = &import->plan,
                                  .foreign = &import->foreign,
                                  .skip_logs = import->options.skip_logs,
                                  .drop_others = import->options.drop_others};
    bool by_switch = import->plan.way == WAY_SWITCH;
    if (!verify(import, err))
        return false;
    tell_way(import);
    bool ok = by_switch ? overwrite_by_switch(&overwrite, err) : overwrite_in_place(&overwrite, &import->changed, err);
    import->changed = import->changed || ok;
    if (import->changed)
        notify_hub(job);
    if (!ok)
        return false;
    import->result.exit_status = overwrite.exit_status;
    import->result.warnings = overwrite.warnings;
    import->result.switched = by_switch;
    import->result.previous = overwrite.previous.name;
    import->result.previous_until_ms = overwrite.previous.pinned ? 0 : overwrite.previous.until_ms;
    import->result.restart_hub = overwrite.restart_hub;
    import->result.ms = clock_mono_ms() - import->started_ms;
    *result = import->result;
    return true;
}

bool import_changed(const struct import *import)
{
    return import->changed;
}

/* ---- The end ----------------------------------------------------------------------------------------------------- */

static json_t *describe_options(const struct import_options *options)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:s?, s:s?}", "cleanFirst", options->clean_first, "skipLogs",
                     options->skip_logs, "dropOthers", options->drop_others, "allowForeign", options->allow_foreign,
                     "file", options->file_name, "sha256", options->sha256);
}

void import_audit_refusal(struct job *job, const struct import_options *options, const struct err *failure)
{
    job_audit(job, "database.import", describe_options(options), failure);
}

void import_end(struct import *import, const struct err *failure)
{
    struct job *job = import->job;
    json_t *after = describe_options(&import->options);
    json_t *outcome = json_pack("{s:I, s:I, s:I, s:b, s:i, s:s?, s:b}", "bytes", (json_int_t)import->archive->size,
                                "rows", (json_int_t)import->result.rows, "tables", (json_int_t)import->result.tables,
                                "sealed", import->result.sealed, "warnings", import->result.warnings, "previous",
                                import->result.previous, "changed", import->changed);
    json_object_update_new(after, outcome);
    job_audit(job, "database.import", after, failure);
    log_event(failure == NULL ? LOG_INFO : LOG_ERROR, failure == NULL ? "import.finished" : "import.failed",
              "{s:I, s:b, s:s, s:I}", "rows", (json_int_t)import->result.rows, "switched", import->result.switched,
              "error", failure == NULL ? "" : text_utf8(job->arena, failure->words), "ms",
              (json_int_t)(clock_mono_ms() - import->started_ms));
    backup_lock_release(import->lock);
}
