#include "backup/restore.h"

#include "backup/restore_errors.h"
#include "backup/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "os/lines.h"
#include "os/subprocess.h"

#define TICK_MS 500

struct watch {
    struct job *job;
    const struct restore_spec *spec;
    struct restore_outcome *outcome;
    struct pg_conn *monitor; /* to another database where possible; NULL: no percent */
    const char *name;        /* application_name of pg_restore's connections */
    uint64_t finished_bytes; /* of tables that are done */
    uint64_t current_bytes;  /* in place: of the table being read, which counts when the next begins */
    int percent;
    int64_t next_tick_ms;
    int64_t blocked_since_ms; /* 0: not blocked */
};

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static const struct archive_entry *entry_by_id(const struct archive *archive, int dump_id)
{
    for (size_t i = 0; i < archive->entry_count; i++)
        if (archive->entries[i].dump_id == dump_id)
            return &archive->entries[i];
    return NULL;
}

static const struct archive_entry *data_by_name(const struct archive *archive, const char *quoted)
{
    struct arena *arena = arena_new();
    const struct archive_entry *found = NULL;
    for (size_t i = 0; i < archive->entry_count && found == NULL; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (strcmp(entry->desc, "TABLE DATA") == 0
            && text_starts(quoted, arena_printf(arena, "\"%s.%s\"", entry->schema, entry->tag)))
            found = entry;
    }
    arena_free(arena);
    return found;
}

static void say_restoring(struct watch *watch, const char *what)
{
    job_report(watch->job, PHASE_RESTORE, watch->percent,
               MESSAGE(watch->job->arena, watch->job->lang, MSG_RESTORING, text_utf8(watch->job->arena, what)));
}

/* What --verbose tells: in parallel "launching item 12 TABLE DATA users" and "finished item ...", else
 * "processing data for table ..." and "creating INDEX ...". */
static void follow(struct watch *watch, const char *line)
{
    int id = 0, offset = 0;
    if (sscanf(line, "pg_restore: launching item %d %n", &id, &offset) == 1 && offset > 0) {
        say_restoring(watch, line + offset);
    } else if (sscanf(line, "pg_restore: finished item %d ", &id) == 1) {
        const struct archive_entry *entry = entry_by_id(watch->spec->archive, id);
        watch->finished_bytes += entry == NULL ? 0 : entry->bytes;
    } else if (text_starts(line, "pg_restore: processing data for table ")) {
        const char *quoted = line + strlen("pg_restore: processing data for table ");
        const struct archive_entry *entry = data_by_name(watch->spec->archive, quoted);
        if (watch->spec->in_place) {
            watch->finished_bytes += watch->current_bytes;
            watch->current_bytes = entry == NULL ? 0 : entry->bytes;
            say_restoring(watch, quoted);
        }
    } else if (watch->spec->in_place && text_starts(line, "pg_restore: creating ")) {
        say_restoring(watch, line + strlen("pg_restore: creating "));
    }
}

static void take_line(struct watch *watch, const char *line)
{
    enum restore_class class = restore_classify_line(line);
    if (class == RESTORE_NO_ERROR) {
        follow(watch, line);
        return;
    }
    const char *message = line + strlen("pg_restore: error: ");
    if (class == RESTORE_IGNORABLE)
        watch->outcome->ignorable++;
    else if (watch->outcome->fatal++ == 0)
        snprintf(watch->outcome->first_fatal, sizeof watch->outcome->first_fatal, "%s",
                 text_utf8(watch->job->arena, message));
    text_cut_utf8(watch->outcome->first_fatal);
    log_event(LOG_WARN, "restore.error", "{s:s, s:s}", "class", class == RESTORE_IGNORABLE ? "ignorable" : "fatal",
              "message", text_utf8(watch->job->arena, message));
}

/* ---- Watching ---------------------------------------------------------------------------------------------------- */

/* Bytes that running COPYs have taken, and whether a lock is waited for. */
static bool look(struct watch *watch, uint64_t *copying, bool *blocked, struct err *err)
{
    struct arena *arena = arena_new();
    struct pg_result rows;
    bool ok = pg_query(watch->monitor, arena, &rows, err,
                       "SELECT coalesce(sum(copying.bytes_processed), 0),"
                       " coalesce(bool_or(activity.wait_event_type = 'Lock'), false)"
                       " FROM pg_stat_activity activity LEFT JOIN pg_stat_progress_copy copying USING (pid)"
                       " WHERE activity.application_name = $1",
                       PG_ARGS(watch->name));
    *copying = ok ? (uint64_t)pg_int(&rows, 0, 0) : 0;
    *blocked = ok && pg_bool(&rows, 0, 1);
    arena_free(arena);
    return ok;
}

