/* POST /api/admin/database/import: the upload, then Server-Sent Events (hub-contract section 3.3). */
#include "api/database.h"
#include "api/follow.h"
#include "api/upload.h"

#include "backup/import.h"
#include "base/clock.h"
#include "base/text.h"

#define REATTACH_MAX_S 120

struct upload {
    struct request *request;
    struct import_options options;
    struct upload_file file;
    const char *file_id; /* the field; NULL: not sent */
    const char *kept_id; /* under which the file was kept; NULL: it came with this request */
    int64_t reattach_s;
    struct followed *followed; /* NULL: the import ends with its connection */
};

/* ---- The upload -------------------------------------------------------------------------------------------------- */

static bool take_on_conflict(struct upload *upload, const char *text, struct err *err)
{
    upload->options.update = strcmp(text, "update") == 0;
    if (upload->options.update || strcmp(text, "skip") == 0 || text[0] == '\0')
        return true;
    err_set(err, ERR_VALIDATION_FAILED, "onConflict must be skip or update");
    return err_args(err, "onConflict", NULL);
}

static bool take_reattach(struct upload *upload, const char *text, struct err *err)
{
    if (text_parse_integer(text, 0, REATTACH_MAX_S, &upload->reattach_s))
        return true;
    err_set(err, ERR_VALIDATION_FAILED, "reattach must be seconds, 0 to %d", REATTACH_MAX_S);
    return err_args(err, "reattach", NULL);
}

/* Fields that are on or off, onConflict, fileId and reattach; other fields are left alone. */
static bool take_field(struct upload *upload, struct multipart *form, const struct part *part, struct err *err)
{
    const struct {
        const char *name;
        bool *value;
    } fields[] = {{"cleanFirst", &upload->options.clean_first},
                  {"skipLogs", &upload->options.skip_logs},
                  {"dropOthers", &upload->options.drop_others},
                  {"dryRun", &upload->options.dry_run},
                  {"acceptForeignParents", &upload->options.accept_foreign_parents},
                  {"allowForeign", &upload->options.allow_foreign}};
    if (strcmp(part->name, "onConflict") == 0) {
        const char *text = multipart_text(form, err);
        return text != NULL && take_on_conflict(upload, text, err);
    }
    if (strcmp(part->name, "fileId") == 0)
        return (upload->file_id = multipart_text(form, err)) != NULL;
    if (strcmp(part->name, "reattach") == 0) {
        const char *text = multipart_text(form, err);
        return text != NULL && take_reattach(upload, text, err);
    }
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(part->name, fields[i].name) != 0)
            continue;
        const char *text = multipart_text(form, err);
        if (text == NULL)
            return false;
        *fields[i].value = strcmp(text, "true") == 0;
        if (*fields[i].value || strcmp(text, "false") == 0 || text[0] == '\0')
            return true;
        err_set(err, ERR_VALIDATION_FAILED, "%s must be true or false", fields[i].name);
        return err_args(err, fields[i].name, NULL);
    }
    return true;
}

/* The file that the fields name, when none came with them. */
static bool take_kept(struct upload *upload, struct err *err)
{
    struct request *request = upload->request;
    if (upload->file_id == NULL || upload->file_id[0] == '\0')
        return err_set(err, ERR_FILE_MISSING, "the form has no part \"file\" and no \"fileId\"");
    if (!uploads_take(api_of(request)->uploads, upload->file_id, api_user(request)->user_id, request_arena(request),
                      &upload->file, err))
        return false;
    upload->kept_id = upload->file_id;
    return true;
}

static bool receive(struct upload *upload, struct err *err)
{
    struct multipart *form = multipart_open(upload->request, err);
    struct part part;
    int next = 0;
    if (form == NULL)
        return false;
    while ((next = multipart_next(form, &part, err)) > 0) {
        bool is_file = strcmp(part.name, "file") == 0;
        if (!(is_file ? upload_receive(upload->request, form, &part, &upload->file, err)
                      : take_field(upload, form, &part, err)))
            return false;
    }
    if (next != 0)
        return false;
    if (upload->file.file == NULL && !take_kept(upload, err))
        return false;
    upload->options.file_name = upload->file.name;
    upload->options.sha256 = upload->file.sha256;
    return true;
}

