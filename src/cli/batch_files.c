/* hubport users|keys|providers export, import */
#include "cli/batch.h"

#include "base/text.h"
#include "batch/file.h"
#include "cli/output.h"
#include "cli/source.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64 * MIB)

static bool has_json_name(const char *path)
{
    return path != NULL && text_ends(path, ".json");
}

/* By --format, else by the file's name. */
static bool format_of(struct work *work, const char *path, enum file_format *format)
{
    const char *name = work_option(work->invocation, "format");
    return file_format_parse(name == NULL && has_json_name(path) ? "json" : name, format, &work->err);
}

int command_batch_export(struct invocation *invocation)
{
    struct work work;
    struct output output = OUTPUT_NONE;
    enum file_format format;
    const char *path = work_option(invocation, "output");
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct list_query query = work_query(&work, 0);
    struct file_export *export = NULL;
    bool ok = format_of(&work, path, &format)
              && (export = file_export_begin(&work.job, work.kind, format, &query, &work.err)) != NULL
              && output_open(invocation->arena, path == NULL ? "-" : path, &output, &work.err)
              && file_export_copy(export, output.fd, &work.err);
    file_export_end(export);
    ok = output_close(&output, ok, &work.err);
    return ok ? work_close(&work, 0) : work_fail(&work);
}

static bool read_file(struct work *work, struct jtext_out *text)
{
    const char *path = work->invocation->operand, *limit = text_bytes(work->invocation->arena, FILE_MAX);
    if (!source_read(path, FILE_MAX, text, &work->err))
        return false;
    if (text->size <= FILE_MAX)
        return true;
    err_set(&work->err, ERR_FILE_TOO_LARGE, "%s", path);
    return err_args(&work->err, limit, NULL);
}

/* What it would do, shown; false when somebody said no. */
static bool ask_first(struct work *work, struct file_import file)
{
    json_t *answer = NULL;
    file.dry_run = true;
    bool ok = file_import(&work->job, &file, &work->problems, &answer, &work->err)
              && json_array_size(work->problems.list) == 0;
    size_t count = json_array_size(json_object_get(answer, "rows"));
    if (ok)
        work_print_rows(work, json_object_get(answer, "rows"));
    json_decref(answer);
    return ok && (count == 0 || work_confirm(work, count));
}

static void report_import(struct work *work, json_t *answer, bool shown)
{
    json_t *rows = json_object_get(answer, "rows");
    if (work->invocation->json) {
        command_print_json(json_incref(answer));
        return;
    }
    if (!shown)
        work_print_rows(work, rows);
    work_print_tail(work, json_array_size(rows), json_object_get(answer, "warnings"));
}

int command_batch_import(struct invocation *invocation)
{
    struct work work;
    struct jtext_out text = {0};
    json_t *answer = NULL;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct file_import file = {
        .kind = work.kind, .dry_run = work_is_preview(&work), .chunk = work_option(invocation, "chunk") != NULL};
    bool ok = format_of(&work, invocation->operand, &file.format) && read_file(&work, &text), asks = work_asks(&work);
    file.text = text.text;
    file.size = text.size;
    ok = ok && (!asks || ask_first(&work, file)) && file_import(&work.job, &file, &work.problems, &answer, &work.err)
         && json_array_size(work.problems.list) == 0;
    free(text.text);
    work.done = json_object_get(answer, "chunks");
    if (ok)
        report_import(&work, answer, asks);
    status = ok ? work_close(&work, 0) : work_fail(&work);
    json_decref(answer);
    return status;
}
