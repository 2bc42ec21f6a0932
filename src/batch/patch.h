/* A change that is seen first and can be taken back (hub-contract section 5.5): preview, apply, undo.
 *
 * A preview is bound to what it saw, not to a clock: applying compares every row with it and refuses (PREVIEW_STALE)
 * when anything is different, naming it. Applying the same again answers what was answered the first time, also with
 * two requests at once. Taking back sets only rows that are still as the operation left them, and names the others.
 */
#ifndef BATCH_PATCH_H
#define BATCH_PATCH_H

#include "batch/batch.h"

struct patch_request {
    const struct kind *kind;
    const struct batch_row *rows; /* ids only, ascending */
    size_t count;
    json_t *changes; /* {column: value} */
    /* For applying. */
    const char *token, *revision;
    const char *idempotency_key;      /* NULL: the preview is the claim */
    const struct batch_row *excluded; /* ids only, ascending */
    size_t excluded_count;
};

/* {previewToken, previewRevision, previewExpiresAt, providerIds, changedFields, rows: [{providerId, providerName,
 * field, status: "changed" | "unchanged" | "skipped", before, after, skipReason?}], summary: {providerCount,
 * fieldCount, skipCount}}; for users and keys with their names. What would be refused is refused here. */
bool patch_preview(const struct batch_job *job, const struct patch_request *request, struct batch_result *result,
                   json_t **answer, struct err *err) MUST_CHECK;

/* {operationId, appliedAt, updatedCount, undoToken, undoExpiresAt}. PREVIEW_EXPIRED, PREVIEW_STALE,
 * IDEMPOTENCY_CONFLICT, NOTHING_TO_APPLY. */
bool patch_apply(const struct batch_job *job, const struct patch_request *request, struct batch_result *result,
                 json_t **answer, struct err *err) MUST_CHECK;

/* {operationId, revertedAt, revertedCount, skipped: [{id, reason: "changed" | "missing"}]}. UNDO_EXPIRED,
 * UNDO_CONFLICT, UNDO_STALE. */
bool patch_undo(const struct batch_job *job, const struct kind *kind, const char *token, const char *operation_id,
                struct batch_result *result, json_t **answer, struct err *err) MUST_CHECK;

#endif
