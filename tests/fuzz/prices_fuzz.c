/* Any text as a price table: JSON, the cloud's (CPT) or TOML. What is accepted is JSON with names that occur once; and
 * written as a table it is read again as it was, since that is what an export and an import do. */
#include "fuzz/must.h"
#include "app/app.h"
#include "prices/table.h"
#include "prices/toml.h"

#include <string.h>

static struct app *make_app(void)
{
    static struct app app;
    struct err err;
    struct config *config = config_new();
    must(config_load(config, &err));
    app.config = config;
    return &app;
}

static void must_be_sound(const struct price_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct price_entry *one = &table->entries[i];
        must(one->name[0] != '\0' && strlen(one->name) <= 256);
        must(i == 0 || strcmp(table->entries[i - 1].name, one->name) < 0);
        must(jtext_kind(one->data) == JTEXT_OBJECT && jtext_storable(one->data));
    }
    for (size_t i = 0; i < table->failed_count; i++)
        must(table->failed[i].model != NULL && table->failed[i].reason != NULL);
}

static void read_again(const struct price_job *job, const struct price_table *table)
{
    struct jtext_out out = {0};
    struct price_table again;
    struct err err = ERR_NONE_YET;
    jtext_put(&out, "{", 1);
    for (size_t i = 0; i < table->count; i++) {
        jtext_puts(&out, i == 0 ? "" : ",");
        jtext_put_string(&out, table->entries[i].name);
        jtext_put(&out, ":", 1);
        jtext_put_value(&out, table->entries[i].data);
    }
    jtext_put(&out, "}", 1);
    must(price_table_read(job, out.text, out.size, &again, &err));
    must(again.count == table->count && again.failed_count == 0);
    for (size_t i = 0; i < again.count; i++)
        must(strcmp(again.entries[i].name, table->entries[i].name) == 0);
    free(out.text);
}

static void try_toml(const char *text, size_t size)
{
    struct toml_fault fault = {0};
    char *json = toml_to_json(text, size, &fault);
    must(json != NULL || fault.what[0] != '\0');
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct app *app;
    if (app == NULL)
        app = make_app();
    struct arena *arena = arena_new();
    struct price_job job = {.app = app, .arena = arena, .lang = LANG_EN};
    struct price_table table;
    struct err err = ERR_NONE_YET;
    const char *text = arena_strndup(arena, size == 0 ? "" : (const char *)bytes, size);
    if (price_table_read(&job, text, size, &table, &err)) {
        must(table.count > 0);
        must_be_sound(&table);
        read_again(&job, &table);
    } else {
        must(err.code != ERR_OK && strlen(err.words) > 0);
    }
    try_toml(text, size);
    arena_free(arena);
    return 0;
}
