#include "backup/transfer.h"

#include "backup/restore_errors.h"
#include "backup/server.h"
#include "base/text.h"
#include "os/lines.h"
#include "os/subprocess.h"

static bool wait_for(struct job *job, struct subprocess *process, const char *name, int worst, struct err *err)
{
    if (subprocess_wait(process, job->cancel, -1, err) != 1)
        return false;
    int status = subprocess_status(process);
    return status <= worst || err_set(err, ERR_IMPORT_FAILED, "%s ended with %d", name, status);
}

/* Errors decide, not the exit status: what exists already may exist (a ledger-only archive brings the log table's
 * sequence). */
static bool read_errors(struct job *job, struct subprocess *restore, struct err *err)
{
    struct lines *lines = arena_alloc(job->arena, sizeof *lines);
    bool ok = true;
    int got;
    char *line;
    lines_init(lines, subprocess_error(restore));
    while ((got = lines_next(lines, job->cancel, -1, &line, err)) == 1)
        if (ok && restore_classify_line(line) == RESTORE_FATAL)
            ok = err_set(err, ERR_IMPORT_FAILED, "%s", text_utf8(job->arena, line));
    return ok && got == 0;
}

bool transfer_objects(struct job *job, const struct pg_target *restore_as, const char *shadow, enum transfer_what what,
                      const char *selection, struct err *err)
{
    struct app *app = job->app;
    const struct pg_target *target = restore_as == NULL ? app->target : restore_as;
    const char *const *env = pg_target_env(app->target, job->arena, server_restore_options(job));
    const char *const dump_argv[] = {app->tools.dump,
                                     "--format=custom",
                                     "--no-password",
                                     "--no-owner",
                                     pg_target_argument(app->target, job->arena, NULL),
                                     selection,
                                     what == TRANSFER_STRUCTURE ? "--schema-only" : NULL,
                                     NULL};
    const char *const restore_argv[] = {app->tools.restore, "--no-password", "--no-owner",
                                        pg_target_argument(target, job->arena, shadow), NULL};
    struct subprocess_spec dump_spec = {
        .argv = dump_argv, .env = env, .in = SUBPROCESS_NULL, .out = SUBPROCESS_PIPE, .error = SUBPROCESS_NULL};
    struct subprocess *dump = subprocess_start(&dump_spec, err), *restore = NULL;
    bool ok = false;

    if (dump == NULL)
        return false;
    struct subprocess_spec restore_spec = {.argv = restore_argv,
                                           .env =
                                               restore_as == NULL ? env : pg_target_env(restore_as, job->arena, NULL),
                                           .in = subprocess_out(dump),
                                           .out = SUBPROCESS_NULL,
                                           .error = SUBPROCESS_PIPE};
    restore = subprocess_start(&restore_spec, err);
    ok = restore != NULL && read_errors(job, restore, err) && wait_for(job, restore, "pg_restore", 1, err)
         && wait_for(job, dump, "pg_dump", 0, err);
    subprocess_free(restore);
    subprocess_free(dump);
    return ok;
}
