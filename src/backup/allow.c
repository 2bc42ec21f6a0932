#include "backup/allow.h"

#include "backup/allow_rules.h"
#include "base/text.h"

#include <stdlib.h>

#define OUR_SCHEMA "hubport"

static bool is_desc(const struct archive_entry *entry, const char *desc)
{
    return strcmp(entry->desc, desc) == 0;
}

/* ---- Kinds of entries -------------------------------------------------------------------------------------------- */

enum check {
    CHECK_FORM,    /* accepted in the forms of allow_rules.c */
    CHECK_DATA,    /* rows: no definition, a COPY of this table and nothing else */
    CHECK_SETTING, /* what pg_restore sets for its session: exactly as below */
    CHECK_FOREIGN,
};

static const struct kind {
    const char *desc;
    enum check check;
    const char *reason; /* of CHECK_FOREIGN, or better than what the form says; NULL */
} kinds[] = {
    {"ENCODING", CHECK_SETTING, NULL},
    {"STDSTRINGS", CHECK_SETTING, NULL},
    {"SEARCHPATH", CHECK_SETTING, NULL},
    {"TABLE DATA", CHECK_DATA, NULL},
    {"SCHEMA", CHECK_FORM, NULL},
    {"TYPE", CHECK_FORM, NULL},
    {"DOMAIN", CHECK_FORM, NULL},
    {"TABLE", CHECK_FORM, NULL},
    {"TABLE ATTACH", CHECK_FORM, NULL},
    {"SEQUENCE", CHECK_FORM, NULL},
    {"SEQUENCE OWNED BY", CHECK_FORM, NULL},
    {"SEQUENCE SET", CHECK_FORM, NULL},
    {"DEFAULT", CHECK_FORM, NULL},
    {"CONSTRAINT", CHECK_FORM, NULL},
    {"CHECK CONSTRAINT", CHECK_FORM, NULL},
    {"FK CONSTRAINT", CHECK_FORM, NULL},
    {"INDEX", CHECK_FORM, NULL},
    {"INDEX ATTACH", CHECK_FORM, NULL},
    {"VIEW", CHECK_FORM, NULL},
    {"RULE", CHECK_FORM, "changes what statements do"}, /* but for views in a circle of dependencies */
    {"COMMENT", CHECK_FORM, NULL},
    {"ACL", CHECK_FORM, NULL},
    {"DEFAULT ACL", CHECK_FORM, NULL},
    {"FUNCTION", CHECK_FOREIGN, "is code that the database runs when it is called"},
    {"PROCEDURE", CHECK_FOREIGN, "is code that the database runs when it is called"},
    {"AGGREGATE", CHECK_FOREIGN, "calls functions"},
    {"TRIGGER", CHECK_FOREIGN, "calls a function whenever rows are written"},
    {"EVENT TRIGGER", CHECK_FOREIGN, "calls a function whenever the schema changes"},
    {"MATERIALIZED VIEW", CHECK_FOREIGN, "is a query that the restore runs"},
    {"MATERIALIZED VIEW DATA", CHECK_FORM, NULL}, /* its view is listed */
    {"POLICY", CHECK_FOREIGN, "is an expression that is run for every row"},
    {"ROW SECURITY", CHECK_FOREIGN, "changes who sees which rows"},
    {"EXTENSION", CHECK_FOREIGN, "brings code of its own"},
    {"PROCEDURAL LANGUAGE", CHECK_FOREIGN, "brings code of its own"},
    {"FOREIGN DATA WRAPPER", CHECK_FOREIGN, "reaches other servers and files"},
    {"SERVER", CHECK_FOREIGN, "reaches other servers and files"},
    {"USER MAPPING", CHECK_FOREIGN, "reaches other servers and files"},
    {"FOREIGN TABLE", CHECK_FOREIGN, "reaches other servers and files"},
    {"PUBLICATION", CHECK_FOREIGN, "sends changes to other servers"},
    {"PUBLICATION TABLE", CHECK_FOREIGN, "sends changes to other servers"},
    {"PUBLICATION TABLES IN SCHEMA", CHECK_FOREIGN, "sends changes to other servers"},
    {"SUBSCRIPTION", CHECK_FOREIGN, "takes changes from other servers"},
    {"SUBSCRIPTION TABLE", CHECK_FOREIGN, "takes changes from other servers"},
    {"CAST", CHECK_FOREIGN, "changes what expressions mean"},
    {"OPERATOR", CHECK_FOREIGN, "changes what expressions mean"},
    {"OPERATOR CLASS", CHECK_FOREIGN, "changes what expressions mean"},
    {"OPERATOR FAMILY", CHECK_FOREIGN, "changes what expressions mean"},
    {"TRANSFORM", CHECK_FOREIGN, "changes what expressions mean"},
    {"CONVERSION", CHECK_FOREIGN, "changes what expressions mean"},
    {"BLOB", CHECK_FOREIGN, "is a large object, which a hub does not have"},
    {"BLOBS", CHECK_FOREIGN, "is a large object, which a hub does not have"},
    {"BLOB METADATA", CHECK_FOREIGN, "is a large object, which a hub does not have"},
};

