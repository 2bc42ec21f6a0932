/* What becomes of each staged row: its status. Statements on the staging tables that read live tables only, the same
 * for a preview and for a merge. */
#include "backup/merge_internal.h"
#include "base/text.h"

#define CANDIDATE STATUS " IN (" ADD ", " UPDATE ")"

/* "x.k1 = y.k1 AND ..." over the primary key, by the key's own operators. */
static const char *key_matches(struct merge *merge, const struct merge_table *table, const char *left,
                               const char *right)
{
    const char *condition = "";
    for (size_t i = 0; i < table->key_count; i++)
        condition = arena_printf(merge->job->arena, "%s%s%s.%s %s %s.%s", condition, i == 0 ? "" : " AND ", left,
                                 table->key[i], table->key_equals[i], right, table->key[i]);
    return condition;
}

/* ROW(prefix.a, prefix.b) of the identity's columns that both have; NULL when none is. */
static const char *identity_row(struct merge *merge, const struct merge_table *table, const char *prefix)
{
    const struct identity *identity = identity_of(table->schema, table->name);
    const char *list = "";
    for (size_t i = 0; identity != NULL && i < IDENTITY_COLUMNS; i++)
        for (size_t j = 0; j < table->column_count; j++)
            if (table->columns[j].in_archive && strcmp(table->columns[j].label, identity->columns[i]) == 0)
                list = arena_printf(merge->job->arena, "%s%s%s.%s", list, *list == '\0' ? "" : ", ", prefix,
                                    table->columns[j].name);
    return *list == '\0' ? NULL : arena_printf(merge->job->arena, "ROW(%s)", list);
}

/* ---- Counting ---------------------------------------------------------------------------------------------------- */

/* "k1, k2", or the rows' places where there is no key: an order that a preview and a merge share. */
static const char *row_order(struct merge *merge, const struct merge_table *table)
{
    const char *list = table->key_count == 0 ? "ctid" : table->key[0];
    for (size_t i = 1; i < table->key_count; i++)
        list = arena_printf(merge->job->arena, "%s, %s", list, table->key[i]);
    return list;
}

/* "id=5", of the row with the least key that has this status. */
static bool first_key(struct merge *merge, const struct merge_table *table, const char *status, const char **key,
                      struct err *err)
{
    struct pg_result rows;
    const char *parts = "";
    if (*key != NULL || table->key_count == 0)
        return true;
    for (size_t i = 0; i < table->key_count; i++)
        parts =
            arena_printf(merge->job->arena, "%s%s%s || coalesce(%s::text, 'NULL')", parts, i == 0 ? "" : " || ",
                         pg_literal(merge->conn, merge->job->arena,
                                    arena_printf(merge->job->arena, "%s%s=", i == 0 ? "" : ", ", table->key_labels[i])),
                         table->key[i]);
    if (!merge_query(merge, &rows, err, "SELECT %s FROM %s WHERE " STATUS " = %s ORDER BY %s LIMIT 1", parts,
                     table->stage, status, row_order(merge, table)))
        return false;
    if (rows.count > 0)
        *key = text_utf8(merge->job->arena, pg_text(&rows, 0, 0));
    return true;
}

static bool count_table(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct table_figures *figures = table->figures;
    struct pg_result rows;
    if (!merge_query(merge, &rows, err, "SELECT " STATUS ", count(*) FROM %s GROUP BY 1", table->stage))
        return false;
    figures->added = figures->updated = figures->conflicting = figures->failed = figures->foreign_parent = 0;
    figures->identical = table->dropped;
    for (int i = 0; i < rows.count; i++) {
        uint64_t count = (uint64_t)pg_int(&rows, i, 1);
        switch (pg_text(&rows, i, 0)[0]) {
        case 'a':
            figures->added = count;
            break;
        case 'u':
            figures->updated = count;
            break;
        case 'i':
            figures->identical += count;
            break;
        case 'c':
            figures->conflicting = count;
            break;
        case 'f':
            figures->failed = count;
            break;
        default:
            figures->foreign_parent = count;
            break;
        }
    }
    return (figures->conflicting == 0 || first_key(merge, table, CONFLICTING, &figures->first_conflicting, err))
           && (figures->foreign_parent == 0 || first_key(merge, table, FOREIGN, &figures->first_foreign_parent, err));
}

