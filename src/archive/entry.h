/* An entry's kind, and its name in words for errors. Inside archive/ only. */
#ifndef ARCHIVE_ENTRY_H
#define ARCHIVE_ENTRY_H

#include "archive/archive.h"

/* The two kinds that pg_dump writes data for, in versions 1.12 to 1.16. */
bool entry_is_table_data(const struct archive_entry *entry);
bool entry_is_large_objects(const struct archive_entry *entry);

/* The types of the two kinds' blocks. */
enum { BLOCK_DATA = 1, BLOCK_BLOBS = 3 };

/* "TABLE DATA public.users": one line of UTF-8, whatever the file says, cut where it is too long. */
#define ENTRY_LABEL_SIZE 192
void entry_label(const struct archive_entry *entry, char label[ENTRY_LABEL_SIZE]);

#endif
