/* Providers deleted in bulk, as the hub deletes them (hub-contract section 5.4): they are marked, and so are their
 * endpoints that no other enabled provider uses. Taking it back brings those that are still as the deletion left them.
 */
#ifndef BATCH_DELETE_H
#define BATCH_DELETE_H

#include "batch/batch.h"

/* {deletedCount, undoToken, operationId, undoExpiresAt}. */
bool providers_delete(const struct batch_job *job, const struct batch_row *rows, size_t count,
                      struct batch_result *result, json_t **answer, struct err *err) MUST_CHECK;

/* {operationId, restoredAt, restoredCount, skipped: [{id, reason}]}. UNDO_EXPIRED, UNDO_CONFLICT, UNDO_STALE. */
bool providers_undo_delete(const struct batch_job *job, const char *token, const char *operation_id,
                           struct batch_result *result, json_t **answer, struct err *err) MUST_CHECK;

#endif
