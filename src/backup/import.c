#include "backup/import.h"

#include "backup/counts.h"
#include "backup/inspect.h"
#include "backup/merge.h"
#include "backup/notify.h"
#include "backup/overwrite.h"
#include "backup/preview.h"
#include "backup/server.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"
#include "pg/migrate.h"

struct import {
    struct job *job;
    struct import_options options;
    const char *path;
    int fd;
    struct archive *archive;
    struct backup_lock *lock;
    struct plan plan;
    struct foreign foreign;
    struct merge merge;
    struct figures figures; /* of an overwrite's preview */
    struct import_result result;
    int64_t started_ms;
    bool changed;
    int verify_percent; /* last told */
};

/* ---- Before anything is touched ---------------------------------------------------------------------------------- */

/* A merge runs nothing of the archive's but what is accepted as it is. */
static bool check_merge(struct import *import, struct err *err)
{
    struct job *job = import->job;
    import->merge = (struct merge){.job = job,
                                   .lock = import->lock,
                                   .archive = import->archive,
                                   .fd = import->fd,
                                   .skip_logs = import->options.skip_logs,
                                   .update = import->options.update,
                                   .accept_foreign_parents = import->options.accept_foreign_parents};
    return server_check(job, err) && inspect_digest(job, import->fd, &import->options.sha256, err)
           && merge_plan(&import->merge, err) && plan_check_disk(job, import->archive->size, err);
}

/* A preview does not stop at what would be lost: it lists it. */
static bool plan_overwrite(struct import *import, struct err *err)
{
    return plan_make(import->job, import->archive, import->lock, import->options.drop_others, &import->plan, err)
           || (import->options.dry_run && err->code == ERR_OTHERS_WOULD_BE_LOST);
}

/* Everything that is known before the whole file is read. */
static bool check(struct import *import, struct err *err)
{
    struct job *job = import->job;
    if (!import->options.clean_first)
        return check_merge(import, err);
    return server_check(job, err) && inspect_digest(job, import->fd, &import->options.sha256, err)
           && plan_overwrite(import, err)
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
    if (import->archive == NULL || !FAIL_POINT(IMPORT_OPENED, err))
        goto refused;
    import->lock = backup_lock_acquire(job->app, "import", job->actor.user_name, job->cancel, &job->holder, err);
    if (import->lock == NULL || !FAIL_POINT(IMPORT_LOCKED, err) || !check(import, err)
        || !FAIL_POINT(IMPORT_PLANNED, err)) {
        *refusal = (struct import_refusal){import->plan.others, import->plan.other_count, import->foreign.items,
                                           import->foreign.count};
        goto refused;
    }
    return import;
refused:
    merge_close(&import->merge);
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
    inspect_limit(import->archive, job->app->config, plan_disk_room(job));
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

static bool run_overwrite(struct import *import, struct err *err)
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
    tell_way(import);
    bool ok = by_switch ? overwrite_by_switch(&overwrite, err) : overwrite_in_place(&overwrite, &import->changed, err);
    import->changed = import->changed || ok;
    import->result.exit_status = overwrite.exit_status;
    import->result.warnings = overwrite.warnings;
    import->result.switched = ok && by_switch;
    import->result.previous = overwrite.previous.name;
    import->result.previous_until_ms = overwrite.previous.pinned ? 0 : overwrite.previous.until_ms;
    import->result.restart_hub = overwrite.restart_hub;
    return ok;
}

/* ---- Merge and previews ------------------------------------------------------------------------------------------ */

static const char *number(struct job *job, uint64_t value)
{
    return arena_printf(job->arena, "%llu", (unsigned long long)value);
}

/* An event a table; a line of the log for tables of which something is to be said. */
static void tell_figures(struct import *import, const struct figures *figures, enum phase phase)
{
    struct job *job = import->job;
    for (size_t i = 0; i < figures->count; i++) {
        const struct table_figures *table = &figures->tables[i];
        const char *message = figures->merge ? MESSAGE(job->arena, job->lang, MSG_MERGED_TABLE, table->table,
                                                       number(job, table->added), number(job, table->updated),
                                                       number(job, table->identical), number(job, table->conflicting),
                                                       number(job, table->failed), number(job, table->foreign_parent))
                                             : MESSAGE(job->arena, job->lang, MSG_PREVIEW_TABLE, table->table,
                                                       number(job, table->old_rows), number(job, table->new_rows));
        job_report_table(job, phase, message, figures_table_json(figures, table));
    }
}

/* Bytes of the archive's rows that a merge adds. */
static uint64_t bytes_to_add(const struct import *import)
{
    double bytes = 0;
    const struct figures *figures = &import->merge.figures;
    for (size_t i = 0; i < figures->count; i++) {
        const struct table_figures *table = &figures->tables[i];
        uint64_t rows = table->added + table->updated + table->identical + table->conflicting + table->failed
                        + table->foreign_parent;
        if (rows > 0)
            bytes +=
                (double)merge_table_bytes(&import->merge, i) * (double)(table->added + table->updated) / (double)rows;
    }
    return (uint64_t)bytes;
}

