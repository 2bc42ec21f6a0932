#include "archive/entry.h"

#include "base/text.h"

bool entry_is_table_data(const struct archive_entry *entry)
{
    return strcmp(entry->desc, "TABLE DATA") == 0;
}

bool entry_is_large_objects(const struct archive_entry *entry)
{
    return strcmp(entry->desc, "BLOBS") == 0;
}

void entry_label(const struct archive_entry *entry, char label[ENTRY_LABEL_SIZE])
{
    const char *dot = entry->schema[0] == '\0' ? "" : ".";
    snprintf(label, ENTRY_LABEL_SIZE, "%.40s %.70s%s%.70s", entry->desc, entry->schema, dot, entry->tag);
    bool utf8 = text_is_utf8(label, strlen(label));
    if (!utf8) {
        text_cut_utf8(label);
        utf8 = text_is_utf8(label, strlen(label));
    }
    for (char *at = label; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f || (!utf8 && (unsigned char)*at >= 0x80))
            *at = '?';
}