/* ---- The same row, or the same key ------------------------------------------------------------------------------- */

/* Content is compared by the values' bytes: every type can be, and what prints differently is different. */
static bool compare_by_key(struct merge *merge, const struct merge_table *table, struct err *err)
{
    const char *ours = identity_row(merge, table, "s"), *theirs = identity_row(merge, table, "l");
    const char *other = CONFLICTING;
    if (merge->update) { /* overwriting somebody by somebody else would give away what belongs to the former */
        bool careful = ours != NULL && !merge->accept_foreign_parents;
        other = !careful ? UPDATE
                         : arena_printf(merge->job->arena,
                                        "CASE WHEN record_image_eq(%s, %s) THEN " UPDATE " ELSE " CONFLICTING " END",
                                        ours, theirs);
    }
    struct pg_result rows;
    return merge_query(merge, &rows, err,
                       "UPDATE %s s SET " STATUS " = CASE WHEN record_image_eq(ROW(%s), ROW(%s)) THEN " IDENTICAL
                       " ELSE %s END FROM %s l WHERE %s",
                       table->stage, merge_columns(merge, table, "s."), merge_columns(merge, table, "l."), other,
                       table->only, key_matches(merge, table, "l", "s"));
}

/* Without a key: the nth of several equal rows is here when here are n of them. */
static bool compare_whole(struct merge *merge, const struct merge_table *table, struct err *err)
{
    struct pg_result rows;
    const char *columns = merge_columns(merge, table, "");
    return merge_query(merge, &rows, err,
                       "UPDATE %s s SET " STATUS " = " IDENTICAL
                       " FROM (SELECT ctid AS place, ROW(%s)::text AS content,"
                       "   row_number() OVER (PARTITION BY ROW(%s)::text ORDER BY ctid) AS nth FROM %s) n,"
                       " (SELECT ROW(%s)::text AS content, count(*) AS times FROM %s GROUP BY 1) l"
                       " WHERE n.content = l.content AND n.nth <= l.times AND s.ctid = n.place",
                       table->stage, columns, columns, table->stage, columns, table->only);
}

/* ---- Constraints of one row -------------------------------------------------------------------------------------- */

/* Candidates for which `condition` holds fail, and `constraint` is remembered when it is the first. */
static bool fail_where(struct merge *merge, struct merge_table *table, const char *constraint, const char *condition,
                       bool *any, struct err *err)
{
    struct pg_result rows;
    if (!merge_query(merge, &rows, err, "UPDATE %s s SET " STATUS " = " FAILED " WHERE " CANDIDATE " AND %s",
                     table->stage, condition))
        return err_wrap(err, "checking %s of %s", constraint, table->label);
    if (rows.affected == 0)
        return true;
    *any = true;
    if (table->figures->failed_by == NULL)
        table->figures->failed_by = text_utf8(merge->job->arena, constraint);
    return first_key(merge, table, FAILED, &table->figures->first_failed, err);
}

static bool must_not_be_null(const struct merge_column *column)
{
    return column->not_null && (column->in_archive || column->generated);
}

