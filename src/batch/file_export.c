#include "batch/file.h"

#include "base/clock.h"
#include "base/jtext.h"
#include "base/sheet.h"
#include "base/text.h"
#include "batch/file_columns.h"
#include "batch/wide.h"
#include "os/write.h"

#include <stdlib.h>
#include <string.h>

#define CURSOR "exported"
#define ROWS "200" /* at once */

struct file_export {
    const struct batch_job *job;
    const struct kind *kind;
    enum file_format format;
    const char *name;
    struct pg_conn *conn;
    struct arena *scratch; /* of the rows at hand */
    struct pg_result rows;
    size_t count;
};

bool file_format_parse(const char *name, enum file_format *format, struct err *err)
{
    *format = name != NULL && strcmp(name, "json") == 0 ? FILE_JSON : FILE_CSV;
    if (name == NULL || *format == FILE_JSON || strcmp(name, "csv") == 0)
        return true;
    err_set(err, ERR_VALIDATION_FAILED, "format must be csv or json");
    return err_args(err, "format", NULL);
}

const char *file_type(enum file_format format)
{
    return format == FILE_JSON ? "application/json; charset=utf-8" : "text/csv; charset=utf-8";
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool fetch(struct file_export *export, struct err *err)
{
    arena_free(export->scratch);
    export->scratch = arena_new();
    return pg_query(export->conn, export->scratch, &export->rows, err, "FETCH " ROWS " FROM " CURSOR, PG_NO_ARGS);
}

struct file_export *file_export_begin(const struct batch_job *job, const struct kind *kind, enum file_format format,
                                      const struct list_query *query, struct err *err)
{
    struct file_export *export = arena_alloc(job->arena, sizeof *export);
    char stamp[CLOCK_TEXT_SIZE];
    clock_file_stamp(clock_wall_ms(), stamp);
    *export = (struct file_export){.job = job, .kind = kind, .format = format};
    export->name = arena_printf(job->arena, "%s_%s.%s", kind->name, stamp, format == FILE_JSON ? "json" : "csv");
    export->conn = app_connect(job->app, NULL, "hubport", job->cancel, err);
    if (export->conn != NULL && pg_run(export->conn, err, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        && list_open(job, kind, query, export->conn, CURSOR, err) && fetch(export, err))
        return export;
    file_export_end(export);
    return NULL;
}

const char *file_export_name(const struct file_export *export)
{
    return export->name;
}

void file_export_end(struct file_export *export)
{
    if (export == NULL)
        return;
    pg_close(export->conn);
    arena_free(export->scratch);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void put_header(struct file_export *export, struct jtext_out *out)
{
    const char *names[FILE_COLUMNS_MAX];
    size_t count = file_columns(export->kind, names);
    if (export->format == FILE_JSON) {
        jtext_puts(out, "{\"items\":[");
        return;
    }
    jtext_puts(out, SHEET_BOM);
    for (size_t i = 0; i < count; i++) {
        jtext_puts(out, i == 0 ? "" : ",");
        jtext_puts(out, sheet_cell(export->scratch, names[i]));
    }
    jtext_puts(out, "\r\n");
}

static bool put_row(struct file_export *export, struct jtext_out *out, const char *text, struct err *err)
{
    const char *names[FILE_COLUMNS_MAX];
    size_t count = file_columns(export->kind, names);
    if (export->format == FILE_JSON) {
        jtext_puts(out, export->count++ == 0 ? "\n" : ",\n");
        jtext_puts(out, text);
        return true;
    }
    json_t *item = wide_loads(text);
    if (item == NULL)
        return err_set(err, ERR_UPDATE_FAILED, "a row holds a number that is too large for CSV");
    for (size_t i = 0; i < count; i++) {
        jtext_puts(out, i == 0 ? "" : ",");
        jtext_puts(out, sheet_cell(export->scratch, file_cell(export->scratch, json_object_get(item, names[i]))));
    }
    jtext_puts(out, "\r\n");
    json_decref(item);
    return true;
}

bool file_export_copy(struct file_export *export, int fd, struct err *err)
{
    struct jtext_out out = {0};
    bool ok = true;
    put_header(export, &out);
    while (ok && export->rows.count > 0) {
        for (int i = 0; ok && i < export->rows.count; i++)
            ok = put_row(export, &out, pg_text(&export->rows, i, 0), err);
        ok =
            ok && write_text(&out, fd, "the list", err) && cancel_check(export->job->cancel, err) && fetch(export, err);
    }
    if (export->format == FILE_JSON)
        jtext_puts(&out, "\n]}\n");
    ok = ok && write_text(&out, fd, "the list", err);
    free(out.text);
    return ok;
}
