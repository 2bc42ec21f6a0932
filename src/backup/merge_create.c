/* What only the archive has: which tables are created from it, and by which of its entries. */
#include "backup/allow.h"
#include "backup/copy_text.h"
#include "backup/live_objects.h"
#include "backup/merge_internal.h"
#include "backup/sql_text.h"
#include "base/text.h"

/* ---- The hub's level in the archive ------------------------------------------------------------------------------ */

struct ledger {
    size_t field;
    int64_t level;
    struct copy_text text;
};

static bool take_ledger(void *context, const char *text, size_t size, bool whole, struct err *err)
{
    struct ledger *ledger = context;
    (void)err;
    for (const char *line = text, *end = text + size, *newline; whole && line < end; line = newline + 1) {
        const char *field;
        size_t length;
        int64_t value;
        newline = memchr(line, '\n', (size_t)(end - line));
        if (copy_text_field(line, (size_t)(newline - line), ledger->field, &field, &length)
            && copy_text_integer(field, length, &value))
            ledger->level = MAX(ledger->level, value);
    }
    return true;
}

static bool take_ledger_bytes(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    return copy_text_add(&((struct ledger *)context)->text, bytes, size, err);
}

/* The greatest created_at of the archive's ledger, 0 without one. */
static bool archive_hub_level(struct merge *merge, int64_t *level, struct err *err)
{
    struct ledger ledger = {0};
    struct archive_copy copy;
    const struct archive_entry *entry = archive_find(merge->archive, "TABLE DATA", "drizzle", "__drizzle_migrations");
    *level = 0;
    if (entry == NULL || !entry->has_block || entry->copy[0] == '\0')
        return true;
    if (!archive_copy_columns(entry, merge->job->arena, &copy, err))
        return false;
    while (ledger.field < copy.column_count && strcmp(copy.columns[ledger.field], "created_at") != 0)
        ledger.field++;
    copy_text_begin(&ledger.text, 64 * KIB, take_ledger, &ledger);
    bool ok = archive_read(merge->archive, merge->fd, entry, take_ledger_bytes, &ledger, merge->job->cancel, err)
              && copy_text_end(&ledger.text, err);
    copy_text_free(&ledger.text);
    *level = ledger.level;
    return ok;
}

/* ---- What an entry is about -------------------------------------------------------------------------------------- */

/* Where `schema.name` stands in the text as two names with a point between; the number of the token after it, 0: not.
 */
static size_t find_name(const struct sql_text *text, size_t from, const char *schema, const char *name)
{
    for (size_t i = from; i + 2 < text->count; i++)
        if (sql_is_name(&text->tokens[i]) && strcmp(text->tokens[i].text, schema) == 0
            && sql_is_symbol(&text->tokens[i + 1], '.') && sql_is_name(&text->tokens[i + 2])
            && strcmp(text->tokens[i + 2].text, name) == 0)
            return i + 3;
    return 0;
}

/* Also inside plain strings: nextval('public.notes_id_seq'::regclass). */
static bool mentions(const struct sql_text *text, const char *schema, const char *name, struct arena *arena)
{
    if (find_name(text, 0, schema, name) > 0)
        return true;
    for (size_t i = 0; i < text->count; i++) {
        const char *value = text->tokens[i].kind == SQL_STRING ? sql_string_value(&text->tokens[i], arena) : NULL;
        if (value == NULL)
            continue;
        struct sql_text inner = sql_read(value, arena);
        if (inner.error == NULL && find_name(&inner, 0, schema, name) > 0)
            return true;
    }
    return false;
}

/* Kinds of entries that belong to one table, and the word in front of its name. */
static const struct {
    const char *desc, *before;
} of_tables[] = {
    {"DEFAULT", "table"},       {"CONSTRAINT", "table"}, {"CHECK CONSTRAINT", "table"},
    {"FK CONSTRAINT", "table"}, {"INDEX", "on"},         {"SEQUENCE OWNED BY", "by"},
    {"SEQUENCE", "table"},      {"STATISTICS", "from"},  {"TABLE ATTACH", "partition"},
};

