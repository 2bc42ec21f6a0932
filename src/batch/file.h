/* Users, keys and providers as files: out as CSV or JSON, and the edited file back in as one batch. A file has a row
 * for each item: its id, what it is called, every field of the kind (batch/fields.h) and when it was changed last. Only
 * the fields can be edited; the rest, where a file has it, must be as it is in the database, `updatedAt` above all: it
 * tells that nobody changed the row since the file was made. A column that is left out is not changed.
 *
 * Cells of CSV: null and "" are empty, lists of texts have commas, other rules and objects are JSON. JSON is an array
 * of objects, or
 * {"items": [...]}, as the list's items. Passwords in addresses are masked; a masked address is not changed.
 */
#ifndef BATCH_FILE_H
#define BATCH_FILE_H

#include "batch/input.h"
#include "batch/list.h"

enum file_format { FILE_CSV, FILE_JSON };

/* By its name; VALIDATION_FAILED when it is none. NULL is CSV. */
bool file_format_parse(const char *name, enum file_format *format, struct err *err) MUST_CHECK;
const char *file_type(enum file_format format); /* the content type */

/* Out: all items that the query's filters fit, of one moment; begin, copy to a descriptor, end. */
struct file_export;
struct file_export *file_export_begin(const struct batch_job *job, const struct kind *kind, enum file_format format,
                                      const struct list_query *query, struct err *err) MUST_CHECK;
const char *file_export_name(const struct file_export *export); /* "providers_2026-01-29T10-30-00.csv" */
bool file_export_copy(struct file_export *export, int fd, struct err *err) MUST_CHECK;
void file_export_end(struct file_export *export); /* NULL is ignored */

struct file_import {
    const struct kind *kind;
    enum file_format format;
    const char *text;
    size_t size;
    bool dry_run;
    bool chunk; /* more than BATCH_MAX rows that change go in several batches, one after the other */
};

/* In. `*answer`, set in any case but NULL before the first batch: {rowCount, changedCount, cellCount, dryRun, rows:
 * [{id, name, at, changes: [{field, before, after}]}], chunks: [{from, to, rowCount, status: "applied" | "previewed" |
 * "failed" | "notRun", operationId, undoToken}], warnings}; `at` is "line 7" or "items.5". What is wrong with the file
 * is added to the problems, with the line, and nothing is changed; PREVIEW_STALE when an edited cell was changed by
 * somebody else since it was compared. With chunks, those before the failed one are done.
 */
bool file_import(const struct batch_job *job, const struct file_import *request, struct batch_problems *problems,
                 json_t **answer, struct err *err) MUST_CHECK;

#endif
