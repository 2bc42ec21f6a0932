#include "archive/lane.h"

#include "archive/deflate_pool.h"
#include "archive/writer_internal.h"

struct lane {
    struct writer *writer;
    struct codec *codec; /* NULL: the method compresses elsewhere, or not at all */
    struct deflate_job job;
};

static void *must_malloc(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        abort();
    return memory;
}

struct lane *lane_new(struct writer *writer)
{
    struct lane *lane = must_malloc(sizeof *lane);
    enum writer_method method = writer_method(writer);
    *lane = (struct lane){.writer = writer, .job.plain = must_malloc(SEAL_PIECE)};
    if (method == METHOD_BALANCED || method == METHOD_FAST) {
        lane->codec = codec_new(method);
        lane->job.packed = must_malloc(codec_room(SEAL_PIECE));
    }
    return lane;
}

void lane_free(struct lane *lane)
{
    if (lane == NULL)
        return;
    codec_free(lane->codec);
    free(lane->job.plain);
    free(lane->job.packed);
    free(lane);
}

static void compress(struct lane *lane)
{
    struct deflate_job *job = &lane->job;
    if (lane->codec != NULL)
        job->packed_size = codec_piece(lane->codec, job->plain, job->plain_size, job->packed, &job->adler);
}

bool lane_flush(struct lane *lane, struct err *err)
{
    if (lane->job.plain_size == 0)
        return true;
    compress(lane);
    bool ok = writer_lock(lane->writer, err) && writer_put(lane->writer, &lane->job, err);
    writer_unlock(lane->writer, ok);
    lane->job.plain_size = 0;
    return ok;
}

/* More than a piece: nobody else's rows may come between its pieces. */
static bool put_long_row(struct lane *lane, const unsigned char *row, size_t size, struct err *err)
{
    struct deflate_job *job = &lane->job;
    bool ok = writer_lock(lane->writer, err);
    while (ok && size > 0) {
        job->plain_size = MIN(size, SEAL_PIECE);
        memcpy(job->plain, row, job->plain_size);
        compress(lane);
        ok = writer_put(lane->writer, job, err);
        row += job->plain_size;
        size -= job->plain_size;
    }
    writer_unlock(lane->writer, ok);
    job->plain_size = 0;
    return ok;
}

bool lane_add_rows(struct lane *lane, const unsigned char *rows, size_t size, struct err *err)
{
    struct deflate_job *job = &lane->job;
    if (job->plain_size + size > SEAL_PIECE && !lane_flush(lane, err))
        return false;
    if (size > SEAL_PIECE)
        return put_long_row(lane, rows, size, err);
    memcpy(job->plain + job->plain_size, rows, size);
    job->plain_size += size;
    return true;
}

void lane_fail(struct lane *lane)
{
    struct err ignored;
    (void)!writer_lock(lane->writer, &ignored);
    writer_unlock(lane->writer, false);
}