/* What was uploaded before and changed nothing can be imported still: after a preview, or a refusal that asks for a
 * confirmation. */
static void give_back(struct upload *upload)
{
    struct request *request = upload->request;
    if (upload->kept_id != NULL)
        uploads_return(api_of(request)->uploads, upload->kept_id, &upload->file, api_user(request)->user_id);
    upload_remove(&upload->file);
}

/* ---- The events -------------------------------------------------------------------------------------------------- */

static void send_event(struct upload *upload, json_t *event)
{
    struct err err;
    if (upload->followed != NULL) {
        follow_event(upload->followed, event);
        return;
    }
    /* A client that is gone has fired the request's cancel: that ends the job, not a failed event. */
    if (!reply_event(upload->request, event, &err))
        return;
}

static void send_progress(void *context, const struct progress *progress)
{
    json_t *event = json_pack("{s:s, s:s, s:s}", "type", "progress", "message", progress->message, "phase",
                              phase_name(progress->phase));
    if (progress->way != NULL)
        json_object_set_new(event, "way", json_string(progress->way));
    if (progress->percent >= 0)
        json_object_set_new(event, "percent", json_integer(progress->percent));
    if (progress->table != NULL)
        json_object_set(event, "table", progress->table);
    send_event(context, event);
}

static json_t *complete_event(struct job *job, const struct import_options *options, const struct import_result *result)
{
    char until[CLOCK_TEXT_SIZE];
    const char *message = options->dry_run ? MESSAGE(job->arena, job->lang, MSG_PREVIEW_COMPLETE)
                                           : MESSAGE(job->arena, job->lang, MSG_COMPLETE);
    json_t *event =
        json_pack("{s:s, s:s, s:i, s:I, s:I, s:b, s:I}", "type", "complete", "message", message, "exitCode",
                  result->exit_status, "rows", (json_int_t)result->rows, "tables", (json_int_t)result->tables, "sealed",
                  result->sealed, "durationMs", (json_int_t)result->ms);
    if (job->way != NULL)
        json_object_set_new(event, "way", json_string(job->way));
    if (options->dry_run)
        json_object_set_new(event, "dryRun", json_true());
    if (result->figures != NULL)
        json_object_update_new(event, figures_json(result->figures));
    if (result->warnings > 0)
        json_object_set_new(event, "warningCount", json_integer(result->warnings));
    if (result->previous != NULL) {
        clock_iso(result->previous_until_ms, until);
        json_object_set_new(event, "previous", json_string(text_utf8(job->arena, result->previous)));
        json_object_set_new(event, "previousUntil", result->previous_until_ms == 0 ? json_null() : json_string(until));
    }
    if (result->restart_hub) {
        json_object_set_new(event, "restartHub", json_true());
        json_object_set_new(event, "notice", json_string(MESSAGE(job->arena, job->lang, MSG_RESTART_HUB)));
    }
    return event;
}

static json_t *error_event(struct job *job, const struct err *err, bool changed)
{
    char text[ERR_TEXT_SIZE];
    err_text(err, job->lang, text);
    json_t *event =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "type", "error", "message", text_utf8(job->arena, text), "code",
                  err_name(err->code), "details", text_utf8(job->arena, err->words), "exitCode",
                  err_exit_status(err->code), "errorCount", err->code == ERR_RESTORE_FATAL ? atoi(err->args[0]) : 1);
    if (err->code != ERR_OUTCOME_UNKNOWN)
        json_object_set_new(event, "changed", json_boolean(changed));
    return event;
}

/* Everything is settled (lock, shadow, temp file, audit) before the last event leaves: the next request may follow at
 * once. */
