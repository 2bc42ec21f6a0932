/* JSON as text: checked once, then walked in place. Numbers stay the digits that they came with (a double would not
 * keep them), and members stay in their order, repeated names included.
 *
 *     struct jtext root, key, value;
 *     if (!jtext_check(text, size, &root, &fault))
 *         ... fault.what at fault.line, fault.column
 *     struct jtext_walk walk = jtext_enter(root);
 *     while (jtext_next(&walk, &key, &value))
 *         ...
 *
 * Everything but jtext_check() takes only what it has let pass. The text must outlive its slices.
 */
#ifndef BASE_JTEXT_H
#define BASE_JTEXT_H

#include "base/arena.h"

#define JTEXT_DEPTH 64 /* deeper is refused */

enum jtext_kind { JTEXT_OBJECT, JTEXT_ARRAY, JTEXT_STRING, JTEXT_NUMBER, JTEXT_BOOL, JTEXT_NULL };

/* One value as it was written: a string with its quotes, a container with its brackets. */
struct jtext {
    const char *at; /* NULL: nothing */
    size_t size;
};

struct jtext_fault {
    const char *what;    /* English, technical */
    size_t line, column; /* from 1; the column counts characters */
};

/* Is it one JSON value (RFC 8259, UTF-8; a byte order mark before it is passed by)? */
bool jtext_check(const char *text, size_t size, struct jtext *root, struct jtext_fault *fault) MUST_CHECK;

enum jtext_kind jtext_kind(struct jtext value);

struct jtext_walk {
    const char *at, *end;
    bool object;
};

/* The members of an object, or the elements of an array (then `key` is nothing); of anything else there are none. */
struct jtext_walk jtext_enter(struct jtext container);
bool jtext_next(struct jtext_walk *walk, struct jtext *key, struct jtext *value);

/* The first member of that name; nothing when there is none, or `object` is no object. The name holds no escapes. */
struct jtext jtext_member(struct jtext object, const char *name);

/* A string's or key's characters, zero-terminated; `length` may be NULL. A \u0000 becomes a zero byte, half of a
 * surrogate pair U+FFFD: jtext_storable() tells. "" for what is no string. */
const char *jtext_string(struct arena *arena, struct jtext string, size_t *length);

/* The same into `out`, which may be the place of the string itself; returns the length, and writes no zero. */
size_t jtext_decode(struct jtext string, char *out);

/* Is it text that PostgreSQL's jsonb takes: no \u0000, no half of a surrogate pair? For any value. */
bool jtext_storable(struct jtext value);

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* A growing text. Owned by who made it ({0}); free(out.text). */
struct jtext_out {
    char *text;
    size_t size, room;
};

void jtext_put(struct jtext_out *out, const char *bytes, size_t size);
void jtext_puts(struct jtext_out *out, const char *text);
void jtext_reserve(struct jtext_out *out, size_t size);          /* room for so many bytes more, in one go */
void jtext_put_value(struct jtext_out *out, struct jtext value); /* without the space between its parts */
void jtext_put_string(struct jtext_out *out, const char *text);  /* UTF-8, quoted and escaped */

#endif
