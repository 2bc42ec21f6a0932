#include "lock/backup_lock.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "lock/advisory_guard.h"
#include "lock/redis_guard.h"

#include <jansson.h>
#include <pthread.h>

struct backup_lock {
    struct app *app;
    struct arena *arena;
    const char *value; /* what our key in Redis holds */
    int64_t ttl_ms;
    struct cancel *cancel; /* the owner's */
    struct cancel *stop;   /* ends the renewal */
    pthread_t renewal;
    bool renewing;
    pthread_mutex_t mutex; /* over the advisory connection: the renewal and the owner both ask it */
    struct advisory_guard advisory;
};

/* ---- The slot in this process ------------------------------------------------------------------------------------ */

static pthread_mutex_t slot_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct lock_holder slot; /* operation[0] is zero while free */

static bool slot_take(const struct lock_holder *ours, struct lock_holder *holder)
{
    pthread_mutex_lock(&slot_mutex);
    bool is_free = slot.operation[0] == '\0';
    if (is_free)
        slot = *ours;
    else
        *holder = slot;
    pthread_mutex_unlock(&slot_mutex);
    return is_free;
}

static void slot_drop(void)
{
    pthread_mutex_lock(&slot_mutex);
    slot = (struct lock_holder){0};
    pthread_mutex_unlock(&slot_mutex);
}

/* ---- What the key in Redis says ---------------------------------------------------------------------------------- */

static const char *redis_value(struct arena *arena, const struct lock_holder *holder, const char *identity)
{
    char random[21];
    text_random(random, 20);
    json_t *value = json_pack("{s:i, s:s, s:s, s:s, s:I, s:s}", "hubport", 1, "owner", random, "operation",
                              holder->operation, "user", text_utf8(arena, holder->user), "since",
                              (json_int_t)holder->since_ms, "database", text_utf8(arena, identity));
    char *text = json_dumps(value, JSON_COMPACT);
    const char *kept = arena_strdup(arena, text);
    free(text);
    json_decref(value);
    return kept;
}

/* Whether a value is of a hubport that works on the same database. */
static bool is_of_same_database(const char *text, const char *identity)
{
    const char *theirs = "";
    json_t *value = text == NULL || identity[0] == '\0' ? NULL : json_loads(text, 0, NULL);
    bool same = json_unpack(value, "{s:s}", "database", &theirs) == 0 && strcmp(theirs, identity) == 0;
    json_decref(value);
    return same;
}

/* The holder behind a value; one that is not ours is the hub's: "<ms>-<random>". */
static void read_value(const char *text, struct lock_holder *holder)
{
    const char *operation = NULL, *user = NULL;
    json_int_t since = 0;
    json_t *value = text == NULL ? NULL : json_loads(text, 0, NULL);
    *holder = (struct lock_holder){.operation = "backup", .user = "the hub"};
    if (value != NULL
        && json_unpack(value, "{s:s, s:s, s:I}", "operation", &operation, "user", &user, "since", &since) == 0) {
        snprintf(holder->operation, sizeof holder->operation, "%s", operation);
        snprintf(holder->user, sizeof holder->user, "%s", user);
        text_cut_utf8(holder->user);
        holder->since_ms = since;
    } else if (text != NULL) {
        holder->since_ms = strtoll(text, NULL, 10);
    }
    json_decref(value);
}

/* ---- Renewal ----------------------------------------------------------------------------------------------------- */

static bool still_ours(struct backup_lock *lock, struct arena *arena, struct err *err)
{
    pthread_mutex_lock(&lock->mutex);
    bool held = advisory_guard_held(&lock->advisory, arena, err);
    pthread_mutex_unlock(&lock->mutex);
    if (!held) {
        struct err reason = *err;
        return err_set(err, ERR_LOCK_LOST, "the advisory lock's connection ended: %s", reason.words);
    }
    if (redis_guard_renew(lock->app->redis, arena, lock->value, lock->ttl_ms) == GUARD_OTHERS)
        return err_set(err, ERR_LOCK_LOST, "the key in Redis has another owner");
    return true;
}

static void *renew(void *context)
{
    struct backup_lock *lock = context;
    struct err err;
    bool held = true;
    while (held && cancel_sleep(lock->stop, (int)(lock->ttl_ms / 3), &err)) {
        struct arena *arena = arena_new();
        held = still_ours(lock, arena, &err);
        arena_free(arena);
    }
    if (!held) {
        log_event(LOG_ERROR, "lock.lost", "{s:s}", "error", err.words);
        cancel_fire(lock->cancel, ERR_LOCK_LOST);
    }
    return NULL;
}

