/* Overwrite by a switch: restore beside, check, rename. */
#include "backup/overwrite.h"

#include "backup/counts.h"
#include "backup/log_tables.h"
#include "backup/transfer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* What no archive brings: schema hubport, and the structure of a log table that a ledger-only archive leaves out. */
static bool carry_over(struct overwrite *overwrite, struct pg_conn *live, const char *shadow, struct err *err)
{
    struct job *job = overwrite->job;
    struct pg_result found;
    if (!pg_query(live, job->arena, &found, err,
                  "SELECT to_regnamespace('hubport') IS NOT NULL AND"
                  " EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('hubport'))",
                  PG_NO_ARGS))
        return false;
    if (pg_bool(&found, 0, 0) && !transfer_objects(job, shadow, TRANSFER_ALL, "--schema=hubport", err))
        return err_wrap(err, "carrying over schema hubport");
    for (const struct log_table *table = log_tables; table->name != NULL; table++) {
        const char *name = arena_printf(job->arena, "%s.%s", table->schema, table->name);
        if (contents_has_table(overwrite->archive, table->schema, table->name))
            continue;
        if (!pg_query(live, job->arena, &found, err, "SELECT to_regclass($1) IS NOT NULL", PG_ARGS(name)))
            return false;
        if (pg_bool(&found, 0, 0)
            && !transfer_objects(job, shadow, TRANSFER_STRUCTURE, arena_printf(job->arena, "--table=%s", name), err))
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
static bool finish_shadow(struct overwrite *overwrite, struct pg_conn *live, const char *shadow,
                          const struct contents_filter *filter, struct err *err)
{
    struct job *job = overwrite->job;
    struct pg_conn *restored = app_connect(job->app, shadow, "hubport", job->cancel, err);
    bool ok = restored != NULL;
    if (ok)
        job_report(job, PHASE_CHECK, -1, MESSAGE(job->arena, job->lang, MSG_CHECKING));
    ok = ok && counts_compare(job, restored, overwrite->archive, filter, err)
         && overwrite_migrate(overwrite, restored, err) && check_hub_tables(overwrite, live, restored, err)
         && pg_run(restored, err, "ANALYZE");
    pg_close(restored);
    return ok;
}

static bool fill_shadow(struct overwrite *overwrite, struct pg_conn *maintenance, const char *shadow, struct err *err)
{
    struct job *job = overwrite->job;
    struct contents_filter filter = {.skip_logs = overwrite->skip_logs};
    if (!overwrite_restore(overwrite, shadow, &filter, err))
        return false;
    struct pg_conn *live = app_connect(job->app, NULL, "hubport", job->cancel, err);
    bool ok = live != NULL && carry_over(overwrite, live, shadow, err)
              && finish_shadow(overwrite, live, shadow, &filter, err);
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
    if (shadow == NULL || !fill_shadow(overwrite, maintenance, shadow, err) || !backup_lock_held(overwrite->lock, err))
        goto out;
    job_report(job, PHASE_SWITCH, -1, MESSAGE(job->arena, job->lang, MSG_SWITCHING));
    ok = databases_switch(job, maintenance, shadow, overwrite->plan->other_count > 0, &overwrite->previous, err);
    if (ok)
        tell_previous(overwrite);
out:
    if (!ok && shadow != NULL && !database_drop(job, maintenance, shadow, &ignored))
        log_event(LOG_WARN, "shadow.left", "{s:s, s:s}", "name", shadow, "error", text_utf8(job->arena, ignored.words));
    pg_close(maintenance);
    return ok;
}
