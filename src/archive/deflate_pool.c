#include "archive/deflate_pool.h"

#include <pthread.h>

#define MAX_JOBS (WRITER_MAX_THREADS + 2)

/* Jobs are a ring: [oldest, next) are to be started or under way, some of them ready. Numbers only grow. */
struct deflate_pool {
    enum writer_method method;
    int threads;
    size_t jobs;
    pthread_t thread[WRITER_MAX_THREADS];
    struct deflate_job job[MAX_JOBS];
    bool ready[MAX_JOBS];
    uint64_t oldest, to_start, next;
    bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t given, finished;
};

static void compress(struct codec *codec, struct deflate_job *job)
{
    if (job->whole)
        job->packed_size = codec_whole(codec, job->plain, job->plain_size, job->packed);
    else if (job->plain_size > 0)
        job->packed_size = codec_piece(codec, job->plain, job->plain_size, job->packed, &job->adler);
}

static void *work(void *context)
{
    struct deflate_pool *pool = context;
    struct codec *codec = codec_new(pool->method);
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->to_start == pool->next && !pool->stop)
            pthread_cond_wait(&pool->given, &pool->mutex);
        if (pool->stop)
            break;
        size_t at = pool->to_start++ % pool->jobs;
        pthread_mutex_unlock(&pool->mutex);
        compress(codec, &pool->job[at]);
        pthread_mutex_lock(&pool->mutex);
        pool->ready[at] = true;
        pthread_cond_signal(&pool->finished);
    }
    pthread_mutex_unlock(&pool->mutex);
    codec_free(codec);
    return NULL;
}

static void *must_malloc(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        abort();
    return memory;
}

struct deflate_pool *deflate_pool_new(enum writer_method method, int threads)
{
    struct deflate_pool *pool = must_malloc(sizeof *pool);
    *pool = (struct deflate_pool){.method = method, .jobs = threads == 0 ? 1 : (size_t)threads + 2};
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->given, NULL);
    pthread_cond_init(&pool->finished, NULL);
    for (size_t i = 0; i < pool->jobs; i++) {
        pool->job[i].plain = must_malloc(SEAL_PIECE);
        pool->job[i].packed = threads == 0 ? NULL : must_malloc(codec_room(SEAL_PIECE));
    }
    for (; pool->threads < threads; pool->threads++)
        if (pthread_create(&pool->thread[pool->threads], NULL, work, pool) != 0)
            break;
    if (threads > 0 && pool->threads == 0)
        abort(); /* not one thread: as without memory */
    return pool;
}

void deflate_pool_free(struct deflate_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->given);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->threads; i++)
        pthread_join(pool->thread[i], NULL);
    for (size_t i = 0; i < pool->jobs; i++) {
        free(pool->job[i].plain);
        free(pool->job[i].packed);
    }
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->given);
    pthread_cond_destroy(&pool->finished);
    free(pool);
}

/* `oldest` and `next` are changed by the user's thread alone. */
struct deflate_job *deflate_pool_take(struct deflate_pool *pool)
{
    if (pool->next - pool->oldest == pool->jobs)
        return NULL;
    struct deflate_job *job = &pool->job[pool->next % pool->jobs];
    *job = (struct deflate_job){.plain = job->plain, .packed = job->packed};
    return job;
}

void deflate_pool_give(struct deflate_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->ready[pool->next % pool->jobs] = false;
    pool->next++;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->mutex);
}

struct deflate_job *deflate_pool_oldest(struct deflate_pool *pool)
{
    if (pool->oldest == pool->next)
        return NULL;
    size_t at = pool->oldest % pool->jobs;
    pthread_mutex_lock(&pool->mutex);
    while (pool->threads > 0 && !pool->ready[at])
        pthread_cond_wait(&pool->finished, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    return &pool->job[at];
}

bool deflate_pool_ready(struct deflate_pool *pool)
{
    if (pool->oldest == pool->next)
        return false;
    pthread_mutex_lock(&pool->mutex);
    bool ready = pool->threads == 0 || pool->ready[pool->oldest % pool->jobs];
    pthread_mutex_unlock(&pool->mutex);
    return ready;
}

void deflate_pool_done(struct deflate_pool *pool)
{
    pool->oldest++;
}
