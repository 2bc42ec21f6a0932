/* PostgreSQL's lexical rules: SQL text cut into words, names, strings and symbols. Nothing is parsed beyond that.
 *
 * For SQL that somebody else wrote, to know what the server will see in it: where strings, dollar quotes and (nested)
 * comments end, and so how many statements there are. It holds for standard_conforming_strings = on and for client
 * encodings in which bytes below 128 are always themselves (UTF8, SQL_ASCII). What versions of PostgreSQL read in
 * different ways, and what pg_dump never writes (U& escapes, parameters, names over 63 bytes, a string continued on
 * another line after E'', numbers that run into letters, control characters), is an error rather than a guess.
 */
#ifndef BACKUP_SQL_TEXT_H
#define BACKUP_SQL_TEXT_H

#include "base/arena.h"

#define SQL_MAX_TOKENS 100000

enum sql_kind {
    SQL_WORD,   /* unquoted, in lower case: a keyword or a name */
    SQL_NAME,   /* quoted; text without the quotes */
    SQL_STRING, /* as written, with prefix and quotes; dollar quotes too */
    SQL_NUMBER,
    SQL_SYMBOL, /* ( ) [ ] , ; : . or an operator */
};

struct sql_token {
    enum sql_kind kind;
    const char *text;
};

struct sql_text {
    struct sql_token *tokens;
    size_t count;
    const char *error; /* NULL: understood, to the end */
};

struct sql_text sql_read(const char *text, struct arena *arena);

/* The same tokens: spaces and comments do not count. False when one of them was not understood. */
bool sql_same(const struct sql_text *left, const struct sql_text *right);

bool sql_is_word(const struct sql_token *token, const char *word); /* a keyword: unquoted */
bool sql_is_symbol(const struct sql_token *token, char symbol);
bool sql_is_name(const struct sql_token *token); /* a word or a quoted name */

/* The value of a plain 'string'; NULL for other kinds of strings. */
const char *sql_string_value(const struct sql_token *token, struct arena *arena);

#endif
