/* Any bytes as CSV: what is read is UTF-8 without zero bytes, and written cell by cell it is read again as it was; no
 * cell that is written begins as a formula. */
#include "base/sheet.h"
#include "base/text.h"
#include "fuzz/must.h"

#include <string.h>

#define CELLS_MAX 2000

static const char *written(const struct sheet *sheet, struct arena *arena)
{
    const char *text = "\"a\",\"b\"\r\n"; /* says that commas separate */
    for (size_t i = 0; i < sheet->count; i++)
        for (size_t j = 0; j < sheet->rows[i].count; j++) {
            const char *cell = sheet_cell(arena, sheet->rows[i].cells[j]);
            must(cell[0] == '"' && strchr("=+-@\t\r\n", cell[1]) == NULL);
            text = arena_printf(arena, "%s%s%s", text, cell, j + 1 < sheet->rows[i].count ? "," : "\r\n");
        }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena = arena_new();
    struct sheet sheet, again;
    struct err err = ERR_NONE_YET;
    size_t cells = 0;
    bool ok = sheet_read(arena, size == 0 ? "" : (const char *)bytes, size, &sheet, &err);
    must(ok || err.code == ERR_MALFORMED_BODY);
    for (size_t i = 0; ok && i < sheet.count; i++) {
        must(sheet.rows[i].count > 0 && sheet.rows[i].line > 0);
        must(i == 0 || sheet.rows[i].line >= sheet.rows[i - 1].line); /* a lone CR ends a row, and no line */
        cells += sheet.rows[i].count;
        for (size_t j = 0; j < sheet.rows[i].count; j++)
            must(text_is_utf8(sheet.rows[i].cells[j], strlen(sheet.rows[i].cells[j])));
    }
    if (ok && cells <= CELLS_MAX) {
        const char *text = written(&sheet, arena);
        must(sheet_read(arena, text, strlen(text), &again, &err) && again.count == sheet.count + 1);
        for (size_t i = 0; i < sheet.count; i++) {
            must(again.rows[i + 1].count == sheet.rows[i].count);
            for (size_t j = 0; j < sheet.rows[i].count; j++)
                must(strcmp(again.rows[i + 1].cells[j], sheet.rows[i].cells[j]) == 0);
        }
    }
    arena_free(arena);
    return 0;
}