/* Nearly always nothing is null: that is one look at the rows, for all columns. */
static bool check_nulls(struct merge *merge, struct merge_table *table, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct pg_result rows;
    const char *all = "";
    bool any = false;
    for (size_t i = 0; i < table->column_count; i++)
        if (must_not_be_null(&table->columns[i]))
            all = arena_printf(arena, "%s%s%s IS NULL", all, *all == '\0' ? "" : " OR ", table->columns[i].name);
    if (*all == '\0')
        return true;
    if (!merge_query(merge, &rows, err, "SELECT FROM %s WHERE %s LIMIT 1", table->stage, all))
        return err_wrap(err, "looking for nulls in %s", table->label);
    for (size_t i = 0; i < table->column_count && rows.count > 0; i++) {
        const struct merge_column *column = &table->columns[i];
        const char *name = arena_printf(arena, "%s NOT NULL", column->label);
        const char *condition = arena_printf(arena, "s.%s IS NULL", column->name);
        if (must_not_be_null(column) && !fail_where(merge, table, name, condition, &any, err))
            return false;
    }
    return true;
}

static bool check_conditions(struct merge *merge, struct merge_table *table, struct err *err)
{
    bool any = false;
    struct pg_result rows;
    if (!merge_query(merge, &rows, err,
                     "SELECT conname::text, pg_get_expr(conbin, conrelid) FROM pg_constraint"
                     " WHERE conrelid = %s AND contype = 'c'"
                     " UNION ALL SELECT 'partition bounds', pg_get_partition_constraintdef(%s)"
                     " WHERE pg_get_partition_constraintdef(%s) IS NOT NULL ORDER BY 1",
                     table->oid, table->oid, table->oid))
        return false;
    for (int i = 0; i < rows.count; i++) {
        const char *condition = arena_printf(merge->job->arena, "NOT (%s)", pg_text(&rows, i, 1));
        if (!fail_where(merge, table, pg_text(&rows, i, 0), condition, &any, err))
            return false;
    }
    return true;
}

/* ---- Unique and exclusion constraints ---------------------------------------------------------------------------- */

struct unique {
    const char *name, *predicate;
    const char *values;    /* "(expression) AS e1, ..." */
    const char *matches;   /* "n.e1 = l.e1 AND ..." */
    const char *partition; /* "e1, e2" */
    const char *not_null;  /* "e1 IS NOT NULL AND ..."; of one where NULLs are equal: "true" */
    bool exclusion, primary;
};

/* Keep the first of several in the archive itself: here a constraint may be stricter than there. */
static bool drop_repeated(struct merge *merge, const struct merge_table *table, const struct unique *unique,
                          struct err *err)
{
    struct pg_result rows;
    return merge_query(
        merge, &rows, err,
        "UPDATE %s s SET " STATUS " = " CONFLICTING
        " FROM (SELECT place, row_number() OVER (PARTITION BY %s ORDER BY nth) AS nth"
        "   FROM (SELECT ctid AS place, row_number() OVER (ORDER BY %s) AS nth, %s FROM %s WHERE " CANDIDATE
        " AND %s) e WHERE %s) n"
        " WHERE s.ctid = n.place AND n.nth > 1",
        table->stage, unique->partition, row_order(merge, table), unique->values, table->stage, unique->predicate,
        unique->not_null);
}

/* Candidates that have the value of a live row. One that is to be overwritten may keep what it has itself. */
static bool drop_taken(struct merge *merge, const struct merge_table *table, const struct unique *unique,
                       struct err *err)
{
    struct arena *arena = merge->job->arena;
    const char *keys = "", *own = "";
    struct pg_result rows;
    for (size_t i = 0; i < table->key_count; i++) {
        keys = arena_printf(arena, "%s, %s AS k%zu", keys, table->key[i], i);
        own = arena_printf(arena, "%s AND n.k%zu %s l.k%zu", own, i, table->key_equals[i], i);
    }
    if (merge->update && table->key_count > 0)
        own = arena_printf(arena, " AND NOT (n.status = " UPDATE "%s)", own);
    else
        own = "";
    return merge_query(merge, &rows, err,
                       "UPDATE %s s SET " STATUS " = " CONFLICTING " FROM (SELECT ctid AS place, " STATUS
                       " AS status, %s%s FROM %s WHERE " CANDIDATE " AND %s) n"
                       " JOIN (SELECT %s%s FROM %s WHERE %s) l ON %s%s WHERE s.ctid = n.place",
                       table->stage, unique->values, keys, table->stage, unique->predicate, unique->values, keys,
                       table->only, unique->predicate, unique->matches, own);
}

