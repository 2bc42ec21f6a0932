/* What a file is, by its first bytes. */
#include "archive/archive.h"

#define MIN_MINOR 12
#define MAX_MINOR 16

enum { FORMAT_CUSTOM = 1, FORMAT_TAR = 3, FORMAT_DIRECTORY = 5 };

struct known_format {
    size_t offset;
    size_t size;
    const char *bytes;
    const char *words;
};

/* What people pick by mistake, and what to do about it. */
/* clang-format off */
static const struct known_format known[] = {
#define AT(offset, bytes, words) {offset, sizeof bytes - 1, bytes, words}
    AT(0, "toc.dat\0", "a tar archive of pg_dump (-Ft); dump again with -Fc"),
    AT(257, "ustar", "a tar file"),
    AT(0, "--", "a plain SQL script (pg_dump -Fp); dump again with -Fc, or run it with psql"),
    AT(0, "\xef\xbb\xbf--", "a plain SQL script (pg_dump -Fp); dump again with -Fc, or run it with psql"),
    AT(0, "SET ", "a plain SQL script"),
    AT(0, "\\restrict", "a plain SQL script"),
    AT(0, "\x1f\x8b", "a gzip file; unpack it first"),
    AT(0, "\x28\xb5\x2f\xfd", "a zstd file; unpack it first"),
    AT(0, "\x04\x22\x4d\x18", "an lz4 file; unpack it first"),
    AT(0, "\xfd\x37zXZ", "an xz file; unpack it first"),
    AT(0, "BZh", "a bzip2 file; unpack it first"),
    AT(0, "7z\xbc\xaf", "a 7z file; unpack it first"),
    AT(0, "PK\x03\x04", "a zip file; unpack it first"),
    AT(0, "SQLite form", "an SQLite database"),
    AT(0, "<", "an HTML or XML page, not a backup"),
    AT(0, "{", "a JSON document, not a backup"),
#undef AT
};
/* clang-format on */

static bool not_archive(const unsigned char *bytes, size_t size, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (size >= known[i].offset + known[i].size
            && memcmp(bytes + known[i].offset, known[i].bytes, known[i].size) == 0)
            return err_set(err, ERR_FILE_NOT_ARCHIVE, "this is %s", known[i].words);
    if (size == 0)
        return err_set(err, ERR_FILE_NOT_ARCHIVE, "the file is empty");
    if (size < ARCHIVE_MAGIC_SIZE)
        return err_set(err, ERR_FILE_NOT_ARCHIVE, "%zu bytes are too few for an archive", size);
    return err_set(err, ERR_FILE_NOT_ARCHIVE, "the file does not begin with PGDMP");
}

bool archive_check_magic(const void *bytes, size_t size, struct err *err)
{
    const unsigned char *head = bytes;
    if (size < ARCHIVE_MAGIC_SIZE || memcmp(head, "PGDMP", 5) != 0)
        return not_archive(head, size, err);
    int major = head[5], minor = head[6], format = head[10];
    if (major != 1 || minor < MIN_MINOR || minor > MAX_MINOR)
        return err_set(err, ERR_ARCHIVE_UNSUPPORTED, "version %d.%d of the archive format; 1.%d to 1.%d can be read",
                       major, minor, MIN_MINOR, MAX_MINOR);
    if (format != FORMAT_CUSTOM)
        return err_set(err, ERR_FILE_NOT_ARCHIVE, "this is %s; dump again with -Fc",
                       format == FORMAT_TAR ? "the table of contents of pg_dump's tar or directory format (-Ft, -Fd)"
                       : format == FORMAT_DIRECTORY ? "the table of contents of pg_dump's directory format (-Fd)"
                                                    : "an archive of an unknown format of pg_dump");
    if (head[8] != 4 || head[9] != 8)
        return err_set(err, ERR_ARCHIVE_UNSUPPORTED, "integers of %d bytes and offsets of %d; only 4 and 8 can be read",
                       head[8], head[9]);
    return true;
}
