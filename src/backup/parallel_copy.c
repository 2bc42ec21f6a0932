#include "backup/parallel_copy.h"

#include "archive/lane.h"
#include "backup/export_source.h"
#include "pg/copy.h"

#include <pthread.h>

#define MAX_CONNECTIONS 8
#define RANGE_PAGES 2048
#define MIN_RANGE_PAGES 64
#define NO_TID_RANGES 140000 /* servers before this version */

struct table {
    const char *schema, *name, *exclude;
    int64_t pages;
};

struct parallel_copy {
    struct job *job;
    struct pg_conn *leader;
    int connection_count;
    struct pg_conn *connections[MAX_CONNECTIONS];
    const char *snapshot, *snapshot_option;
    struct table *tables;
    size_t table_count;
    bool tid_ranges;
};

/* One table's reading. */
struct turn {
    struct parallel_copy *copy;
    struct writer *writer;
    const char *select; /* SELECT ... FROM ONLY ... */
    pthread_mutex_t mutex;
    int64_t next_page, pages, step;
    bool failed;
    struct err err; /* the first failure's */
};

struct worker {
    struct turn *turn;
    struct pg_conn *conn;
    struct lane *lane;
    pthread_t thread;
};

/* What pg_dump sets for its session (setup_connection), so that rows read the same; and no plan but a plain scan. */
static const char settings[] =
    "SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout',"
    " 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout',"
    " 'max_parallel_workers_per_gather');"
    "SELECT set_config(name, 'off', false) FROM pg_catalog.pg_settings WHERE name IN ('row_security', 'jit',"
    " 'synchronize_seqscans');"
    "SELECT pg_catalog.set_config('search_path', '', false); SET DateStyle = ISO; SET IntervalStyle = postgres;"
    "SET extra_float_digits = 3;";

#define BEGIN "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"

/* ---- The snapshot ------------------------------------------------------------------------------------------------ */

static const char large_tables[] =
    "SELECT n.nspname, c.relname, pg_relation_size(c.oid) / current_setting('block_size')::int,"
    "  format('--exclude-table-data=\"%s\".\"%s\"', replace(n.nspname, '\"', '\"\"'), replace(c.relname, '\"', "
    "'\"\"')),"
    "  format('LOCK TABLE ONLY %I.%I IN ACCESS SHARE MODE', n.nspname, c.relname)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am a ON a.oid = c.relam"
    " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_|^information_schema$|^hubport$'"
    "  AND coalesce(a.amname, 'heap') = 'heap' AND pg_table_size(c.oid) >= $1::bigint"
    "  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
    "   AND d.deptype = 'e')"
    " ORDER BY pg_table_size(c.oid) DESC";

/* The list is of the snapshot, the locks come after it: as in pg_dump. */
static bool find_tables(struct parallel_copy *copy, struct err *err)
{
    struct job *job = copy->job;
    struct pg_result rows;
    uint64_t from = config_bytes(job->app->config, SETTING_EXPORT_PARALLEL_FROM);
    const char *least = arena_printf(job->arena, "%llu", (unsigned long long)from);
    if (!pg_query(copy->leader, job->arena, &rows, err, large_tables, PG_ARGS(least)))
        return false;
    copy->tables = arena_alloc(job->arena, (size_t)rows.count * sizeof *copy->tables);
    for (int i = 0; i < rows.count; i++) {
        copy->tables[copy->table_count++] = (struct table){.schema = pg_text(&rows, i, 0),
                                                           .name = pg_text(&rows, i, 1),
                                                           .pages = pg_int(&rows, i, 2),
                                                           .exclude = pg_text(&rows, i, 3)};
        if (!pg_run(copy->leader, err, pg_text(&rows, i, 4)))
            return err_wrap(err, "locking a table");
    }
    return true;
}

