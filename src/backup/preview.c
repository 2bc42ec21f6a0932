#include "backup/preview.h"

#include "backup/differences.h"
#include "backup/log_tables.h"
#include "base/text.h"

/* Measured on a hub's request log with its 17 indexes (docs/benchmarks.md): restored with -j 2, and merged. */
#define RESTORE_BYTES_PER_MS (30 * MIB / 1000)
#define MERGE_BYTES_PER_MS (20 * MIB / 1000)

static uint64_t archive_rows(const struct archive *archive, const struct contents_filter *filter, const char *schema,
                             const char *table, bool *there)
{
    uint64_t rows = 0;
    *there = false;
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        bool data = strcmp(entry->desc, "TABLE DATA") == 0;
        if ((!data && strcmp(entry->desc, "TABLE") != 0) || strcmp(entry->tag, table) != 0
            || strcmp(entry->schema, schema) != 0)
            continue;
        *there = true;
        rows += data && contents_use(entry, filter) == CONTENTS_RESTORE ? entry->rows : 0;
    }
    return rows;
}

static struct table_figures *add_table(struct job *job, struct figures *figures, const char *schema, const char *table)
{
    struct table_figures *added = arena_push(job->arena, &figures->tables, figures->count, sizeof *figures->tables);
    figures->count++;
    added->table = text_utf8(job->arena, arena_printf(job->arena, "%s.%s", schema, table));
    return added;
}

static bool count_live(struct job *job, struct pg_conn *conn, const struct archive *archive, const struct plan *plan,
                       const struct contents_filter *filter, struct figures *figures, struct err *err)
{
    struct pg_result tables, counted;
    if (!pg_query(conn, job->arena, &tables, err,
                  "SELECT nspname, relname, quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_class c"
                  " JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND relpersistence <> 't'"
                  " AND nspname NOT IN ('hubport', 'information_schema') AND nspname !~ '^pg_' ORDER BY 1, 2",
                  PG_NO_ARGS))
        return false;
    for (int i = 0; i < tables.count; i++) {
        const char *schema = pg_text(&tables, i, 0), *name = pg_text(&tables, i, 1);
        if (!pg_query(conn, job->arena, &counted, err,
                      arena_printf(job->arena, "SELECT count(*) FROM ONLY %s", pg_text(&tables, i, 2)), PG_NO_ARGS))
            return err_wrap(err, "counting %s.%s", schema, name);
        struct table_figures *table = add_table(job, figures, schema, name);
        table->exists_here = true;
        table->old_rows = (uint64_t)pg_int(&counted, 0, 0);
        table->new_rows = archive_rows(archive, filter, schema, name, &table->exists_there);
        /* In place, what the archive lacks is left alone. By a switch it is gone, and of a log table only the structure
         * is carried over. */
        if (!table->exists_there && plan->way == WAY_IN_PLACE)
            table->new_rows = table->old_rows;
    }
    return true;
}

/* Tables that only the archive has. */
static void count_missing(struct job *job, const struct archive *archive, const struct contents_filter *filter,
                          struct figures *figures)
{
    size_t live = figures->count;
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        bool here = false;
        if (strcmp(entry->desc, "TABLE DATA") != 0 || contents_use(entry, filter) != CONTENTS_RESTORE)
            continue;
        const char *label = text_utf8(job->arena, arena_printf(job->arena, "%s.%s", entry->schema, entry->tag));
        for (size_t j = 0; j < live && !here; j++)
            here = strcmp(figures->tables[j].table, label) == 0;
        if (here)
            continue;
        struct table_figures *table = add_table(job, figures, entry->schema, entry->tag);
        table->exists_there = true;
        table->new_rows = entry->rows;
    }
}

bool preview_overwrite(struct job *job, const struct archive *archive, const struct plan *plan, bool skip_logs,
                       struct figures *figures, struct err *err)
{
    struct contents_filter filter = {.skip_logs = skip_logs, .in_place = plan->way == WAY_IN_PLACE};
    struct pg_conn *conn = app_connect(job->app, NULL, "hubport", job->cancel, err);
    /* One moment's figures; nothing can be written. */
    bool ok = conn != NULL
              && pg_run(conn, err, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off")
              && count_live(job, conn, archive, plan, &filter, figures, err)
              && differences_find(job, conn, archive, &figures->differences, err) && pg_run(conn, err, "COMMIT");
    pg_close(conn);
    if (ok)
        count_missing(job, archive, &filter, figures);
    return ok;
}

void preview_estimate(struct figures *figures, uint64_t bytes, int64_t passed_ms)
{
    uint64_t rate = figures->merge ? MERGE_BYTES_PER_MS : RESTORE_BYTES_PER_MS;
    figures->estimate_ms = passed_ms + (int64_t)(bytes / rate);
    figures->estimate_basis = figures->merge ? "the time of this preview, and 20 MB/s for the rows to add"
                                             : "the time of this preview, and 30 MB/s for the archive's rows";
}
