/* POST /api/admin/database/inspect: what a backup file is and holds. Nothing is changed, no lock is taken. */
#include "api/database.h"
#include "api/upload.h"

#include "backup/inspect.h"
#include "base/clock.h"

#include <unistd.h>

struct inspected {
    struct upload_file upload;
    const char *file_id; /* the field; NULL: not sent */
    const char *kept_id; /* under which it was kept; NULL: it came with this request */
};

static bool receive(struct request *request, struct inspected *inspected, struct err *err)
{
    struct multipart *form = multipart_open(request, err);
    struct part part;
    int next = -1;
    while (form != NULL && (next = multipart_next(form, &part, err)) > 0) {
        if (strcmp(part.name, "file") == 0 && !upload_receive(request, form, &part, &inspected->upload, err))
            return false;
        if (strcmp(part.name, "fileId") == 0 && (inspected->file_id = multipart_text(form, err)) == NULL)
            return false;
    }
    if (next != 0 || inspected->upload.file != NULL)
        return next == 0;
    if (inspected->file_id == NULL)
        return err_set(err, ERR_FILE_MISSING, "the form has no part \"file\" and no \"fileId\"");
    if (!uploads_take(api_of(request)->uploads, inspected->file_id, api_user(request)->user_id, request_arena(request),
                      &inspected->upload, err))
        return false;
    inspected->kept_id = inspected->file_id;
    return true;
}

/* Kept for an import; under the same id when it was kept before. */
static void keep(struct request *request, struct inspected *inspected, json_t *report)
{
    struct uploads *uploads = api_of(request)->uploads;
    int64_t user_id = api_user(request)->user_id;
    char id[UPLOAD_ID_LENGTH + 1], until[CLOCK_TEXT_SIZE];
    const char *kept = inspected->kept_id;
    if (kept != NULL)
        uploads_return(uploads, kept, &inspected->upload, user_id);
    else if (uploads_keep(uploads, &inspected->upload, user_id, id))
        kept = id;
    else
        return;
    clock_iso(clock_wall_ms() + uploads_keep_ms(uploads), until);
    json_object_update_new(report, json_pack("{s:s, s:s}", "fileId", kept, "fileUntil", until));
}

void api_database_inspect(struct request *request)
{
    struct job job = api_job(request);
    struct inspected inspected = {0};
    struct inspection inspection;
    struct err err;
    struct inspect_spec spec = {.config = job.app->config, .arena = job.arena, .cancel = job.cancel, .job = &job};
    bool ok =
        receive(request, &inspected, &err) && inspect_run(&spec, tempfile_fd(inspected.upload.file), &inspection, &err);
    if (ok) {
        json_t *report = inspect_json(&inspection, job.arena);
        json_object_set_new(report, "fileName", json_string(inspected.upload.name));
        keep(request, &inspected, report);
        reply_json(request, 200, report);
    } else {
        reply_err(request, &err, NULL);
    }
    upload_remove(&inspected.upload);
}