static bool preview_merge(struct import *import, struct err *err)
{
    struct merge *merge = &import->merge;
    /* Only temporary tables can be written in such a transaction. */
    if (!pg_run(merge->conn, err, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") || !merge_classify(merge, err)
        || !pg_run(merge->conn, err, "ROLLBACK"))
        return false;
    preview_estimate(&merge->figures, bytes_to_add(import), clock_mono_ms() - import->started_ms);
    tell_figures(import, &merge->figures, PHASE_COMPARE);
    return true;
}

static bool migrate_after_merge(struct import *import, struct err *err)
{
    struct job *job = import->job;
    struct migrate_result migrated;
    job_report(job, PHASE_MIGRATE, -1, MESSAGE(job->arena, job->lang, MSG_MIGRATING));
    struct pg_conn *conn = app_connect(job->app, NULL, "hubport", NULL, err);
    bool ok = conn != NULL && migrate_apply(conn, config_bool(job->app->config, SETTING_CREATE_SCHEMA), &migrated, err);
    pg_close(conn);
    if (ok)
        job_report(job, PHASE_MIGRATE, 100, MESSAGE(job->arena, job->lang, MSG_MIGRATED));
    return ok;
}

static bool run_merge(struct import *import, struct err *err)
{
    struct merge *merge = &import->merge;
    struct job *job = import->job;
    struct import_result *result = &import->result;
    job->way = "merge";
    if (!merge_stage(merge, err) || !FAIL_POINT(MERGE_STAGED, err))
        return false;
    if (merge->figures.newer_archive)
        job_report(job, PHASE_STAGE, -1, MESSAGE(job->arena, job->lang, MSG_NEWER_ARCHIVE));
    result->figures = &merge->figures;
    if (!(import->options.dry_run ? preview_merge(import, err) : merge_apply(merge, &import->changed, err)))
        return false;
    struct table_figures total = figures_total(&merge->figures);
    result->rows = total.added + total.updated;
    result->warnings = (int)MIN(total.failed + total.foreign_parent, (uint64_t)INT32_MAX);
    if (import->options.dry_run)
        return true;
    merge_close(merge);
    tell_figures(import, &merge->figures, PHASE_MERGE);
    job_report(job, PHASE_MERGE, 100, MESSAGE(job->arena, job->lang, MSG_IMPORTED));
    return migrate_after_merge(import, err);
}

static bool preview_of_overwrite(struct import *import, struct err *err)
{
    struct contents_filter filter = {.skip_logs = import->options.skip_logs};
    import->result.figures = &import->figures;
    tell_way(import);
    if (!preview_overwrite(import->job, import->archive, &import->plan, import->options.skip_logs, &import->figures,
                           err))
        return false;
    preview_estimate(&import->figures, counts_bytes(import->archive, &filter), clock_mono_ms() - import->started_ms);
    tell_figures(import, &import->figures, PHASE_VERIFY);
    return true;
}

bool import_run(struct import *import, struct import_result *result, struct err *err)
{
    bool preview = import->options.dry_run, ok = verify(import, err) && FAIL_POINT(IMPORT_VERIFIED, err);
    if (ok && import->options.clean_first)
        ok = preview ? preview_of_overwrite(import, err) : run_overwrite(import, err);
    else if (ok)
        ok = run_merge(import, err);
    if (import->changed) {
        FAIL_POINT_PAST(IMPORT_CHANGED);
        notify_hub(import->job);
    }
    import->result.ms = clock_mono_ms() - import->started_ms;
    if (ok)
        *result = import->result;
    return ok;
}

bool import_changed(const struct import *import)
{
    return import->changed;
}

/* ---- The end ----------------------------------------------------------------------------------------------------- */

static json_t *describe_options(const struct import_options *options)
{
    json_t *described = json_pack("{s:b, s:b, s:b, s:b, s:s?, s:s?}", "cleanFirst", options->clean_first, "skipLogs",
                                  options->skip_logs, "dropOthers", options->drop_others, "allowForeign",
                                  options->allow_foreign, "file", options->file_name, "sha256", options->sha256);
    if (!options->clean_first)
        json_object_update_new(described, json_pack("{s:s, s:b}", "onConflict", options->update ? "update" : "skip",
                                                    "acceptForeignParents", options->accept_foreign_parents));
    return described;
}

void import_audit_refusal(struct job *job, const struct import_options *options, const struct err *failure)
{
    if (!options->dry_run) /* a preview leaves no trace */
        job_audit(job, "database.import", describe_options(options), failure);
}

void import_end(struct import *import, const struct err *failure)
{
    struct job *job = import->job;
    json_t *outcome = json_pack("{s:I, s:I, s:I, s:b, s:i, s:s?, s:b}", "bytes", (json_int_t)import->archive->size,
                                "rows", (json_int_t)import->result.rows, "tables", (json_int_t)import->result.tables,
                                "sealed", import->result.sealed, "warnings", import->result.warnings, "previous",
                                import->result.previous, "changed", import->changed);
    json_t *after = describe_options(&import->options);
    json_object_update_new(after, outcome);
    if (import->changed && import->result.figures != NULL) {
        struct table_figures total = figures_total(import->result.figures);
        json_object_set_new(after, "merged", figures_table_json(import->result.figures, &total));
    }
    merge_close(&import->merge);
    if (import->options.dry_run)
        json_decref(after);
    else
        job_audit(job, "database.import", after, failure);
    log_event(failure == NULL ? LOG_INFO : LOG_ERROR, failure == NULL ? "import.finished" : "import.failed",
              "{s:s, s:b, s:I, s:b, s:s, s:I}", "way", import->options.clean_first ? "overwrite" : "merge", "preview",
              import->options.dry_run, "rows", (json_int_t)import->result.rows, "switched", import->result.switched,
              "error", failure == NULL ? "" : text_utf8(job->arena, failure->words), "ms",
              (json_int_t)(clock_mono_ms() - import->started_ms));
    FAIL_POINT_PAST(IMPORT_AUDITED);
    backup_lock_release(import->lock);
}
