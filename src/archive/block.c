#include "archive/block.h"

#include "archive/seal.h"

uint8_t block_type(const struct archive_entry *entry)
{
    return entry_is_large_objects(entry) ? BLOCK_BLOBS : BLOCK_DATA;
}

bool block_failed(const struct archive_entry *entry, struct err *err)
{
    char label[ENTRY_LABEL_SIZE];
    entry_label(entry, label);
    return err_wrap(err, "%s", label);
}

static bool read_table(struct reader *reader, struct stream *stream, bool copy, struct block_counts *counts,
                       struct err *err)
{
    struct rows rows = {0};
    if (!data_stream_chunks(stream, reader, copy ? &rows : NULL, err))
        return false;
    counts->rows = rows.count;
    counts->bytes = stream->bytes;
    return true;
}

static bool read_objects(struct reader *reader, struct stream *stream, struct block_counts *counts, struct err *err)
{
    int32_t oid;
    for (;;) {
        if (!reader_int(reader, &oid, err))
            return false;
        if (oid == 0)
            return true;
        if (!data_stream_chunks(stream, reader, NULL, err))
            return err_wrap(err, "large object %u", (uint32_t)oid);
        if (stream->sha != NULL)
            seal_add_object(stream->sha, (uint32_t)oid, stream->bytes);
        counts->objects++;
        counts->bytes += stream->bytes;
    }
}

bool block_read(struct reader *reader, struct stream *stream, const struct archive_entry *entry,
                struct block_counts *counts, struct err *err)
{
    uint8_t type;
    int32_t dump_id;
    *counts = (struct block_counts){0};
    if (stream->sha != NULL)
        sha256_restart(stream->sha);
    if (!reader_byte(reader, &type, err) || !reader_int(reader, &dump_id, err))
        return block_failed(entry, err);
    if (type != block_type(entry) || dump_id != entry->dump_id) {
        reader_damaged(reader, err, "the file changed after it was verified");
        return block_failed(entry, err);
    }
    bool ok = entry_is_large_objects(entry) ? read_objects(reader, stream, counts, err)
                                            : read_table(reader, stream, entry->copy[0] != '\0', counts, err);
    return ok || block_failed(entry, err);
}
