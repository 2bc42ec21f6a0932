/* hubport export */
#include "cli/command.h"
#include "cli/progress.h"

#include "backup/export.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { OPTION_OUTPUT, OPTION_EXCLUDE_LOGS, OPTION_MODE, OPTION_COMPRESSION };

struct target {
    const char *path;    /* NULL: standard output */
    const char *partial; /* written first, renamed when whole */
    int fd;
};

static bool open_target(struct invocation *invocation, const char *path, struct target *target, struct err *err)
{
    *target = (struct target){.fd = STDOUT_FILENO};
    if (strcmp(path, "-") == 0)
        return !isatty(STDOUT_FILENO)
               || err_set(err, ERR_WRONG_USE, "an archive is not written to a terminal; use -o FILE");
    target->path = path;
    target->partial = arena_printf(invocation->arena, "%s.partial", path);
    target->fd = open(target->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return target->fd >= 0 || err_errno(err, ERR_SYSTEM, "creating %s", target->partial);
}

/* Whole and on the disk, or not there. */
static bool close_target(struct target *target, bool ok, struct err *err)
{
    if (target->path == NULL || target->fd < 0)
        return ok;
    if (ok && fsync(target->fd) != 0 && errno != EINVAL)
        ok = err_errno(err, ERR_SYSTEM, "writing %s", target->partial);
    close(target->fd);
    if (ok && rename(target->partial, target->path) != 0)
        ok = err_errno(err, ERR_SYSTEM, "renaming %s", target->partial);
    if (!ok)
        unlink(target->partial);
    return ok;
}

static void print_result(struct invocation *invocation, const struct target *target, const struct export_result *result)
{
    const char *path = target->path == NULL ? "-" : target->path;
    FILE *out = target->path == NULL ? stderr : stdout; /* standard output holds the archive */
    if (invocation->json && target->path != NULL)
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
    struct target target = {.fd = -1};
    struct export_options options;
    int status;
    const struct export_request wanted = {.mode = invocation->values[OPTION_MODE],
                                          .exclude_logs =
                                              invocation->values[OPTION_EXCLUDE_LOGS] == NULL ? NULL : "true",
                                          .compression = invocation->values[OPTION_COMPRESSION]};
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
        ok = open_target(invocation, given == NULL ? export_file_name(export) : given, &target, &err)
             && export_copy(export, target.fd, &result, &err);
        ok = close_target(&target, ok, &err);
        export_end(export, ok ? NULL : &err);
    }
    progress_end(&line);
    if (ok)
        print_result(invocation, &target, &result);
    else
        status = command_fail(invocation, &err, &job.holder);
    app_close(app);
    return status;
}
