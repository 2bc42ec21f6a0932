#include "backup/contents.h"

#include "backup/allow.h"
#include "backup/log_tables.h"
#include "base/text.h"

static bool is_desc(const struct archive_entry *entry, const char *desc)
{
    return strcmp(entry->desc, desc) == 0;
}

/* An extension, or the comment on it, whose tag has its name quoted where need be. */
static bool is_of_extension(const struct archive_entry *entry, const char *name)
{
    static const char prefix[] = "EXTENSION ";
    if (is_desc(entry, "EXTENSION"))
        return strcmp(entry->tag, name) == 0;
    if (!is_desc(entry, "COMMENT") || !text_starts(entry->tag, prefix))
        return false;
    const char *tag = entry->tag + strlen(prefix);
    size_t quote = tag[0] == '"', length = strlen(name);
    return strncmp(tag + quote, name, length) == 0 && strlen(tag) == length + 2 * quote;
}

enum contents_use contents_use(const struct archive_entry *entry, const struct contents_filter *filter)
{
    static const char *const later[] = {
        "ACL",          "DEFAULT ACL",       "PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA",
        "SUBSCRIPTION", "SUBSCRIPTION TABLE"};
    if (allow_never_runs(entry))
        return CONTENTS_SKIP;
    for (const char *const *name = filter->extensions; name != NULL && *name != NULL; name++)
        if (is_of_extension(entry, *name))
            return CONTENTS_SKIP;
    if (filter->skip_logs && is_desc(entry, "TABLE DATA") && is_log_table(entry->schema, entry->tag))
        return CONTENTS_SKIP;
    for (size_t i = 0; filter->in_place && i < ARRAY_LEN(later); i++)
        if (is_desc(entry, later[i]))
            return CONTENTS_LATER;
    return filter->plain_role && is_desc(entry, "DEFAULT ACL") ? CONTENTS_LATER : CONTENTS_RESTORE;
}

bool contents_write_list(const struct archive *archive, const struct contents_filter *filter, struct tempfile *file,
                         struct err *err)
{
    /* pg_restore takes the number before the semicolon; the rest of a line is for people. */
    char buffer[8192];
    size_t used = 0;
    for (size_t i = 0; i < archive->entry_count; i++) {
        if (contents_use(&archive->entries[i], filter) != CONTENTS_RESTORE)
            continue;
        used += (size_t)snprintf(buffer + used, sizeof buffer - used, "%d;\n", (int)archive->entries[i].dump_id);
        if (used > sizeof buffer - 32) {
            if (!tempfile_write(file, buffer, used, err))
                return false;
            used = 0;
        }
    }
    return tempfile_write(file, buffer, used, err);
}

bool contents_has_table(const struct archive *archive, const char *schema, const char *name)
{
    return archive_find(archive, "TABLE", schema, name) != NULL;
}

bool contents_is_hub(const struct archive *archive)
{
    static const char *const tables[] = {"users", "keys", "providers"};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (!contents_has_table(archive, "public", tables[i]))
            return false;
    return true;
}
