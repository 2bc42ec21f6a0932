#include "prices/table.h"

#include "base/text.h"
#include "prices/cpt.h"
#include "prices/rules.h"
#include "prices/toml.h"

#include <stdlib.h>
#include <string.h>

#define MODELS_MAX 100000
#define NAME_SIZE_MAX 256

/* ---- One model --------------------------------------------------------------------------------------------------- */

/* The length of the white space at `text`, as JavaScript's trim() sees it; 0 when there is none. */
static size_t space_at(const char *text)
{
    static const char *const spaces[] = {"\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
                                         "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
                                         "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                         "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xbb\xbf"};
    if (*text == ' ' || (*text >= '\t' && *text <= '\r'))
        return 1;
    for (size_t i = 0; (unsigned char)*text >= 0x80 && i < ARRAY_LEN(spaces); i++)
        if (text_starts(text, spaces[i]))
            return strlen(spaces[i]);
    return 0;
}

const char *price_trimmed(struct arena *arena, const char *name)
{
    while (space_at(name) > 0)
        name += space_at(name);
    const char *end = name;
    for (const char *at = name; *at != '\0';) {
        size_t space = space_at(at);
        at += space > 0 ? space : 1;
        end = space > 0 ? end : at;
    }
    return arena_strndup(arena, name, (size_t)(end - name));
}

void price_table_fail(const struct price_job *job, struct price_table *table, const char *name, const char *reason)
{
    struct price_failure *one = arena_push(job->arena, &table->failed, table->failed_count++, sizeof *one);
    one->model = name;
    one->reason = reason;
}

void price_table_add(const struct price_job *job, struct price_table *table, const char *name, size_t name_length,
                     struct jtext data)
{
    bool nul = strlen(name) != name_length;
    const char *own = price_trimmed(job->arena, name), *reason;
    if (!nul && (own[0] == '\0' || strcmp(own, "sample_spec") == 0))
        return;
    if (nul)
        reason = MESSAGE(job->arena, job->lang, MSG_PRICE_NOT_STORABLE);
    else if (strlen(own) > NAME_SIZE_MAX)
        reason = MESSAGE(job->arena, job->lang, MSG_PRICE_TOO_LONG, "name");
    else if (price_is_forbidden_name(own))
        reason = MESSAGE(job->arena, job->lang, MSG_PRICE_FORBIDDEN_NAME, own);
    else
        reason = price_fault(job, data);
    if (reason != NULL) {
        price_table_fail(job, table, own, reason);
        return;
    }
    struct price_entry *one = arena_push(job->arena, &table->entries, table->count++, sizeof *one);
    one->name = own;
    one->data = data;
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct price_entry *)a)->name, ((const struct price_entry *)b)->name);
}

static int by_model(const void *a, const void *b)
{
    return strcmp(((const struct price_failure *)a)->model, ((const struct price_failure *)b)->model);
}

static bool has_failed(const struct price_table *table, size_t count, const char *name)
{
    struct price_failure wanted = {.model = name};
    return count > 0 && bsearch(&wanted, table->failed, count, sizeof wanted, by_model) != NULL;
}

/* A name that stands there twice means one price or the other: it is neither. */
static void refuse_repeated(const struct price_job *job, struct price_table *table)
{
    size_t kept = 0, failed = table->failed_count;
    const char *reason = MESSAGE(job->arena, job->lang, MSG_PRICE_REPEATED_MODEL);
    if (table->count > 0)
        qsort(table->entries, table->count, sizeof *table->entries, by_name);
    if (failed > 0)
        qsort(table->failed, failed, sizeof *table->failed, by_model);
    for (size_t i = 0, next; i < table->count; i = next) {
        const char *name = table->entries[i].name;
        for (next = i + 1; next < table->count && strcmp(table->entries[next].name, name) == 0;)
            next++;
        if (has_failed(table, failed, name))
            continue;
        if (next - i == 1)
            table->entries[kept++] = table->entries[i];
        else
            price_table_fail(job, table, name, reason);
    }
    table->count = kept;
    if (table->failed_count > failed)
        qsort(table->failed, table->failed_count, sizeof *table->failed, by_model);
}

static bool read_internal(const struct price_job *job, struct jtext root, struct price_table *table, struct err *err)
{
    struct jtext_walk walk = jtext_enter(root);
    struct jtext key, value;
    struct arena *names = arena_new();
    bool ok = true;
    while (ok && jtext_next(&walk, &key, &value)) {
        size_t length;
        const char *name = jtext_string(names, key, &length);
        price_table_add(job, table, name, length, value);
        ok = table->count + table->failed_count <= MODELS_MAX
             || err_set(err, ERR_PRICE_TABLE_TOO_LARGE, "more than %d models", MODELS_MAX);
    }
    arena_free(names);
    return ok;
}