/* The primary key was compared before everything else. */
static bool apply_unique(struct merge *merge, const struct merge_table *table, const struct unique *unique,
                         struct err *err)
{
    bool compared = unique->primary && table->key_count > 0;
    return (compared || drop_taken(merge, table, unique, err))
           && (unique->exclusion || drop_repeated(merge, table, unique, err));
}

#define INDEX_EQUALITY                                                                                                 \
    "coalesce((SELECT format('OPERATOR(%%I.%%s)', opn.nspname, op.oprname) FROM pg_constraint"                         \
    " JOIN pg_operator op ON op.oid = conexclop[nth] JOIN pg_namespace opn ON opn.oid = op.oprnamespace"               \
    " WHERE conindid = i.indexrelid AND contype = 'x'),"                                                               \
    " " EQUALITY("class") ")"

/* One row an index column, in order. NULLs are equal in a NULLS NOT DISTINCT index (PostgreSQL 15). */
static bool read_index_columns(struct merge *merge, const struct merge_table *table, struct pg_result *rows,
                               struct err *err)
{
    return merge_query(merge, rows, err,
                       "SELECT relname, indexrelid, nth, pg_get_indexdef(indexrelid, nth::int, false),"
                       " coalesce(pg_get_expr(indpred, indrelid), 'true'), indisexclusion,"
                       " coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false), " INDEX_EQUALITY
                       ", indisprimary FROM pg_index i JOIN pg_class ON pg_class.oid = indexrelid,"
                       " unnest(indclass::oid[]) WITH ORDINALITY AS place(class, nth)"
                       " WHERE indrelid = %s AND (indisunique OR indisexclusion) AND indisvalid AND nth <= indnkeyatts"
                       " ORDER BY indisprimary DESC, relname, nth",
                       table->oid);
}

static bool check_unique(struct merge *merge, const struct merge_table *table, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct pg_result rows;
    struct unique unique = {0};
    if (!read_index_columns(merge, table, &rows, err))
        return false;
    for (int i = 0; i < rows.count; i++) {
        const char *nth = pg_text(&rows, i, 2), *same = pg_text(&rows, i, 7);
        bool nulls_equal = pg_bool(&rows, i, 6), first = strcmp(nth, "1") == 0;
        if (first)
            unique = (struct unique){.name = pg_text(&rows, i, 0),
                                     .predicate = pg_text(&rows, i, 4),
                                     .values = "",
                                     .matches = "",
                                     .partition = "",
                                     .not_null = "true",
                                     .exclusion = pg_bool(&rows, i, 5),
                                     .primary = pg_bool(&rows, i, 8)};
        unique.predicate = arena_printf(arena, "(%s)", pg_text(&rows, i, 4));
        unique.values =
            arena_printf(arena, "%s%s(%s) AS e%s", unique.values, first ? "" : ", ", pg_text(&rows, i, 3), nth);
        unique.matches =
            arena_printf(arena,
                         nulls_equal ? "%1$s%2$s(n.e%3$s %4$s l.e%3$s OR (n.e%3$s IS NULL AND l.e%3$s IS NULL))"
                                     : "%1$s%2$sn.e%3$s %4$s l.e%3$s",
                         unique.matches, first ? "" : " AND ", nth, same);
        unique.partition = arena_printf(arena, "%s%se%s", unique.partition, first ? "" : ", ", nth);
        if (!nulls_equal)
            unique.not_null = arena_printf(arena, "%s AND e%s IS NOT NULL", unique.not_null, nth);
        bool last = i + 1 == rows.count || strcmp(pg_text(&rows, i + 1, 1), pg_text(&rows, i, 1)) != 0;
        if (last && !apply_unique(merge, table, &unique, err))
            return err_wrap(err, "checking %s of %s", unique.name, table->label);
    }
    return true;
}

