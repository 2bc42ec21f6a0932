/* Header and table of contents. */
#include "archive/entry.h"
#include "archive/reader.h"

#include <time.h>

#define MAX_DEPENDENCIES 1000000
#define NUMBER_SIZE 11 /* a dependency is a dump id in decimal: "-2147483648" */

/* What one entry takes at least: 2 numbers, section, 11 strings without bytes, offset. */
#define ENTRY_MIN_SIZE (3 * 5 + 11 * 5 + 9)

enum { POS_NOT_SET = 1, POS_SET, NO_DATA };

struct contents {
    struct reader reader;
    struct arena *arena;
    struct archive *archive;
    uint64_t string_bytes; /* read so far */
};

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

/* The length of the string that follows; -1: it is absent. More than the file holds is refused, so that memory is never
 * taken for bytes that do not come. */
static bool read_length(struct contents *contents, int32_t *length, struct err *err)
{
    struct reader *reader = &contents->reader;
    if (!reader_int(reader, length, err))
        return false;
    if (*length < -1 || *length > (int64_t)reader_left(reader))
        return reader_damaged(reader, err, "a string of %d bytes, and %llu are left of the file", *length,
                              (unsigned long long)reader_left(reader));
    if (*length > (int64_t)ARCHIVE_MAX_STRING)
        return reader_damaged(reader, err, "a string of %d bytes", *length);
    contents->string_bytes += *length > 0 ? (uint64_t)*length : 0;
    if (contents->string_bytes > ARCHIVE_MAX_STRINGS)
        return reader_damaged(reader, err, "the strings of the table of contents are over %zu bytes",
                              ARCHIVE_MAX_STRINGS);
    return true;
}

static bool read_string(struct contents *contents, const char **text, struct err *err)
{
    int32_t length;
    *text = "";
    if (!read_length(contents, &length, err))
        return false;
    if (length <= 0)
        return true;
    char *copy = arena_alloc(contents->arena, (size_t)length + 1);
    if (!reader_bytes(&contents->reader, copy, (size_t)length, err))
        return false;
    /* pg_restore would stop at the zero byte: what we check must be what it runs. */
    if (memchr(copy, '\0', (size_t)length) != NULL)
        return reader_damaged(&contents->reader, err, "a string with a zero byte ends here");
    *text = copy;
    return true;
}

static bool skip_string(struct contents *contents, struct err *err)
{
    int32_t length;
    return read_length(contents, &length, err)
           && reader_skip(&contents->reader, length < 0 ? 0 : (uint64_t)length, err);
}

/* ---- Header ------------------------------------------------------------------------------------------------------ */

static bool read_compression(struct contents *contents, struct err *err)
{
    struct archive *archive = contents->archive;
    struct reader *reader = &contents->reader;
    int32_t level;
    uint8_t algorithm;
    if (archive->minor >= 15) {
        if (!reader_byte(reader, &algorithm, err))
            return false;
        if (algorithm > ARCHIVE_ZSTD)
            return err_set(err, ERR_ARCHIVE_UNSUPPORTED, "unknown compression %d", algorithm);
        archive->compression = (enum archive_compression)algorithm;
        return true;
    }
    if (!reader_int(reader, &level, err))
        return false;
    if (level < -1 || level > 9)
        return reader_damaged(reader, err, "compression level %d", level);
    archive->compression = level == 0 ? ARCHIVE_NONE : ARCHIVE_GZIP;
    return true;
}

/* The seven numbers of a struct tm, as UTC; 0 when they are not a time. */
static bool read_time(struct contents *contents, int64_t *wall_ms, struct err *err)
{
    static const int32_t min[] = {0, 0, 0, 1, 0, 70}, max[] = {60, 59, 23, 31, 11, 8099};
    int32_t part[7];
    bool valid = true;
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        if (!reader_int(&contents->reader, &part[i], err))
            return false;
        valid = valid && (i == 6 || (part[i] >= min[i] && part[i] <= max[i]));
    }
    *wall_ms = 0;
    if (valid) {
        struct tm tm = {.tm_sec = part[0],
                        .tm_min = part[1],
                        .tm_hour = part[2],
                        .tm_mday = part[3],
                        .tm_mon = part[4],
                        .tm_year = part[5]};
        int64_t seconds = timegm(&tm);
        *wall_ms = tm.tm_mon == part[4] ? seconds * 1000 : 0; /* not 30 February */
    }
    return true;
}

