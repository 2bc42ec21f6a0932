/* Overwrite by a switch: restore beside, check, rename.
 *
 * Not covered: catalog queries that fail right after others on the same connection went well, and a shadow or role that
 * cannot be removed (the sweep's tests have it). */
#include "backup/overwrite.h"

#include "backup/counts.h"
#include "backup/log_tables.h"
#include "backup/transfer.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"

/* What no archive brings: schema hubport, and the structure of a log table that a ledger-only archive leaves out. */
static bool carry_over(struct overwrite *overwrite, struct pg_conn *live, const char *shadow, struct err *err)
{
    struct job *job = overwrite->job;
    const struct pg_target *as = overwrite->role.target;
    struct pg_result found;
    if (!pg_query(live, job->arena, &found, err,
                  "SELECT to_regnamespace('hubport') IS NOT NULL AND"
                  " EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('hubport'))",
                  PG_NO_ARGS))
        return false;
    if (pg_bool(&found, 0, 0) && !transfer_objects(job, as, shadow, TRANSFER_ALL, "--schema=hubport", err))
        return err_wrap(err, "carrying over schema hubport");
    for (const struct log_table *table = log_tables; table->name != NULL; table++) {
        const char *name = arena_printf(job->arena, "%s.%s", table->schema, table->name);
        if (contents_has_table(overwrite->archive, table->schema, table->name))
            continue;
        if (!pg_query(live, job->arena, &found, err, "SELECT to_regclass($1) IS NOT NULL", PG_ARGS(name)))
            return false;
        if (pg_bool(&found, 0, 0)
            && !transfer_objects(job, as, shadow, TRANSFER_STRUCTURE, arena_printf(job->arena, "--table=%s", name),
                                 err))
            return err_wrap(err, "carrying over the structure of %s", name);
    }
    return true;
}

/* Tables of the hub's that live has and the restored database still lacks, though the hub's migrations count as done
 * there: the archive holds only a part of a hub's database, and nothing would make them again. */
static bool check_hub_tables(struct overwrite *overwrite, struct pg_conn *live, struct pg_conn *restored,
                             struct err *err)
{
    struct arena *arena = overwrite->job->arena;
    static const char tables[] = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('public')"
                                 " AND relkind IN ('r', 'p') ORDER BY 1";
    struct pg_result ours, theirs;
    if (overwrite->restart_hub || overwrite->drop_others)
        return true;
    if (!pg_query(live, arena, &ours, err, tables, PG_NO_ARGS)
        || !pg_query(restored, arena, &theirs, err, tables, PG_NO_ARGS))
        return false;
    for (int i = 0, j = 0; i < ours.count; i++) {
        while (j < theirs.count && strcmp(pg_text(&theirs, j, 0), pg_text(&ours, i, 0)) < 0)
            j++;
        if (j < theirs.count && strcmp(pg_text(&theirs, j, 0), pg_text(&ours, i, 0)) == 0)
            continue;
        err_set(err, ERR_ARCHIVE_PARTIAL,
                "table public.%s is not in the archive; to go on all the same say dropOthers=true",
                pg_text(&ours, i, 0));
        return err_args(err, pg_text(&ours, i, 0), NULL);
    }
    return true;
}

/* In the shadow: migrate, compare counts, statistics for the planner. */
static bool finish_shadow(struct overwrite *overwrite, struct pg_conn *live, struct pg_conn *restored,
                          const struct contents_filter *filter, struct err *err)
{
    struct job *job = overwrite->job;
    job_report(job, PHASE_CHECK, -1, MESSAGE(job->arena, job->lang, MSG_CHECKING));
    return counts_compare(job, restored, overwrite->archive, filter, err) && overwrite_migrate(overwrite, restored, err)
           && check_hub_tables(overwrite, live, restored, err) && pg_run(restored, err, "ANALYZE");
}

/* An archive has no schema hubport that would be restored: what is there now was made by some other entry. */
static bool check_no_hubport(struct overwrite *overwrite, struct pg_conn *restored, struct err *err)
{
    struct pg_result found;
    if (!pg_query(restored, overwrite->job->arena, &found, err, "SELECT to_regnamespace('hubport') IS NULL",
                  PG_NO_ARGS))
        return false;
    return pg_bool(&found, 0, 0) || err_set(err, ERR_IMPORT_FAILED, "the archive has made a schema hubport");
}

/* As the role that owns it: what the archive brought may run when it is looked at. */
static bool complete_shadow(struct overwrite *overwrite, struct pg_conn *live, const char *shadow,
                            const struct contents_filter *filter, struct err *err)
{
    struct job *job = overwrite->job;
    const struct pg_target *as = overwrite->role.target == NULL ? job->app->target : overwrite->role.target;
    struct pg_conn *restored = app_connect_as(as, shadow, "hubport", job->cancel, err);
    bool ok = restored != NULL && check_no_hubport(overwrite, restored, err) && carry_over(overwrite, live, shadow, err)
              && finish_shadow(overwrite, live, restored, filter, err) && FAIL_POINT(OVERWRITE_COMPLETED, err);
    pg_close(restored);
    return ok;
}

