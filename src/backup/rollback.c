#include "backup/rollback.h"

#include "backup/notify.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"

static bool choose(struct job *job, struct pg_conn *maintenance, const char *name, const char **chosen, struct err *err)
{
    struct previous *list;
    size_t count;
    if (!previous_list(job, maintenance, &list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (name == NULL || strcmp(list[i].name, name) == 0) {
            *chosen = list[i].name;
            return true;
        }
    return err_set(err, ERR_NO_PREVIOUS, "%s", name == NULL ? "none is kept" : "it is none of those that are kept");
}

static bool switch_back(struct job *job, struct backup_lock *lock, const char *name, const char **restored,
                        struct previous *kept, struct err *err)
{
    if (!backup_lock_allows_switch(lock))
        return err_set(err, ERR_NO_PREVIOUS, "no maintenance database to work from");
    struct pg_conn *maintenance =
        app_connect(job->app, config_text(job->app->config, SETTING_LOCK_DATABASE), "hubport", job->cancel, err);
    bool ok = maintenance != NULL && choose(job, maintenance, name, restored, err) && FAIL_POINT(ROLLBACK_CHOSEN, err)
              && backup_lock_held(lock, err) && databases_switch(job, maintenance, *restored, false, kept, err);
    pg_close(maintenance);
    return ok;
}

bool rollback_run(struct job *job, const char *name, const char **restored, struct previous *kept, struct err *err)
{
    *restored = NULL;
    *kept = (struct previous){0};
    struct backup_lock *lock =
        backup_lock_acquire(job->app, "rollback", job->actor.user_name, job->cancel, &job->holder, err);
    bool ok = lock != NULL && FAIL_POINT(ROLLBACK_LOCKED, err) && switch_back(job, lock, name, restored, kept, err);
    if (ok) {
        notify_hub(job);
        log_event(LOG_INFO, "rollback.finished", "{s:s, s:s}", "restored", text_utf8(job->arena, *restored), "previous",
                  text_utf8(job->arena, kept->name));
    }
    job_audit(job, "database.rollback", json_pack("{s:s?, s:s?}", "restored", *restored, "previous", kept->name),
              ok ? NULL : err);
    FAIL_POINT_PAST(ROLLBACK_AUDITED);
    backup_lock_release(lock);
    return ok;
}