/* The token after "ALTER TABLE [ONLY]", "ON [ONLY]", ...: where the table's name must stand. */
static bool concerns(const struct archive_entry *entry, const struct merge_table *table, struct arena *arena)
{
    for (size_t i = 0; i < ARRAY_LEN(of_tables); i++) {
        if (strcmp(entry->desc, of_tables[i].desc) != 0)
            continue;
        struct sql_text text = sql_read(entry->definition, arena);
        for (size_t j = 0; text.error == NULL && j + 3 < text.count; j++) {
            if (!sql_is_word(&text.tokens[j], of_tables[i].before))
                continue;
            size_t at = j + 1 + sql_is_word(&text.tokens[j + 1], "only");
            return find_name(&text, at, table->schema, table->name) == at + 3;
        }
    }
    return false;
}

/* ---- Which tables ------------------------------------------------------------------------------------------------ */

struct creation {
    struct merge *merge;
    struct allow_finding *findings;
    size_t finding_count;
    bool beside_hub, newer;
};

static const char *why_not(const struct creation *creation, const struct archive_entry *entry)
{
    for (size_t i = 0; i < creation->finding_count; i++)
        if (creation->findings[i].entry == entry)
            return arena_printf(creation->merge->job->arena, "%s %s",
                                allow_name(&creation->findings[i], creation->merge->job->arena),
                                creation->findings[i].reason);
    return NULL;
}

/* A function of the archive's that the entry calls: no function is created. */
static const char *needed_function(struct merge *merge, const struct archive_entry *entry)
{
    static const char *const kinds[] = {"FUNCTION", "AGGREGATE", "PROCEDURE", "OPERATOR"};
    struct arena *arena = merge->job->arena;
    struct sql_text text = {0};
    for (size_t i = 0; i < merge->archive->entry_count; i++) {
        const struct archive_entry *function = &merge->archive->entries[i];
        bool is_function = false;
        for (size_t j = 0; j < ARRAY_LEN(kinds); j++)
            is_function = is_function || strcmp(function->desc, kinds[j]) == 0;
        if (!is_function)
            continue;
        if (text.tokens == NULL)
            text = sql_read(entry->definition, arena);
        const char *name = arena_strndup(arena, function->tag, strcspn(function->tag, "("));
        if (text.error == NULL && mentions(&text, function->schema, name, arena))
            return arena_printf(arena, "it calls %s.%s", function->schema, function->tag);
    }
    return NULL;
}

static const char *why_not_table(const struct creation *creation, const struct archive_entry *entry)
{
    const char *reason = why_not(creation, entry);
    return reason != NULL ? reason : needed_function(creation->merge, entry);
}

/* Why the table is not created; NULL: it is. */
static const char *obstacle(const struct creation *creation, const struct merge_table *table)
{
    struct merge *merge = creation->merge;
    const struct archive_entry *entry = archive_find(merge->archive, "TABLE", table->schema, table->name);
    if (entry == NULL)
        return "the archive has only its rows";
    if (creation->beside_hub && strcmp(table->schema, "public") == 0
        && (creation->newer || live_objects_is_hubs(table->schema, table->name)))
        return "the hub makes it when it migrates: update or restart the hub, then merge again";
    const char *reason = why_not_table(creation, entry);
    for (size_t i = 0; reason == NULL && i < merge->archive->entry_count; i++) {
        const struct archive_entry *part = &merge->archive->entries[i];
        if (concerns(part, table, merge->job->arena))
            reason = strcmp(part->desc, "TABLE ATTACH") == 0 ? "it is a partition: create it, then merge again"
                                                             : why_not_table(creation, part);
    }
    return reason;
}

static void drop_tables_not_created(struct creation *creation)
{
    struct merge *merge = creation->merge;
    struct schema_differences *differences = &merge->figures.differences;
    size_t kept = 0;
    for (size_t i = 0; i < merge->table_count; i++) {
        const struct merge_table *table = &merge->tables[i];
        const char *reason = table->created ? obstacle(creation, table) : NULL;
        if (reason == NULL) {
            merge->tables[kept++] = *table;
            continue;
        }
        *(const char **)arena_push(merge->job->arena, &differences->not_created, differences->not_created_count++,
                                   sizeof *differences->not_created) =
            text_utf8(merge->job->arena, arena_printf(merge->job->arena, "%s: %s", table->label, reason));
    }
    merge->table_count = kept;
}

