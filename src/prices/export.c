#include "prices/export.h"

#include "base/clock.h"
#include "os/write.h"
#include "prices/toml_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS "500"                /* fetched at once */
#define PIECE ((size_t)32 * 1024) /* written at once, more or less */

struct price_export {
    const struct price_job *job;
    struct price_export_options options;
    const char *file_name;
    struct pg_conn *conn;
    struct arena *scratch; /* of the rows in hand */
    struct pg_result rows;
    size_t count;
};

static bool invalid(struct err *err, const char *name, const char *words)
{
    err_set(err, ERR_VALIDATION_FAILED, "%s %s", name, words);
    return err_args(err, name, NULL);
}

bool price_export_parse(const char *format, const char *source, struct price_export_options *options, struct err *err)
{
    static const char *const sources[] = {"litellm", "cloud", "manual"};
    bool toml = format != NULL && strcmp(format, "toml") == 0;
    bool known = source == NULL;
    for (size_t i = 0; !known && i < ARRAY_LEN(sources); i++)
        known = strcmp(source, sources[i]) == 0;
    *options = (struct price_export_options){.format = toml ? PRICE_TOML : PRICE_INTERNAL, .source = source};
    if (format != NULL && !toml && strcmp(format, "json") != 0)
        return invalid(err, "format", "must be json or toml");
    return known || invalid(err, "source", "must be litellm, cloud or manual");
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool fetch(struct price_export *export, struct err *err)
{
    arena_free(export->scratch);
    export->scratch = arena_new();
    return pg_query(export->conn, export->scratch, &export->rows, err, "FETCH " ROWS " FROM exported", PG_NO_ARGS);
}

static bool open_cursor(struct price_export *export, struct err *err)
{
    struct arena *arena = export->job->arena;
    struct pg_result found;
    if (!pg_run(export->conn, err, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        || !pg_query(export->conn, arena, &found, err, "SELECT to_regclass('public.model_prices') IS NOT NULL",
                     PG_NO_ARGS))
        return false;
    if (!pg_bool(&found, 0, 0)) {
        err_set(err, ERR_FEATURE_UNAVAILABLE, "model_prices is missing; start the hub, or run hubport migrate");
        return err_args(err, "model_prices", NULL);
    }
    const char *where =
        export->options.source == NULL
            ? ""
            : arena_printf(arena, "WHERE source = %s", pg_literal(export->conn, arena, export->options.source));
    /* All of a model's rows count in finding the one in force; only then does the source choose. */
    return pg_run(
               export->conn, err,
               arena_printf(arena,
                            "DECLARE exported NO SCROLL CURSOR FOR SELECT model_name, price_data FROM"
                            " (SELECT DISTINCT ON (model_name COLLATE \"C\") model_name, price_data, source"
                            "   FROM public.model_prices ORDER BY model_name COLLATE \"C\", (source = 'manual') DESC,"
                            "   created_at DESC NULLS LAST, id DESC) AS live %s",
                            where))
           && fetch(export, err);
}

struct price_export *price_export_begin(const struct price_job *job, const struct price_export_options *options,
                                        struct err *err)
{
    struct price_export *export = arena_alloc(job->arena, sizeof *export);
    char stamp[CLOCK_TEXT_SIZE];
    clock_file_stamp(clock_wall_ms(), stamp);
    *export = (struct price_export){.job = job, .options = *options};
    export->file_name =
        arena_printf(job->arena, "model-prices_%s%s%s.%s", stamp, options->source == NULL ? "" : "_",
                     options->source == NULL ? "" : options->source, options->format == PRICE_TOML ? "toml" : "json");
    export->conn = app_connect(job->app, NULL, "hubport", job->cancel, err);
    if (export->conn != NULL && open_cursor(export, err))
        return export;
    price_export_end(export);
    return NULL;
}

const char *price_export_file_name(const struct price_export *export)
{
    return export->file_name;
}

const char *price_export_type(const struct price_export *export)
{
    return export->options.format == PRICE_TOML ? "application/toml" : "application/json; charset=utf-8";
}

size_t price_export_count(const struct price_export *export)
{
    return export->count;
}

void price_export_end(struct price_export *export)
{
    if (export == NULL)
        return;
    pg_close(export->conn);
    arena_free(export->scratch);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void put_row(struct price_export *export, struct jtext_out *out, const char *name, const char *data)
{
    struct jtext value = {data, strlen(data)};
    bool first = export->count++ == 0;
    if (export->options.format == PRICE_TOML) {
        toml_put_model(export->scratch, out, name, value);
        return;
    }
    jtext_puts(out, first ? "{\n  " : ",\n  ");
    jtext_put_string(out, name);
    jtext_puts(out, ": ");
    jtext_puts(out, data);
}

bool price_export_copy(struct price_export *export, int fd, struct err *err)
{
    struct jtext_out out = {0};
    bool ok = true, toml = export->options.format == PRICE_TOML;
    if (toml)
        jtext_puts(&out, "[models]\n\n");
    while (ok && export->rows.count > 0) {
        for (int i = 0; ok && i < export->rows.count; i++) {
            put_row(export, &out, pg_text(&export->rows, i, 0), pg_text(&export->rows, i, 1));
            ok = out.size < PIECE || write_text(&out, fd, "the price table", err);
        }
        ok = ok && cancel_check(export->job->cancel, err) && fetch(export, err);
    }
    if (!toml)
        jtext_puts(&out, export->count == 0 ? "{}\n" : "\n}\n");
    ok = ok && write_text(&out, fd, "the price table", err);
    free(out.text);
    return ok;
}
