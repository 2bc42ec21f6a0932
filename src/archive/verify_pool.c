#include "archive/verify_pool.h"

#include "archive/block.h"
#include "archive/seal.h"

#include <pthread.h>
#include <zlib.h>

#define MAX_PIECES (2 * VERIFY_MAX_THREADS + 1)
#define MAX_BLOCKS 64
#define MAX_AHEAD (64 * MIB)

/* What one thread works with. */
struct worker {
    struct verify_pool *pool;
    struct reader reader;
    struct stream stream;
    struct sha256 sha;
    unsigned char *packed; /* a piece as it is in the file; made for the first one */
    uint64_t number;       /* of the block under way */
};

struct block_task {
    uint64_t number; /* in the order of the file */
    struct archive_entry *entry;
};

struct piece_task {
    uint64_t number;
    struct verify_piece piece;
    struct decoded_piece decoded;
    bool good;  /* decoded */
    bool ready; /* to be counted, or passed over */
};

/* The table whose pieces are counted: one after the other, by whoever has decoded the next one. */
struct table {
    struct stream stream;
    struct rows rows;
    struct sha256 sha;
    uint32_t adler;
};

/* Blocks and pieces wait in rings: numbers only grow, a number's place is its remainder. */
struct verify_pool {
    struct verify_pool_spec spec;
    int threads; /* that run */
    pthread_t thread[VERIFY_MAX_THREADS];
    struct worker worker[VERIFY_MAX_THREADS]; /* the first is the caller's where there are no threads */
    size_t workers;
    _Atomic uint64_t all_bytes;

    pthread_mutex_t mutex;
    pthread_cond_t work, room;
    bool stop;
    uint64_t number; /* of the next task */
    struct block_task block[MAX_BLOCKS];
    uint64_t block_next, block_to_start, blocks_done;
    struct piece_task piece[MAX_PIECES];
    size_t pieces; /* places in the ring */
    uint64_t piece_next, piece_to_start, piece_to_count;
    bool counting; /* somebody is */
    struct table table;
    uint64_t last_block,
        last_position; /* number of the last block handed over; where its thread is, UINT64_MAX: through */

    bool failed;
    uint64_t failed_number;
    struct err failure;
};

