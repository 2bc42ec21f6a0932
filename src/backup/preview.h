/* The preview of an overwrite: what each table has here and what the archive would put there. Reads only; the figures
 * are exact: rows counted here, rows of the verified archive. A merge's preview is in backup/merge.h.
 */
#ifndef BACKUP_PREVIEW_H
#define BACKUP_PREVIEW_H

#include "backup/figures.h"
#include "backup/overwrite.h"

/* `archive` is verified. By a switch, tables that only the live database has are gone afterwards (new_rows is 0); in
 * place they stay as they are. */
bool preview_overwrite(struct job *job, const struct archive *archive, const struct plan *plan, bool skip_logs,
                       struct figures *figures, struct err *err) MUST_CHECK;

/* How long the import will take, from what is known about its rows; `passed_ms` is what the preview itself took of the
 * same work. */
void preview_estimate(struct figures *figures, uint64_t bytes, int64_t passed_ms);

#endif
