/* Fail points: named places at which a test makes an operation fail, the process die, or time pass. They are in builds
 * with sanitizers or for coverage only (meson.build); in all others FAIL_POINT(...) is `true`.
 *
 *     ok = restore(...) && FAIL_POINT(OVERWRITE_RESTORED, err) && check(...);
 *
 * HUBPORT_FAIL=overwrite.restored:kill|error|sleep picks one for the life of the process; HUBPORT_FAIL=@FILE reads the
 * same from a file each time, empty or missing: none. `error` fails with ERR_SYSTEM, `sleep` waits a second and goes on.
 * A point that is met logs "fail_point" before it acts. HUBPORT_FAIL=list prints the table and ends the program.
 */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

#include "base/err.h"

/* Name, text, and what an error there means: "fails" the operation; it only "warns"; "past": it is done already and
 * nothing can fail (`error` does nothing). tests/integration/fault_matrix.test.mjs goes through the table. */
/* clang-format off */
#define FAIL_POINT_TABLE(X) \
    X(EXPORT_LOCKED, "export.locked", "fails") \
    X(EXPORT_OPENED, "export.opened", "fails") /* pg_dump gave its table of contents */ \
    X(EXPORT_COPIED, "export.copied", "fails") /* all rows are sent, the seal is not */ \
    X(EXPORT_SEALED, "export.sealed", "fails") /* every byte is sent, the end of the body is not */ \
    X(EXPORT_REMEMBERED, "export.remembered", "warns") /* before hubport.exports is written */ \
    X(EXPORT_AUDITED, "export.audited", "past") /* the lock is still held */ \
    X(IMPORT_OPENED, "import.opened", "fails") /* the upload is there and is an archive */ \
    X(IMPORT_LOCKED, "import.locked", "fails") \
    X(IMPORT_PLANNED, "import.planned", "fails") \
    X(IMPORT_VERIFIED, "import.verified", "fails") \
    X(IMPORT_CHANGED, "import.changed", "past") /* before the hub is told */ \
    X(IMPORT_AUDITED, "import.audited", "past") /* the lock is still held */ \
    X(OVERWRITE_SHADOW, "overwrite.shadow", "fails") /* the empty shadow database is there */ \
    X(OVERWRITE_RESTORED, "overwrite.restored", "fails") \
    X(OVERWRITE_COMPLETED, "overwrite.completed", "fails") /* migrated, counted, analysed */ \
    X(OVERWRITE_DRESSED, "overwrite.dressed", "fails") /* all is ready for the switch */ \
    X(SWITCH_RENAMED, "switch.renamed", "fails") /* in the transaction that renames */ \
    X(SWITCH_COMMITTED, "switch.committed", "past") \
    X(IN_PLACE_STARTED, "in_place.started", "fails") \
    X(IN_PLACE_RESTORED, "in_place.restored", "fails") /* committed: what fails now is told with changed: true */ \
    X(MERGE_STAGED, "merge.staged", "fails") \
    X(MERGE_CLASSIFIED, "merge.classified", "fails") \
    X(MERGE_INSERTED, "merge.inserted", "fails") \
    X(MERGE_SEQUENCES, "merge.sequences", "fails") /* setval() is done, COMMIT is not */ \
    X(MERGE_COMMITTED, "merge.committed", "past") \
    X(ROLLBACK_LOCKED, "rollback.locked", "fails") \
    X(ROLLBACK_CHOSEN, "rollback.chosen", "fails") \
    X(ROLLBACK_AUDITED, "rollback.audited", "past") \
    X(PRICES_BEGUN, "prices.begun", "fails") \
    X(PRICES_WRITTEN, "prices.written", "fails") \
    X(PRICES_COMMITTED, "prices.committed", "past") \
    X(BATCH_BEGUN, "batch.begun", "fails") \
    X(BATCH_LOCKED, "batch.locked", "fails") /* the rows are */ \
    X(BATCH_WRITTEN, "batch.written", "fails") \
    X(BATCH_AUDITED, "batch.audited", "fails") \
    X(BATCH_COMMITTED, "batch.committed", "past") /* before Redis is told */ \
    X(MIGRATE_BEGUN, "migrate.begun", "fails") \
    X(MIGRATE_APPLIED, "migrate.applied", "fails") /* a file of sql/ */ \
    X(MIGRATE_COMMITTED, "migrate.committed", "past")
/* clang-format on */

enum fail_point {
#define FAIL_POINT_ENUM(name, text, meaning) FAIL_POINT_##name,
    FAIL_POINT_TABLE(FAIL_POINT_ENUM)
#undef FAIL_POINT_ENUM
};

#ifdef HUBPORT_FAIL_POINTS
bool fail_point(enum fail_point point, struct err *err);
bool fail_points_list(void); /* true: asked for, and printed */
#define FAIL_POINT(name, err) fail_point(FAIL_POINT_##name, err)
#define FAIL_POINT_PAST(name) (void)fail_point(FAIL_POINT_##name, NULL)
#else
#define fail_points_list() false
#define FAIL_POINT(name, err) ((void)(err), true)
#define FAIL_POINT_PAST(name) (void)FAIL_POINT_##name
#endif

#endif
