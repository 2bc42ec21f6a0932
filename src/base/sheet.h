/* CSV (RFC 4180) as spreadsheets read and write it, by libcsv.
 *
 * A cell that begins with = + - @ or a control character would be taken for a formula: it is written with an
 * apostrophe in front, and so is one that begins with an apostrophe; reading takes that off again.
 */
#ifndef BASE_SHEET_H
#define BASE_SHEET_H

#include "base/arena.h"
#include "base/err.h"

#define SHEET_BOM "\xEF\xBB\xBF" /* tells Excel that it is UTF-8 */

struct sheet_row {
    size_t line;        /* where it begins, from 1 */
    const char **cells; /* without quotes and apostrophes */
    size_t count;
};

struct sheet {
    struct sheet_row *rows; /* the header is the first one; empty lines are left out */
    size_t count;
};

/* The whole text, with or without the mark in front, cells separated by commas, or by semicolons when the first line
 * has no comma. In the arena. MALFORMED_BODY says the line. */
bool sheet_read(struct arena *arena, const char *text, size_t size, struct sheet *sheet, struct err *err) MUST_CHECK;

/* One cell, quoted. In the arena. */
const char *sheet_cell(struct arena *arena, const char *text);

#endif
