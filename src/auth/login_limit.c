/* Entries are in a hash table (chains by index) and in one of two lists, plain or locked, each ordered by when an entry
 * came into it or was last used; the head of a list is the oldest. */
#include "auth/login_limit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <time.h>

#define ADDRESS_SIZE 64
#define NONE UINT32_MAX
#define BUCKETS 16384 /* a power of two */
#define WAIT_S 10     /* for tries under way, before a try is sent away */

struct entry {
    char address[ADDRESS_SIZE];
    int64_t wrong[LOGIN_LIMIT_TRIES]; /* times of the last wrong tries, a ring */
    unsigned next_wrong;
    unsigned count;        /* valid ones in the ring */
    unsigned under_way;    /* tries begun and not ended */
    int64_t locked_until;  /* 0: in the plain list, else in the locked one */
    uint32_t chain;        /* next of the same bucket */
    uint32_t older, newer; /* in its list */
};

struct list {
    uint32_t oldest, newest;
};

struct login_limit {
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    unsigned char hash_key[crypto_shorthash_KEYBYTES]; /* addresses are chosen by strangers */
    uint32_t capacity, used;
    uint32_t buckets[BUCKETS];
    struct list plain, locked;
    struct entry entries[];
};

struct login_limit *login_limit_new(size_t addresses)
{
    struct login_limit *limit = calloc(1, sizeof *limit + addresses * sizeof limit->entries[0]);
    pthread_condattr_t monotonic;
    if (limit == NULL)
        abort();
    limit->capacity = (uint32_t)addresses;
    limit->plain = limit->locked = (struct list){NONE, NONE};
    for (size_t i = 0; i < BUCKETS; i++)
        limit->buckets[i] = NONE;
    crypto_shorthash_keygen(limit->hash_key);
    pthread_mutex_init(&limit->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&limit->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return limit;
}

void login_limit_free(struct login_limit *limit)
{
    if (limit == NULL)
        return;
    pthread_cond_destroy(&limit->ended);
    pthread_mutex_destroy(&limit->mutex);
    free(limit);
}

/* ---- The table and the lists ------------------------------------------------------------------------------------- */

static struct list *list_of(struct login_limit *limit, const struct entry *entry)
{
    return entry->locked_until == 0 ? &limit->plain : &limit->locked;
}

static void unlink_entry(struct login_limit *limit, uint32_t index)
{
    struct entry *entry = &limit->entries[index];
    struct list *list = list_of(limit, entry);
    *(entry->older == NONE ? &list->oldest : &limit->entries[entry->older].newer) = entry->newer;
    *(entry->newer == NONE ? &list->newest : &limit->entries[entry->newer].older) = entry->older;
}

static void link_newest(struct login_limit *limit, uint32_t index)
{
    struct entry *entry = &limit->entries[index];
    struct list *list = list_of(limit, entry);
    entry->older = list->newest;
    entry->newer = NONE;
    *(list->newest == NONE ? &list->oldest : &limit->entries[list->newest].newer) = index;
    list->newest = index;
}

static uint32_t *bucket_of(struct login_limit *limit, const char *address)
{
    uint64_t hash;
    unsigned char bytes[crypto_shorthash_BYTES];
    crypto_shorthash(bytes, (const unsigned char *)address, strlen(address), limit->hash_key);
    memcpy(&hash, bytes, sizeof hash);
    return &limit->buckets[hash & (BUCKETS - 1)];
}

static uint32_t find(struct login_limit *limit, const char *address)
{
    uint32_t index = *bucket_of(limit, address);
    while (index != NONE && strcmp(limit->entries[index].address, address) != 0)
        index = limit->entries[index].chain;
    return index;
}

static void forget(struct login_limit *limit, uint32_t index)
{
    uint32_t *at = bucket_of(limit, limit->entries[index].address);
    while (*at != index)
        at = &limit->entries[*at].chain;
    *at = limit->entries[index].chain;
    unlink_entry(limit, index);
}

/* The oldest of a list that has no try under way: such a one is needed by login_limit_end(). */
static uint32_t oldest_idle(const struct login_limit *limit, const struct list *list)
{
    uint32_t index = list->oldest;
    while (index != NONE && limit->entries[index].under_way > 0)
        index = limit->entries[index].newer;
    return index;
}

static uint32_t make_room(struct login_limit *limit, int64_t now_ms)
{
    if (limit->used < limit->capacity)
        return limit->used++;
    uint32_t index = limit->locked.oldest; /* the first to be unlocked: all are locked for equally long */
    if (index == NONE || limit->entries[index].locked_until > now_ms || limit->entries[index].under_way > 0)
        index = oldest_idle(limit, &limit->plain);
    if (index == NONE)
        index = oldest_idle(limit, &limit->locked);
    if (index != NONE)
        forget(limit, index);
    return index;
}

static uint32_t find_or_add(struct login_limit *limit, const char *address, int64_t now_ms)
{
    uint32_t index = find(limit, address);
    if (index != NONE)
        return index;
    index = make_room(limit, now_ms);
    if (index == NONE)
        return NONE;
    uint32_t *bucket = bucket_of(limit, address);
    struct entry *entry = &limit->entries[index];
    *entry = (struct entry){.chain = *bucket};
    snprintf(entry->address, sizeof entry->address, "%s", address);
    *bucket = index;
    link_newest(limit, index);
    return index;
}

/* ---- Counting ---------------------------------------------------------------------------------------------------- */

/* Wrong tries within the window. */
static unsigned recent_wrong(const struct entry *entry, int64_t now_ms)
{
    unsigned recent = 0;
    for (unsigned i = 0; i < entry->count; i++)
        if (now_ms - entry->wrong[i] < LOGIN_LIMIT_WINDOW_MS)
            recent++;
    return recent;
}

static void unlock_if_due(struct login_limit *limit, uint32_t index, int64_t now_ms)
{
    struct entry *entry = &limit->entries[index];
    if (entry->locked_until == 0 || entry->locked_until > now_ms)
        return;
    unlink_entry(limit, index);
    entry->locked_until = 0;
    entry->count = entry->next_wrong = 0;
    link_newest(limit, index);
}

static void count_wrong(struct login_limit *limit, uint32_t index, int64_t now_ms)
{
    struct entry *entry = &limit->entries[index];
    entry->wrong[entry->next_wrong] = now_ms;
    entry->next_wrong = (entry->next_wrong + 1) % LOGIN_LIMIT_TRIES;
    entry->count = MIN(entry->count + 1, (unsigned)LOGIN_LIMIT_TRIES);
    unlink_entry(limit, index);
    if (entry->locked_until == 0 && recent_wrong(entry, now_ms) >= LOGIN_LIMIT_TRIES)
        entry->locked_until = now_ms + LOGIN_LIMIT_LOCK_MS;
    link_newest(limit, index);
}

static bool begin_locked(struct login_limit *limit, const char *address, int64_t now_ms, int64_t *wait_ms)
{
    struct timespec until;
    uint32_t index = NONE;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    for (;;) {
        /* Anew after each wait: the entry may have been forgotten and made again. */
        index = find_or_add(limit, address, now_ms);
        *wait_ms = 1000;
        if (index == NONE)
            return false; /* tries under way from as many addresses as are remembered */
        struct entry *entry = &limit->entries[index];
        unlock_if_due(limit, index, now_ms);
        if (entry->locked_until != 0) {
            *wait_ms = entry->locked_until - now_ms;
            return false;
        }
        if (recent_wrong(entry, now_ms) + entry->under_way < LOGIN_LIMIT_TRIES)
            break;
        if (pthread_cond_timedwait(&limit->ended, &limit->mutex, &until) == ETIMEDOUT)
            return false;
    }
    limit->entries[index].under_way++;
    return true;
}

/* Who tries: an IPv4 address, or the /64 network of an IPv6 one, because one customer has all addresses of it. Longer
 * texts than an address can be are told apart by their start only. */
static const char *normal(const char *address, char buffer[ADDRESS_SIZE])
{
    struct in6_addr bytes;
    snprintf(buffer, ADDRESS_SIZE, "%s", address == NULL ? "" : address);
    if (inet_pton(AF_INET6, buffer, &bytes) == 1) {
        memset(bytes.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &bytes, buffer, ADDRESS_SIZE);
    }
    return buffer;
}

bool login_limit_begin(struct login_limit *limit, const char *address, int64_t now_ms, int64_t *wait_ms)
{
    char buffer[ADDRESS_SIZE];
    pthread_mutex_lock(&limit->mutex);
    bool allowed = begin_locked(limit, normal(address, buffer), now_ms, wait_ms);
    pthread_mutex_unlock(&limit->mutex);
    return allowed;
}

void login_limit_end(struct login_limit *limit, const char *address, int64_t now_ms, enum login_outcome outcome)
{
    char buffer[ADDRESS_SIZE];
    pthread_mutex_lock(&limit->mutex);
    uint32_t index = find(limit, normal(address, buffer));
    struct entry *entry = &limit->entries[index]; /* there: entries with tries under way are not forgotten */
    entry->under_way--;
    if (outcome == LOGIN_WRONG)
        count_wrong(limit, index, now_ms);
    else if (outcome == LOGIN_RIGHT)
        entry->count = entry->next_wrong = 0;
    pthread_cond_broadcast(&limit->ended);
    pthread_mutex_unlock(&limit->mutex);
}