/* pg_restore switches lock_timeout off for itself; so a lock that others hold is noticed from outside. */
static bool tick(struct watch *watch, struct err *err)
{
    int64_t now = clock_mono_ms();
    uint64_t copying;
    bool blocked;
    struct err ignored;
    if (now < watch->next_tick_ms || watch->monitor == NULL)
        return true;
    watch->next_tick_ms = now + TICK_MS;
    if (!look(watch, &copying, &blocked, &ignored))
        return true;
    uint64_t done = watch->finished_bytes + copying, total = MAX(watch->spec->total_bytes, 1);
    int percent = (int)MIN(done * 100 / total, 100);
    if (percent > watch->percent) {
        watch->percent = percent;
        job_report(watch->job, PHASE_RESTORE, percent, NULL);
    }
    if (!blocked || !watch->spec->in_place)
        watch->blocked_since_ms = 0;
    else if (watch->blocked_since_ms == 0)
        watch->blocked_since_ms = now;
    else if (now - watch->blocked_since_ms >= config_ms(watch->job->app->config, SETTING_DB_LOCK_TIMEOUT))
        return err_set(err, ERR_IMPORT_FAILED,
                       "a table is locked by another transaction of the live database; nothing was changed");
    return true;
}

static bool follow_to_end(struct watch *watch, struct subprocess *process, struct err *err)
{
    struct lines *lines = arena_alloc(watch->job->arena, sizeof *lines);
    lines_init(lines, subprocess_error(process));
    for (;;) {
        char *line;
        int got = lines_next(lines, watch->job->cancel, TICK_MS, &line, err);
        if (got == 0)
            break;
        if (got < 0 || !tick(watch, err))
            return false;
        if (got == 1)
            take_line(watch, line);
    }
    if (subprocess_wait(process, watch->job->cancel, -1, err) != 1)
        return false;
    watch->outcome->exit_status = subprocess_status(process);
    return true;
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

static struct subprocess *start_restore(struct watch *watch, struct err *err)
{
    const struct restore_spec *spec = watch->spec;
    struct arena *arena = watch->job->arena;
    struct app *app = watch->job->app;
    const struct pg_target *target = spec->target == NULL ? app->target : spec->target;
    const char *argv[16];
    size_t used = 0;
    argv[used++] = app->tools.restore;
    argv[used++] = "--clean";
    argv[used++] = "--if-exists";
    argv[used++] = "--no-owner";
    argv[used++] = "--no-password";
    argv[used++] = "--verbose";
    argv[used++] = spec->in_place
                       ? "--single-transaction"
                       : arena_printf(arena, "--jobs=%lld", (long long)config_int(app->config, SETTING_RESTORE_JOBS));
    argv[used++] = arena_printf(arena, "--use-list=%s", spec->list_path);
    argv[used++] = pg_target_argument(target, arena, spec->database);
    argv[used++] = spec->archive_path;
    argv[used] = NULL;

    const char *const *base =
        pg_target_env(target, arena, spec->target == NULL ? server_restore_options(watch->job) : NULL);
    const char *env[16];
    size_t count = 0;
    for (; base[count] != NULL; count++)
        env[count] =
            text_starts(base[count], "PGAPPNAME=") ? arena_printf(arena, "PGAPPNAME=%s", watch->name) : base[count];
    env[count] = NULL;
    struct subprocess_spec process = {
        .argv = argv, .env = env, .in = SUBPROCESS_NULL, .out = SUBPROCESS_NULL, .error = SUBPROCESS_PIPE};
    return subprocess_start(&process, err);
}

bool restore_run(struct job *job, const struct restore_spec *spec, struct restore_outcome *outcome, struct err *err)
{
    char random[9];
    struct err ignored;
    struct watch watch = {.job = job, .spec = spec, .outcome = outcome, .percent = -1};
    *outcome = (struct restore_outcome){0};
    text_random(random, 8);
    watch.name = arena_printf(job->arena, "hubport restore %s", random);
    watch.monitor = app_connect(job->app, spec->in_place ? NULL : config_text(job->app->config, SETTING_LOCK_DATABASE),
                                "hubport", job->cancel, &ignored);
    struct subprocess *process = start_restore(&watch, err);
    bool ok = process != NULL && follow_to_end(&watch, process, err);
    subprocess_free(process);
    pg_close(watch.monitor);
    return ok;
}

bool restore_accept(const struct restore_outcome *outcome, struct err *err)
{
    bool clean = outcome->exit_status == 0 && outcome->fatal == 0;
    bool ignorable = outcome->exit_status == 1 && outcome->fatal == 0 && outcome->ignorable > 0;
    char count[16];
    if (clean || ignorable)
        return true;
    const char *first = outcome->fatal > 0 ? outcome->first_fatal : "pg_restore ended without a message";
    snprintf(count, sizeof count, "%d", MAX(outcome->fatal, 1));
    err_set(err, ERR_RESTORE_FATAL, "pg_restore ended with %d: %s", outcome->exit_status, first);
    return err_args(err, count, first);
}
