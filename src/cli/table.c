#include "cli/table.h"

#include <stdio.h>

/* Bytes of the UTF-8 character at `text`, and how many columns it takes: everything from U+2E80 on counts as wide. */
static size_t character(const char *text, int *columns)
{
    unsigned char first = (unsigned char)*text;
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    *columns = size == 4 || (size == 3 && first >= 0xe2 && !(first == 0xe2 && (unsigned char)text[1] < 0xba)) ? 2 : 1;
    return size;
}

void table_cell(const char *text, int width)
{
    int used = 0, columns;
    for (size_t size; *text != '\0'; text += size) {
        size = character(text, &columns);
        if (used + columns > width)
            break;
        /* A name must not steer the terminal. */
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            putchar('?');
        else
            fwrite(text, 1, size, stdout);
        used += columns;
    }
    printf("%*s", width - used + 1, "");
}

const char *table_plain(struct arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    for (char *at = copy; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    return copy;
}
