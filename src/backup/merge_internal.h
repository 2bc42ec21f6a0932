/* The inside of a merge. For merge*.c only. */
#ifndef BACKUP_MERGE_INTERNAL_H
#define BACKUP_MERGE_INTERNAL_H

#include "backup/merge.h"
#include "backup/soft_references.h"

#include <string.h>

/* What becomes of a staged row: a column of its staging table. */
#define STATUS "\"hubport status\""
#define ADD "'a'"
#define UPDATE "'u'"
#define IDENTICAL "'i'"
#define CONFLICTING "'c'"
#define FAILED "'f'"
#define FOREIGN "'p'"

/* SQL for the operator that means "the same" in an index, by the operator class; for merge_query(). */
#define EQUALITY(class)                                                                                                \
    "(SELECT format('OPERATOR(%%I.%%s)', opn.nspname, op.oprname) FROM pg_opclass oc"                                  \
    " JOIN pg_am am ON am.oid = oc.opcmethod JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily"                          \
    " AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype"                                          \
    " AND ao.amopstrategy = CASE am.amname WHEN 'hash' THEN 1 ELSE 3 END"                                              \
    " JOIN pg_operator op ON op.oid = ao.amopopr JOIN pg_namespace opn ON opn.oid = op.oprnamespace"                   \
    " WHERE oc.oid = " class ")"

struct merge_column {
    const char *name;  /* quoted */
    const char *label; /* as it is */
    bool in_archive;
    bool generated;
    bool identity_always;
    bool not_null;
    const char *fill; /* of a column that the archive lacks: its default, where that is no sequence; NULL */
};

/* Where the archive has what the live table lacks. */
struct merge_table {
    const struct archive_entry *
        *entries; /* mostly one; several when a partitioned table's data goes through its root */
    size_t entry_count;
    struct archive_copy copy;
    const char *schema, *name; /* as they are */
    const char *label;         /* "public.users", UTF-8 */
    const char *sql;           /* quoted */
    const char *only;          /* quoted, with ONLY where the table's children are not meant */
    const char *oid;
    const char *stage; /* name of the staging table */
    bool created;      /* does not exist yet */
    bool silences;     /* has triggers that would fire */
    struct merge_column *columns;
    size_t column_count; /* of the live table */
    const char **key;    /* quoted columns of the primary key; none: the archive lacks one, or there is no key */
    const char **key_labels;
    const char **key_equals; /* operators */
    size_t key_count;
    const char *integer_key; /* the primary key where it is one integer column; NULL */
    size_t integer_key_field;
    bool comparable;           /* all columns of the archive are live ones: lines of COPY text can be compared */
    uint64_t dropped;          /* rows that were seen to be identical while reading */
    struct pg_result triggers; /* that are silenced, each with the words that give it its state back */
    struct table_figures *figures;
};

/* "a, b" of the columns that both have; `prefix` "s." or "". Without generated ones. */
const char *merge_columns(struct merge *merge, const struct merge_table *table, const char *prefix);

struct merge_table *merge_find(struct merge *merge, const char *schema, const char *name);

/* Rows into figures, and merge_create.c's part. */
bool merge_plan_creation(struct merge *merge, struct err *err) MUST_CHECK;
bool merge_create(struct merge *merge, enum archive_section section, struct err *err) MUST_CHECK;

/* One statement, any number of rows; results in the job's arena. */
bool merge_query(struct merge *merge, struct pg_result *rows, struct err *err, const char *sql, ...)
    PRINTF_LIKE(4, 5) MUST_CHECK;

/* 0 to 100 of a phase, told when it moved. */
void merge_percent(struct merge *merge, enum phase phase, uint64_t done, uint64_t total);

#endif
