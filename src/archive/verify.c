/* The walk over all blocks. */
#include "archive/entry.h"
#include "archive/reader.h"
#include "archive/seal.h"
#include "archive/stream.h"

#define PROGRESS_STEP (4 * MIB)

struct walk {
    struct archive *archive;
    struct reader reader;
    struct stream stream;
    struct arena *arena; /* of the seal */
    struct seal *seal;   /* looked up before the walk, so that only a sealed file is hashed; NULL: none */
    size_t blocks;       /* of data, met so far */
    struct sha256 file, entry;
    const struct cancel *cancel;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
    uint64_t told; /* progress, bytes */
};

/* ---- The seal ---------------------------------------------------------------------------------------------------- */

/* The walk has come to a block with the seal's id. */
static bool check_seal(struct walk *walk, uint64_t block_offset, struct err *err)
{
    unsigned char digest[SHA256_SIZE];
    if (walk->seal == NULL || block_offset != walk->seal->position)
        return reader_damaged(&walk->reader, err, "a seal that is damaged or not at the end");
    sha256_now(&walk->file, digest);
    if (memcmp(digest, walk->seal->sha256, sizeof digest) != 0)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the file is not what was exported: its SHA-256 is not the seal's");
    if (walk->blocks != walk->seal->count)
        return err_set(err, ERR_ARCHIVE_DAMAGED,
                       "the file is not what was exported: it lacks data that the seal names");
    walk->archive->sealed = true;
    reader_seek(&walk->reader, walk->archive->size);
    return true;
}

/* An entry's data was walked: the seal's line for it must say the same. */
static bool check_line(struct walk *walk, const struct archive_entry *entry, struct err *err)
{
    bool objects = entry_is_large_objects(entry);
    enum seal_kind kind = objects ? SEAL_OBJECTS : entry->rows_known ? SEAL_TABLE : SEAL_DATA;
    if (walk->seal == NULL)
        return true;
    if (walk->blocks <= walk->seal->count) {
        const struct seal_line *line = &walk->seal->lines[walk->blocks - 1];
        if (line->kind == kind && line->dump_id == entry->dump_id
            && line->rows == (objects ? entry->objects : entry->rows) && line->bytes == entry->bytes
            && memcmp(line->sha256, entry->sha256, SHA256_SIZE) == 0)
            return true;
    }
    return err_set(err, ERR_ARCHIVE_DAMAGED, "its data is not what was exported: the seal says otherwise");
}