static const struct kind *kind_of(const struct archive_entry *entry)
{
    static const struct kind unknown = {"", CHECK_FOREIGN, "is of a kind that a hub does not have"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (is_desc(entry, kinds[i].desc))
            return &kinds[i];
    return &unknown;
}

bool allow_never_runs(const struct archive_entry *entry)
{
    bool of_something = is_desc(entry, "ACL") || is_desc(entry, "COMMENT") || is_desc(entry, "SECURITY LABEL");
    return strcmp(entry->schema, OUR_SCHEMA) == 0 || (is_desc(entry, "SCHEMA") && strcmp(entry->tag, OUR_SCHEMA) == 0)
           || (of_something && strcmp(entry->tag, "SCHEMA " OUR_SCHEMA) == 0) || is_desc(entry, "DATABASE")
           || is_desc(entry, "DATABASE PROPERTIES") || is_desc(entry, "STATISTICS DATA")
           || (of_something && text_starts(entry->tag, "DATABASE "))
           || (is_desc(entry, "EXTENSION") && strcmp(entry->tag, "plpgsql") == 0)
           || (is_desc(entry, "COMMENT") && strcmp(entry->tag, "EXTENSION plpgsql") == 0);
}

/* ---- Settings of the session ------------------------------------------------------------------------------------- */

static const struct {
    const char *desc, *text;
} settings[] = {
    {"ENCODING", "SET client_encoding = 'UTF8';\n"},
    {"ENCODING", "SET client_encoding = 'SQL_ASCII';\n"},
    {"STDSTRINGS", "SET standard_conforming_strings = 'on';\n"},
    {"SEARCHPATH", "SELECT pg_catalog.set_config('search_path', '', false);\n"},
};

static bool is_exact_setting(const struct archive_entry *entry)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (is_desc(entry, settings[i].desc) && strcmp(entry->definition, settings[i].text) == 0)
            return entry->drop[0] == '\0';
    return false;
}

/* How strings are read, and where names without a schema are looked up, depends on these being there. */
static const char *missing_setting(const struct archive *archive)
{
    static const char *const wanted[] = {"ENCODING", "STDSTRINGS", "SEARCHPATH"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        bool found = false;
        for (size_t j = 0; j < archive->entry_count && !found; j++)
            found = is_desc(&archive->entries[j], wanted[i]);
        if (!found)
            return wanted[i];
    }
    return NULL;
}

/* ---- One entry --------------------------------------------------------------------------------------------------- */

static bool has_control_characters(const char *name)
{
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            return true;
    return false;
}