/* ---- Parents ----------------------------------------------------------------------------------------------------- */

/* A foreign key: one row a column. */
static bool read_foreign_keys(struct merge *merge, const struct merge_table *table, struct pg_result *rows,
                              struct err *err)
{
    return merge_query(merge, rows, err,
                       "SELECT conname, c.oid, nth, quote_ident(child.attname), quote_ident(parent.attname),"
                       " format('OPERATOR(%%I.%%s)', opn.nspname, oprname), confrelid, confrelid::regclass"
                       " FROM pg_constraint c, unnest(conkey, confkey, conpfeqop) WITH ORDINALITY AS k(ours, theirs,"
                       " equals, nth) JOIN pg_operator op ON op.oid = k.equals"
                       " JOIN pg_namespace opn ON opn.oid = oprnamespace"
                       " JOIN pg_attribute child ON child.attnum = ours JOIN pg_attribute parent ON"
                       " parent.attnum = theirs WHERE conrelid = %s AND contype = 'f' AND child.attrelid = conrelid"
                       " AND parent.attrelid = confrelid"
                       /* Rows that PostgreSQL keeps for each partition of the referenced table. */
                       " AND NOT EXISTS (SELECT FROM pg_constraint whole WHERE whole.oid = c.conparentid"
                       " AND whole.conrelid = c.conrelid) ORDER BY conname, c.oid, nth",
                       table->oid);
}

/* The parents that are still to be added: staged for the referenced table or one of its partitions. */
static bool staged_parents(struct merge *merge, const char *oid, const char *matches, const char **condition,
                           struct err *err)
{
    struct pg_result rows;
    *condition = "";
    if (!merge_query(merge, &rows, err, "SELECT %s UNION SELECT relid::oid FROM pg_partition_tree(%s)", oid, oid))
        return false;
    for (size_t i = 0; i < merge->table_count; i++)
        for (int j = 0; j < rows.count; j++)
            if (merge->tables[i].oid != NULL && strcmp(merge->tables[i].oid, pg_text(&rows, j, 0)) == 0)
                *condition = arena_printf(merge->job->arena,
                                          "%s AND NOT EXISTS (SELECT FROM %s p WHERE p." STATUS " IN (" ADD ", " UPDATE
                                          ") AND %s)",
                                          *condition, merge->tables[i].stage, matches);
    return true;
}

static bool check_foreign_keys(struct merge *merge, struct merge_table *table, bool *any, struct err *err)
{
    struct arena *arena = merge->job->arena;
    struct pg_result rows;
    const char *matches = "", *given = "", *staged;
    if (!read_foreign_keys(merge, table, &rows, err))
        return false;
    for (int i = 0; i < rows.count; i++) {
        bool first = strcmp(pg_text(&rows, i, 2), "1") == 0;
        bool last = i + 1 == rows.count || strcmp(pg_text(&rows, i + 1, 1), pg_text(&rows, i, 1)) != 0;
        matches = arena_printf(arena, "%s%sp.%s %s s.%s", first ? "" : matches, first ? "" : " AND ",
                               pg_text(&rows, i, 4), pg_text(&rows, i, 5), pg_text(&rows, i, 3));
        given =
            arena_printf(arena, "%s%ss.%s IS NOT NULL", first ? "" : given, first ? "" : " AND ", pg_text(&rows, i, 3));
        if (!last)
            continue;
        if (!staged_parents(merge, pg_text(&rows, i, 6), matches, &staged, err)
            || !fail_where(merge, table, pg_text(&rows, i, 0),
                           arena_printf(arena, "%s AND NOT EXISTS (SELECT FROM %s p WHERE %s)%s", given,
                                        pg_text(&rows, i, 7), matches, staged),
                           any, err))
            return false;
    }
    return true;
}

static bool has_column(const struct merge_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].in_archive && strcmp(table->columns[i].label, name) == 0)
            return true;
    return false;
}

