/* The COPY statement of an entry. */
#include "archive/entry.h"

struct parse {
    const char *at;
    struct arena *arena;
};

static bool take_word(struct parse *parse, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(parse->at, word, size) != 0)
        return false;
    parse->at += size;
    return true;
}

/* "a ""b""", up to its closing quote. */
static char *take_quoted(struct parse *parse)
{
    char name[ARCHIVE_MAX_NAME + 1];
    size_t size = 0;
    for (; parse->at[0] != '\0' && size < sizeof name; parse->at++) {
        if (parse->at[0] == '"' && parse->at[1] != '"') {
            parse->at++;
            return size == 0 || size > ARCHIVE_MAX_NAME ? NULL : arena_strndup(parse->arena, name, size);
        }
        parse->at += parse->at[0] == '"';
        name[size++] = parse->at[0];
    }
    return NULL;
}

/* pg_dump quotes every name that is not of these letters, so that nothing here is ever folded. */
static char *take_name(struct parse *parse)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_", more[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    const char *from = parse->at;
    if (take_word(parse, "\""))
        return take_quoted(parse);
    size_t size = strspn(from, letters) == 0 ? 0 : strspn(from, more);
    if (size == 0 || size > ARCHIVE_MAX_NAME)
        return NULL;
    parse->at += size;
    return arena_strndup(parse->arena, from, size);
}

static bool take_table(struct parse *parse, struct archive_copy *copy)
{
    copy->schema = "";
    copy->table = take_name(parse);
    if (copy->table != NULL && take_word(parse, ".")) {
        copy->schema = copy->table;
        copy->table = take_name(parse);
    }
    return copy->table != NULL;
}

static bool take_columns(struct parse *parse, struct archive_copy *copy)
{
    do {
        if (copy->column_count == ARCHIVE_MAX_COLUMNS)
            return false;
        const char **column = arena_push(parse->arena, &copy->columns, copy->column_count++, sizeof *copy->columns);
        *column = take_name(parse);
        if (*column == NULL)
            return false;
    } while (take_word(parse, ", "));
    return take_word(parse, ")");
}

bool archive_copy_columns(const struct archive_entry *entry, struct arena *arena, struct archive_copy *copy,
                          struct err *err)
{
    struct parse parse = {.at = entry->copy, .arena = arena};
    char label[ENTRY_LABEL_SIZE];
    *copy = (struct archive_copy){0};
    if (take_word(&parse, "COPY ") && take_table(&parse, copy) && take_word(&parse, " ")
        && (!take_word(&parse, "(") || take_columns(&parse, copy)) && take_word(&parse, " FROM stdin;")
        && parse.at[strspn(parse.at, "\n")] == '\0')
        return true;
    entry_label(entry, label);
    return err_set(err, ERR_ARCHIVE_UNSUPPORTED, "%s: %s", label,
                   entry->copy[0] == '\0' ? "its data is no COPY text (pg_dump --inserts?)"
                                          : "its COPY statement is not one that pg_dump writes");
}