/* What no pg_dump writes, or what would put text of its own into somebody's script. */
static const char *forged_reason(const struct archive_entry *entry)
{
    if (has_control_characters(entry->tag) || has_control_characters(entry->schema)
        || has_control_characters(entry->desc) || has_control_characters(entry->owner))
        return "has a control character in its name";
    if (kind_of(entry)->check == CHECK_SETTING && !is_exact_setting(entry))
        return "sets something else for the session than pg_dump does";
    if (entry->copy[0] != '\0' && (!is_desc(entry, "TABLE DATA") || !allow_check_copy(entry)))
        return "has a COPY statement that does not just load its own table";
    if (is_desc(entry, "TABLE DATA") && (entry->definition[0] != '\0' || entry->drop[0] != '\0'))
        return "has statements beside its rows";
    return NULL;
}

static bool in_system_schema(const struct archive_entry *entry)
{
    return text_starts(entry->schema, "pg_") || strcmp(entry->schema, "information_schema") == 0;
}

static const char *foreign_reason(const struct allow_rules *rules, const struct archive_entry *entry)
{
    const struct kind *kind = kind_of(entry);
    const char *reason = NULL;
    if (kind->check == CHECK_FOREIGN)
        return kind->reason;
    if (in_system_schema(entry))
        return "is in a schema of PostgreSQL's own";
    if (kind->check == CHECK_DATA)
        return entry->has_data && entry->copy[0] == '\0' ? "holds statements (INSERT) instead of rows" : NULL;
    if (kind->check == CHECK_FORM) {
        reason = allow_check_definition(rules, entry);
        if (reason == NULL && (reason = allow_check_drop(rules, entry)) != NULL)
            reason = arena_printf(rules->arena, "has a DROP statement that %s", reason);
    }
    return reason != NULL && kind->reason != NULL ? kind->reason : reason;
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void collect_functions(const struct archive *archive, struct arena *arena, struct allow_rules *rules)
{
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (!is_desc(entry, "FUNCTION") && !is_desc(entry, "AGGREGATE"))
            continue;
        *(const char **)arena_push(arena, &rules->functions, rules->function_count++, sizeof *rules->functions) =
            arena_printf(arena, "%s.%.*s", entry->schema, (int)strcspn(entry->tag, "("), entry->tag);
    }
    if (rules->function_count > 1)
        qsort(rules->functions, rules->function_count, sizeof *rules->functions, compare_names);
}

static void find(struct arena *arena, struct allow_finding **findings, size_t *count, enum allow_class class,
                 const struct archive_entry *entry, const char *reason)
{
    struct allow_finding *finding = arena_push(arena, findings, *count, sizeof **findings);
    *finding = (struct allow_finding){class, entry, arena_strdup(arena, reason)};
    (*count)++;
}

void allow_list(const struct archive *archive, struct arena *arena, struct allow_finding **findings, size_t *count)
{
    struct allow_rules rules = {0};
    const char *missing = missing_setting(archive);
    *findings = NULL;
    *count = 0;
    collect_functions(archive, arena, &rules);
    if (missing != NULL)
        find(arena, findings, count, ALLOW_FOREIGN, NULL, arena_printf(arena, "lacks its entry %s", missing));
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        const char *reason = forged_reason(entry);
        if (reason != NULL) {
            find(arena, findings, count, ALLOW_FORGED, entry, reason);
        } else if (!allow_never_runs(entry)) {
            rules.arena = arena_new(); /* tokens take much more than the text: one entry's at a time */
            reason = foreign_reason(&rules, entry);
            if (reason != NULL)
                find(arena, findings, count, ALLOW_FOREIGN, entry, reason);
            arena_free(rules.arena);
        }
    }
}

const char *allow_name(const struct allow_finding *finding, struct arena *arena)
{
    const struct archive_entry *entry = finding->entry;
    if (entry == NULL)
        return "the archive";
    const char *name = text_utf8(arena, arena_printf(arena, "%s %s%s%s", entry->desc, entry->schema,
                                                     entry->schema[0] == '\0' ? "" : ".", entry->tag));
    char *line = arena_strdup(arena, name);
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    return line;
}
