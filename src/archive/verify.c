/* The walk over the whole file: what stands where, and the file's digest; the data itself is decoded by verify_pool.c.
 */
#include "archive/block.h"
#include "archive/seal.h"
#include "archive/verify_pool.h"

#include <sched.h>

#define PROGRESS_STEP (4 * MIB)
#define THREADS_FROM (1 * MIB) /* data of less is decoded before a thread has started */
#define ZSTD_THREADS 2         /* each may need 128 MB */
#define RATIO_FROM (1024 * MIB)

struct walk {
    struct archive *archive;
    struct reader reader;
    struct verify_pool *pool;
    struct arena *arena; /* of the seal */
    struct seal *seal;   /* looked up before the walk; NULL: none */
    bool seal_met;
    size_t blocks; /* of data, met so far */
    struct sha256 file;
    unsigned char sealed_sha256[SHA256_SIZE]; /* of the bytes before the seal */
    const struct cancel *cancel;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
    uint64_t told; /* progress, bytes */
};

/* ---- The seal ---------------------------------------------------------------------------------------------------- */

/* The walk has come to a block with the seal's id. */
static bool check_seal(struct walk *walk, uint64_t block_offset, struct err *err)
{
    if (walk->seal == NULL || block_offset != walk->seal->position)
        return reader_damaged(&walk->reader, err, "a seal that is damaged or not at the end");
    if (walk->blocks != walk->seal->count)
        return err_set(err, ERR_ARCHIVE_DAMAGED,
                       "the file is not what was exported: it lacks data that the seal names");
    walk->seal_met = true;
    return reader_skip(&walk->reader, reader_left(&walk->reader), err);
}

static bool seal_differs(const struct archive_entry *entry, struct err *err)
{
    err_set(err, ERR_ARCHIVE_DAMAGED, "its data is not what was exported: the seal says otherwise");
    return block_failed(entry, err);
}

/* Whether the seal's line for the block that was just met is one for this entry. */
static bool check_line(const struct walk *walk, const struct archive_entry *entry, struct err *err)
{
    enum seal_kind kind = entry_is_large_objects(entry) ? SEAL_OBJECTS : entry->rows_known ? SEAL_TABLE : SEAL_DATA;
    if (walk->seal == NULL)
        return true;
    const struct seal_line *line = walk->blocks > walk->seal->count ? NULL : &walk->seal->lines[walk->blocks - 1];
    return (line != NULL && line->kind == kind && line->dump_id == entry->dump_id) || seal_differs(entry, err);
}

/* Every entry was decoded: the seal must say the same of it, and of the whole file. */
static bool check_digests(const struct walk *walk, struct err *err)
{
    if (walk->seal == NULL)
        return true;
    for (size_t i = 0; i < walk->seal->count; i++) {
        const struct seal_line *line = &walk->seal->lines[i];
        const struct archive_entry *entry = archive_entry_by_id(walk->archive, line->dump_id);
        if (line->rows != (line->kind == SEAL_OBJECTS ? entry->objects : entry->rows) || line->bytes != entry->bytes
            || memcmp(line->sha256, entry->sha256, SHA256_SIZE) != 0)
            return seal_differs(entry, err);
    }
    if (memcmp(walk->sealed_sha256, walk->seal->sha256, SHA256_SIZE) != 0)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the file is not what was exported: its SHA-256 is not the seal's");
    return true;
}

