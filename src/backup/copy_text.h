/* COPY text, as far as a merge must read it: lines, fields between tabs, and integers. Values are never unescaped: what
 * comes out of the archive goes into the database as it is.
 *
 * A raw newline ends a row and a raw tab a field; inside values both are escaped. A line that is just "\." ends the
 * data.
 */
#ifndef BACKUP_COPY_TEXT_H
#define BACKUP_COPY_TEXT_H

#include "base/err.h"

/* The field (from 0) of a line without its newline; false when the line has fewer. */
bool copy_text_field(const char *line, size_t size, size_t field, const char **start, size_t *length) MUST_CHECK;

/* True for what PostgreSQL writes for an integer of up to 8 bytes, and nothing else: no spaces, signs or zeros too
 * many, escapes, or \N. */
bool copy_text_integer(const char *field, size_t length, int64_t *value) MUST_CHECK;

/* Gathers pieces of text, cut anywhere, into runs of whole lines. */
struct copy_text {
    char *buffer;
    size_t capacity, used;
    bool in_long_line; /* a line longer than the buffer is passing through */
    bool ended;        /* "\." was met; what follows is dropped */
    /* Gets whole lines, each with its newline, never "\."; or pieces of one line that is longer than the buffer,
     * `whole` false: the last piece ends with its newline. */
    bool (*take)(void *context, const char *text, size_t size, bool whole, struct err *err);
    void *context;
};

void copy_text_begin(struct copy_text *text, size_t capacity,
                     bool (*take)(void *context, const char *text, size_t size, bool whole, struct err *err),
                     void *context);
bool copy_text_add(struct copy_text *text, const void *bytes, size_t size, struct err *err) MUST_CHECK;
bool copy_text_end(struct copy_text *text, struct err *err) MUST_CHECK; /* gives what is left, ended by "\." or not */
void copy_text_free(struct copy_text *text);

#endif
