#include "pg/pool.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_MS 5000

/* One connection of the pool, idle or taken. */
struct slot {
    struct pg_conn *conn; /* NULL: none opened */
    const struct cancel *cancel;
    bool taken;
};

struct pg_pool {
    char *conninfo;
    char *name;
    int size;
    int free_slots; /* eventfd as a semaphore: it counts slots that are not taken, and it can be polled together with a
                       cancel */
    pthread_mutex_t mutex; /* guards the slots */
    struct slot slots[];
};

struct pg_pool *pg_pool_new(const char *conninfo, const char *name, int size)
{
    struct pg_pool *pool = calloc(1, sizeof *pool + (size_t)size * sizeof pool->slots[0]);
    if (pool == NULL)
        abort();
    pool->conninfo = strdup(conninfo);
    pool->name = strdup(name);
    pool->size = size;
    pool->free_slots = eventfd((unsigned)size, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (pool->conninfo == NULL || pool->name == NULL || pool->free_slots < 0)
        abort();
    pthread_mutex_init(&pool->mutex, NULL);
    return pool;
}

void pg_pool_free(struct pg_pool *pool)
{
    if (pool == NULL)
        return;
    for (int i = 0; i < pool->size; i++)
        pg_close(pool->slots[i].conn);
    close(pool->free_slots);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->conninfo);
    free(pool->name);
    free(pool);
}

/* Count one slot down, waiting for it if need be. */
static bool reserve(struct pg_pool *pool, const struct cancel *cancel, struct err *err)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    uint64_t one;
    if (!cancel_check(cancel, err))
        return false;
    while (read(pool->free_slots, &one, sizeof one) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return err_errno(err, ERR_SYSTEM, "waiting for a database connection");
        int64_t left = deadline - clock_mono_ms();
        int ready = left <= 0 ? 0 : cancel_poll(cancel, pool->free_slots, POLLIN, (int)left, err);
        if (ready < 0)
            return false;
        if (ready == 0)
            return err_set(err, ERR_DATABASE_UNAVAILABLE, "all %d connections were in use for %d s", pool->size,
                           WAIT_MS / 1000);
    }
    return true;
}

static void release(struct pg_pool *pool)
{
    uint64_t one = 1;
    while (write(pool->free_slots, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* A free slot, one with an open connection if there is any. reserve() made sure that there is a free one. */
static struct slot *occupy(struct pg_pool *pool, const struct cancel *cancel)
{
    struct slot *slot = NULL;
    pthread_mutex_lock(&pool->mutex);
    for (int i = 0; i < pool->size; i++)
        if (!pool->slots[i].taken && (slot == NULL || (slot->conn == NULL && pool->slots[i].conn != NULL)))
            slot = &pool->slots[i];
    slot->taken = true;
    slot->cancel = cancel;
    pthread_mutex_unlock(&pool->mutex);
    return slot;
}

static void vacate(struct pg_pool *pool, struct slot *slot)
{
    pthread_mutex_lock(&pool->mutex);
    slot->taken = false;
    slot->cancel = NULL;
    pthread_mutex_unlock(&pool->mutex);
    release(pool);
}

/* Of a taken slot. A closed connection is forgotten before it is freed: another one may get its address, and
 * pg_pool_give() finds slots by it. */
static void set_conn(struct pg_pool *pool, struct slot *slot, struct pg_conn *conn)
{
    pthread_mutex_lock(&pool->mutex);
    slot->conn = conn;
    pthread_mutex_unlock(&pool->mutex);
}

/* Whether an idle connection can be handed out. Anything to read is taken for its end: the server's last words come in
 * one piece before the closing does, so that a first look at them finds the connection in order. */
static bool still_good(struct pg_conn *conn)
{
    struct pollfd fd = {.fd = PQsocket(pg_raw(conn)), .events = POLLIN};
    return PQstatus(pg_raw(conn)) == CONNECTION_OK && poll(&fd, 1, 0) == 0;
}

struct pg_conn *pg_pool_take(struct pg_pool *pool, const struct cancel *cancel, struct err *err)
{
    if (!reserve(pool, cancel, err))
        return NULL;
    struct slot *slot = occupy(pool, cancel);
    struct pg_conn *conn = slot->conn;
    if (conn != NULL && still_good(conn)) {
        pg_set_cancel(conn, cancel);
        return conn;
    }
    set_conn(pool, slot, NULL);
    pg_close(conn);
    conn = pg_open(pool->conninfo, pool->name, cancel, err);
    set_conn(pool, slot, conn);
    if (conn == NULL)
        vacate(pool, slot);
    return conn;
}

void pg_pool_use(struct pg_pool *pool, int *taken, int *idle)
{
    *taken = *idle = 0;
    pthread_mutex_lock(&pool->mutex);
    for (int i = 0; i < pool->size; i++) {
        *taken += pool->slots[i].taken;
        *idle += !pool->slots[i].taken && pool->slots[i].conn != NULL;
    }
    pthread_mutex_unlock(&pool->mutex);
}

void pg_pool_give(struct pg_pool *pool, struct pg_conn *conn)
{
    struct slot *slot = NULL;
    if (conn == NULL)
        return;
    pthread_mutex_lock(&pool->mutex);
    for (int i = 0; i < pool->size && slot == NULL; i++)
        if (pool->slots[i].conn == conn)
            slot = &pool->slots[i];
    pthread_mutex_unlock(&pool->mutex);
    if (slot == NULL)
        abort(); /* not of this pool */

    /* After a cancel the server's signal may still be on its way and would hit the next one's statement. An open
     * transaction or an unfinished statement is a leftover that the next one must not inherit. */
    bool reusable = PQstatus(pg_raw(conn)) == CONNECTION_OK && PQtransactionStatus(pg_raw(conn)) == PQTRANS_IDLE
                    && !cancel_fired(slot->cancel);
    pg_set_cancel(conn, NULL);
    if (!reusable) {
        set_conn(pool, slot, NULL);
        pg_close(conn);
    }
    vacate(pool, slot);
}
