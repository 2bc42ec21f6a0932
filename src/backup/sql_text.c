#include "backup/sql_text.h"

#include "base/text.h"

#include <ctype.h>

#define MAX_NAME_BYTES 63
#define OPERATOR_CHARACTERS "+-*/<>=~!@#%^&|`?"

struct lexer {
    const char *at;
    struct arena *arena;
    struct sql_text text;
    bool escaped_string; /* the last token was E'': a string on the next line would go on in its rules */
};

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool continues_name(char c)
{
    return starts_name(c) || isdigit((unsigned char)c) || c == '$';
}

static bool fail(struct lexer *lexer, const char *why)
{
    lexer->text.error = why;
    return false;
}

static bool add(struct lexer *lexer, enum sql_kind kind, const char *text)
{
    if (lexer->text.count == SQL_MAX_TOKENS)
        return fail(lexer, "is too long to be checked");
    struct sql_token *token =
        arena_push(lexer->arena, &lexer->text.tokens, lexer->text.count, sizeof *lexer->text.tokens);
    *token = (struct sql_token){kind, text};
    lexer->text.count++;
    lexer->escaped_string = kind == SQL_STRING && tolower((unsigned char)text[0]) == 'e';
    return true;
}

static bool skip_block_comment(struct lexer *lexer)
{
    int depth = 0;
    do {
        if (lexer->at[0] == '\0')
            return fail(lexer, "has a comment without an end");
        bool opens = lexer->at[0] == '/' && lexer->at[1] == '*', closes = lexer->at[0] == '*' && lexer->at[1] == '/';
        depth += opens ? 1 : closes ? -1 : 0;
        lexer->at += opens || closes ? 2 : 1;
    } while (depth > 0);
    return true;
}

static bool skip_space(struct lexer *lexer)
{
    for (;;) {
        if (lexer->at[0] != '\0' && strchr(" \t\n\r\f", lexer->at[0]) != NULL) {
            lexer->at++;
        } else if (lexer->at[0] == '-' && lexer->at[1] == '-') {
            lexer->at += strcspn(lexer->at, "\r\n");
        } else if (lexer->at[0] == '/' && lexer->at[1] == '*') {
            if (!skip_block_comment(lexer))
                return false;
        } else {
            return true;
        }
    }
}

/* `start` is where the prefix begins, `quote` the opening quote. */
static bool take_string(struct lexer *lexer, const char *start, const char *quote, bool escapes)
{
    const char *at = quote + 1;
    for (; at[0] != '\0'; at++) {
        if (escapes && at[0] == '\\' && at[1] != '\0')
            at++;
        else if (at[0] == '\'' && at[1] == '\'')
            at++;
        else if (at[0] == '\'')
            break;
    }
    if (at[0] == '\0')
        return fail(lexer, "has a string without an end");
    lexer->at = at + 1;
    return add(lexer, SQL_STRING, arena_strndup(lexer->arena, start, (size_t)(lexer->at - start)));
}

static bool take_quoted_name(struct lexer *lexer)
{
    char name[MAX_NAME_BYTES + 1];
    size_t used = 0;
    const char *at = lexer->at + 1;
    for (; at[0] != '\0' && !(at[0] == '"' && at[1] != '"'); at++) {
        at += at[0] == '"';
        if (used == MAX_NAME_BYTES)
            return fail(lexer, "has a name that is too long");
        name[used++] = *at;
    }
    if (at[0] == '\0' || used == 0)
        return fail(lexer, "has a name without an end or without a letter");
    lexer->at = at + 1;
    return add(lexer, SQL_NAME, arena_strndup(lexer->arena, name, used));
}

static bool take_word(struct lexer *lexer)
{
    const char *start = lexer->at;
    size_t length = 0;
    while (continues_name(start[length]))
        length++;
    char first = (char)tolower((unsigned char)start[0]);
    if (length == 1 && start[1] == '\'' && strchr("ebxn", first) != NULL)
        return take_string(lexer, start, start + 1, first == 'e');
    if (first == 'u' && length == 1 && start[1] == '&' && (start[2] == '\'' || start[2] == '"'))
        return fail(lexer, "has U& escapes");
    if (length > MAX_NAME_BYTES)
        return fail(lexer, "has a name that is too long");
    char *word = arena_strndup(lexer->arena, start, length);
    for (char *at = word; *at != '\0'; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + ('a' - 'A') : *at);
    lexer->at += length;
    return add(lexer, SQL_WORD, word);
}

