#include "archive/writer.h"

#include "archive/deflate_pool.h"
#include "archive/entry.h"
#include "archive/rows.h"
#include "archive/writer_internal.h"
#include "base/arena.h"

#include <pthread.h>
#include <zlib.h>
#include <zstd.h>

#define GATHER_SIZE (64 * KIB)
#define ZSTD_LEVEL 3
#define ZSTD_JOB (1 * MIB)

/* What a job begins and ends, beside the bytes that it brings. */
enum marks { MARK_BEGIN = 1, MARK_OBJECT = 2, MARK_STREAM_END = 4, MARK_NO_STREAM = 8, MARK_END = 16 };

struct writer {
    struct writer_spec spec;
    struct arena *arena; /* of the seal */
    struct seal seal;
    struct deflate_pool *pool;
    ZSTD_CCtx *zstd; /* NULL: another method */
    unsigned char *zstd_out;

    /* What is being filled. */
    struct deflate_job *job; /* NULL: none */
    unsigned marks;          /* of the next job */
    enum seal_kind kind;
    int32_t dump_id;
    uint32_t oid;
    bool cut; /* the stream has more than one job */

    pthread_mutex_t lanes; /* guards what follows while there are lanes */
    bool lane_failed;

    /* What is being written out, in order. */
    struct seal_line line;
    struct rows rows;
    uint64_t stream_bytes; /* of this table or object, uncompressed */
    uint32_t adler;        /* so far */
    bool in_pieces;        /* the zlib header was written */
    struct sha256 entry, file;
    uint64_t position;
    size_t gathered;
    unsigned char gather[GATHER_SIZE];
};

/* ---- Bytes out --------------------------------------------------------------------------------------------------- */

bool writer_flush(struct writer *writer, struct err *err)
{
    size_t size = writer->gathered;
    writer->gathered = 0;
    if (size == 0)
        return true;
    sha256_add(&writer->file, writer->gather, size);
    return writer->spec.sink(writer->spec.context, writer->gather, size, err);
}

bool writer_write(struct writer *writer, const void *bytes, size_t size, struct err *err)
{
    const unsigned char *at = bytes;
    writer->position += size;
    while (size > 0) {
        size_t part = MIN(size, GATHER_SIZE - writer->gathered);
        memcpy(writer->gather + writer->gathered, at, part);
        writer->gathered += part;
        at += part;
        size -= part;
        if (writer->gathered == GATHER_SIZE && !writer_flush(writer, err))
            return false;
    }
    return true;
}

static bool write_int(struct writer *writer, uint32_t value, struct err *err)
{
    bool negative = (int32_t)value < 0; /* an oid over 2^31, as pg_dump writes it */
    uint32_t size = negative ? -value : value;
    unsigned char bytes[] = {negative, (unsigned char)size, (unsigned char)(size >> 8), (unsigned char)(size >> 16),
                             (unsigned char)(size >> 24)};
    return writer_write(writer, bytes, sizeof bytes, err);
}

static bool write_chunk(struct writer *writer, const unsigned char *bytes, size_t size, struct err *err)
{
    return write_int(writer, (uint32_t)size, err) && writer_write(writer, bytes, size, err);
}

/* ---- A stream's chunks ------------------------------------------------------------------------------------------- */

static bool write_piece(struct writer *writer, const unsigned char *packed, size_t size, uint32_t adler,
                        size_t plain_size, struct err *err)
{
    static const unsigned char zlib_header[] = {0x78, 0x9c};
    bool first = !writer->in_pieces;
    writer->adler = first ? adler : (uint32_t)adler32_combine(writer->adler, adler, (z_off_t)plain_size);
    writer->in_pieces = true;
    return write_int(writer, (uint32_t)(size + (first ? sizeof zlib_header : 0)), err)
           && (!first || writer_write(writer, zlib_header, sizeof zlib_header, err))
           && writer_write(writer, packed, size, err);
}

static bool end_pieces(struct writer *writer, struct err *err)
{
    uint32_t adler = writer->adler;
    unsigned char last[] = {0x03,
                            0x00,
                            (unsigned char)(adler >> 24),
                            (unsigned char)(adler >> 16),
                            (unsigned char)(adler >> 8),
                            (unsigned char)adler};
    writer->in_pieces = false;
    return write_chunk(writer, last, sizeof last, err);
}

