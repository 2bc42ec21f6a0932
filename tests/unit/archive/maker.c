#include "archive/maker.h"

#include "archive/entry.h"
#include "archive/seal.h"

#include <lz4frame.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

void maker_start(struct maker *maker, int minor, enum archive_compression compression)
{
    *maker = (struct maker){.minor = minor, .compression = compression, .chunk = 4096};
}

void maker_end(struct maker *maker)
{
    free(maker->bytes);
}

void make_bytes(struct maker *maker, const void *bytes, size_t size)
{
    if (maker->size + size > maker->room) {
        maker->room = MAX(2 * (maker->size + size), (size_t)4096);
        maker->bytes = realloc(maker->bytes, maker->room);
        CHECK(maker->bytes != NULL);
    }
    if (size > 0)
        memcpy(maker->bytes + maker->size, bytes, size);
    maker->size += size;
}

void make_byte(struct maker *maker, int value)
{
    make_bytes(maker, &(unsigned char){(unsigned char)value}, 1);
}

void make_int(struct maker *maker, int64_t value)
{
    uint64_t size = (uint64_t)(value < 0 ? -value : value);
    make_byte(maker, value < 0);
    for (int i = 0; i < 4; i++)
        make_byte(maker, (int)(size >> (8 * i) & 0xff));
}

void make_text(struct maker *maker, const char *text)
{
    make_int(maker, text == NULL ? -1 : (int64_t)strlen(text));
    if (text != NULL)
        make_bytes(maker, text, strlen(text));
}

void make_header(struct maker *maker, int64_t entry_count)
{
    static const int time[] = {0, 30, 10, 29, 0, 125, 0};
    make_bytes(maker, "PGDMP\x01", 6);
    make_byte(maker, maker->minor);
    make_bytes(maker, "\0\x04\x08\x01", 4); /* revision, sizes of integer and offset, format */
    if (maker->minor >= 15)
        make_byte(maker, (int)maker->compression);
    else
        make_int(maker, maker->compression == ARCHIVE_NONE ? 0 : -1);
    for (size_t i = 0; i < ARRAY_LEN(time); i++)
        make_int(maker, time[i]);
    make_text(maker, "hub");
    make_text(maker, "15.20");
    make_text(maker, "15.20 (Debian)");
    make_int(maker, entry_count);
}

void make_entry(struct maker *maker, const struct made_entry *entry)
{
    make_int(maker, entry->id);
    make_int(maker, entry->has_data);
    make_text(maker, "1259");
    make_text(maker, "16385");
    make_text(maker, entry->tag);
    make_text(maker, entry->desc);
    make_int(maker, entry->section != 0 ? entry->section : entry->has_data ? 3 : 2);
    make_text(maker, entry->definition == NULL ? "" : entry->definition);
    make_text(maker, "");
    make_text(maker, entry->copy == NULL ? "" : entry->copy);
    make_text(maker, entry->schema);
    make_text(maker, NULL);
    if (maker->minor >= 14)
        make_text(maker, "heap");
    if (maker->minor >= 16)
        make_int(maker, 'r');
    make_text(maker, "postgres");
    make_text(maker, "false");
    for (size_t i = 0; entry->dependencies[i] != NULL; i++)
        make_text(maker, entry->dependencies[i]);
    make_text(maker, NULL);
    make_byte(maker, entry->flag != 0 ? entry->flag : entry->has_data ? 1 : 3);
    for (int i = 0; i < 8; i++)
        make_byte(maker, (int)(entry->position >> (8 * i) & 0xff));
}

void make_chunks(struct maker *maker, const void *data, size_t size)
{
    const unsigned char *at = data;
    while (size > 0) {
        size_t part = MIN(size, maker->chunk);
        make_int(maker, (int64_t)part);
        make_bytes(maker, at, part);
        at += part;
        size -= part;
    }
    make_int(maker, 0);
}

void make_deflated(struct maker *maker, const void *data, size_t size)
{
    uLongf room = compressBound(size);
    unsigned char *packed = malloc(room);
    CHECK(packed != NULL && compress2(packed, &room, data, size, 6) == Z_OK);
    make_chunks(maker, packed, room);
    free(packed);
}

/* As pg_dump 16 does: the defaults of LZ4's frames, which have no checksum of their content, and one frame. */
static void make_lz4(struct maker *maker, const void *data, size_t size)
{
    size_t room = LZ4F_compressBound(size, NULL) + LZ4F_HEADER_SIZE_MAX;
    unsigned char *packed = malloc(room);
    LZ4F_cctx *context;
    CHECK(packed != NULL && !LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)));
    size_t used = LZ4F_compressBegin(context, packed, room, NULL);
    used += LZ4F_compressUpdate(context, packed + used, room - used, data, size, NULL);
    used += LZ4F_compressEnd(context, packed + used, room - used, NULL);
    CHECK(used <= room);
    make_chunks(maker, packed, used);
    LZ4F_freeCompressionContext(context);
    free(packed);
}

/* As pg_dump 16 does: one frame whose length its header does not say. */
static void make_zstd(struct maker *maker, const void *data, size_t size)
{
    size_t room = ZSTD_compressBound(size);
    unsigned char *packed = malloc(room);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_inBuffer in = {.src = data, .size = size};
    ZSTD_outBuffer out = {.dst = packed, .size = room};
    CHECK(packed != NULL && context != NULL);
    CHECK(!ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue)));
    CHECK(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) == 0);
    make_chunks(maker, packed, out.pos);
    ZSTD_freeCCtx(context);
    free(packed);
}

