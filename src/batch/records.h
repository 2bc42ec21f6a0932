/* hubport.batch_operations: previews, and what was done and can be taken back. A preview becomes an operation when it
 * is applied, in the transaction that writes the rows. Expired rows go by records_sweep().
 */
#ifndef BATCH_RECORDS_H
#define BATCH_RECORDS_H

#include "batch/batch.h"

struct record {
    const char *id; /* NULL: there is none */
    const char *action;
    const char *state; /* "previewed", "applied", "undone" */
    const char *revision;
    const char *idempotency_key, *fingerprint; /* NULL: none */
    const char *applied_at;                    /* as PostgreSQL writes it */
    const char *rows, *endpoints, *result;     /* JSON */
    bool over;                                 /* the time of the preview, or for taking back, is over */
};

enum record_by { RECORD_BY_PREVIEW, RECORD_BY_KEY, RECORD_BY_UNDO };

/* `lock`: FOR UPDATE. ERR_FEATURE_UNAVAILABLE without the table, as all of these. */
bool records_find(struct pg_conn *conn, struct arena *arena, const struct kind *kind, enum record_by by,
                  const char *value, bool lock, struct record *record, struct err *err) MUST_CHECK;

struct record_preview {
    json_t *rows;            /* [{id, name, before, watched, changes}] */
    const char *revision;    /* the digest of what it saw */
    const char *fingerprint; /* and of what was asked */
};
/* `answer` gets {previewToken, previewRevision, previewExpiresAt}. */
bool records_add_preview(const struct batch_job *job, const struct kind *kind, const struct record_preview *preview,
                         json_t **answer, struct err *err) MUST_CHECK;

struct record_applied {
    const char *id;                            /* the preview's; NULL: there was none */
    const char *action;                        /* "patch", "delete" */
    const char *idempotency_key, *fingerprint; /* NULL: none */
    const char *preview_token;                 /* NULL: none */
    json_t *fields;                            /* [name] */
    json_t *rows;                              /* [{id, name, before, after}] */
    const char *endpoints;                     /* JSON or NULL */
};
/* The members of a row's state that belong to columns of its changes. A new reference. */
json_t *records_state(const struct kind *kind, json_t *state, json_t *changes);

/* Its fields and rows of what a batch did to `rows`, which ascend: the caller's to decref. */
void records_describe(struct record_applied *applied, const struct kind *kind, const struct batch_result *result,
                      const struct batch_row *rows);

/* In the transaction of the operation. `result` gets the answer as it is kept: {operationId, appliedAt, updatedCount,
 * undoToken, undoExpiresAt}. */
bool records_apply(const struct batch_job *job, struct pg_conn *conn, const struct kind *kind,
                   const struct record_applied *applied, const char **result, struct err *err) MUST_CHECK;

/* May the operation `id`, which `record` was found to be, be taken back? UNDO_EXPIRED, UNDO_CONFLICT. */
bool records_check_undo(const struct record *record, const char *action, const char *id, struct err *err) MUST_CHECK;

/* In the transaction that takes it back; `at` gets the time. */
bool records_mark_undone(const struct batch_job *job, struct pg_conn *conn, const char *id, const char **at,
                         struct err *err) MUST_CHECK;

/* JSON text: [{operationId, kind, action, userId, userName, fields, rowCount, appliedAt, undoneAt, undoExpiresAt,
 * undoToken, undoable}], the newest first. `kind` NULL: all. */
const char *records_list(const struct batch_job *job, const struct kind *kind, int64_t offset, int64_t limit,
                         int64_t *total, struct err *err) MUST_CHECK;

/* For the janitor; gives the time in ms until it is worth another call. */
int64_t records_sweep(struct app *app, const struct cancel *cancel);

#endif
