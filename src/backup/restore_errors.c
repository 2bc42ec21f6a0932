#include "backup/restore_errors.h"

#include "base/text.h"

/* `first` and `second` must both occur, in this order; second may be NULL. */
static const struct {
    enum restore_class class;
    const char *first, *second;
} patterns[] = {
    /* The fatal ones come first: they win. */
    {RESTORE_FATAL, "could not connect", NULL},
    {RESTORE_FATAL, "connection to server", "failed"}, /* how PostgreSQL 14 and later say it */
    {RESTORE_FATAL, "authentication failed", NULL},
    {RESTORE_FATAL, "permission denied", NULL},
    {RESTORE_FATAL, "database ", " does not exist"},
    {RESTORE_FATAL, "out of memory", NULL},
    {RESTORE_FATAL, "disk full", NULL},
    {RESTORE_FATAL, "No space left on device", NULL},
    {RESTORE_IGNORABLE, "already exists", NULL},
    {RESTORE_IGNORABLE, "multiple primary keys", NULL},
    {RESTORE_IGNORABLE, "duplicate key value", NULL},
    {RESTORE_IGNORABLE, "role ", " does not exist"},
    /* Not on the requirement's list: pg_restore 17 and later sets it also on older servers, which do not have it. */
    {RESTORE_IGNORABLE, "unrecognized configuration parameter \"transaction_timeout\"", NULL},
};

enum restore_class restore_classify_message(const char *message)
{
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        const char *found = strcasestr(message, patterns[i].first);
        if (found != NULL && (patterns[i].second == NULL || strcasestr(found, patterns[i].second) != NULL))
            return patterns[i].class;
    }
    return RESTORE_FATAL;
}

/* Only lines that pg_restore itself begins count: the statement that it quotes after an error ("Command was: ...") may
 * hold any text. */
enum restore_class restore_classify_line(const char *line)
{
    static const char *const beginnings[] = {"pg_restore: error: ", "pg_restore: fatal: "};
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
        if (text_starts(line, beginnings[i]))
            return restore_classify_message(line + strlen(beginnings[i]));
    return RESTORE_NO_ERROR;
}