void make_packed(struct maker *maker, const void *data, size_t size)
{
    static void (*const ways[])(struct maker *, const void *, size_t) = {[ARCHIVE_NONE] = make_chunks,
                                                                         [ARCHIVE_GZIP] = make_deflated,
                                                                         [ARCHIVE_LZ4] = make_lz4,
                                                                         [ARCHIVE_ZSTD] = make_zstd};
    ways[maker->compression](maker, data, size);
}

void make_data(struct maker *maker, int32_t id, const char *text)
{
    make_byte(maker, 1);
    make_int(maker, id);
    make_packed(maker, text, strlen(text));
}

static int by_start(const void *left, const void *right)
{
    const struct archive_entry *a = left, *b = right;
    return (a->start > b->start) - (a->start < b->start);
}

/* A line for the seal of each entry that has its block, in the order of their blocks. */
static void add_lines(struct maker *maker, struct arena *arena, struct seal *seal)
{
    struct err err;
    int fd = made_file(maker);
    struct archive *archive = archive_open(fd, arena, &err);
    CHECK(archive != NULL);
    archive->digests = true;
    (void)!archive_verify(archive, fd, NULL, NULL, NULL, &err); /* a test may seal what is not whole */
    close(fd);
    qsort(archive->entries, archive->entry_count, sizeof *archive->entries, by_start);
    seal->lines = arena_alloc(arena, archive->entry_count * sizeof *seal->lines);
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (!entry->has_block)
            continue;
        bool objects = entry_is_large_objects(entry);
        struct seal_line *line = &seal->lines[seal->count++];
        *line = (struct seal_line){.kind = objects             ? SEAL_OBJECTS
                                           : entry->rows_known ? SEAL_TABLE
                                                               : SEAL_DATA,
                                   .dump_id = entry->dump_id,
                                   .rows = objects ? entry->objects : entry->rows,
                                   .bytes = entry->bytes};
        memcpy(line->sha256, entry->sha256, SHA256_SIZE);
    }
}

void make_seal(struct maker *maker)
{
    struct arena *arena = arena_new();
    struct seal seal = {.position = maker->size};
    struct sha256 sha;
    size_t size;
    add_lines(maker, arena, &seal);
    sha256_open(&sha);
    sha256_add(&sha, maker->bytes, maker->size);
    sha256_now(&sha, seal.sha256);
    sha256_close(&sha);
    unsigned char *block = seal_write(&seal, arena, &size);
    make_bytes(maker, block, size);
    arena_free(arena);
}

void make_small(struct maker *maker, int minor, enum archive_compression compression)
{
    maker_start(maker, minor, compression);
    make_header(maker, 3);
    make_entry(maker, &(struct made_entry){.id = 7,
                                           .desc = "TABLE",
                                           .schema = "public",
                                           .tag = "users",
                                           .definition = "CREATE TABLE public.users (id integer, name text);\n"});
    make_entry(maker, &(struct made_entry){.id = 12,
                                           .has_data = true,
                                           .desc = "TABLE DATA",
                                           .schema = "public",
                                           .tag = "users",
                                           .copy = "COPY public.users (id, name) FROM stdin;\n",
                                           .dependencies = {"7"}});
    make_entry(maker, &(struct made_entry){.id = 9,
                                           .has_data = true,
                                           .desc = "TABLE DATA",
                                           .schema = "public",
                                           .tag = "keys",
                                           .copy = "COPY public.keys (id) FROM stdin;\n"});
    make_data(maker, 12, "1\tann\n2\tbob\n\\.\n\n\n");
    make_data(maker, 9, "\\.\n\n\n");
}

int file_of(const void *bytes, size_t size)
{
    int fd = memfd_create("archive", MFD_CLOEXEC);
    CHECK(fd >= 0);
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(fd, (const unsigned char *)bytes + done, size - done, (off_t)done);
        CHECK(put > 0);
        done += (size_t)put;
    }
    return fd;
}

int made_file(const struct maker *maker)
{
    return file_of(maker->bytes, maker->size);
}

/* Several threads find the same as one: the same fault in the same words, or the same counts. */
static void check_threads_agree(struct archive *archive, int fd, const struct err *err)
{
    struct err again = ERR_NONE_YET;
    uint64_t rows = archive->rows, bytes = archive->bytes;
    archive->threads = 3;
    bool ok = archive_verify(archive, fd, NULL, NULL, NULL, &again);
    archive->threads = 0;
    CHECK(ok == (err->code == ERR_OK) && strcmp(again.words, err->words) == 0);
    CHECK(!ok || (archive->rows == rows && archive->bytes == bytes));
}

enum err_code check_file(int fd, struct arena *arena, struct archive **archive, struct err *err)
{
    *err = ERR_NONE_YET;
    struct archive *opened = archive_open(fd, arena, err);
    if (archive != NULL)
        *archive = opened;
    bool ok = opened != NULL && archive_verify(opened, fd, NULL, NULL, NULL, err);
    CHECK(ok == (err->code == ERR_OK));
    static unsigned calls;
    if (opened != NULL && calls++ % 64 == 0) /* threads take their time to start */
        check_threads_agree(opened, fd, err);
    return err->code;
}

enum err_code check_made(const struct maker *maker, struct arena *arena, struct archive **archive, struct err *err)
{
    int fd = made_file(maker);
    enum err_code code = check_file(fd, arena, archive, err);
    close(fd);
    return code;
}
