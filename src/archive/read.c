/* One entry's data again, after the archive was verified. */
#include "archive/block.h"

bool archive_read(const struct archive *archive, int fd, const struct archive_entry *entry, archive_take_fn *take,
                  void *context, const struct cancel *cancel, struct err *err)
{
    struct reader reader = {0};
    struct stream stream;
    struct block_counts counts;
    _Atomic uint64_t all_bytes = 0;
    if (!entry->has_block) {
        err_set(err, ERR_ARCHIVE_DAMAGED, "no data of it was verified");
        return block_failed(entry, err);
    }
    data_stream_open(&stream, archive->compression);
    stream.all_bytes = &all_bytes;
    stream.max_bytes = archive->max_bytes;
    stream.cancel = cancel;
    stream.taker = take;
    stream.context = context;
    bool ok = cancel_check(cancel, err) && reader_open(&reader, fd, err);
    if (ok && reader.size != archive->size)
        ok = err_set(err, ERR_ARCHIVE_DAMAGED, "the file changed its size after it was verified");
    if (ok) {
        reader_seek(&reader, entry->start);
        ok = block_read(&reader, &stream, entry, &counts, err);
    }
    reader_close(&reader);
    data_stream_close(&stream);
    return ok;
}
