/* hubport export */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"

#include "backup/export.h"
#include "base/text.h"

#include <unistd.h>

enum { OPTION_OUTPUT, OPTION_EXCLUDE_LOGS, OPTION_MODE, OPTION_COMPRESSION, OPTION_PARALLEL };

static bool check_terminal(const char *path, struct err *err)
{
    bool terminal = path != NULL && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO);
    return !terminal || err_set(err, ERR_WRONG_USE, "an archive is not written to a terminal; use -o FILE");
}

static void print_result(struct invocation *invocation, const struct output *output, const struct export_result *result)
{
    const char *path = output->path == NULL ? "-" : output->path;
    FILE *out = output->path == NULL ? stderr : stdout; /* standard output holds the archive */
    if (invocation->json && output->path != NULL)
        command_print_json(json_pack("{s:b, s:s, s:I, s:s, s:I}", "ok", 1, "file", text_utf8(invocation->arena, path),
                                     "bytes", (json_int_t)result->bytes, "sha256", result->sha256, "ms",
                                     (json_int_t)result->ms));
    else
        fprintf(out, "%s: %s, %s, %.1f s\n  sha256 %s\n", command_say(invocation, "已导出", "Exported"), path,
                text_bytes(invocation->arena, result->bytes), (double)result->ms / 1000, result->sha256);
}

int command_export(struct invocation *invocation)
{
    struct err err;
    struct export_result result;
    struct progress_line line;
    struct output output = OUTPUT_NONE;
    struct export_options options;
    int status;
    const struct export_request wanted = {.mode = invocation->values[OPTION_MODE],
                                          .exclude_logs =
                                              invocation->values[OPTION_EXCLUDE_LOGS] == NULL ? NULL : "true",
                                          .compression = invocation->values[OPTION_COMPRESSION],
                                          .parallel = invocation->values[OPTION_PARALLEL]};
    if (!export_parse(&wanted, invocation->config, &options, &err))
        return command_fail(invocation, &err, NULL);
    struct app *app = command_open(invocation, &status);
    if (app == NULL)
        return status;

    struct job job = command_job(invocation, app);
    progress_begin(&line, &job, invocation->json);
    struct export *export = export_begin(&job, &options, &err);
    bool ok = export != NULL;
    if (ok) {
        const char *given = invocation->values[OPTION_OUTPUT];
        ok = check_terminal(given, &err)
             && output_open(invocation->arena, given == NULL ? export_file_name(export) : given, &output, &err)
             && export_copy(export, output.fd, &result, &err);
        ok = output_close(&output, ok, &err);
        export_end(export, ok ? NULL : &err);
    }
    progress_end(&line);
    if (ok)
        print_result(invocation, &output, &result);
    else
        status = command_fail(invocation, &err, &job.holder);
    app_close(app);
    return status;
}