/* ---- Formats ----------------------------------------------------------------------------------------------------- */

static bool read_json(const struct price_job *job, struct jtext root, struct price_table *table, struct err *err)
{
    if (jtext_kind(root) != JTEXT_OBJECT)
        return err_set(err, ERR_PRICE_TABLE_NOT_OBJECT, "the root of the JSON text is no object");
    if (cpt_is(job, root))
        return cpt_read(job, root, table, err);
    table->format = PRICE_INTERNAL;
    return read_internal(job, root, table, err);
}

static bool read_toml(const struct price_job *job, struct jtext root, struct price_table *table, struct err *err)
{
    struct jtext models = jtext_member(root, "models"), key, value;
    if (jtext_kind(models) != JTEXT_OBJECT)
        return err_set(err, ERR_PRICE_TABLE_NO_MODELS, "\"models\" is no table");
    struct jtext_walk walk = jtext_enter(models);
    if (!jtext_next(&walk, &key, &value))
        return err_set(err, ERR_PRICE_TABLE_MODELS_EMPTY, "\"models\" is empty");
    table->format = PRICE_TOML;
    return read_internal(job, models, table, err);
}

/* TOML as the JSON text of the same values, in the job's arena. */
static bool translate_toml(const struct price_job *job, const char *text, size_t size, struct jtext *root,
                           struct toml_fault *fault)
{
    struct jtext_fault deep;
    char *json = toml_to_json(text, size, fault);
    if (json == NULL)
        return false;
    const char *kept = arena_strdup(job->arena, json);
    free(json);
    if (jtext_check(kept, strlen(kept), root, &deep))
        return true;
    snprintf(fault->what, sizeof fault->what, "%s", deep.what);
    fault->line = fault->column = 1;
    return false;
}

static const char *place(const struct price_job *job, size_t line, size_t column, const char *what)
{
    return MESSAGE(job->arena, job->lang, MSG_PRICE_PLACE, arena_printf(job->arena, "%zu", line),
                   arena_printf(job->arena, "%zu", column), text_utf8(job->arena, what));
}

static bool read_text(const struct price_job *job, const char *text, size_t size, struct price_table *table,
                      struct err *err)
{
    struct jtext root;
    struct jtext_fault json;
    struct toml_fault toml = {0};
    if (jtext_check(text, size, &root, &json))
        return read_json(job, root, table, err);
    if (translate_toml(job, text, size, &root, &toml))
        return read_toml(job, root, table, err);
    err_set(err, ERR_PRICE_TABLE_UNREADABLE, "JSON: line %zu, column %zu: %s; TOML: line %zu, column %zu: %s",
            json.line, json.column, json.what, toml.line, toml.column, toml.what);
    text_cut_utf8(err->words);
    return err_args(err, place(job, json.line, json.column, json.what), place(job, toml.line, toml.column, toml.what));
}

static bool is_blank(const char *text, size_t size)
{
    size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (size_t i = mark; i < size; i++)
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
            return false;
    return true;
}

bool price_table_read(const struct price_job *job, const char *text, size_t size, struct price_table *table,
                      struct err *err)
{
    uint64_t limit = config_bytes(job->app->config, SETTING_PRICE_TABLE_MAX);
    *table = (struct price_table){0};
    if (size > limit) {
        err_set(err, ERR_PRICE_TABLE_TOO_LARGE, "%zu bytes; the limit is %llu (PRICE_TABLE_MAX)", size,
                (unsigned long long)limit);
        return err_args(err, text_bytes(job->arena, limit), NULL);
    }
    if (is_blank(text, size))
        return err_set(err, ERR_PRICE_TABLE_EMPTY, "the text holds nothing");
    if (!read_text(job, text, size, table, err))
        return false;
    refuse_repeated(job, table);
    if (table->count > 0)
        return true;
    return err_set(
        err, ERR_PRICE_TABLE_NOTHING_USABLE, "%zu models, none usable%s%s%s%s", table->failed_count,
        table->failed_count == 0 ? "" : "; the first: ", table->failed_count == 0 ? "" : table->failed[0].model,
        table->failed_count == 0 ? "" : ": ", table->failed_count == 0 ? "" : table->failed[0].reason);
}