/* ---- Which entries ----------------------------------------------------------------------------------------------- */

/* Objects that tables need: made when they are not here and a created table names them. */
static const struct {
    const char *desc, *exists;
} needed[] = {
    {"SCHEMA", "SELECT FROM pg_namespace WHERE nspname = $2 AND $1 = $1"},
    {"TYPE", "SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname = $1 AND typname = $2"},
    {"DOMAIN", "SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname = $1 AND typname = $2"},
    {"SEQUENCE",
     "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relname = $2"},
};

static bool table_needs(struct merge *merge, const struct merge_table *table, const struct archive_entry *object)
{
    struct arena *arena = merge->job->arena;
    if (strcmp(object->desc, "SCHEMA") == 0)
        return strcmp(object->tag, table->schema) == 0;
    for (size_t i = 0; i < merge->archive->entry_count; i++) {
        const struct archive_entry *entry = &merge->archive->entries[i];
        bool its = strcmp(entry->desc, "TABLE") == 0 && strcmp(entry->schema, table->schema) == 0
                   && strcmp(entry->tag, table->name) == 0;
        if (!its && !concerns(entry, table, arena))
            continue;
        struct sql_text text = sql_read(entry->definition, arena);
        if (text.error == NULL && mentions(&text, object->schema, object->tag, arena))
            return true;
    }
    return false;
}

static bool is_missing(struct merge *merge, const char *query, const struct archive_entry *entry, bool *missing,
                       struct err *err)
{
    struct pg_result rows;
    const char *args[] = {entry->schema, entry->tag};
    if (!pg_query(merge->conn, merge->job->arena, &rows, err, query, args, 2))
        return false;
    *missing = rows.count == 0;
    return true;
}

static bool creates(const struct creation *creation, const struct archive_entry *entry, bool *wanted, struct err *err)
{
    struct merge *merge = creation->merge;
    *wanted = false;
    for (size_t i = 0; i < merge->table_count && !*wanted; i++) {
        const struct merge_table *table = &merge->tables[i];
        if (!table->created)
            continue;
        *wanted = concerns(entry, table, merge->job->arena)
                  || (strcmp(entry->desc, "TABLE") == 0 && strcmp(entry->schema, table->schema) == 0
                      && strcmp(entry->tag, table->name) == 0);
        for (size_t j = 0; j < ARRAY_LEN(needed) && !*wanted; j++)
            if (strcmp(entry->desc, needed[j].desc) == 0 && table_needs(merge, table, entry)
                && !is_missing(merge, needed[j].exists, entry, wanted, err))
                return false;
    }
    if (*wanted && why_not(creation, entry) != NULL)
        *wanted = false; /* what a table needs and is not accepted: its creation will say what is missing */
    return true;
}

bool merge_plan_creation(struct merge *merge, struct err *err)
{
    struct creation creation = {.merge = merge};
    int64_t here, there;
    bool wanted, any = false;
    if (!live_hub_level(merge->job, merge->conn, &here, err) || !archive_hub_level(merge, &there, err))
        return false;
    creation.beside_hub = here > 0;
    creation.newer = merge->figures.newer_archive = there > here && here > 0;
    for (size_t i = 0; i < merge->table_count; i++)
        any = any || merge->tables[i].created;
    if (!any)
        return true;
    allow_list(merge->archive, merge->job->arena, &creation.findings, &creation.finding_count);
    drop_tables_not_created(&creation);
    for (size_t i = 0; i < merge->archive->entry_count; i++) {
        const struct archive_entry *entry = &merge->archive->entries[i];
        if (!creates(&creation, entry, &wanted, err))
            return false;
        if (wanted)
            *(const struct archive_entry **)arena_push(merge->job->arena, &merge->creating, merge->creating_count++,
                                                       sizeof entry) = entry;
    }
    return true;
}

/* ---- Creating ---------------------------------------------------------------------------------------------------- */

bool merge_create(struct merge *merge, enum archive_section section, struct err *err)
{
    for (size_t i = 0; i < merge->creating_count; i++) {
        const struct archive_entry *entry = merge->creating[i];
        if (entry->section == section && !pg_run(merge->conn, err, entry->definition))
            return err_wrap(err, "creating %s %s.%s", entry->desc, entry->schema, entry->tag);
    }
    return true;
}
