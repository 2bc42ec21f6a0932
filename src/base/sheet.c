#include "base/sheet.h"

#include "base/text.h"

#include <csv.h>
#include <string.h>

#define CELL_STEP (64 * KIB) /* a cell's memory grows by it */

struct reading {
    struct arena *arena;
    struct sheet *sheet;
    struct sheet_row row;
    size_t line; /* of the row's beginning */
    size_t next; /* of what follows */
};

static bool is_formula(char first)
{
    return first != '\0' && strchr("=+-@\t\r\n'", first) != NULL;
}

static void take_cell(void *text, size_t size, void *context)
{
    struct reading *reading = context;
    const char *cell = text == NULL ? "" : text;
    if (cell[0] == '\'' && is_formula(cell[1])) {
        cell++;
        size--;
    }
    for (size_t i = 0; i < size; i++)
        reading->next += cell[i] == '\n';
    *(const char **)arena_push(reading->arena, &reading->row.cells, reading->row.count++, sizeof(char *)) =
        arena_strndup(reading->arena, cell, size);
}

static void end_row(int end, void *context)
{
    struct reading *reading = context;
    struct sheet *sheet = reading->sheet;
    reading->row.line = reading->line;
    if (reading->row.count > 1 || (reading->row.count == 1 && reading->row.cells[0][0] != '\0'))
        *(struct sheet_row *)arena_push(reading->arena, &sheet->rows, sheet->count++, sizeof *sheet->rows) =
            reading->row;
    reading->row = (struct sheet_row){0};
    reading->next += end == '\n';
    reading->line = reading->next;
}

static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static bool malformed(struct err *err, size_t line, const char *words)
{
    return err_set(err, ERR_MALFORMED_BODY, "line %zu: %s", line, words);
}

static bool parse(struct reading *reading, const char *text, size_t size, struct err *err)
{
    struct csv_parser parser;
    size_t first = strcspn(text, "\r\n");
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_REPALL_NL) != 0)
        abort();
    csv_set_space_func(&parser, no_space); /* blanks around a cell are its own */
    csv_set_blk_size(&parser, CELL_STEP);
    if (memchr(text, ',', first) == NULL && memchr(text, ';', first) != NULL)
        csv_set_delim(&parser, ';');
    bool ok = csv_parse(&parser, text, size, take_cell, end_row, reading) == size
              && csv_fini(&parser, take_cell, end_row, reading) == 0;
    csv_free(&parser);
    return ok
           || malformed(err, reading->line, "a quotation mark is not closed, or stands inside a cell without quotes");
}

bool sheet_read(struct arena *arena, const char *text, size_t size, struct sheet *sheet, struct err *err)
{
    struct reading reading = {.arena = arena, .sheet = sheet, .line = 1, .next = 1};
    *sheet = (struct sheet){0};
    if (size >= 3 && memcmp(text, SHEET_BOM, 3) == 0) {
        text += 3;
        size -= 3;
    }
    if (!text_is_utf8(text, size) || memchr(text, '\0', size) != NULL)
        return err_set(err, ERR_MALFORMED_BODY, "the file is not UTF-8; save it as \"CSV UTF-8\"");
    return parse(&reading, arena_strndup(arena, text, size), size, err);
}

const char *sheet_cell(struct arena *arena, const char *text)
{
    const char *plain = is_formula(text[0]) ? arena_printf(arena, "'%s", text) : text;
    size_t size = csv_write(NULL, 0, plain, strlen(plain));
    char *cell = arena_alloc(arena, size + 1);
    csv_write(cell, size, plain, strlen(plain));
    return cell;
}
