/* What the commands of users, keys and providers share: begin and end, the choice of rows, the table of what changes,
 * and the question before it is changed.
 *
 *     struct work work;
 *     if (!work_open(&work, invocation, &status))
 *         return status;
 *     ... return work_fail(&work);
 *     ... return work_close(&work, 0);
 */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include "cli/command.h"

#include "batch/input.h"
#include "batch/list.h"

struct work {
    struct invocation *invocation;
    struct app *app;
    const struct kind *kind; /* by the command's first word */
    struct batch_job job;
    struct batch_problems problems; /* of the arguments or a file */
    struct batch_result result;
    json_t *done; /* chunks of a file, for the answer to a failure; borrowed; NULL: none */
    struct err err;
};

/* False after having told why. */
bool work_open(struct work *work, struct invocation *invocation, int *status);
int work_close(struct work *work, int status);
/* Tells the problems, or else the error with whom it is about, and closes; the exit status. */
int work_fail(struct work *work);

/* An option's value by its name; `context` is the invocation. */
const char *work_option(void *context, const char *name);

/* What the options choose: they are named as the API's filters are. */
struct list_query work_query(const struct work *work, int64_t limit);

/* Rows for "1,2,5-9", or for "all": what the options choose, at most BATCH_MAX. NULL with problems or an error. */
struct batch_row *work_rows(struct work *work, const char *text, size_t *count);

/* A value as one line without what could steer a terminal. */
const char *work_shown(const struct work *work, json_t *value);

/* [{id, name, changes: [{field, before, after}], skipped: [{field, reason}]}], as a table. */
void work_print_rows(const struct work *work, json_t *rows);
void work_print_tail(const struct work *work, size_t count, json_t *warnings);

bool work_is_preview(const struct work *work); /* --dry-run */

/* Will work_confirm() ask? Only somebody at a terminal, who gave neither --yes nor --json. */
bool work_asks(const struct work *work);
/* May it be done? False with CANCELLED. */
bool work_confirm(struct work *work, size_t count) MUST_CHECK;

#endif