static bool see_block(void *context, const unsigned char *bytes, size_t size, uint64_t offset, struct err *err)
{
    struct walk *walk = context;
    if (walk->seal != NULL && offset < walk->seal->position)
        sha256_add(&walk->file, bytes, MIN(size, walk->seal->position - offset));
    if (walk->progress != NULL && offset >= walk->told + PROGRESS_STEP) {
        walk->progress(walk->context, offset, walk->archive->size);
        walk->told = offset;
    }
    return cancel_check(walk->cancel, err);
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

static bool walk_table(struct walk *walk, struct archive_entry *entry, struct err *err)
{
    struct rows rows = {0};
    entry->rows_known = entry->copy[0] != '\0';
    if (!data_stream_chunks(&walk->stream, &walk->reader, entry->rows_known ? &rows : NULL, err))
        return false;
    entry->rows = rows.count;
    entry->bytes = walk->stream.bytes;
    return true;
}

static bool walk_large_objects(struct walk *walk, struct archive_entry *entry, struct err *err)
{
    int32_t oid;
    for (;;) {
        if (!reader_int(&walk->reader, &oid, err))
            return false;
        if (oid == 0)
            return true;
        if (!data_stream_chunks(&walk->stream, &walk->reader, NULL, err))
            return err_wrap(err, "large object %u", (uint32_t)oid);
        if (walk->stream.sha != NULL)
            seal_add_object(walk->stream.sha, (uint32_t)oid, walk->stream.bytes);
        entry->objects++;
        entry->bytes += walk->stream.bytes;
    }
}

static bool walk_entry(struct walk *walk, struct archive_entry *entry, uint8_t type, uint64_t offset, struct err *err)
{
    bool objects = entry_is_large_objects(entry);
    if (!entry->has_data)
        return reader_damaged(&walk->reader, err, "a block of an entry that has no data");
    if (entry->has_block)
        return reader_damaged(&walk->reader, err, "a second block of the same entry");
    if (entry->position != 0 && entry->position != offset)
        return reader_damaged(&walk->reader, err, "the table of contents says that this block is at byte %llu",
                              (unsigned long long)entry->position);
    if (type != (objects ? BLOCK_BLOBS : BLOCK_DATA))
        return reader_damaged(&walk->reader, err, "a block of type %d", type);
    entry->has_block = true;
    entry->start = offset;
    walk->blocks++;
    if (walk->stream.sha != NULL)
        sha256_restart(walk->stream.sha);
    if (!(objects ? walk_large_objects : walk_table)(walk, entry, err))
        return false;
    if (walk->stream.sha != NULL)
        sha256_now(walk->stream.sha, entry->sha256);
    if (!check_line(walk, entry, err))
        return false;
    walk->archive->rows += entry->rows;
    walk->archive->bytes += entry->bytes;
    return true;
}

static bool walk_block(struct walk *walk, struct err *err)
{
    struct reader *reader = &walk->reader;
    uint64_t offset = reader->position;
    uint8_t type;
    int32_t dump_id;
    if (!reader_byte(reader, &type, err) || !reader_int(reader, &dump_id, err))
        return err_wrap(err, "at a block's beginning");
    if (dump_id == ARCHIVE_SEAL_ID)
        return check_seal(walk, offset, err);
    struct archive_entry *entry = archive_entry_by_id(walk->archive, dump_id);
    if (entry == NULL)
        return reader_damaged(reader, err, "a block of dump id %d, which no entry has", dump_id);
    if (!walk_entry(walk, entry, type, offset, err)) {
        char label[ENTRY_LABEL_SIZE];
        entry_label(entry, label);
        return err_wrap(err, "%s", label);
    }
    return true;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static bool check_compression(const struct archive *archive, struct err *err)
{
    if (archive->compression == ARCHIVE_NONE || archive->compression == ARCHIVE_GZIP)
        return true;
    return err_set(
        err, ERR_ARCHIVE_UNSUPPORTED,
        "its data is compressed by %s, which cannot be checked here; a pg_restore of PostgreSQL 16 or newer built with"
        " %s can read it, or dump again with --compress=gzip",
        archive->compression == ARCHIVE_LZ4 ? "lz4" : "zstd", archive->compression == ARCHIVE_LZ4 ? "lz4" : "zstd");
}

static void forget_last(struct archive *archive)
{
    archive->sealed = false;
    archive->rows = archive->bytes = 0;
    for (size_t i = 0; i < archive->entry_count; i++) {
        struct archive_entry *entry = &archive->entries[i];
        entry->has_block = entry->rows_known = false;
        entry->start = entry->rows = entry->objects = entry->bytes = 0;
    }
}

static bool check_complete(const struct archive *archive, struct err *err)
{
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (entry->has_data && !entry->has_block) {
            char label[ENTRY_LABEL_SIZE];
            entry_label(entry, label);
            return err_set(err, ERR_ARCHIVE_DAMAGED, "the data of %s is missing: the file was cut off", label);
        }
    }
    return true;
}

static bool walk_file(struct walk *walk, struct err *err)
{
    struct archive *archive = walk->archive;
    if (walk->reader.size != archive->size)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the file changed its size while it was read");
    if (!seal_find(&walk->reader, archive->data_position, walk->arena, &walk->seal, err))
        return false;
    if (walk->seal != NULL || archive->digests)
        walk->stream.sha = &walk->entry;
    if (walk->seal == NULL)
        reader_seek(&walk->reader, archive->data_position);
    else if (!reader_skip(&walk->reader, archive->data_position, err))
        return false;
    while (reader_left(&walk->reader) > 0)
        if (!walk_block(walk, err))
            return false;
    return check_complete(archive, err);
}

bool archive_verify(struct archive *archive, int fd, const struct cancel *cancel,
                    void (*progress)(void *context, uint64_t done, uint64_t total), void *context, struct err *err)
{
    struct walk walk = {.archive = archive, .cancel = cancel, .progress = progress, .context = context};
    forget_last(archive);
    if (!check_compression(archive, err) || !cancel_check(cancel, err))
        return false;
    walk.arena = arena_new();
    sha256_open(&walk.file);
    sha256_open(&walk.entry);
    data_stream_open(&walk.stream, archive->compression);
    walk.stream.cancel = cancel;
    walk.stream.max_bytes = archive->max_bytes;
    bool ok = reader_open(&walk.reader, fd, err);
    walk.reader.on_block = see_block;
    walk.reader.context = &walk;
    ok = ok && walk_file(&walk, err);
    if (ok && progress != NULL)
        progress(context, archive->size, archive->size);
    reader_close(&walk.reader);
    data_stream_close(&walk.stream);
    sha256_close(&walk.file);
    sha256_close(&walk.entry);
    arena_free(walk.arena);
    return ok;
}