static bool take_dollar_quote(struct lexer *lexer)
{
    const char *start = lexer->at, *at = start + 1;
    if (starts_name(*at))
        while (starts_name(*at) || isdigit((unsigned char)*at))
            at++;
    if (*at != '$')
        return fail(lexer, "has a parameter or a stray $");
    const char *tag = arena_strndup(lexer->arena, start, (size_t)(at + 1 - start));
    const char *end = strstr(at + 1, tag);
    if (end == NULL)
        return fail(lexer, "has a dollar quote without an end");
    lexer->at = end + strlen(tag);
    return add(lexer, SQL_STRING, arena_strndup(lexer->arena, start, (size_t)(lexer->at - start)));
}

static bool take_number(struct lexer *lexer)
{
    const char *start = lexer->at, *at = start;
    at += strspn(at, "0123456789");
    if (at[0] == '.')
        at += 1 + strspn(at + 1, "0123456789");
    if (tolower((unsigned char)at[0]) == 'e') {
        size_t sign = at[1] == '+' || at[1] == '-';
        size_t digits = strspn(at + 1 + sign, "0123456789");
        at += digits == 0 ? 0 : 1 + sign + digits;
    }
    if (continues_name(at[0]) || at[0] == '.')
        return fail(lexer, "has a number that runs into something else");
    lexer->at = at;
    return add(lexer, SQL_NUMBER, arena_strndup(lexer->arena, start, (size_t)(at - start)));
}

/* A run of these is an operator, which ends where a comment begins. */
static bool take_operator(struct lexer *lexer)
{
    const char *start = lexer->at;
    size_t length = 0;
    while (start[length] != '\0' && strchr(OPERATOR_CHARACTERS, start[length]) != NULL
           && !text_starts(start + length, "--") && !text_starts(start + length, "/*"))
        length++;
    lexer->at += length;
    return add(lexer, SQL_SYMBOL, arena_strndup(lexer->arena, start, length));
}

static bool take_token(struct lexer *lexer)
{
    char c = lexer->at[0];
    if (starts_name(c))
        return take_word(lexer);
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)lexer->at[1])))
        return take_number(lexer);
    if (c == '"')
        return take_quoted_name(lexer);
    if (c == '$')
        return take_dollar_quote(lexer);
    if (c == '\'' && lexer->escaped_string)
        return fail(lexer, "continues a string on another line");
    if (c == '\'')
        return take_string(lexer, lexer->at, lexer->at, false);
    if (strchr(OPERATOR_CHARACTERS, c) != NULL)
        return take_operator(lexer);
    if (strchr("()[],;:.", c) == NULL)
        return fail(lexer, "has a character that SQL does not have");
    lexer->at++;
    return add(lexer, SQL_SYMBOL, arena_strndup(lexer->arena, &c, 1));
}

struct sql_text sql_read(const char *text, struct arena *arena)
{
    struct lexer lexer = {.at = text, .arena = arena};
    while (skip_space(&lexer) && lexer.at[0] != '\0')
        if (!take_token(&lexer))
            break;
    return lexer.text;
}

bool sql_same(const struct sql_text *left, const struct sql_text *right)
{
    if (left->error != NULL || right->error != NULL || left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (left->tokens[i].kind != right->tokens[i].kind || strcmp(left->tokens[i].text, right->tokens[i].text) != 0)
            return false;
    return true;
}

bool sql_is_word(const struct sql_token *token, const char *word)
{
    return token->kind == SQL_WORD && strcmp(token->text, word) == 0;
}

bool sql_is_symbol(const struct sql_token *token, char symbol)
{
    return token->kind == SQL_SYMBOL && token->text[0] == symbol && token->text[1] == '\0';
}

bool sql_is_name(const struct sql_token *token)
{
    return token->kind == SQL_WORD || token->kind == SQL_NAME;
}

const char *sql_string_value(const struct sql_token *token, struct arena *arena)
{
    if (token->kind != SQL_STRING || token->text[0] != '\'')
        return NULL;
    size_t length = strlen(token->text), used = 0;
    char *value = arena_alloc(arena, length);
    for (size_t i = 1; i < length - 1; i++) {
        value[used++] = token->text[i];
        i += token->text[i] == '\'';
    }
    return value;
}