/* ---- The lock ---------------------------------------------------------------------------------------------------- */

/* The advisory lock first: whoever has it and finds a key of another hubport on the same database knows that its owner
 * is dead, because every living one holds the advisory lock. */
static bool take_shared_guards(struct backup_lock *lock, const struct lock_holder *ours, struct lock_holder *holder,
                               struct err *err)
{
    const char *other;
    struct redis *redis = lock->app->redis;
    if (!advisory_guard_take(lock->app, ours, lock->arena, &lock->advisory, holder, err))
        return false;
    lock->value = redis_value(lock->arena, ours, lock->advisory.identity);
    if (redis_guard_take(redis, lock->arena, lock->value, lock->ttl_ms, &other) != GUARD_OTHERS)
        return true;
    if (is_of_same_database(other, lock->advisory.identity)
        && redis_guard_replace(redis, lock->arena, other, lock->value, lock->ttl_ms)) {
        log_event(LOG_WARN, "lock.taken_over", "{s:s}", "from", text_utf8(lock->arena, other));
        return true;
    }
    read_value(other, holder);
    return err_set(err, ERR_BACKUP_BUSY, "the key in Redis is held by %s (%s)", holder->user, holder->operation);
}

struct backup_lock *backup_lock_acquire(struct app *app, const char *operation, const char *user, struct cancel *cancel,
                                        struct lock_holder *holder, struct err *err)
{
    struct lock_holder ours = {.since_ms = clock_wall_ms()};
    snprintf(ours.operation, sizeof ours.operation, "%s", operation);
    snprintf(ours.user, sizeof ours.user, "%s", user);
    text_cut_utf8(ours.user);
    if (!slot_take(&ours, holder)) {
        err_set(err, ERR_BACKUP_BUSY, "held in this process by %s (%s)", holder->user, holder->operation);
        return NULL;
    }

    struct arena *arena = arena_new();
    struct backup_lock *lock = arena_alloc(arena, sizeof *lock);
    *lock = (struct backup_lock){
        .app = app, .arena = arena, .cancel = cancel, .ttl_ms = config_ms(app->config, SETTING_LOCK_TTL)};
    pthread_mutex_init(&lock->mutex, NULL);
    lock->stop = cancel_new();
    if (!take_shared_guards(lock, &ours, holder, err)) {
        backup_lock_release(lock);
        return NULL;
    }
    lock->renewing = pthread_create(&lock->renewal, NULL, renew, lock) == 0;
    if (!lock->renewing) {
        err_set(err, ERR_SYSTEM, "no thread for the lock's renewal");
        backup_lock_release(lock);
        return NULL;
    }
    return lock;
}

bool backup_lock_held(struct backup_lock *lock, struct err *err)
{
    struct arena *arena = arena_new();
    bool held = cancel_check(lock->cancel, err) && still_ours(lock, arena, err);
    arena_free(arena);
    return held;
}

bool backup_lock_allows_switch(const struct backup_lock *lock)
{
    return !lock->advisory.in_live_database;
}

void backup_lock_release(struct backup_lock *lock)
{
    if (lock == NULL)
        return;
    cancel_fire(lock->stop, ERR_CANCELLED);
    if (lock->renewing)
        pthread_join(lock->renewal, NULL);
    if (lock->advisory.conn != NULL) {
        redis_guard_drop(lock->app->redis, lock->arena, lock->value);
        advisory_guard_drop(&lock->advisory, lock->arena);
    }
    slot_drop();
    pthread_mutex_destroy(&lock->mutex);
    cancel_free(lock->stop);
    arena_free(lock->arena);
}

bool backup_lock_peek(struct app *app, struct lock_holder *holder)
{
    pthread_mutex_lock(&slot_mutex);
    *holder = slot;
    pthread_mutex_unlock(&slot_mutex);
    if (holder->operation[0] != '\0')
        return true;
    struct arena *arena = arena_new();
    const char *value = redis_guard_peek(app->redis, arena);
    bool found = value != NULL;
    if (found)
        read_value(value, holder);
    else
        found = advisory_guard_peek(app, arena, holder);
    arena_free(arena);
    return found;
}

bool backup_lock_abandoned(struct app *app)
{
    struct lock_holder holder;
    struct arena *arena = arena_new();
    const char *text = redis_guard_peek(app->redis, arena);
    json_t *value = text == NULL ? NULL : json_loads(text, 0, NULL);
    bool found = json_object_get(value, "hubport") != NULL && !advisory_guard_peek(app, arena, &holder);
    json_decref(value);
    arena_free(arena);
    return found;
}
