/* The walk over all blocks. */
#include "archive/entry.h"
#include "archive/reader.h"
#include "archive/seal.h"
#include "archive/stream.h"

#include <sodium.h>

#define PROGRESS_STEP (4 * MIB)

struct walk {
    struct archive *archive;
    struct reader reader;
    struct stream stream;
    /* The seal, looked up before the walk, so that only a sealed file is hashed. */
    bool has_seal;
    uint64_t seal_offset;
    unsigned char sealed_digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state hash;
    const struct cancel *cancel;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
    uint64_t told; /* progress, bytes */
};

/* ---- The seal ---------------------------------------------------------------------------------------------------- */

static bool look_for_seal(struct walk *walk, struct err *err)
{
    unsigned char tail[ARCHIVE_SEAL_MAX];
    uint64_t size = walk->archive->size;
    if (size - walk->archive->data_position < seal_size())
        return true;
    walk->seal_offset = size - seal_size();
    if (!reader_look(&walk->reader, walk->seal_offset, tail, seal_size(), err))
        return false;
    walk->has_seal = seal_parse(tail, walk->sealed_digest);
    crypto_hash_sha256_init(&walk->hash);
    return true;
}

/* The walk has come to a block with the seal's id. */
static bool check_seal(struct walk *walk, uint64_t block_offset, struct err *err)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    if (!walk->has_seal || block_offset != walk->seal_offset)
        return reader_damaged(&walk->reader, err, "a seal that is damaged or not at the end");
    crypto_hash_sha256_final(&walk->hash, digest);
    if (sodium_memcmp(digest, walk->sealed_digest, sizeof digest) != 0)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the file is not what was exported: its SHA-256 is not the seal's");
    walk->archive->sealed = true;
    reader_seek(&walk->reader, walk->archive->size);
    return true;
}

static bool see_block(void *context, const unsigned char *bytes, size_t size, uint64_t offset, struct err *err)
{
    struct walk *walk = context;
    if (walk->has_seal && offset < walk->seal_offset)
        crypto_hash_sha256_update(&walk->hash, bytes, MIN(size, walk->seal_offset - offset));
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
    if (!(objects ? walk_large_objects : walk_table)(walk, entry, err))
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
        entry->start = entry->rows = entry->bytes = 0;
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
    if (!look_for_seal(walk, err))
        return false;
    if (!walk->has_seal)
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
    return ok;
}
