#include "archive/dump_stream.h"

#include "archive/entry.h"

#include <sys/mman.h>
#include <unistd.h>

#define BUFFER_SIZE (256 * KIB)
#define HEAD_MAX (256 * MIB)
#define MAX_LIST 1000000 /* dependencies of an entry */

enum { POS_NOT_SET = 1, POS_SET = 2 };

struct dump_stream {
    dump_read_fn *read;
    void *context;
    struct archive *contents;
    unsigned char *head; /* header and table of contents, as they come */
    size_t head_size, head_room;
    bool keep; /* what is read goes into head */
    bool ended;
    size_t at, end;
    unsigned char buffer[BUFFER_SIZE];
};

/* ---- Bytes in ---------------------------------------------------------------------------------------------------- */

static bool broken(struct err *err, const char *what)
{
    return err_set(err, ERR_EXPORT_FAILED, "pg_dump's output %s", what);
}

/* Have bytes at hand, or `ended`. */
static bool read_on(struct dump_stream *stream, struct err *err)
{
    if (stream->at < stream->end || stream->ended)
        return true;
    ssize_t got = stream->read(stream->context, stream->buffer, BUFFER_SIZE, err);
    if (got < 0)
        return false;
    stream->at = 0;
    stream->end = (size_t)got;
    stream->ended = got == 0;
    return true;
}

static bool fill(struct dump_stream *stream, struct err *err)
{
    return read_on(stream, err) && (!stream->ended || broken(err, "ended early"));
}

static bool keep(struct dump_stream *stream, const unsigned char *bytes, size_t size, struct err *err)
{
    if (stream->head_size + size > stream->head_room) {
        size_t room = MAX(2 * (stream->head_size + size), 64 * KIB);
        unsigned char *head = room > 2 * HEAD_MAX ? NULL : realloc(stream->head, room);
        if (head == NULL)
            return broken(err, "has too large a table of contents");
        stream->head = head;
        stream->head_room = room;
    }
    memcpy(stream->head + stream->head_size, bytes, size);
    stream->head_size += size;
    return true;
}

/* `out` NULL: passed by. */
static bool take(struct dump_stream *stream, void *out, size_t size, struct err *err)
{
    unsigned char *to = out;
    while (size > 0) {
        if (!fill(stream, err))
            return false;
        size_t part = MIN(size, stream->end - stream->at);
        if (stream->keep && !keep(stream, stream->buffer + stream->at, part, err))
            return false;
        if (to != NULL) {
            memcpy(to, stream->buffer + stream->at, part);
            to += part;
        }
        stream->at += part;
        size -= part;
    }
    return true;
}

static bool take_int(struct dump_stream *stream, int32_t *value, struct err *err)
{
    unsigned char raw[5];
    if (!take(stream, raw, sizeof raw, err))
        return false;
    uint32_t size = (uint32_t)raw[1] | (uint32_t)raw[2] << 8 | (uint32_t)raw[3] << 16 | (uint32_t)raw[4] << 24;
    *value = (int32_t)(raw[0] != 0 ? -size : size);
    return raw[0] <= 1 || broken(err, "has a number with a wrong sign");
}

/* ---- Header and table of contents: only their lengths; archive_open() knows what they mean -------------------------
 */

static bool pass_strings(struct dump_stream *stream, int count, struct err *err)
{
    for (int32_t length; count > 0; count--) {
        if (!take_int(stream, &length, err))
            return false;
        if (length < -1 || length > (int32_t)ARCHIVE_MAX_STRING)
            return broken(err, "has a text of an impossible length");
        if (length > 0 && !take(stream, NULL, (size_t)length, err))
            return false;
    }
    return true;
}

/* Texts up to one that is absent. */
static bool pass_list(struct dump_stream *stream, struct err *err)
{
    for (int i = 0; i < MAX_LIST; i++) {
        int32_t length;
        if (!take_int(stream, &length, err))
            return false;
        if (length == -1)
            return true;
        if (length < 0 || length > (int32_t)KIB || !take(stream, NULL, (size_t)length, err))
            return broken(err, "has a dependency that is none");
    }
    return broken(err, "has an entry with too many dependencies");
}

/* A position in a file that this archive will not be in is taken out. */
static bool pass_offset(struct dump_stream *stream, struct err *err)
{
    if (!take(stream, NULL, 9, err))
        return false;
    unsigned char *offset = stream->head + stream->head_size - 9;
    if (offset[0] == POS_SET) {
        memset(offset, 0, 9);
        offset[0] = POS_NOT_SET;
    }
    return true;
}

static bool pass_entry(struct dump_stream *stream, int minor, struct err *err)
{
    int32_t number;
    return take_int(stream, &number, err) && take_int(stream, &number, err)  /* dump id, whether data */
           && pass_strings(stream, 4, err) && take_int(stream, &number, err) /* ids, tag, desc; section */
           && pass_strings(stream, minor >= 14 ? 6 : 5, err)                 /* SQL, COPY, where */
           && (minor < 16 || take_int(stream, &number, err))                 /* kind of relation */
           && pass_strings(stream, 2, err) && pass_list(stream, err) && pass_offset(stream, err); /* owner, oids */
}

static bool pass_head(struct dump_stream *stream, struct err *err)
{
    unsigned char magic[ARCHIVE_MAGIC_SIZE], algorithm = 0;
    int32_t number = 0;
    if (!take(stream, magic, sizeof magic, err) || !archive_check_magic(magic, sizeof magic, err))
        return false;
    int minor = magic[6];
    if (!(minor >= 15 ? take(stream, &algorithm, 1, err) : take_int(stream, &number, err)))
        return false;
    if (algorithm != 0 || number != 0)
        return broken(err, "is compressed");
    for (int i = 0; i < 7; i++)
        if (!take_int(stream, &number, err))
            return false;
    if (!pass_strings(stream, 3, err) || !take_int(stream, &number, err))
        return false;
    if (number < 0 || number > ARCHIVE_MAX_ENTRIES)
        return broken(err, "has an impossible number of entries");
    for (; number > 0; number--)
        if (!pass_entry(stream, minor, err))
            return false;
    return true;
}

