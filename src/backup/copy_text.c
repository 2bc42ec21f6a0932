#include "backup/copy_text.h"

bool copy_text_field(const char *line, size_t size, size_t field, const char **start, size_t *length)
{
    const char *at = line, *end = line + size;
    for (size_t i = 0; i < field; i++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        if (tab == NULL)
            return false;
        at = tab + 1;
    }
    const char *tab = memchr(at, '\t', (size_t)(end - at));
    *start = at;
    *length = (size_t)((tab == NULL ? end : tab) - at);
    return true;
}

bool copy_text_integer(const char *field, size_t length, int64_t *value)
{
    bool negative = length > 0 && field[0] == '-';
    const char *digits = field + negative;
    size_t count = length - negative;
    uint64_t number = 0, limit = (uint64_t)INT64_MAX + negative;
    if (count == 0 || count > 19 || (digits[0] == '0' && (count > 1 || negative)))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(digits[i] - '0');
    }
    if (number > limit)
        return false;
    *value = negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

void copy_text_begin(struct copy_text *text, size_t capacity,
                     bool (*take)(void *context, const char *text, size_t size, bool whole, struct err *err),
                     void *context)
{
    *text = (struct copy_text){.capacity = capacity, .take = take, .context = context, .buffer = malloc(capacity)};
    if (text->buffer == NULL)
        abort();
}

void copy_text_free(struct copy_text *text)
{
    free(text->buffer);
    text->buffer = NULL;
}

/* The bytes of the whole lines at the buffer's beginning, up to the line that ends the data. */
static size_t whole_lines(struct copy_text *text, size_t *consumed)
{
    size_t at = 0;
    while (at < text->used) {
        const char *line = text->buffer + at;
        const char *newline = memchr(line, '\n', text->used - at);
        if (newline == NULL)
            break;
        size_t length = (size_t)(newline - line);
        if (length == 2 && memcmp(line, "\\.", 2) == 0) {
            text->ended = true;
            *consumed = text->used;
            return at;
        }
        at += length + 1;
    }
    *consumed = at;
    return at;
}

/* The buffer is full, or nothing more comes. */
static bool give(struct copy_text *text, struct err *err)
{
    if (text->in_long_line) {
        const char *newline = memchr(text->buffer, '\n', text->used);
        size_t size = newline == NULL ? text->used : (size_t)(newline - text->buffer) + 1;
        text->in_long_line = newline == NULL;
        if (!text->take(text->context, text->buffer, size, false, err))
            return false;
        text->used -= size;
        memmove(text->buffer, text->buffer + size, text->used);
        return true;
    }
    size_t consumed, size = whole_lines(text, &consumed);
    if (size > 0 && !text->take(text->context, text->buffer, size, true, err))
        return false;
    text->used -= consumed;
    memmove(text->buffer, text->buffer + consumed, text->used);
    text->in_long_line = text->used == text->capacity;
    return true;
}

bool copy_text_add(struct copy_text *text, const void *bytes, size_t size, struct err *err)
{
    for (const char *at = bytes; size > 0 && !text->ended;) {
        size_t piece = MIN(size, text->capacity - text->used);
        memcpy(text->buffer + text->used, at, piece);
        text->used += piece;
        at += piece;
        size -= piece;
        if (text->used == text->capacity && !give(text, err))
            return false;
    }
    return true;
}

bool copy_text_end(struct copy_text *text, struct err *err)
{
    while (text->used > 0 && !text->ended) {
        size_t before = text->used;
        if (!give(text, err))
            return false;
        if (text->used == before && !text->in_long_line)
            return err_set(err, ERR_ARCHIVE_DAMAGED, "the last row has no end");
    }
    return !text->in_long_line || err_set(err, ERR_ARCHIVE_DAMAGED, "the last row has no end");
}
