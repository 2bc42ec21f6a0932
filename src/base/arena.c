#include "base/arena.h"

#include <stdalign.h>

#define BLOCK_SIZE ((size_t)8 * 1024)

struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *head;
};

static void *must_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        abort();
    return memory;
}

struct arena *arena_new(void)
{
    return must_calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    for (struct block *block = arena->head; block != NULL;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *block = arena->head;
    if (need < size)
        abort();
    if (block == NULL || block->size - block->used < need) {
        size_t room = MAX(need, BLOCK_SIZE);
        block = must_calloc(1, sizeof(struct block) + room);
        block->size = room;
        block->next = arena->head;
        arena->head = block;
    }
    void *memory = block->bytes + block->used;
    block->used += need;
    return memory;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        abort();
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void *arena_push(struct arena *arena, void *items, size_t count, size_t size)
{
    void **array = items;
    bool full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);
    if (full) {
        void *larger = arena_alloc(arena, MAX(count * 2, (size_t)8) * size);
        if (count > 0)
            memcpy(larger, *array, count * size);
        *array = larger;
    }
    return (char *)*array + count * size;
}
