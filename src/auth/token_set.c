#include "auth/token_set.h"

#include <pthread.h>
#include <sodium.h>

struct entry {
    unsigned char hash[crypto_hash_sha256_BYTES];
    int64_t expires_ms;
};

/* An unordered array, searched from end to end: a few thousand short comparisons cost less than the request around
 * them. */
struct token_set {
    pthread_mutex_t mutex;
    size_t capacity, count;
    struct entry entries[];
};

struct token_set *token_set_new(size_t capacity)
{
    struct token_set *set = calloc(1, sizeof *set + capacity * sizeof set->entries[0]);
    if (set == NULL)
        abort();
    set->capacity = capacity;
    pthread_mutex_init(&set->mutex, NULL);
    return set;
}

void token_set_free(struct token_set *set)
{
    if (set == NULL)
        return;
    pthread_mutex_destroy(&set->mutex);
    free(set);
}

static void remove_at(struct token_set *set, size_t index)
{
    set->entries[index] = set->entries[--set->count];
}

static void drop_expired(struct token_set *set, int64_t now_ms)
{
    for (size_t i = set->count; i > 0; i--)
        if (set->entries[i - 1].expires_ms <= now_ms)
            remove_at(set, i - 1);
}

static struct entry *find(struct token_set *set, const char *token, int64_t now_ms)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)token, strlen(token));
    for (size_t i = 0; i < set->count; i++)
        if (set->entries[i].expires_ms > now_ms && sodium_memcmp(set->entries[i].hash, hash, sizeof hash) == 0)
            return &set->entries[i];
    return NULL;
}

void token_set_add(struct token_set *set, const char *token, int64_t now_ms, int64_t expires_ms)
{
    size_t soonest = 0;
    pthread_mutex_lock(&set->mutex);
    if (find(set, token, now_ms) != NULL)
        goto out;
    drop_expired(set, now_ms);
    if (set->count == set->capacity) {
        for (size_t i = 1; i < set->count; i++)
            if (set->entries[i].expires_ms < set->entries[soonest].expires_ms)
                soonest = i;
        remove_at(set, soonest);
    }
    struct entry *entry = &set->entries[set->count++];
    crypto_hash_sha256(entry->hash, (const unsigned char *)token, strlen(token));
    entry->expires_ms = expires_ms;
out:
    pthread_mutex_unlock(&set->mutex);
}

bool token_set_has(struct token_set *set, const char *token, int64_t now_ms)
{
    pthread_mutex_lock(&set->mutex);
    bool found = set->count > 0 && find(set, token, now_ms) != NULL;
    pthread_mutex_unlock(&set->mutex);
    return found;
}

bool token_set_take(struct token_set *set, const char *token, int64_t now_ms)
{
    pthread_mutex_lock(&set->mutex);
    struct entry *entry = find(set, token, now_ms);
    if (entry != NULL)
        remove_at(set, (size_t)(entry - set->entries));
    pthread_mutex_unlock(&set->mutex);
    return entry != NULL;
}