static bool lead(struct parallel_copy *copy, struct err *err)
{
    struct job *job = copy->job;
    struct pg_result name;
    copy->leader = export_source_connect(job, err);
    if (copy->leader == NULL || !pg_run(copy->leader, err, settings)
        || !pg_run(copy->leader, err, "SET search_path = pg_catalog; SET lock_timeout = '30s'; " BEGIN)
        || !find_tables(copy, err)
        || !pg_query(copy->leader, job->arena, &name, err, "SELECT pg_export_snapshot()", PG_NO_ARGS))
        return false;
    copy->tid_ranges = PQserverVersion(pg_raw(copy->leader)) >= NO_TID_RANGES;
    copy->snapshot = pg_literal(copy->leader, job->arena, pg_text(&name, 0, 0));
    copy->snapshot_option = arena_printf(job->arena, "--snapshot=%s", pg_text(&name, 0, 0));
    return true;
}

static bool follow(struct parallel_copy *copy, struct err *err)
{
    const char *begin = arena_printf(copy->job->arena, BEGIN " SET TRANSACTION SNAPSHOT %s", copy->snapshot);
    for (int i = 0; copy->table_count > 0 && i < copy->connection_count; i++) {
        copy->connections[i] = export_source_connect(copy->job, err);
        if (copy->connections[i] == NULL || !pg_run(copy->connections[i], err, settings)
            || !pg_run(copy->connections[i], err, begin))
            return false;
    }
    return true;
}

struct parallel_copy *parallel_copy_open(struct job *job, int connections, struct err *err)
{
    struct parallel_copy *copy = arena_alloc(job->arena, sizeof *copy);
    *copy = (struct parallel_copy){.job = job, .connection_count = MIN(connections, MAX_CONNECTIONS)};
    if (lead(copy, err) && follow(copy, err))
        return copy;
    err_wrap(err, "preparing a parallel export");
    parallel_copy_close(copy);
    return NULL;
}

void parallel_copy_close(struct parallel_copy *copy)
{
    if (copy == NULL)
        return;
    for (int i = 0; i < copy->connection_count; i++)
        pg_close(copy->connections[i]);
    pg_close(copy->leader);
}

size_t parallel_copy_tables(const struct parallel_copy *copy)
{
    return copy->table_count;
}

const char *parallel_copy_snapshot(const struct parallel_copy *copy)
{
    return copy->snapshot_option;
}

const char *const *parallel_copy_excludes(const struct parallel_copy *copy)
{
    const char **options = arena_alloc(copy->job->arena, (copy->table_count + 1) * sizeof *options);
    for (size_t i = 0; i < copy->table_count; i++)
        options[i] = copy->tables[i].exclude;
    return options;
}

/* ---- A worker ---------------------------------------------------------------------------------------------------- */

/* The next range of pages as SQL; NULL: none is left, or somebody has failed. */
static const char *next_range(struct turn *turn, struct arena *arena)
{
    const char *sql = NULL;
    pthread_mutex_lock(&turn->mutex);
    int64_t from = turn->next_page, to = from + turn->step;
    if (from < turn->pages && !turn->failed) {
        turn->next_page = to;
        /* The last one has no end: the table may have grown since its size was asked for. */
        if (turn->step >= turn->pages)
            sql = arena_printf(arena, "COPY (%s) TO STDOUT", turn->select);
        else if (to >= turn->pages)
            sql = arena_printf(arena, "COPY (%s WHERE ctid >= '(%lld,0)') TO STDOUT", turn->select, (long long)from);
        else
            sql = arena_printf(arena, "COPY (%s WHERE ctid >= '(%lld,0)' AND ctid < '(%lld,0)') TO STDOUT",
                               turn->select, (long long)from, (long long)to);
    }
    pthread_mutex_unlock(&turn->mutex);
    return sql;
}

static bool take_row(void *context, const char *row, size_t size, struct err *err)
{
    return lane_add_rows(context, (const unsigned char *)row, size, err);
}

