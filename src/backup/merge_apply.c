/* The one transaction of a merge. */
#include "backup/merge_internal.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"
#include "pg/copy.h"

#define TRIES 5
#define FIRST_WAIT_MS 500 /* doubled each time */

/* ---- Triggers ---------------------------------------------------------------------------------------------------- */

/* User triggers that would fire (O, A), each with the statement that gives it its state back. The others stay as they
 * are: what is disabled or for replicas only does not fire here. */
static bool silence_triggers(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct pg_result *triggers = &table->triggers;
    *triggers = (struct pg_result){0};
    if (!table->silences)
        return true;
    /* Nobody else may change the triggers, or write while they are off. */
    if (!pg_run(merge->conn, err,
                arena_printf(merge->job->arena, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", table->only))
        || !merge_query(merge, triggers, err,
                        "SELECT quote_ident(tgname), CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END"
                        " FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal AND tgenabled IN ('O', 'A')"
                        " ORDER BY tgname",
                        table->oid))
        return false;
    for (int i = 0; i < triggers->count; i++)
        if (!pg_run(merge->conn, err,
                    arena_printf(merge->job->arena, "ALTER TABLE %s DISABLE TRIGGER %s", table->only,
                                 pg_text(triggers, i, 0))))
            return false;
    return true;
}

/* A trigger cannot be switched while checks of rows of its table are still to come: they are made now. */
static bool wake_triggers(struct merge *merge, struct err *err)
{
    if (!pg_run(merge->conn, err, "SET CONSTRAINTS ALL IMMEDIATE"))
        return err_wrap(err, "checking deferred constraints");
    for (size_t i = 0; i < merge->table_count; i++) {
        const struct merge_table *table = &merge->tables[i];
        for (int j = 0; j < table->triggers.count; j++)
            if (!pg_run(merge->conn, err,
                        arena_printf(merge->job->arena, "ALTER TABLE %s %s TRIGGER %s", table->only,
                                     pg_text(&table->triggers, j, 1), pg_text(&table->triggers, j, 0))))
                return false;
    }
    return true;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

/* What came in by somebody else since it was looked at is kept: then it is a conflict. */
static bool insert_rows(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct table_figures *figures = table->figures;
    struct pg_result rows;
    const char *columns = merge_columns(merge, table, "");
    if (figures->added == 0)
        return true;
    if (!merge_query(merge, &rows, err,
                     "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s WHERE " STATUS " = " ADD
                     " ON CONFLICT DO NOTHING",
                     table->sql, columns, columns, table->stage))
        return err_wrap(err, "adding rows to %s", table->label);
    figures->conflicting += figures->added - (uint64_t)rows.affected;
    figures->added = (uint64_t)rows.affected;
    return true;
}

static bool update_rows(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct table_figures *figures = table->figures;
    struct pg_result rows;
    const char *set = "", *same = "";
    if (figures->updated == 0)
        return true;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct merge_column *column = &table->columns[i];
        bool key = false;
        for (size_t j = 0; j < table->key_count; j++)
            key = key || strcmp(table->key[j], column->name) == 0;
        if (column->in_archive && !column->identity_always && !key)
            set = arena_printf(arena, "%s%s%s = s.%s", set, *set == '\0' ? "" : ", ", column->name, column->name);
    }
    for (size_t i = 0; i < table->key_count; i++)
        same = arena_printf(arena, "%s AND l.%s %s s.%s", same, table->key[i], table->key_equals[i], table->key[i]);
    if (!merge_query(merge, &rows, err, "UPDATE %s l SET %s FROM %s s WHERE s." STATUS " = " UPDATE "%s", table->only,
                     set, table->stage, same))
        return err_wrap(err, "updating rows of %s", table->label);
    figures->updated = (uint64_t)rows.affected;
    return true;
}

static bool copy_put(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    return pg_copy_put(context, bytes, size, err);
}

/* A table that was just created: nobody else sees it yet, and it has no constraints yet. */
static bool fill_created(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct arena *arena = merge->job->arena;
    const char *columns = "";
    for (size_t i = 0; i < table->copy.column_count; i++)
        columns = arena_printf(arena, "%s%s%s", columns, i == 0 ? " (" : ", ",
                               pg_ident(merge->conn, arena, table->copy.columns[i]));
    if (*columns != '\0')
        columns = arena_printf(arena, "%s)", columns);
    for (size_t i = 0; i < table->entry_count; i++) {
        uint64_t rows;
        if (!pg_copy_in(merge->conn, arena_printf(arena, "COPY %s%s FROM STDIN", table->sql, columns), err)
            || !archive_read(merge->archive, merge->fd, table->entries[i], copy_put, merge->conn, merge->job->cancel,
                             err)
            || !pg_copy_end(merge->conn, &rows, err))
            return err_wrap(err, "filling %s", table->label);
    }
    return true;
}

static bool apply_table(struct merge *merge, struct merge_table *table, struct err *err)
{
    table->triggers.count = 0;
    if (table->created)
        return fill_created(merge, table, err);
    if (table->figures->added + table->figures->updated == 0)
        return true;
    return silence_triggers(merge, table, err) && insert_rows(merge, table, err) && update_rows(merge, table, err);
}

/* ---- Sequences --------------------------------------------------------------------------------------------------- */

/* A sequence never goes back, and never stands below a number that is taken. */
static bool advance(struct merge *merge, const char *sequence, const char *numbers, struct err *err)
{
    const char *literal = pg_literal(merge->conn, merge->job->arena, sequence);
    struct pg_result rows;
    if (!merge_query(merge, &rows, err, "SELECT seqincrement > 0 FROM pg_sequence WHERE seqrelid = %s::regclass",
                     literal))
        return err_wrap(err, "the sequence %s", sequence);
    bool up = rows.count == 0 || pg_bool(&rows, 0, 0);
    return merge_query(merge, &rows, err,
                       "SELECT setval(%s, n.value) FROM (SELECT %s(value)::bigint AS value FROM (%s) v) n, %s q,"
                       " pg_sequence WHERE seqrelid = %s::regclass AND n.value BETWEEN seqmin AND seqmax"
                       " AND (n.value %s q.last_value OR (n.value = q.last_value AND NOT q.is_called))",
                       literal, up ? "max" : "min", numbers, sequence, literal, up ? ">" : "<")
           || err_wrap(err, "the sequence %s", sequence);
}

/* The sequences that number the table's columns: owned by one, or in its default. Columns: sequence, column quoted,
 * column. */
static bool read_sequences(struct merge *merge, const char *table, struct pg_result *rows, struct err *err)
{
    const char *oid =
        arena_printf(merge->job->arena, "to_regclass(%s)", pg_literal(merge->conn, merge->job->arena, table));
    return merge_query(
        merge, rows, err,
        "SELECT objid::regclass, quote_ident(attname), attname FROM pg_depend JOIN pg_class s ON s.oid = objid"
        " JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid"
        " WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND relkind = 'S'"
        " AND deptype IN ('a', 'i') AND refobjid = %s"
        " UNION SELECT refobjid::regclass, quote_ident(attname), attname FROM pg_depend"
        " JOIN pg_attrdef d ON d.oid = objid JOIN pg_class s ON s.oid = refobjid"
        " JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum"
        " WHERE classid = 'pg_attrdef'::regclass AND refclassid = 'pg_class'::regclass AND relkind = 'S'"
        " AND adrelid = %s ORDER BY 1, 2",
        oid, oid);
}

static bool advance_own(struct merge *merge, const struct merge_table *table, struct err *err)
{
    struct pg_result rows;
    if (table->figures->added == 0)
        return true;
    if (!read_sequences(merge, table->sql, &rows, err))
        return false;
    for (int i = 0; i < rows.count; i++)
        if (!advance(merge, pg_text(&rows, i, 0),
                     arena_printf(merge->job->arena, "SELECT %s AS value FROM %s", pg_text(&rows, i, 1), table->sql),
                     err))
            return false;
    return true;
}

/* Rows that outlived their parent keep its number: a new parent must not get it. */
static bool advance_parents(struct merge *merge, const struct soft_reference *soft, struct err *err)
{
    const struct merge_table *child = merge_find(merge, "public", soft->child);
    struct pg_result rows;
    if (!soft->outlives || child == NULL || child->created || child->figures->added == 0)
        return true;
    if (!read_sequences(merge, arena_printf(merge->job->arena, "public.%s", soft->parent), &rows, err))
        return false;
    for (int i = 0; i < rows.count; i++)
        if (strcmp(pg_text(&rows, i, 2), "id") == 0
            && !advance(merge, pg_text(&rows, i, 0),
                        arena_printf(merge->job->arena, "SELECT %s AS value FROM %s WHERE " STATUS " = " ADD,
                                     soft->column, child->stage),
                        err))
            return false;
    return true;
}

static bool advance_sequences(struct merge *merge, struct err *err)
{
    for (size_t i = 0; i < merge->table_count; i++)
        if (!advance_own(merge, &merge->tables[i], err))
            return false;
    for (const struct soft_reference *soft = soft_references; soft->child != NULL; soft++)
        if (!advance_parents(merge, soft, err))
            return false;
    return true;
}

/* ---- The transaction --------------------------------------------------------------------------------------------- */

static bool insert_all(struct merge *merge, struct err *err)
{
    job_report(merge->job, PHASE_MERGE, 0, MESSAGE(merge->job->arena, merge->job->lang, MSG_MERGING));
    merge->percent = 0;
    for (size_t i = 0; i < merge->table_count; i++) {
        if (!apply_table(merge, &merge->tables[i], err))
            return false;
        merge_percent(merge, PHASE_MERGE, i, merge->table_count);
    }
    return true;
}

/* setval() survives a rollback: it is the last thing before the commit. */
static bool try_once(struct merge *merge, struct err *err)
{
    return pg_run(merge->conn, err, "BEGIN; SET CONSTRAINTS ALL DEFERRED") && merge_classify(merge, err)
           && FAIL_POINT(MERGE_CLASSIFIED, err) && merge_create(merge, ARCHIVE_PRE_DATA, err) && insert_all(merge, err)
           && FAIL_POINT(MERGE_INSERTED, err) && merge_create(merge, ARCHIVE_POST_DATA, err)
           && wake_triggers(merge, err) && backup_lock_held(merge->lock, err) && cancel_check(merge->job->cancel, err)
           && advance_sequences(merge, err) && FAIL_POINT(MERGE_SEQUENCES, err) && pg_commit(merge->conn, err);
}

/* Somebody else had a lock or took a row away meanwhile: lock_not_available, deadlock, a parent that was deleted. */
static bool may_try_again(struct merge *merge)
{
    static const char *const states[] = {"55P03", "40P01", "40001", "23503"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(pg_sqlstate(merge->conn), states[i]) == 0)
            return true;
    return false;
}

bool merge_apply(struct merge *merge, bool *committed, struct err *err)
{
    struct err ignored;
    *committed = false;
    for (int try = 1;; try++) {
        if (try_once(merge, err)) {
            *committed = true;
            FAIL_POINT_PAST(MERGE_COMMITTED);
            return true;
        }
        if (err->code != ERR_DATABASE_ERROR || !may_try_again(merge) || try == TRIES)
            return false;
        log_event(LOG_WARN, "merge.again", "{s:i, s:s}", "try", try, "error", text_utf8(merge->job->arena, err->words));
        if (!pg_run(merge->conn, &ignored, "ROLLBACK")
            || !cancel_sleep(merge->job->cancel, FIRST_WAIT_MS << (try - 1), err))
            return false;
    }
}