static void *must_malloc(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- Faults ------------------------------------------------------------------------------------------------------ */

/* The mutex is held. */
static void note_failure(struct verify_pool *pool, uint64_t number, const struct err *err)
{
    if (pool->failed && pool->failed_number <= number)
        return;
    pool->failed = true;
    pool->failed_number = number;
    pool->failure = *err;
    pthread_cond_broadcast(&pool->room);
}

static bool is_needless(struct verify_pool *pool, uint64_t number)
{
    return pool->stop || (pool->failed && pool->failed_number < number);
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

/* Called for every 256 KB that a thread reads of a block. */
static bool see_position(void *context, const unsigned char *bytes, size_t size, uint64_t offset, struct err *err)
{
    struct worker *worker = context;
    struct verify_pool *pool = worker->pool;
    (void)bytes;
    pthread_mutex_lock(&pool->mutex);
    bool needless = is_needless(pool, worker->number);
    if (worker->number == pool->last_block) {
        pool->last_position = offset + size;
        pthread_cond_broadcast(&pool->room);
    }
    pthread_mutex_unlock(&pool->mutex);
    return !needless || err_set(err, ERR_CANCELLED, "another entry is damaged");
}

static bool run_block(struct worker *worker, struct archive_entry *entry, struct err *err)
{
    struct block_counts counts;
    worker->stream.sha = worker->pool->spec.digests ? &worker->sha : NULL;
    reader_seek(&worker->reader, entry->start);
    if (!block_read(&worker->reader, &worker->stream, entry, &counts, err))
        return false;
    entry->rows = counts.rows;
    entry->objects = counts.objects;
    entry->bytes = counts.bytes;
    if (worker->stream.sha != NULL)
        sha256_now(&worker->sha, entry->sha256);
    return true;
}

static void do_block(struct worker *worker, const struct block_task *task)
{
    struct verify_pool *pool = worker->pool;
    struct err err;
    worker->number = task->number;
    bool ok = run_block(worker, task->entry, &err);
    pthread_mutex_lock(&pool->mutex);
    if (!ok)
        note_failure(pool, task->number, &err);
    if (task->number == pool->last_block)
        pool->last_position = UINT64_MAX;
    pool->blocks_done++;
    pthread_cond_broadcast(&pool->room);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

static bool at_position(const struct verify_piece *piece, struct err *err)
{
    err_wrap(err, "before byte %llu", (unsigned long long)(piece->position + piece->size));
    return block_failed(piece->entry, err);
}

static bool decode_piece(struct worker *worker, struct piece_task *task, struct err *err)
{
    const struct verify_piece *piece = &task->piece;
    if (worker->packed == NULL)
        worker->packed = must_malloc(VERIFY_MAX_PIECE);
    return (reader_look(&worker->reader, piece->position, worker->packed, piece->size, err)
            && decoder_piece(worker->stream.decoder, worker->packed, piece->size, piece->first, &task->decoded, err))
           || at_position(piece, err);
}

static bool end_table(struct table *table, const struct piece_task *task, struct err *err)
{
    struct archive_entry *entry = task->piece.entry;
    if (!task->decoded.last)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "the compressed stream has no end");
    if (table->adler != task->decoded.stream_adler)
        return err_set(err, ERR_ARCHIVE_DAMAGED, "it does not decompress: incorrect data check");
    if (!data_stream_end_rows(&table->stream, err))
        return false;
    entry->rows = table->rows.count;
    entry->bytes = table->stream.bytes;
    sha256_now(&table->sha, entry->sha256);
    return true;
}

static bool count_piece(struct table *table, const struct piece_task *task, struct err *err)
{
    const struct verify_piece *piece = &task->piece;
    const struct decoded_piece *decoded = &task->decoded;
    if (piece->first) {
        table->rows = (struct rows){0};
        table->adler = 1;
        data_stream_begin(&table->stream, piece->entry->copy[0] != '\0' ? &table->rows : NULL);
        sha256_restart(&table->sha);
    }
    table->adler = (uint32_t)adler32_combine(table->adler, decoded->adler, (z_off_t)decoded->size);
    if (!data_stream_take(&table->stream, decoded->out, decoded->size, err))
        return at_position(piece, err);
    if (decoded->last && !piece->last) {
        err_set(err, ERR_ARCHIVE_DAMAGED, "there is something after the end of the compressed stream");
        return at_position(piece, err);
    }
    return !piece->last || end_table(table, task, err) || at_position(piece, err);
}

/* The mutex is held. Count what is ready in order, unless somebody else is at it. */
static void count_ready(struct verify_pool *pool)
{
    struct err err;
    if (pool->counting)
        return;
    pool->counting = true;
    while (pool->piece_to_count < pool->piece_to_start) {
        struct piece_task *task = &pool->piece[pool->piece_to_count % pool->pieces];
        if (!task->ready)
            break;
        if (task->good && !is_needless(pool, task->number)) {
            pthread_mutex_unlock(&pool->mutex);
            bool ok = count_piece(&pool->table, task, &err);
            pthread_mutex_lock(&pool->mutex);
            if (!ok)
                note_failure(pool, task->number, &err);
        }
        pool->piece_to_count++;
        pthread_cond_broadcast(&pool->room);
    }
    pool->counting = false;
}

static void do_piece(struct worker *worker, struct piece_task *task)
{
    struct verify_pool *pool = worker->pool;
    struct err err;
    bool ok = decode_piece(worker, task, &err);
    pthread_mutex_lock(&pool->mutex);
    if (!ok)
        note_failure(pool, task->number, &err);
    task->good = ok;
    task->ready = true;
    count_ready(pool);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

/* The mutex is held; it is released while something is done. */
static bool do_next(struct worker *worker)
{
    struct verify_pool *pool = worker->pool;
    if (pool->piece_to_start < pool->piece_next) {
        struct piece_task *task = &pool->piece[pool->piece_to_start++ % pool->pieces];
        if (is_needless(pool, task->number)) {
            task->ready = true;
            count_ready(pool);
            return true;
        }
        pthread_mutex_unlock(&pool->mutex);
        do_piece(worker, task);
    } else if (pool->block_to_start < pool->block_next) {
        struct block_task task = pool->block[pool->block_to_start++ % MAX_BLOCKS];
        if (is_needless(pool, task.number)) {
            pool->blocks_done++;
            pthread_cond_broadcast(&pool->room);
            return true;
        }
        pthread_cond_broadcast(&pool->room);
        pthread_mutex_unlock(&pool->mutex);
        do_block(worker, &task);
    } else
        return false;
    pthread_mutex_lock(&pool->mutex);
    return true;
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct verify_pool *pool = worker->pool;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stop)
        if (!do_next(worker))
            pthread_cond_wait(&pool->work, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* The mutex is held: let somebody do it, the caller's thread where there are none. */
static void start_work(struct verify_pool *pool)
{
    if (pool->threads > 0)
        pthread_cond_signal(&pool->work);
    else
        while (do_next(&pool->worker[0]))
            continue;
}

/* ---- For the walk ------------------------------------------------------------------------------------------------ */

bool verify_pool_block(struct verify_pool *pool, struct archive_entry *entry)
{
    pthread_mutex_lock(&pool->mutex);
    while (!pool->failed && pool->block_next - pool->block_to_start == MAX_BLOCKS)
        pthread_cond_wait(&pool->room, &pool->mutex);
    if (!pool->failed) {
        pool->last_block = pool->number;
        pool->last_position = entry->start;
        pool->block[pool->block_next++ % MAX_BLOCKS] = (struct block_task){.number = pool->number++, .entry = entry};
        start_work(pool);
    }
    bool ok = !pool->failed;
    pthread_mutex_unlock(&pool->mutex);
    return ok;
}

bool verify_pool_piece(struct verify_pool *pool, const struct verify_piece *piece)
{
    pthread_mutex_lock(&pool->mutex);
    while (!pool->failed && pool->piece_next - pool->piece_to_count == pool->pieces)
        pthread_cond_wait(&pool->room, &pool->mutex);
    if (!pool->failed) {
        struct piece_task *task = &pool->piece[pool->piece_next++ % pool->pieces];
        unsigned char *out = task->decoded.out == NULL ? must_malloc(SEAL_PIECE) : task->decoded.out;
        *task =
            (struct piece_task){.number = pool->number++, .piece = *piece, .decoded = {.out = out, .room = SEAL_PIECE}};
        start_work(pool);
    }
    bool ok = !pool->failed;
    pthread_mutex_unlock(&pool->mutex);
    return ok;
}

bool verify_pool_ahead(struct verify_pool *pool, uint64_t position)
{
    pthread_mutex_lock(&pool->mutex);
    while (!pool->failed && pool->blocks_done < pool->block_next && pool->last_position < UINT64_MAX
           && position > pool->last_position + MAX_AHEAD)
        pthread_cond_wait(&pool->room, &pool->mutex);
    bool ok = !pool->failed;
    pthread_mutex_unlock(&pool->mutex);
    return ok;
}

bool verify_pool_finish(struct verify_pool *pool, struct err *err)
{
    pthread_mutex_lock(&pool->mutex);
    while (pool->blocks_done < pool->block_next || pool->piece_to_count < pool->piece_next)
        pthread_cond_wait(&pool->room, &pool->mutex);
    if (pool->failed)
        *err = pool->failure;
    bool ok = !pool->failed;
    pthread_mutex_unlock(&pool->mutex);
    return ok;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void open_stream(struct verify_pool *pool, struct stream *stream, enum archive_compression compression)
{
    data_stream_open(stream, compression);
    stream->all_bytes = &pool->all_bytes;
    stream->max_bytes = pool->spec.max_bytes;
    stream->cancel = pool->spec.cancel;
}

static void open_worker(struct verify_pool *pool, struct worker *worker)
{
    struct err err;
    *worker = (struct worker){.pool = pool};
    if (!reader_open(&worker->reader, pool->spec.fd, &err))
        abort(); /* the walk has just opened the same file */
    worker->reader.on_block = see_position;
    worker->reader.context = worker;
    open_stream(pool, &worker->stream, pool->spec.archive->compression);
    sha256_open(&worker->sha);
}

struct verify_pool *verify_pool_new(const struct verify_pool_spec *spec)
{
    struct verify_pool *pool = must_malloc(sizeof *pool);
    *pool = (struct verify_pool){.spec = *spec, .workers = (size_t)MAX(spec->threads, 1)};
    pool->pieces = spec->threads == 0 ? 1 : 2 * (size_t)spec->threads + 1;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->room, NULL);
    open_stream(pool, &pool->table.stream, ARCHIVE_NONE);
    sha256_open(&pool->table.sha);
    pool->table.stream.sha = &pool->table.sha;
    for (size_t i = 0; i < pool->workers; i++)
        open_worker(pool, &pool->worker[i]);
    for (; pool->threads < spec->threads; pool->threads++)
        if (pthread_create(&pool->thread[pool->threads], NULL, work, &pool->worker[pool->threads]) != 0)
            break; /* fewer do as well, and none at all is the caller's */
    return pool;
}

void verify_pool_free(struct verify_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->threads; i++)
        pthread_join(pool->thread[i], NULL);
    for (size_t i = 0; i < pool->workers; i++) {
        reader_close(&pool->worker[i].reader);
        data_stream_close(&pool->worker[i].stream);
        sha256_close(&pool->worker[i].sha);
        free(pool->worker[i].packed);
    }
    for (size_t i = 0; i < pool->pieces; i++)
        free(pool->piece[i].decoded.out);
    data_stream_close(&pool->table.stream);
    sha256_close(&pool->table.sha);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->room);
    free(pool);
}
