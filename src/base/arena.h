/* Arena: memory that is released all at once.
 *
 * Whoever starts a request or a job makes an arena, passes it down and frees it at the end; what lives in it is never
 * freed alone. Not thread-safe: one arena belongs to one thread at a time. Running out of memory ends the process
 * (abort): there is nothing useful that a half-served request could do.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/macros.h"

#include <stdarg.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is ignored */

void *arena_alloc(struct arena *arena, size_t size);       /* zeroed, aligned for any type, never NULL */
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* A growing array: makes room for one more element of `size` bytes in `*items`, which holds `count`, and returns the
 * new element's address, zeroed. Capacity is implied by the count (powers of two from 8), so nothing else is stored. */
void *arena_push(struct arena *arena, void *items, size_t count, size_t size);

#endif
