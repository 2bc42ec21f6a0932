#include "backup/counts.h"

#include "base/text.h"

static bool is_counted(const struct archive_entry *entry, const struct contents_filter *filter)
{
    return strcmp(entry->desc, "TABLE DATA") == 0 && contents_use(entry, filter) == CONTENTS_RESTORE;
}

uint64_t counts_rows(const struct archive *archive, const struct contents_filter *filter)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < archive->entry_count; i++)
        if (is_counted(&archive->entries[i], filter))
            rows += archive->entries[i].rows;
    return rows;
}

uint64_t counts_bytes(const struct archive *archive, const struct contents_filter *filter)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < archive->entry_count; i++)
        if (is_counted(&archive->entries[i], filter))
            bytes += archive->entries[i].bytes;
    return bytes;
}

static bool compare_one(struct job *job, struct pg_conn *conn, const struct archive_entry *entry, struct err *err)
{
    struct pg_result counted;
    const char *table = arena_printf(job->arena, "%s.%s", pg_ident(conn, job->arena, entry->schema),
                                     pg_ident(conn, job->arena, entry->tag));
    if (!pg_query(conn, job->arena, &counted, err, arena_printf(job->arena, "SELECT count(*) FROM ONLY %s", table),
                  PG_NO_ARGS))
        return err_wrap(err, "counting %s", table);
    uint64_t found = (uint64_t)pg_int(&counted, 0, 0);
    if (!entry->rows_known || found == entry->rows)
        return true;
    err_set(err, ERR_COUNTS_DIFFER, "%s has %llu rows, the archive holds %llu", table, (unsigned long long)found,
            (unsigned long long)entry->rows);
    return err_args(err, text_utf8(job->arena, table), NULL);
}

bool counts_compare(struct job *job, struct pg_conn *restored, const struct archive *archive,
                    const struct contents_filter *filter, struct err *err)
{
    for (size_t i = 0; i < archive->entry_count; i++)
        if (is_counted(&archive->entries[i], filter) && !compare_one(job, restored, &archive->entries[i], err))
            return false;
    return true;
}
