/* GET /api/v1/{users,keys,providers}:export and POST ...:import (batch/file.h). */
#include "api/batch.h"

#include "batch/file.h"

#include <string.h>
#include <strings.h>

static const char *query_value(void *context, const char *name)
{
    return request_query(context, name);
}

/* ---- Out --------------------------------------------------------------------------------------------------------- */

static void export(struct request *request, enum kind_id id)
{
    struct batch_job job = api_batch_job(request);
    struct list_query query = {.value = query_value, .context = request};
    struct file_export *export = NULL;
    enum file_format format;
    struct err err;
    if (file_format_parse(request_query(request, "format"), &format, &err))
        export = file_export_begin(&job, &batch_kinds[id], format, &query, &err);
    if (export == NULL) {
        reply_err(request, &err, NULL);
        return;
    }
    reply_header(request, "Content-Disposition",
                 arena_printf(job.arena, "attachment; filename=\"%s\"", file_export_name(export)));
    reply_header(request, "Cache-Control", "no-store");
    bool ok = reply_begin(request, 200, file_type(format), &err) && file_export_copy(export, reply_fd(request), &err);
    file_export_end(export);
    if (!ok)
        reply_break(request);
}

/* ---- In ---------------------------------------------------------------------------------------------------------- */

static bool read_format(struct request *request, enum file_format *format, struct err *err)
{
    const char *type = request_header(request, "Content-Type");
    if (type != NULL && strncasecmp(type, "text/csv", 8) == 0)
        return file_format_parse("csv", format, err);
    if (type != NULL && strncasecmp(type, "application/json", 16) == 0)
        return file_format_parse("json", format, err);
    err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "also application/json");
    return err_args(err, "text/csv", NULL);
}

static bool read_flag(struct request *request, const char *name, bool *value, struct err *err)
{
    const char *text = request_query(request, name);
    *value = text != NULL && strcmp(text, "true") == 0;
    if (text == NULL || *value || strcmp(text, "false") == 0)
        return true;
    err_set(err, ERR_VALIDATION_FAILED, "%s must be true or false", name);
    return err_args(err, name, NULL);
}

static void import(struct request *request, enum kind_id id)
{
    struct batch_job job = api_batch_job(request);
    struct file_import file = {.kind = &batch_kinds[id]};
    struct batch_problems problems = {.arena = job.arena};
    const char *type = arena_printf(job.arena, "%s.batch_import", file.kind->name);
    json_t *answer = NULL;
    struct err err;
    file.text = request_body(request, &file.size);
    if (!read_format(request, &file.format, &err) || !read_flag(request, "dryRun", &file.dry_run, &err)
        || !read_flag(request, "chunk", &file.chunk, &err)) {
        reply_err(request, &err, NULL);
        return;
    }
    problems.list = json_array();
    bool ok = file_import(&job, &file, &problems, &answer, &err);
    if (ok && api_batch_problems(request, &problems, file.kind, file.dry_run ? NULL : type))
        return;
    if (ok) {
        reply_json(request, 200, answer);
        return;
    }
    json_decref(problems.list);
    reply_err(request, &err, answer == NULL ? NULL : json_pack("{s:O}", "chunks", json_object_get(answer, "chunks")));
    json_decref(answer);
}

#define HANDLERS(name, kind)                                                                                           \
    void api_##name##_export(struct request *request)                                                                  \
    {                                                                                                                  \
        export(request, kind);                                                                                         \
    }                                                                                                                  \
    void api_##name##_import(struct request *request)                                                                  \
    {                                                                                                                  \
        import(request, kind);                                                                                         \
    }

HANDLERS(users, KIND_USERS)
HANDLERS(keys, KIND_KEYS)
HANDLERS(providers, KIND_PROVIDERS)