static bool read_header(struct contents *contents, struct err *err)
{
    struct archive *archive = contents->archive;
    struct reader *reader = &contents->reader;
    const unsigned char *bytes = NULL;
    size_t size = 0;
    if (reader->size > 0 && !reader_peek(reader, &bytes, &size, err))
        return false;
    if (!archive_check_magic(bytes, size, err))
        return false;
    archive->minor = bytes[6];
    archive->size = reader->size;
    reader_consume(reader, ARCHIVE_MAGIC_SIZE);
    return read_compression(contents, err) && read_time(contents, &archive->created_ms, err)
           && read_string(contents, &archive->database, err) && read_string(contents, &archive->server_version, err)
           && read_string(contents, &archive->dump_version, err);
}

/* ---- Table of contents ------------------------------------------------------------------------------------------- */

static bool skip_dependencies(struct contents *contents, struct err *err)
{
    int32_t length;
    for (size_t i = 0; i <= MAX_DEPENDENCIES; i++) {
        if (!read_length(contents, &length, err))
            return false;
        if (length < 0)
            return true;
        if (length > NUMBER_SIZE)
            return reader_damaged(&contents->reader, err, "a dependency of %d bytes", length);
        if (!reader_skip(&contents->reader, (uint64_t)length, err))
            return false;
    }
    return reader_damaged(&contents->reader, err, "more than %d dependencies", MAX_DEPENDENCIES);
}

/* pg_restore passes an entry silently when the flag says that it has no data: the flag must agree with the dumper's. */
static bool read_offset(struct contents *contents, struct archive_entry *entry, struct err *err)
{
    unsigned char raw[9];
    struct reader *reader = &contents->reader;
    uint64_t offset = 0;
    if (!reader_bytes(reader, raw, sizeof raw, err))
        return false;
    for (int i = 8; i >= 1; i--)
        offset = offset << 8 | raw[i];
    if (raw[0] < POS_NOT_SET || raw[0] > NO_DATA || entry->has_data != (raw[0] != NO_DATA))
        return reader_damaged(reader, err, "offset flag %d of an entry %s data ends here", raw[0],
                              entry->has_data ? "with" : "without");
    if (raw[0] == POS_SET && (offset == 0 || offset >= reader->size))
        return reader_damaged(reader, err, "its data is said to be at byte %llu", (unsigned long long)offset);
    entry->position = raw[0] == POS_SET ? offset : 0;
    return true;
}

static bool read_numbers(struct contents *contents, struct archive_entry *entry, struct err *err)
{
    struct reader *reader = &contents->reader;
    int32_t dumper;
    if (!reader_int(reader, &entry->dump_id, err))
        return false;
    if (entry->dump_id <= 0 || entry->dump_id == ARCHIVE_SEAL_ID)
        return reader_damaged(reader, err, "dump id %d", entry->dump_id);
    if (!reader_int(reader, &dumper, err))
        return false;
    if (dumper != 0 && dumper != 1)
        return reader_damaged(reader, err, "number %d for whether there is data", dumper);
    entry->has_data = dumper == 1;
    return true;
}

static bool read_section(struct contents *contents, struct archive_entry *entry, struct err *err)
{
    int32_t section;
    if (!reader_int(&contents->reader, &section, err))
        return false;
    if (section < ARCHIVE_SECTION_NONE || section > ARCHIVE_POST_DATA)
        return reader_damaged(&contents->reader, err, "section %d", section);
    entry->section = (enum archive_section)section;
    return true;
}

static bool read_entry(struct contents *contents, struct archive_entry *entry, struct err *err)
{
    int minor = contents->archive->minor;
    int32_t relation_kind;
    if (!read_numbers(contents, entry, err) || !skip_string(contents, err)
        || !skip_string(contents, err) /* table oid, oid */
        || !read_string(contents, &entry->tag, err) || !read_string(contents, &entry->desc, err)
        || !read_section(contents, entry, err) || !read_string(contents, &entry->definition, err)
        || !read_string(contents, &entry->drop, err) || !read_string(contents, &entry->copy, err) || !read_string(contents, &entry->schema, err)
        || !skip_string(contents, err)                  /* tablespace */
        || (minor >= 14 && !skip_string(contents, err)) /* table access method */
        || (minor >= 16 && !reader_int(&contents->reader, &relation_kind, err))
        || !read_string(contents, &entry->owner, err) || !skip_string(contents, err) /* WITH OIDS */
        || !skip_dependencies(contents, err) || !read_offset(contents, entry, err))
        return false;
    if (entry->has_data && !entry_is_table_data(entry) && !entry_is_large_objects(entry))
        return reader_damaged(&contents->reader, err, "an entry of a kind that has no data is said to have some");
    return true;
}