/* Runs until zstd has taken all; `end`: and given all. */
static bool write_zstd(struct writer *writer, const unsigned char *bytes, size_t size, bool end, struct err *err)
{
    ZSTD_inBuffer in = {.src = bytes, .size = size};
    for (;;) {
        ZSTD_outBuffer out = {.dst = writer->zstd_out, .size = ZSTD_CStreamOutSize()};
        size_t left = ZSTD_compressStream2(writer->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(err, ERR_EXPORT_FAILED, "zstd: %s", ZSTD_getErrorName(left));
        if (out.pos > 0 && !write_chunk(writer, out.dst, out.pos, err))
            return false;
        if (end ? left == 0 : in.pos == in.size)
            return true;
    }
}

static bool write_stored(struct writer *writer, const struct deflate_job *job, struct err *err)
{
    return job->plain_size == 0 || write_chunk(writer, job->plain, job->plain_size, err);
}

static bool write_compressed(struct writer *writer, const struct deflate_job *job, struct err *err)
{
    if (job->whole)
        return write_chunk(writer, job->packed, job->packed_size, err);
    return job->plain_size == 0 || write_piece(writer, job->packed, job->packed_size, job->adler, job->plain_size, err);
}

/* ---- Jobs, in order ---------------------------------------------------------------------------------------------- */

static bool count(struct writer *writer, const unsigned char *bytes, size_t size, struct err *err)
{
    sha256_add(&writer->entry, bytes, size);
    writer->stream_bytes += size;
    return writer->line.kind != SEAL_TABLE || rows_add(&writer->rows, bytes, size)
           || err_set(err, ERR_EXPORT_FAILED, "there is something after a table's last row");
}

static bool begin(struct writer *writer, const struct deflate_job *job, struct err *err)
{
    static const unsigned char types[] = {
        [SEAL_TABLE] = BLOCK_DATA, [SEAL_DATA] = BLOCK_DATA, [SEAL_OBJECTS] = BLOCK_BLOBS};
    writer->line = (struct seal_line){.kind = job->kind, .dump_id = job->dump_id};
    writer->rows = (struct rows){0};
    sha256_restart(&writer->entry);
    return writer_write(writer, &types[job->kind], 1, err) && write_int(writer, (uint32_t)job->dump_id, err);
}

static bool end_stream(struct writer *writer, const struct deflate_job *job, struct err *err)
{
    writer->line.bytes += writer->stream_bytes;
    if (writer->line.kind == SEAL_OBJECTS) {
        seal_add_object(&writer->entry, job->oid, writer->stream_bytes);
        writer->line.rows++;
    }
    writer->stream_bytes = 0;
    return (!writer->in_pieces || end_pieces(writer, err)) && write_int(writer, 0, err);
}

static bool end(struct writer *writer, struct err *err)
{
    if (writer->line.kind == SEAL_OBJECTS && !write_int(writer, 0, err))
        return false;
    if (writer->line.kind == SEAL_TABLE && !writer->rows.ended)
        return err_set(err, ERR_EXPORT_FAILED, "a table's rows have no end (\\.)");
    writer->line.rows += writer->rows.count;
    sha256_now(&writer->entry, writer->line.sha256);
    struct seal_line *line = arena_push(writer->arena, &writer->seal.lines, writer->seal.count++, sizeof *line);
    *line = writer->line;
    return true;
}

static bool put_job(struct writer *writer, const struct deflate_job *job, struct err *err)
{
    if (((job->marks & MARK_BEGIN) && !begin(writer, job, err))
        || ((job->marks & MARK_OBJECT) && !write_int(writer, job->oid, err)))
        return false;
    if (!(job->marks & MARK_NO_STREAM)) {
        bool last = job->marks & MARK_STREAM_END;
        if (!count(writer, job->plain, job->plain_size, err)
            || !(writer->zstd != NULL                 ? write_zstd(writer, job->plain, job->plain_size, last, err)
                 : writer->spec.method == METHOD_NONE ? write_stored(writer, job, err)
                                                      : write_compressed(writer, job, err))
            || (last && !end_stream(writer, job, err)))
            return false;
    }
    return !(job->marks & MARK_END) || end(writer, err);
}

/* Take back the oldest, when there is one. */
static bool put_oldest(struct writer *writer, struct err *err)
{
    const struct deflate_job *job = deflate_pool_oldest(writer->pool);
    if (job == NULL)
        return true;
    bool ok = put_job(writer, job, err);
    deflate_pool_done(writer->pool);
    return ok;
}

static bool put_all(struct writer *writer, struct err *err)
{
    while (deflate_pool_oldest(writer->pool) != NULL)
        if (!put_oldest(writer, err))
            return false;
    return true;
}

/* ---- Filling ----------------------------------------------------------------------------------------------------- */

/* Have a job to fill. What is ready goes out now, so that a reader of the archive gets it early. */
static bool need_job(struct writer *writer, struct err *err)
{
    if (writer->job != NULL)
        return true;
    while (deflate_pool_ready(writer->pool))
        if (!put_oldest(writer, err))
            return false;
    while ((writer->job = deflate_pool_take(writer->pool)) == NULL)
        if (!put_oldest(writer, err))
            return false;
    return true;
}

static bool give_job(struct writer *writer, unsigned marks, struct err *err)
{
    if (!need_job(writer, err))
        return false;
    struct deflate_job *job = writer->job;
    job->marks = writer->marks | marks;
    job->kind = writer->kind;
    job->dump_id = writer->dump_id;
    job->oid = writer->oid;
    job->whole = (marks & MARK_STREAM_END) && !writer->cut;
    writer->marks = 0;
    writer->cut = !(marks & MARK_STREAM_END) && !(marks & MARK_NO_STREAM);
    writer->job = NULL;
    deflate_pool_give(writer->pool);
    return true;
}

bool writer_begin(struct writer *writer, enum seal_kind kind, int32_t dump_id, struct err *err)
{
    writer->kind = kind;
    writer->dump_id = dump_id;
    writer->marks = MARK_BEGIN;
    return need_job(writer, err);
}

bool writer_begin_object(struct writer *writer, uint32_t oid, struct err *err)
{
    writer->oid = oid;
    writer->marks |= MARK_OBJECT;
    return need_job(writer, err);
}

bool writer_add(struct writer *writer, const unsigned char *bytes, size_t size, struct err *err)
{
    while (size > 0) {
        if (!need_job(writer, err))
            return false;
        struct deflate_job *job = writer->job;
        size_t part = MIN(size, SEAL_PIECE - job->plain_size);
        if (part == 0) { /* full, and there is more: not the stream's end */
            if (!give_job(writer, 0, err))
                return false;
            continue;
        }
        memcpy(job->plain + job->plain_size, bytes, part);
        job->plain_size += part;
        bytes += part;
        size -= part;
    }
    return true;
}

bool writer_end_object(struct writer *writer, struct err *err)
{
    return give_job(writer, MARK_STREAM_END, err);
}

bool writer_end(struct writer *writer, struct err *err)
{
    return give_job(writer, MARK_END | (writer->kind == SEAL_OBJECTS ? MARK_NO_STREAM : MARK_STREAM_END), err);
}

/* ---- Lanes ------------------------------------------------------------------------------------------------------- */

bool writer_begin_lanes(struct writer *writer, struct err *err)
{
    if (!give_job(writer, MARK_NO_STREAM, err) || !put_all(writer, err))
        return false;
    writer->cut = true; /* what writer_add brings at the end is not the whole stream */
    return true;
}

enum writer_method writer_method(const struct writer *writer)
{
    return writer->spec.method;
}

bool writer_lock(struct writer *writer, struct err *err)
{
    pthread_mutex_lock(&writer->lanes);
    return !writer->lane_failed || err_set(err, ERR_CANCELLED, "another connection of this export has failed");
}

void writer_unlock(struct writer *writer, bool ok)
{
    writer->lane_failed = writer->lane_failed || !ok;
    pthread_mutex_unlock(&writer->lanes);
}

bool writer_put(struct writer *writer, const struct deflate_job *piece, struct err *err)
{
    return put_job(writer, piece, err);
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

bool writer_seal(struct writer *writer, struct err *err)
{
    size_t size;
    if (!put_all(writer, err) || !writer_flush(writer, err))
        return false;
    writer->seal.piece = writer->zstd != NULL ? 0 : SEAL_PIECE;
    writer->seal.position = writer->position;
    sha256_now(&writer->file, writer->seal.sha256);
    const unsigned char *block = seal_write(&writer->seal, writer->arena, &size);
    return writer_write(writer, block, size, err) && writer_flush(writer, err);
}

void writer_digest(const struct writer *writer, unsigned char sha256[SHA256_SIZE])
{
    sha256_now(&writer->file, sha256);
}

static void open_zstd(struct writer *writer)
{
    writer->zstd = ZSTD_createCCtx();
    writer->zstd_out = malloc(ZSTD_CStreamOutSize());
    if (writer->zstd == NULL || writer->zstd_out == NULL)
        abort();
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_nbWorkers, writer->spec.threads);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_jobSize, (int)ZSTD_JOB);
}

struct writer *writer_new(const struct writer_spec *spec)
{
    struct writer *writer = malloc(sizeof *writer);
    if (writer == NULL)
        abort();
    *writer = (struct writer){.spec = *spec, .arena = arena_new()};
    writer->spec.threads = MAX(1, MIN(spec->threads, WRITER_MAX_THREADS));
    pthread_mutex_init(&writer->lanes, NULL);
    sha256_open(&writer->entry);
    sha256_open(&writer->file);
    if (spec->method == METHOD_ZSTD)
        open_zstd(writer);
    bool pool_compresses = spec->method == METHOD_FAST || spec->method == METHOD_BALANCED;
    writer->pool = deflate_pool_new(spec->method, pool_compresses ? writer->spec.threads : 0);
    return writer;
}

void writer_free(struct writer *writer)
{
    if (writer == NULL)
        return;
    deflate_pool_free(writer->pool);
    ZSTD_freeCCtx(writer->zstd);
    free(writer->zstd_out);
    pthread_mutex_destroy(&writer->lanes);
    sha256_close(&writer->entry);
    sha256_close(&writer->file);
    arena_free(writer->arena);
    free(writer);
}