static void note_failure(struct turn *turn, const struct err *err)
{
    pthread_mutex_lock(&turn->mutex);
    if (!turn->failed)
        turn->err = *err;
    turn->failed = true;
    pthread_mutex_unlock(&turn->mutex);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct arena *arena = arena_new();
    struct err err;
    const char *sql;
    bool ok = true;
    while (ok && (sql = next_range(worker->turn, arena)) != NULL)
        ok = pg_copy_out(worker->conn, sql, take_row, worker->lane, &err);
    if (!ok || !lane_flush(worker->lane, &err)) {
        note_failure(worker->turn, &err);
        lane_fail(worker->lane); /* the others find it out with their next piece */
    }
    arena_free(arena);
    return NULL;
}

/* ---- A table ----------------------------------------------------------------------------------------------------- */

static bool run_workers(struct turn *turn, struct err *err)
{
    struct parallel_copy *copy = turn->copy;
    struct worker workers[MAX_CONNECTIONS];
    int started = 0;
    for (; started < copy->connection_count; started++) {
        struct worker *worker = &workers[started];
        *worker = (struct worker){.turn = turn, .conn = copy->connections[started], .lane = lane_new(turn->writer)};
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            lane_free(worker->lane);
            break;
        }
    }
    for (int i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        lane_free(workers[i].lane);
    }
    if (turn->failed)
        *err = turn->err;
    return started > 0 ? !turn->failed : err_set(err, ERR_SYSTEM, "no thread can be started");
}

/* The columns are those of pg_dump's COPY statement, in its order. */
static bool write_select(struct parallel_copy *copy, const struct archive_entry *entry, const char **select,
                         struct err *err)
{
    struct arena *arena = copy->job->arena;
    struct archive_copy statement;
    const char *columns = "";
    if (!archive_copy_columns(entry, arena, &statement, err))
        return false;
    for (size_t i = 0; i < statement.column_count; i++)
        columns = arena_printf(arena, "%s%s%s", columns, i == 0 ? "" : ", ",
                               pg_ident(copy->leader, arena, statement.columns[i]));
    *select = arena_printf(arena, "SELECT %s FROM ONLY %s.%s", columns, pg_ident(copy->leader, arena, entry->schema),
                           pg_ident(copy->leader, arena, entry->tag));
    return true;
}

static bool copy_table(struct parallel_copy *copy, const struct table *table, const struct archive_entry *entry,
                       struct writer *writer, struct err *err)
{
    static const unsigned char end[] = "\\.\n\n\n";
    struct turn turn = {.copy = copy, .writer = writer, .pages = MAX(table->pages, 1), .step = RANGE_PAGES};
    /* Of a table whose bulk is out of line there are few pages; they are shared, too. */
    turn.step = MIN(turn.step, MAX(turn.pages / (4 * copy->connection_count), MIN_RANGE_PAGES));
    if (!copy->tid_ranges)
        turn.step = turn.pages;
    if (!write_select(copy, entry, &turn.select, err) || !writer_begin(writer, SEAL_TABLE, entry->dump_id, err)
        || !writer_begin_lanes(writer, err))
        return false;
    pthread_mutex_init(&turn.mutex, NULL);
    bool ok = run_workers(&turn, err);
    pthread_mutex_destroy(&turn.mutex);
    return ok && writer_add(writer, end, sizeof end - 1, err) && writer_end(writer, err);
}

bool parallel_copy_run(struct parallel_copy *copy, const struct archive *contents, struct writer *writer,
                       struct err *err)
{
    /* What the archive's own session setting says, pg_dump has used. */
    const struct archive_entry *encoding = archive_find(contents, "ENCODING", "", "ENCODING");
    for (int i = 0; encoding != NULL && i < copy->connection_count && copy->connections[i] != NULL; i++)
        if (!pg_run(copy->connections[i], err, encoding->definition))
            return false;
    for (size_t i = 0; i < copy->table_count; i++) {
        const struct table *table = &copy->tables[i];
        const struct archive_entry *entry = archive_find(contents, "TABLE DATA", table->schema, table->name);
        if (entry == NULL || !entry->has_data) /* its rows are not wanted */
            continue;
        if (!copy_table(copy, table, entry, writer, err))
            return err_wrap(err, "%s.%s", table->schema, table->name);
        archive_entry_by_id(contents, entry->dump_id)->has_block = true;
    }
    return true;
}