static bool read_entry_count(struct contents *contents, size_t *count, struct err *err)
{
    struct reader *reader = &contents->reader;
    int32_t value;
    if (!reader_int(reader, &value, err))
        return false;
    if (value < 0 || (uint64_t)value > reader_left(reader) / ENTRY_MIN_SIZE)
        return reader_damaged(reader, err, "%d entries, and %llu bytes are left of the file", value,
                              (unsigned long long)reader_left(reader));
    if (value > ARCHIVE_MAX_ENTRIES)
        return err_set(err, ERR_ARCHIVE_UNSUPPORTED, "%d entries; at most %d can be read", value, ARCHIVE_MAX_ENTRIES);
    *count = (size_t)value;
    return true;
}

static bool read_entries(struct contents *contents, struct err *err)
{
    struct archive *archive = contents->archive;
    if (!read_entry_count(contents, &archive->entry_count, err))
        return false;
    archive->entries = arena_alloc(contents->arena, archive->entry_count * sizeof *archive->entries);
    for (size_t i = 0; i < archive->entry_count; i++) {
        struct archive_entry *entry = &archive->entries[i];
        entry->tag = entry->desc = entry->schema = entry->owner = entry->definition = entry->drop = entry->copy = "";
        if (!read_entry(contents, entry, err)) {
            char label[ENTRY_LABEL_SIZE];
            entry_label(entry, label);
            return err_wrap(err, "entry %zu of %zu (%s)", i + 1, archive->entry_count, label);
        }
    }
    archive->data_position = contents->reader.position;
    return true;
}

/* ---- Order by dump id -------------------------------------------------------------------------------------------- */

static int by_dump_id(const void *left, const void *right, void *context)
{
    const struct archive_entry *entries = context;
    int32_t a = entries[*(const uint32_t *)left].dump_id, b = entries[*(const uint32_t *)right].dump_id;
    return (a > b) - (a < b);
}

static bool order_entries(struct contents *contents, struct err *err)
{
    struct archive *archive = contents->archive;
    uint32_t *order = arena_alloc(contents->arena, archive->entry_count * sizeof *order);
    for (size_t i = 0; i < archive->entry_count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, archive->entry_count, sizeof *order, by_dump_id, archive->entries);
    for (size_t i = 1; i < archive->entry_count; i++) {
        int32_t dump_id = archive->entries[order[i]].dump_id;
        if (dump_id == archive->entries[order[i - 1]].dump_id)
            return reader_damaged(&contents->reader, err, "two entries have the dump id %d", dump_id);
    }
    archive->by_dump_id = order;
    return true;
}

/* ---- For the rest of the program --------------------------------------------------------------------------------- */

struct archive *archive_open(int fd, struct arena *arena, struct err *err)
{
    struct contents contents = {.arena = arena, .archive = arena_alloc(arena, sizeof(struct archive))};
    bool ok = reader_open(&contents.reader, fd, err) && read_header(&contents, err);
    if (ok && (!read_entries(&contents, err) || !order_entries(&contents, err)))
        ok = err_wrap(err, "reading the table of contents");
    reader_close(&contents.reader);
    return ok ? contents.archive : NULL;
}

struct archive_entry *archive_entry_by_id(const struct archive *archive, int32_t dump_id)
{
    size_t low = 0, high = archive->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct archive_entry *entry = &archive->entries[archive->by_dump_id[middle]];
        if (entry->dump_id == dump_id)
            return entry;
        if (entry->dump_id < dump_id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct archive_entry *archive_find(const struct archive *archive, const char *desc, const char *schema,
                                         const char *tag)
{
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (strcmp(entry->tag, tag) == 0 && strcmp(entry->schema, schema) == 0 && strcmp(entry->desc, desc) == 0)
            return entry;
    }
    return NULL;
}