/* A parent that stands in the archive, will not be added, and is not here either: it is somebody else, or nobody. */
static bool check_soft_reference(struct merge *merge, struct merge_table *child, const struct soft_reference *soft,
                                 bool *any, struct err *err)
{
    struct merge_table *parent = merge_find(merge, "public", soft->parent);
    struct pg_result rows;
    if (parent == NULL || parent->created || !has_column(parent, "id") || !has_column(child, soft->column))
        return true;
    const char *staged = identity_row(merge, parent, "p"), *live = identity_row(merge, parent, "l");
    if (staged == NULL)
        return true;
    if (!merge_query(merge, &rows, err,
                     "UPDATE %s s SET " STATUS " = " FOREIGN " WHERE " CANDIDATE
                     " AND s.%s IN (SELECT p.id FROM %s p WHERE p." STATUS " NOT IN (" ADD ", " IDENTICAL ")"
                     " AND NOT EXISTS (SELECT FROM %s l WHERE l.id = p.id AND record_image_eq(%s, %s)))",
                     child->stage, soft->column, parent->stage, parent->only, live, staged))
        return err_wrap(err, "looking for the parents of %s", child->label);
    *any = *any || rows.affected > 0;
    return true;
}

/* Until nothing moves: a row that falls may be the parent of others. */
static bool check_parents(struct merge *merge, struct err *err)
{
    for (bool any = true; any;) {
        any = false;
        for (size_t i = 0; i < merge->table_count; i++)
            if (!merge->tables[i].created && !check_foreign_keys(merge, &merge->tables[i], &any, err))
                return false;
        for (const struct soft_reference *soft = soft_references; soft->child != NULL; soft++) {
            struct merge_table *child = merge_find(merge, "public", soft->child);
            if (child != NULL && !child->created && !merge->accept_foreign_parents
                && !check_soft_reference(merge, child, soft, &any, err))
                return false;
        }
    }
    return true;
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

static bool classify_table(struct merge *merge, struct merge_table *table, struct err *err)
{
    bool ok = table->key_count > 0 ? compare_by_key(merge, table, err) : compare_whole(merge, table, err);
    return (ok || err_wrap(err, "comparing %s", table->label)) && check_nulls(merge, table, err)
           && check_conditions(merge, table, err) && check_unique(merge, table, err);
}

/* The rows of a table that is created meet nothing. */
static void count_created(struct merge_table *table)
{
    table->figures->created = true;
    table->figures->added = 0;
    for (size_t i = 0; i < table->entry_count; i++)
        table->figures->added += table->entries[i]->rows;
}

static void make_figures(struct merge *merge)
{
    struct figures *figures = &merge->figures;
    figures->count = merge->table_count;
    figures->tables = arena_alloc(merge->job->arena, (figures->count + 1) * sizeof *figures->tables);
    for (size_t i = 0; i < merge->table_count; i++) {
        figures->tables[i].table = merge->tables[i].label;
        merge->tables[i].figures = &figures->tables[i];
    }
}

bool merge_classify(struct merge *merge, struct err *err)
{
    struct job *job = merge->job;
    job_report(job, PHASE_COMPARE, 0, MESSAGE(job->arena, job->lang, MSG_COMPARING));
    merge->percent = 0;
    make_figures(merge);
    for (size_t i = 0; i < merge->table_count; i++) {
        if (merge->tables[i].created)
            count_created(&merge->tables[i]);
        else if (!classify_table(merge, &merge->tables[i], err))
            return false;
        merge_percent(merge, PHASE_COMPARE, i, merge->table_count);
    }
    if (!check_parents(merge, err))
        return false;
    for (size_t i = 0; i < merge->table_count; i++)
        if (!merge->tables[i].created && !count_table(merge, &merge->tables[i], err))
            return false;
    merge_percent(merge, PHASE_COMPARE, 1, 1);
    return true;
}
