/* Writes archives in PostgreSQL's custom format, good and bad ones: what pg_dump writes, number by number, so that a
 * test can say something else at any place. Written from the format's description, not from our reader.
 */
#ifndef ARCHIVE_MAKER_H
#define ARCHIVE_MAKER_H

#include "archive/archive.h"

struct maker {
    int minor;
    enum archive_compression compression;
    size_t chunk; /* bytes of a data chunk; 4096, as pg_dump */
    unsigned char *bytes;
    size_t size, room;
};

struct made_entry {
    int32_t id;
    bool has_data;
    const char *desc, *schema, *tag, *definition, *copy;
    const char *dependencies[4];
    int flag; /* 0: the right one for no position */
    uint64_t position;
    int section; /* 0: 3 with data, else 2 */
};

void maker_start(struct maker *maker, int minor, enum archive_compression compression);
void maker_end(struct maker *maker);

void make_bytes(struct maker *maker, const void *bytes, size_t size);
void make_byte(struct maker *maker, int value);
void make_int(struct maker *maker, int64_t value);
void make_text(struct maker *maker, const char *text); /* NULL: absent */

void make_header(struct maker *maker, int64_t entry_count); /* 2025-01-29 10:30:00, database "hub" */
void make_entry(struct maker *maker, const struct made_entry *entry);

void make_chunks(struct maker *maker, const void *data, size_t size);   /* cut, ended by a 0 */
void make_deflated(struct maker *maker, const void *data, size_t size); /* one stream, then make_chunks */
void make_packed(struct maker *maker, const void *data, size_t size);   /* compressed as the archive says */
void make_data(struct maker *maker, int32_t id, const char *text);      /* block, compressed as the archive says */
void make_seal(struct maker *maker);                                    /* of what was made so far */

/* Two tables and what belongs to them: 3 entries, "users" (2 rows), "keys" (0 rows), not sealed. */
void make_small(struct maker *maker, int minor, enum archive_compression compression);

int file_of(const void *bytes, size_t size); /* a file in memory */
int made_file(const struct maker *maker);

/* Open and verify in one (now and then by threads as well, which must find the same): ERR_OK, or the code with the
 * words in `err`. `archive` (may be NULL) is set when it was opened. */
enum err_code check_file(int fd, struct arena *arena, struct archive **archive, struct err *err);
enum err_code check_made(const struct maker *maker, struct arena *arena, struct archive **archive, struct err *err);

#endif