/* Sees each block of 256 KB once, from the file's beginning. */
static bool see_bytes(void *context, const unsigned char *bytes, size_t size, uint64_t offset, struct err *err)
{
    struct walk *walk = context;
    uint64_t seal_position = walk->seal == NULL ? UINT64_MAX : walk->seal->position;
    size_t before = seal_position >= offset && seal_position < offset + size ? (size_t)(seal_position - offset) : 0;
    if (before > 0 || seal_position == offset) {
        sha256_add(&walk->file, bytes, before);
        sha256_now(&walk->file, walk->sealed_sha256);
    }
    sha256_add(&walk->file, bytes + before, size - before);
    if (walk->progress != NULL && offset >= walk->told + PROGRESS_STEP) {
        walk->progress(walk->context, offset, walk->archive->size);
        walk->told = offset;
    }
    return cancel_check(walk->cancel, err)
           && (walk->pool == NULL || verify_pool_ahead(walk->pool, offset)
               || err_set(err, ERR_CANCELLED, "something is damaged"));
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

/* What was handed over before has failed; verify_pool_finish() says how. */
static bool stopped(struct err *err)
{
    return err_set(err, ERR_ARCHIVE_DAMAGED, "something before it is damaged");
}

static bool pass_chunks(struct reader *reader, struct err *err)
{
    int32_t size;
    do {
        if (!data_stream_chunk(reader, &size, err) || !reader_skip(reader, (uint64_t)size, err))
            return false;
    } while (size > 0);
    return true;
}

static bool pass_objects(struct reader *reader, struct err *err)
{
    int32_t oid;
    do {
        if (!reader_int(reader, &oid, err) || (oid != 0 && !pass_chunks(reader, err)))
            return false;
    } while (oid != 0);
    return true;
}

/* Table data in chunks that can be decoded alone. Whether one is the last is known by what follows it. */
static bool hand_over_pieces(struct walk *walk, struct archive_entry *entry, struct err *err)
{
    struct reader *reader = &walk->reader;
    struct verify_piece piece = {.entry = entry, .first = true};
    int32_t size;
    if (!data_stream_chunk(reader, &size, err))
        return false;
    if (size == 0)
        return reader_damaged(reader, err, "the compressed stream has no end");
    while (size > 0) {
        if ((size_t)size > VERIFY_MAX_PIECE)
            return reader_damaged(reader, err, "a piece of %d bytes", size);
        piece.position = reader->position;
        piece.size = (size_t)size;
        if (!reader_skip(reader, (uint64_t)size, err) || !data_stream_chunk(reader, &size, err))
            return false;
        piece.last = size == 0;
        if (!verify_pool_piece(walk->pool, &piece))
            return stopped(err);
        piece.first = false;
    }
    return true;
}

static bool walk_data(struct walk *walk, struct archive_entry *entry, struct err *err)
{
    bool objects = entry_is_large_objects(entry);
    bool pieces = walk->seal != NULL && walk->seal->piece == SEAL_PIECE && walk->archive->compression == ARCHIVE_GZIP;
    if (pieces && !objects)
        return hand_over_pieces(walk, entry, err);
    if (!verify_pool_block(walk->pool, entry))
        return stopped(err);
    return objects ? pass_objects(&walk->reader, err) : pass_chunks(&walk->reader, err);
}

static bool walk_entry(struct walk *walk, struct archive_entry *entry, uint8_t type, uint64_t offset, struct err *err)
{
    if (!entry->has_data)
        return reader_damaged(&walk->reader, err, "a block of an entry that has no data");
    if (entry->has_block)
        return reader_damaged(&walk->reader, err, "a second block of the same entry");
    if (entry->position != 0 && entry->position != offset)
        return reader_damaged(&walk->reader, err, "the table of contents says that this block is at byte %llu",
                              (unsigned long long)entry->position);
    if (type != block_type(entry))
        return reader_damaged(&walk->reader, err, "a block of type %d", type);
    entry->has_block = true;
    entry->start = offset;
    entry->rows_known = entry->copy[0] != '\0';
    walk->blocks++;
    return check_line(walk, entry, err) && walk_data(walk, entry, err);
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
    return walk_entry(walk, entry, type, offset, err) || block_failed(entry, err);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static void forget_last(struct archive *archive)
{
    archive->sealed = false;
    archive->rows = archive->bytes = 0;
    memset(archive->sha256, 0, sizeof archive->sha256);
    for (size_t i = 0; i < archive->entry_count; i++) {
        struct archive_entry *entry = &archive->entries[i];
        entry->has_block = entry->rows_known = false;
        entry->start = entry->rows = entry->objects = entry->bytes = 0;
        memset(entry->sha256, 0, sizeof entry->sha256);
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

static bool walk_blocks(struct walk *walk, struct err *err)
{
    while (reader_left(&walk->reader) > 0)
        if (!walk_block(walk, err))
            return false;
    if (walk->seal != NULL && !walk->seal_met) /* inside of another block */
        return reader_damaged(&walk->reader, err, "a seal in the wrong place ends here");
    return check_complete(walk->archive, err);
}

/* A fault that a thread found comes before one that stopped the walk. */
static bool walk_file(struct walk *walk, struct err *err)
{
    struct err failure;
    bool ok = reader_skip(&walk->reader, walk->archive->data_position, err) && walk_blocks(walk, err);
    if (!verify_pool_finish(walk->pool, &failure)) {
        *err = failure;
        return false;
    }
    return ok && check_digests(walk, err);
}

static void sum_up(struct walk *walk)
{
    struct archive *archive = walk->archive;
    for (size_t i = 0; i < archive->entry_count; i++) {
        archive->rows += archive->entries[i].rows;
        archive->bytes += archive->entries[i].bytes;
    }
    archive->sealed = walk->seal != NULL;
    sha256_now(&walk->file, archive->sha256);
    if (walk->progress != NULL)
        walk->progress(walk->context, archive->size, archive->size);
}

static int count_threads(const struct archive *archive)
{
    cpu_set_t cpus;
    int threads = archive->threads;
    if (threads == 0 && archive->size - archive->data_position >= THREADS_FROM
        && sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        threads = CPU_COUNT(&cpus);
    return MIN(threads, archive->compression == ARCHIVE_ZSTD ? ZSTD_THREADS : VERIFY_MAX_THREADS);
}

/* The absolute limit and the one by ratio, as one number of bytes. */
static uint64_t max_bytes(const struct archive *archive)
{
    uint64_t by_ratio;
    if (archive->max_ratio == 0)
        return archive->max_bytes;
    if (__builtin_mul_overflow(archive->size, archive->max_ratio, &by_ratio))
        by_ratio = UINT64_MAX;
    by_ratio = MAX(by_ratio, RATIO_FROM);
    return archive->max_bytes == 0 ? by_ratio : MIN(by_ratio, archive->max_bytes);
}

static bool prepare(struct walk *walk, int fd, struct err *err)
{
    struct archive *archive = walk->archive;
    if (!cancel_check(walk->cancel, err) || !reader_open(&walk->reader, fd, err))
        return false;
    if (walk->reader.size != archive->size)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the file changed its size while it was read");
    if (!seal_find(&walk->reader, archive->data_position, walk->arena, &walk->seal, err))
        return false;
    struct verify_pool_spec spec = {.archive = archive,
                                    .fd = fd,
                                    .threads = count_threads(archive),
                                    .digests = walk->seal != NULL || archive->digests,
                                    .max_bytes = max_bytes(archive),
                                    .cancel = walk->cancel};
    walk->pool = verify_pool_new(&spec);
    walk->reader.on_block = see_bytes;
    walk->reader.context = walk;
    return true;
}

bool archive_verify(struct archive *archive, int fd, const struct cancel *cancel,
                    void (*progress)(void *context, uint64_t done, uint64_t total), void *context, struct err *err)
{
    struct walk walk = {
        .archive = archive, .arena = arena_new(), .cancel = cancel, .progress = progress, .context = context};
    forget_last(archive);
    sha256_open(&walk.file);
    bool ok = prepare(&walk, fd, err) && walk_file(&walk, err);
    if (ok)
        sum_up(&walk);
    verify_pool_free(walk.pool);
    reader_close(&walk.reader);
    sha256_close(&walk.file);
    arena_free(walk.arena);
    return ok;
}
