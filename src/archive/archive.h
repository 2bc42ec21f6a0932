/* PostgreSQL's custom archive format (pg_dump -Fc): read, verify, seal. Never trusts the file.
 *
 * The format, read from PostgreSQL's source: header, table of contents, then blocks { type, dump id, chunks } to the
 * end of the file. It has no checksum of its own beyond zlib's, and a file cut at a block's border looks whole; so:
 * - archive_verify() walks every byte, decodes every stream (zlib, LZ4, zstd) by several threads, counts rows, and
 *   demands that each entry with data has its block. LZ4 and zstd as pg_dump writes them have no checksum of their
 *   content, and no compression has none at all: there, a changed value cannot be seen without a seal;
 * - archives that hubport exports end with a seal: one DATA block under a dump id that no entry has (ARCHIVE_SEAL_ID),
 *   which stock pg_restore passes by without decompressing it. It holds the SHA-256 of all bytes before it, and rows,
 *   bytes and SHA-256 of each entry's data. A seal that disagrees, or stands anywhere but at the end, is damage; a file
 *   without one is merely not sealed. Its text is described in seal.h.
 *
 * Versions 1.12 to 1.16 (PostgreSQL 9.x to 18). Bounds: ARCHIVE_MAX_ENTRIES, ARCHIVE_MAX_STRING, ARCHIVE_MAX_STRINGS; a
 * number from the file leads to an allocation only when as many bytes are really there. The table of contents lives in
 * the arena; beyond it and the seal, 4 MB for each thread are used, whatever the file's size (zstd: what its frames'
 * headers ask for, at most 128 MB for each of 2 threads). Errors: ERR_FILE_NOT_ARCHIVE (wrong magic or not the custom
 * format), ERR_ARCHIVE_UNSUPPORTED (version, sizes, more entries than we take), ERR_ARCHIVE_DAMAGED (everything else,
 * with the offset and entry in the words), ERR_FILE_TOO_LARGE (see max_bytes), ERR_SYSTEM (reading failed), or the
 * cancel's reason.
 */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

#include "base/arena.h"
#include "os/cancel.h"

#define ARCHIVE_MAX_ENTRIES 1000000
#define ARCHIVE_MAX_STRING (8 * MIB)   /* bytes of one text of the table of contents */
#define ARCHIVE_MAX_STRINGS (64 * MIB) /* all of them */
#define ARCHIVE_SEAL_ID 0x48425053     /* "HBPS"; pg_dump counts dump ids from 1 */

enum archive_compression { ARCHIVE_NONE, ARCHIVE_GZIP, ARCHIVE_LZ4, ARCHIVE_ZSTD };
enum archive_section { ARCHIVE_SECTION_NONE = 1, ARCHIVE_PRE_DATA, ARCHIVE_DATA, ARCHIVE_POST_DATA };

/* One line of the table of contents. Strings are "" where the file has none. */
struct archive_entry {
    int32_t dump_id;
    bool has_data;      /* the dumper was there: a block must follow */
    const char *tag;    /* "users" */
    const char *desc;   /* "TABLE", "TABLE DATA", "INDEX", "FUNCTION", ... */
    const char *schema; /* "public" */
    const char *owner;
    const char *definition; /* SQL */
    const char *drop;       /* SQL that pg_restore --clean runs first */
    const char *copy;       /* COPY public.users (id, name) FROM stdin; */
    enum archive_section section;
    uint64_t position; /* of its block in the file; 0: not said (an archive written to a pipe) */
    /* Filled by archive_verify: */
    bool has_block;
    uint64_t start;           /* of its block in the file, also where `position` does not say it */
    bool rows_known;          /* false for data that is no COPY text (INSERTs, large objects) */
    uint64_t rows;            /* lines of COPY text before "\."; 0 where not known */
    uint64_t objects;         /* large objects in it */
    uint64_t bytes;           /* uncompressed */
    unsigned char sha256[32]; /* of them, as seal.h has it; only when sealed, or with archive->digests */
};

