/* /api/admin/database: status, export, rollback (hub-contract section 3). The import has a file of its own. */
#include "api/database.h"

#include "backup/export.h"
#include "backup/rollback.h"
#include "backup/status.h"
#include "base/clock.h"
#include "base/text.h"

struct job api_job(struct request *request)
{
    return (struct job){.app = api_of(request)->app,
                        .arena = request_arena(request),
                        .cancel = request_cancel(request),
                        .lang = request_lang(request),
                        .actor = api_actor(request, api_user(request))};
}

void api_reply_job_err(struct request *request, const struct job *job, const struct err *err, json_t *more)
{
    if (err->code == ERR_BACKUP_BUSY) {
        char since[CLOCK_TEXT_SIZE];
        clock_iso(job->holder.since_ms, since);
        json_t *busy = json_pack(
            "{s:s, s:{s:s, s:s, s:o}}", "details", MESSAGE(job->arena, job->lang, MSG_BUSY_DETAILS), "holder",
            "operation", text_utf8(job->arena, job->holder.operation), "user", text_utf8(job->arena, job->holder.user),
            "since", job->holder.since_ms == 0 ? json_null() : json_string(since));
        reply_header(request, "Retry-After", "10");
        reply_err(request, err, busy);
        json_decref(more);
        return;
    }
    reply_err(request, err, more);
}

void api_database_status(struct request *request)
{
    struct job job = api_job(request);
    reply_json(request, 200, backup_status(&job));
}

void api_database_export_ticket(struct request *request)
{
    const char *ticket = auth_ticket_new(api_of(request)->auth, request_arena(request));
    reply_json(request, 200, json_pack("{s:s}", "ticket", ticket));
}

static bool send_export(struct request *request, struct export *export, struct err *err)
{
    struct export_result result;
    reply_header(request, "Content-Disposition",
                 arena_printf(request_arena(request), "attachment; filename=\"%s\"", export_file_name(export)));
    reply_header(request, "Cache-Control", "no-cache");
    reply_header(request, "Trailer", "X-Checksum-Sha256");
    if (!reply_begin(request, 200, "application/octet-stream", err)
        || !export_copy(export, reply_fd(request), &result, err))
        return false;
    reply_trailer(request, "X-Checksum-Sha256", arena_strdup(request_arena(request), result.sha256));
    return true;
}

void api_database_export(struct request *request)
{
    struct job job = api_job(request);
    const struct export_request wanted = {.mode = request_query(request, "mode"),
                                          .exclude_logs = request_query(request, "excludeLogs"),
                                          .compression = request_query(request, "compression"),
                                          .parallel = request_query(request, "parallel")};
    struct export_options options;
    struct err err;
    struct export *export = NULL;
    if (export_parse(&wanted, job.app->config, &options, &err))
        export = export_begin(&job, &options, &err);
    if (export == NULL) {
        api_reply_job_err(request, &job, &err, NULL);
        return;
    }
    bool ok = send_export(request, export, &err);
    export_end(export, ok ? NULL : &err);
    if (!ok)
        reply_break(request);
}

void api_database_rollback(struct request *request)
{
    struct job job = api_job(request);
    struct err err;
    struct previous kept;
    const char *name = NULL, *restored;
    size_t length;
    json_t *body = NULL;
    (void)request_body(request, &length);
    if (length > 0) {
        body = request_json(request, &err);
        if (body == NULL) {
            reply_err(request, &err, NULL);
            return;
        }
        (void)json_unpack(body, "{s:s}", "name", &name);
    }
    if (rollback_run(&job, name, &restored, &kept, &err))
        reply_json(request, 200,
                   json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "message", MESSAGE(job.arena, job.lang, MSG_ROLLED_BACK),
                             "restored", text_utf8(job.arena, restored), "previous", text_utf8(job.arena, kept.name)));
    else
        api_reply_job_err(request, &job, &err, NULL);
    json_decref(body);
}
