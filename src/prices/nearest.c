#include "prices/nearest.h"

#include <ctype.h>

/* Pairs of letters, as bits: how many two names share tells how alike they are, and takes a few instructions. */
#define WORDS 4
#define BITS (64 * WORDS)
#define MIN_LIKENESS 0.4 /* Dice's coefficient, 0 to 1 */

struct pairs {
    uint64_t bits[WORDS];
    int count;
};

struct nearest {
    const char *const *names;
    struct pairs *pairs;
    size_t count;
};

/* Letters and digits of the last part of the path, lower case; every run of others is one separator. */
static struct pairs pairs_of(const char *name)
{
    struct pairs pairs = {0};
    const char *slash = strrchr(name, '/');
    unsigned char last = '-';
    for (const char *at = slash == NULL ? name : slash + 1; *at != '\0'; at++) {
        unsigned char now = isalnum((unsigned char)*at) || (unsigned char)*at >= 0x80
                                ? (unsigned char)tolower((unsigned char)*at)
                                : '-';
        if (now == '-' && last == '-')
            continue;
        unsigned bit = (last * 131U + now) * 2654435761U >> 16 & (BITS - 1);
        pairs.bits[bit / 64] |= UINT64_C(1) << bit % 64;
        last = now;
    }
    for (int i = 0; i < WORDS; i++)
        pairs.count += __builtin_popcountll(pairs.bits[i]);
    return pairs;
}

static double likeness(const struct pairs *a, const struct pairs *b)
{
    int shared = 0;
    for (int i = 0; i < WORDS; i++)
        shared += __builtin_popcountll(a->bits[i] & b->bits[i]);
    return a->count + b->count == 0 ? 0 : 2.0 * shared / (a->count + b->count);
}

struct nearest *nearest_new(struct arena *arena, const char *const *names, size_t count)
{
    struct nearest *nearest = arena_alloc(arena, sizeof *nearest);
    *nearest = (struct nearest){.names = names, .pairs = arena_alloc(arena, (count + 1) * sizeof *nearest->pairs)};
    nearest->count = count;
    for (size_t i = 0; i < count; i++)
        nearest->pairs[i] = pairs_of(names[i]);
    return nearest;
}

size_t nearest_find(const struct nearest *nearest, const char *name, const char *found[NEAREST_MAX])
{
    double best[NEAREST_MAX];
    size_t count = 0;
    struct pairs pairs = pairs_of(name);
    for (size_t i = 0; i < nearest->count; i++) {
        double alike = likeness(&pairs, &nearest->pairs[i]);
        if (alike < MIN_LIKENESS || strcmp(nearest->names[i], name) == 0)
            continue;
        size_t place = count;
        /* Of two that are as alike the shorter one is the plainer. */
        while (place > 0
               && (alike > best[place - 1]
                   || (alike == best[place - 1] && strlen(nearest->names[i]) < strlen(found[place - 1]))))
            place--;
        if (place == NEAREST_MAX)
            continue;
        count = MIN(count + 1, (size_t)NEAREST_MAX);
        for (size_t j = count - 1; j > place; j--) {
            best[j] = best[j - 1];
            found[j] = found[j - 1];
        }
        best[place] = alike;
        found[place] = nearest->names[i];
    }
    return count;
}
