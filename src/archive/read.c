/* One entry's data again, after the archive was verified. */
#include "archive/entry.h"
#include "archive/reader.h"
#include "archive/stream.h"

static bool read_objects(struct reader *reader, struct stream *stream, struct err *err)
{
    int32_t oid;
    for (;;) {
        if (!reader_int(reader, &oid, err))
            return false;
        if (oid == 0)
            return true;
        if (!data_stream_chunks(stream, reader, NULL, err))
            return err_wrap(err, "large object %u", (uint32_t)oid);
    }
}

static bool read_block(const struct archive_entry *entry, struct reader *reader, struct stream *stream, struct err *err)
{
    bool objects = entry_is_large_objects(entry);
    struct rows rows = {0};
    uint8_t type;
    int32_t dump_id;
    reader_seek(reader, entry->start);
    if (!reader_byte(reader, &type, err) || !reader_int(reader, &dump_id, err))
        return false;
    if (type != (objects ? BLOCK_BLOBS : BLOCK_DATA) || dump_id != entry->dump_id)
        return reader_damaged(reader, err, "the file changed after it was verified");
    return objects ? read_objects(reader, stream, err)
                   : data_stream_chunks(stream, reader, entry->rows_known ? &rows : NULL, err);
}

bool archive_read(const struct archive *archive, int fd, const struct archive_entry *entry, archive_take_fn *take,
                  void *context, const struct cancel *cancel, struct err *err)
{
    struct reader reader;
    struct stream stream;
    char label[ENTRY_LABEL_SIZE];
    entry_label(entry, label);
    if (!entry->has_block)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "%s has no data that was verified", label);
    data_stream_open(&stream, archive->compression);
    stream.max_bytes = archive->max_bytes;
    stream.cancel = cancel;
    stream.taker = take;
    stream.context = context;
    bool ok = cancel_check(cancel, err) && reader_open(&reader, fd, err);
    if (ok && reader.size != archive->size)
        ok = err_set(err, ERR_ARCHIVE_DAMAGED, "the file changed its size after it was verified");
    ok = ok && (read_block(entry, &reader, &stream, err) || err_wrap(err, "%s", label));
    reader_close(&reader);
    data_stream_close(&stream);
    return ok;
}
