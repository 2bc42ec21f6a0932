/* pg_restore's messages, sorted by the requirement's two lists. Needs English messages (the caller runs the tools in
 * the C locale).
 *
 * Unknown means fatal; a message that is on both lists is fatal.
 */
#ifndef BACKUP_RESTORE_ERRORS_H
#define BACKUP_RESTORE_ERRORS_H

#include "base/macros.h"

enum restore_class {
    RESTORE_NO_ERROR,  /* a notice, a warning, a continuation line */
    RESTORE_IGNORABLE, /* the object exists already, a duplicate key, a role that is not there */
    RESTORE_FATAL,
};

/* `line` as pg_restore wrote it. */
enum restore_class restore_classify_line(const char *line);

/* The same for PostgreSQL's own message, without pg_restore's words around it. */
enum restore_class restore_classify_message(const char *message);

#endif