struct archive {
    int minor; /* 14 for version 1.14 */
    enum archive_compression compression;
    int64_t created_ms; /* header's local time of pg_dump's machine, read as UTC */
    const char *database;
    const char *server_version;
    const char *dump_version;
    struct archive_entry *entries;
    size_t entry_count;
    const uint32_t *by_dump_id; /* positions in entries, ordered by dump id */
    uint64_t size;              /* of the file, bytes */
    uint64_t data_position;     /* where the table of contents ends and the blocks begin */
    uint64_t max_bytes; /* set by the caller before archive_verify: more uncompressed bytes than this are refused as
                         * soon as they are met (decompression bomb); 0, as opened: no limit */
    unsigned max_ratio; /* also set by the caller: more than so many times the file's size are refused, when they are
                         * over 1 GiB; 0, as opened: no limit */
    bool digests;       /* set by the caller before archive_verify: the entries' sha256 are wanted */
    int threads; /* set by the caller: that decode. 0, as opened: one for each processor, none for a small file */
    /* Filled by archive_verify: */
    bool sealed;              /* ends with our seal, and it agrees */
    unsigned char sha256[32]; /* of the whole file */
    uint64_t rows;            /* all tables whose rows are known */
    uint64_t bytes;           /* uncompressed, all entries */
};

/* Whether these first bytes of a file begin a custom-format archive that we can read: ARCHIVE_MAGIC_SIZE bytes are
 * enough to know; with more (262) the words also recognise a tar file. Fewer are refused. */
#define ARCHIVE_MAGIC_SIZE 11
bool archive_check_magic(const void *bytes, size_t size, struct err *err) MUST_CHECK;

/* Header and table of contents. `fd` is a regular file, stays the caller's, and is only read by pread(2). NULL on
 * failure. */
struct archive *archive_open(int fd, struct arena *arena, struct err *err) MUST_CHECK;

/* Everything else. `progress` (may be NULL) is told the bytes of the file walked so far, about every 4 MB and at the
 * end. May be called again; the file must not change between. */
bool archive_verify(struct archive *archive, int fd, const struct cancel *cancel,
                    void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                    struct err *err) MUST_CHECK;

/* The uncompressed bytes of one entry, in order, as archive_verify() saw them: of table data the COPY text with its end
 * ("\.\n\n\n"), of large objects one after the other. `entry` was verified and has a block; `take` may stop with an
 * error of its own. archive->max_bytes holds here too. Threads may read different entries at once. */
typedef bool archive_take_fn(void *context, const unsigned char *bytes, size_t size, struct err *err);
bool archive_read(const struct archive *archive, int fd, const struct archive_entry *entry, archive_take_fn *take,
                  void *context, const struct cancel *cancel, struct err *err) MUST_CHECK;

/* An entry's COPY statement, taken apart. Names as in the catalogs, without quotes. */
struct archive_copy {
    const char *schema; /* "": not said (pg_dump before 10.3 and its kin) */
    const char *table;  /* may be another than the entry's: pg_dump --load-via-partition-root */
    const char **columns;
    size_t column_count; /* 0: a table without columns */
};

/* Only what pg_dump writes is taken, `COPY schema.table (column, ...) FROM stdin;`, with at most ARCHIVE_MAX_COLUMNS
 * names of at most ARCHIVE_MAX_NAME bytes: anything else, also an entry without COPY, is ERR_ARCHIVE_UNSUPPORTED.
 * pg_restore runs the statement as it is: one that is not taken must not get there. */
#define ARCHIVE_MAX_COLUMNS 1664
#define ARCHIVE_MAX_NAME 255
bool archive_copy_columns(const struct archive_entry *entry, struct arena *arena, struct archive_copy *copy,
                          struct err *err) MUST_CHECK;

/* The first entry of this kind and name, NULL when there is none. Walks the table of contents. */
const struct archive_entry *archive_find(const struct archive *archive, const char *desc, const char *schema,
                                         const char *tag);

/* The entry with this dump id, NULL when there is none. */
struct archive_entry *archive_entry_by_id(const struct archive *archive, int32_t dump_id);

#endif