static void run_import(struct upload *upload, struct job *job, struct import *import)
{
    struct import_result result;
    struct err err;
    bool begun = reply_begin_events(upload->request, &err);
    job->report = send_progress;
    job->report_context = upload;
    if (begun && upload->followed != NULL)
        send_event(upload, json_pack("{s:s, s:s, s:s}", "type", "progress", "message", "", "jobId",
                                     follow_id(upload->followed)));
    bool ok = begun && import_run(import, &result, &err);
    bool changed = import_changed(import);
    import_end(import, ok ? NULL : &err);
    if (ok && upload->options.dry_run)
        give_back(upload);
    else
        upload_remove(&upload->file);
    if (begun)
        send_event(upload, ok ? complete_event(job, &upload->options, &result) : error_event(job, &err, changed));
}

/* "others" or "foreign", by what the refusal is about; NULL for neither. */
static json_t *describe_refusal(struct arena *arena, const struct import_refusal *refusal, const struct err *err)
{
    if (err->code == ERR_OTHERS_WOULD_BE_LOST) {
        json_t *names = json_array();
        for (size_t i = 0; i < refusal->other_count; i++)
            json_array_append_new(names, json_string(text_utf8(arena, refusal->others[i])));
        return json_pack("{s:o}", "others", names);
    }
    if (refusal->foreign_count == 0)
        return NULL;
    return json_pack("{s:o, s:I}", "foreign", foreign_json(refusal->foreign, refusal->foreign_count, arena),
                     "foreignCount", (json_int_t)refusal->foreign_count);
}

/* The import itself; the upload is there. */
static void import_upload(struct upload *upload, struct job *job)
{
    struct import_refusal refusal;
    struct err err;
    struct import *import = import_begin(job, tempfile_fd(upload->file.file), tempfile_path(upload->file.file),
                                         &upload->options, &refusal, &err);
    if (import != NULL) {
        run_import(upload, job, import);
        return;
    }
    give_back(upload);
    api_reply_job_err(upload->request, job, &err, describe_refusal(job->arena, &refusal, &err));
}

void api_database_import(struct request *request)
{
    struct job job = api_job(request);
    struct upload upload = {.request = request};
    struct err err;
    bool ok = receive(&upload, &err);
    if (ok && upload.reattach_s > 0) {
        upload.followed = follow_begin(api_of(request)->follow, request, api_user(request)->user_id,
                                       (int)upload.reattach_s * 1000, &err);
        ok = upload.followed != NULL;
    }
    if (!ok) {
        if (err.code != ERR_CANCELLED)
            import_audit_refusal(&job, &upload.options, &err);
        give_back(&upload);
        reply_err(request, &err, NULL);
        return;
    }
    if (upload.followed != NULL)
        job.cancel = follow_cancel(upload.followed);
    import_upload(&upload, &job);
    follow_end(upload.followed);
}

/* ---- Coming back ------------------------------------------------------------------------------------------------- */

void api_database_import_events(struct request *request)
{
    const char *last = request_header(request, "Last-Event-ID");
    int64_t after = 0;
    struct err err;
    if (last != NULL && !text_parse_integer(last, 0, INT32_MAX, &after)) {
        err_set(&err, ERR_VALIDATION_FAILED, "Last-Event-ID must be the id of an event");
        err_args(&err, "Last-Event-ID", NULL);
        reply_err(request, &err, NULL);
    } else if (!follow_replay(api_of(request)->follow, request, request_param(request, "id"),
                              api_user(request)->user_id, after, &err)) {
        reply_err(request, &err, NULL);
    }
}

void api_database_import_cancel(struct request *request)
{
    struct err err;
    if (follow_stop(api_of(request)->follow, request_param(request, "id"), api_user(request)->user_id, &err))
        reply_json(request, 200, json_pack("{s:b}", "ok", 1));
    else
        reply_err(request, &err, NULL);
}