static struct archive *parse_head(const struct dump_stream *stream, struct arena *arena, struct err *err)
{
    struct archive *contents = NULL;
    int fd = memfd_create("contents", MFD_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_SYSTEM, "memfd_create"), NULL;
    size_t done = 0;
    for (ssize_t put; done < stream->head_size; done += (size_t)put)
        if ((put = write(fd, stream->head + done, stream->head_size - done)) <= 0)
            break;
    if (done == stream->head_size)
        contents = archive_open(fd, arena, err);
    else
        err_errno(err, ERR_SYSTEM, "writing in memory");
    close(fd);
    return contents;
}

struct dump_stream *dump_stream_open(dump_read_fn *read, void *context, struct arena *arena, struct err *err)
{
    struct dump_stream *stream = malloc(sizeof *stream);
    if (stream == NULL)
        abort();
    *stream = (struct dump_stream){.read = read, .context = context, .keep = true};
    if (pass_head(stream, err) && (stream->contents = parse_head(stream, arena, err)) != NULL) {
        stream->keep = false;
        return stream;
    }
    dump_stream_close(stream);
    return NULL;
}

void dump_stream_close(struct dump_stream *stream)
{
    if (stream == NULL)
        return;
    free(stream->head);
    free(stream);
}

const struct archive *dump_stream_contents(const struct dump_stream *stream)
{
    return stream->contents;
}

const unsigned char *dump_stream_head(struct dump_stream *stream, enum writer_method method, size_t *size)
{
    unsigned char *compression = stream->head + ARCHIVE_MAGIC_SIZE;
    bool none = method == METHOD_NONE;
    if (stream->contents->minor >= 15)
        *compression = none ? ARCHIVE_NONE : method == METHOD_ZSTD ? ARCHIVE_ZSTD : ARCHIVE_GZIP;
    else { /* the level: -1, zlib's default, as pg_dump -Fc has it */
        compression[0] = none ? 0 : 1;
        compression[1] = none ? 0 : 1;
    }
    *size = stream->head_size;
    return stream->head;
}

/* ---- Data -------------------------------------------------------------------------------------------------------- */

/* Chunks up to one of length 0. */
static bool copy_chunks(struct dump_stream *stream, struct writer *writer, struct err *err)
{
    for (int32_t left;;) {
        if (!take_int(stream, &left, err))
            return false;
        if (left <= 0)
            return left == 0 || broken(err, "has a chunk of an impossible length");
        while (left > 0) {
            if (!fill(stream, err))
                return false;
            size_t part = MIN((size_t)left, stream->end - stream->at);
            if (!writer_add(writer, stream->buffer + stream->at, part, err))
                return false;
            stream->at += part;
            left -= (int32_t)part;
        }
    }
}

static bool copy_objects(struct dump_stream *stream, struct writer *writer, struct err *err)
{
    for (int32_t oid;;) {
        if (!take_int(stream, &oid, err))
            return false;
        if (oid == 0)
            return true;
        if (!writer_begin_object(writer, (uint32_t)oid, err) || !copy_chunks(stream, writer, err)
            || !writer_end_object(writer, err))
            return false;
    }
}

static bool copy_block(struct dump_stream *stream, struct writer *writer,
                       int32_t (*dump_id_of)(void *context, const struct archive_entry *entry), void *context,
                       struct err *err)
{
    unsigned char type;
    int32_t dump_id;
    if (!take(stream, &type, 1, err) || !take_int(stream, &dump_id, err))
        return false;
    struct archive_entry *entry = archive_entry_by_id(stream->contents, dump_id);
    if (entry == NULL || !entry->has_data || entry->has_block)
        return broken(err, "has data that no entry asks for");
    bool objects = entry_is_large_objects(entry);
    if (type != (objects ? BLOCK_BLOBS : BLOCK_DATA))
        return broken(err, "has a block of an unknown type");
    entry->has_block = true;
    if (dump_id_of != NULL && (dump_id = dump_id_of(context, entry)) == 0)
        return broken(err, "has data that the other pg_dump's contents lack");
    enum seal_kind kind = objects ? SEAL_OBJECTS : entry->copy[0] != '\0' ? SEAL_TABLE : SEAL_DATA;
    return writer_begin(writer, kind, dump_id, err) && (objects ? copy_objects : copy_chunks)(stream, writer, err)
           && writer_end(writer, err);
}

bool dump_stream_copy(struct dump_stream *stream, struct writer *writer,
                      int32_t (*dump_id_of)(void *context, const struct archive_entry *entry), void *context,
                      struct err *err)
{
    while (read_on(stream, err)) {
        if (stream->ended)
            return true;
        if (!copy_block(stream, writer, dump_id_of, context, err))
            return false;
    }
    return false;
}

bool dump_stream_complete(const struct dump_stream *stream, struct err *err)
{
    for (size_t i = 0; i < stream->contents->entry_count; i++) {
        const struct archive_entry *entry = &stream->contents->entries[i];
        if (entry->has_data && !entry->has_block) {
            char label[ENTRY_LABEL_SIZE];
            entry_label(entry, label);
            return err_set(err, ERR_EXPORT_FAILED, "pg_dump's output ended without the data of %s", label);
        }
    }
    return true;
}
