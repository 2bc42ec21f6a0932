#include "backup/transfer.h"

#include "os/subprocess.h"

static bool wait_for(struct job *job, struct subprocess *process, const char *name, struct err *err)
{
    if (subprocess_wait(process, job->cancel, -1, err) != 1)
        return false;
    int status = subprocess_status(process);
    return status == 0 || err_set(err, ERR_IMPORT_FAILED, "%s ended with %d", name, status);
}

bool transfer_objects(struct job *job, const char *shadow, enum transfer_what what, const char *selection, struct err *err)
{
    struct app *app = job->app;
    const char *const *env = pg_target_env(app->target, job->arena, NULL);
    const char *const dump_argv[] = {app->tools.dump, "--format=custom", "--no-password", "--no-owner",
                                     pg_target_argument(app->target, job->arena, NULL), selection,
                                     what == TRANSFER_STRUCTURE ? "--schema-only" : NULL, NULL};
    const char *const restore_argv[] = {app->tools.restore, "--exit-on-error", "--no-password", "--no-owner",
                                        pg_target_argument(app->target, job->arena, shadow), NULL};
    struct subprocess_spec dump_spec = {.argv = dump_argv, .env = env, .in = SUBPROCESS_NULL, .out = SUBPROCESS_PIPE,
                                        .error = SUBPROCESS_NULL};
    struct subprocess *dump = subprocess_start(&dump_spec, err), *restore = NULL;
    bool ok = false;

    if (dump == NULL)
        return false;
    struct subprocess_spec restore_spec = {.argv = restore_argv, .env = env, .in = subprocess_out(dump), .out = SUBPROCESS_NULL,
                                           .error = SUBPROCESS_NULL};
    restore = subprocess_start(&restore_spec, err);
    ok = restore != NULL && wait_for(job, restore, "pg_restore", err) && wait_for(job, dump, "pg_dump", err);
    subprocess_free(restore);
    subprocess_free(dump);
    return ok;
}