/* The owners as they are in the live database, and what only a superuser may restore. */
static bool hand_over(struct overwrite *overwrite, struct pg_conn *maintenance, struct pg_conn *live,
                      const char *shadow, const struct contents_filter *filter, struct err *err)
{
    struct job *job = overwrite->job;
    if (overwrite->role.target == NULL)
        return true;
    if (!temporary_role_hand_over(job, maintenance, live, &overwrite->role, err))
        return false;
    struct pg_conn *conn = app_connect(job->app, shadow, "hubport", job->cancel, err);
    bool ok = conn != NULL && overwrite_apply_later(overwrite, conn, filter, err);
    pg_close(conn);
    return ok;
}

/* A superuser's DSN: somebody who is none fills the shadow, unless something that is vouched for needs a superuser. */
static bool choose_role(struct overwrite *overwrite, struct pg_conn *maintenance, const char *shadow, struct err *err)
{
    const struct foreign *foreign = overwrite->foreign;
    if (foreign->reach != REACH_SUPERUSER || (foreign->count == 0 && foreign->needs_superuser))
        return true;
    if (!temporary_role_create(overwrite->job, maintenance, shadow, &overwrite->role, err))
        return false;
    return overwrite->role.target != NULL || foreign->count == 0
           || foreign_refuse(overwrite->job, foreign, "the temporary role that would run it cannot log in", err);
}

static bool fill_shadow(struct overwrite *overwrite, struct pg_conn *maintenance, const char *shadow, struct err *err)
{
    struct job *job = overwrite->job;
    if (!choose_role(overwrite, maintenance, shadow, err))
        return false;
    struct contents_filter filter = {.skip_logs = overwrite->skip_logs, .plain_role = overwrite->role.target != NULL};
    if (!overwrite_restore(overwrite, shadow, &filter, err) || !FAIL_POINT(OVERWRITE_RESTORED, err))
        return false;
    struct pg_conn *live = app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = live != NULL && complete_shadow(overwrite, live, shadow, &filter, err)
              && hand_over(overwrite, maintenance, live, shadow, &filter, err);
    pg_close(live);
    return ok && shadow_dress(job, maintenance, shadow, err);
}

static void tell_previous(struct overwrite *overwrite)
{
    struct job *job = overwrite->job;
    const char *name = text_utf8(job->arena, overwrite->previous.name);
    char until[CLOCK_TEXT_SIZE];
    clock_iso(overwrite->previous.until_ms, until);
    job_report(job, PHASE_SWITCH, 100,
               overwrite->previous.pinned ? MESSAGE(job->arena, job->lang, MSG_PREVIOUS_PINNED, name)
                                          : MESSAGE(job->arena, job->lang, MSG_PREVIOUS_KEPT, name, until));
}

bool overwrite_by_switch(struct overwrite *overwrite, struct err *err)
{
    struct job *job = overwrite->job;
    struct err ignored;
    bool ok = false;
    const char *shadow = NULL;
    struct pg_conn *maintenance =
        app_connect(job->app, config_text(job->app->config, SETTING_LOCK_DATABASE), "hubport", job->cancel, err);
    if (maintenance == NULL)
        return false;
    shadow = shadow_create(job, maintenance, err);
    if (shadow == NULL || !FAIL_POINT(OVERWRITE_SHADOW, err) || !fill_shadow(overwrite, maintenance, shadow, err)
        || !FAIL_POINT(OVERWRITE_DRESSED, err) || !backup_lock_held(overwrite->lock, err))
        goto out;
    job_report(job, PHASE_SWITCH, -1, MESSAGE(job->arena, job->lang, MSG_SWITCHING));
    ok = databases_switch(job, maintenance, shadow, overwrite->plan->other_count > 0, &overwrite->previous, err);
    if (ok)
        tell_previous(overwrite);
out:
    if (!ok && shadow == NULL) /* made all the same, when the connection broke */
        atomic_store(&job->app->left_something, true);
    if (!ok && shadow != NULL && !database_drop(job, maintenance, shadow, &ignored)) {
        atomic_store(&job->app->left_something, true);
        log_event(LOG_WARN, "shadow.left", "{s:s, s:s}", "name", shadow, "error", text_utf8(job->arena, ignored.words));
    }
    if (!ok && overwrite->role.name != NULL && !temporary_role_drop(job, maintenance, overwrite->role.name, &ignored))
        log_event(LOG_WARN, "role.left", "{s:s, s:s}", "name", overwrite->role.name, "error",
                  text_utf8(job->arena, ignored.words));
    temporary_role_close(&overwrite->role);
    pg_close(maintenance);
    return ok;
}
