#include "prices/cpt.h"

#include "prices/cpt_charges.h"

#include <stdlib.h>
#include <string.h>

#define ALIASES_MAX 64

/* A model of the table, converted. */
struct cpt_model {
    const char *name;
    size_t place; /* in the table */
    bool official, vendor_known;
    size_t variants;
    struct jtext data, aliases;
};

struct cpt {
    const struct price_job *job;
    struct jtext providers;
    const char *currency;
    struct cpt_model *models;
    size_t count;
};

static const char *text_of(struct arena *arena, struct jtext object, const char *member)
{
    return jtext_string(arena, jtext_member(object, member), NULL);
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static bool is_true(struct jtext value)
{
    return jtext_kind(value) == JTEXT_BOOL && *value.at == 't';
}

/* ---- A model's members ------------------------------------------------------------------------------------------- */

static void put_member(struct jtext_out *out, const char *name, struct jtext value)
{
    jtext_put_string(out, name);
    jtext_puts(out, ":");
    jtext_put(out, value.at, value.size);
    jtext_puts(out, ",");
}

static void put_text(struct jtext_out *out, const char *name, const char *text)
{
    jtext_put_string(out, name);
    jtext_puts(out, ":");
    jtext_put_string(out, text);
    jtext_puts(out, ",");
}

/* Instead of the comma after the last member. */
static void put_end(struct jtext_out *out, const char *bracket)
{
    if (out->size > 0 && out->text[out->size - 1] == ',')
        out->size--;
    jtext_puts(out, bracket);
}

static const char *mode_of(const char *model_type)
{
    static const struct {
        const char *type, *mode;
    } modes[] = {{"", "chat"},
                 {"text", "chat"},
                 {"llm", "chat"},
                 {"multimodal", "chat"},
                 {"image", "image_generation"},
                 {"embeddings", "embedding"}};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(model_type, modes[i].type) == 0)
            return modes[i].mode;
    return model_type;
}

static void put_capabilities(struct arena *scratch, struct jtext model, struct jtext_out *out)
{
    struct jtext_walk walk = jtext_enter(jtext_member(model, "capabilities"));
    struct jtext key, value;
    bool tool_choice = jtext_member(jtext_member(model, "capabilities"), "tool_choice").at != NULL;
    while (walk.object && jtext_next(&walk, &key, &value)) {
        const char *name = jtext_string(scratch, key, NULL);
        if (jtext_kind(value) != JTEXT_BOOL)
            continue;
        if (strcmp(name, "structured_output") == 0)
            name = "response_schema";
        put_member(out, arena_printf(scratch, "supports_%s", name), value);
        if (strcmp(name, "function_calling") == 0 && !tool_choice)
            put_member(out, "supports_tool_choice", value);
    }
}

static void put_metadata(struct cpt *cpt, struct arena *scratch, struct jtext model, struct jtext_out *out)
{
    static const struct {
        const char *from, *to;
        enum jtext_kind kind;
    } members[] = {{"display_name", "display_name", JTEXT_STRING},
                   {"slug", "slug", JTEXT_STRING},
                   {"vendor", "vendor", JTEXT_STRING},
                   {"aliases", "aliases", JTEXT_ARRAY},
                   {"family", "model_family", JTEXT_STRING},
                   {"deprecated", "deprecated", JTEXT_BOOL},
                   {"knowledge_cutoff", "knowledge_cutoff", JTEXT_STRING},
                   {"max_input_tokens", "max_input_tokens", JTEXT_NUMBER},
                   {"max_output_tokens", "max_output_tokens", JTEXT_NUMBER},
                   {"max_output_tokens", "max_tokens", JTEXT_NUMBER}};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct jtext value = jtext_member(model, members[i].from);
        if (value.at != NULL && jtext_kind(value) == members[i].kind)
            put_member(out, members[i].to, value);
    }
    put_text(out, "mode", mode_of(text_of(scratch, model, "model_type")));
    struct jtext vendor = jtext_member(cpt->providers, text_of(scratch, model, "vendor"));
    if (!is_blank(text_of(scratch, vendor, "icon")))
        put_text(out, "vendor_icon", text_of(scratch, vendor, "icon"));
    if (!is_blank(text_of(scratch, vendor, "icon_mono")))
        put_text(out, "vendor_icon_mono", text_of(scratch, vendor, "icon_mono"));
    put_capabilities(scratch, model, out);
}

/* ---- A model's prices -------------------------------------------------------------------------------------------- */

struct variant {
    const char *key, *provider;
    bool official;
    const char *fields; /* members, each with a comma behind it */
};

static bool convert_variant(struct cpt *cpt, struct arena *scratch, struct jtext from, struct variant *to)
{
    struct jtext_out out = {0};
    const char *region = text_of(scratch, from, "region");
    to->provider = text_of(scratch, from, "provider");
    to->key = is_blank(region) ? to->provider : arena_printf(scratch, "%s@%s", to->provider, region);
    to->official = is_true(jtext_member(from, "official"));
    bool billable = cpt_put_charges(scratch, from, cpt->currency, &out);
    to->fields = arena_strdup(scratch, out.text);
    free(out.text);
    return billable && !is_blank(to->provider);
}

/* Those that can be billed by, each key once. */
static size_t list_variants(struct cpt *cpt, struct arena *scratch, struct jtext model, struct variant **variants)
{
    struct jtext_walk walk = jtext_enter(jtext_member(model, "pricing"));
    struct jtext key, value;
    size_t count = 0;
    while (jtext_next(&walk, &key, &value)) {
        struct variant one;
        bool fresh = convert_variant(cpt, scratch, value, &one);
        for (size_t i = 0; fresh && i < count; i++)
            fresh = strcmp((*variants)[i].key, one.key) != 0;
        if (fresh)
            *(struct variant *)arena_push(scratch, variants, count++, sizeof one) = one;
    }
    return count;
}

static void put_pricing(const struct variant *variants, size_t count, struct jtext_out *out)
{
    jtext_puts(out, "\"pricing\":{");
    for (size_t i = 0; i < count; i++) {
        jtext_put_string(out, variants[i].key);
        jtext_puts(out, ":{");
        jtext_puts(out, variants[i].fields);
        put_end(out, "},");
    }
    put_end(out, "},");
    jtext_puts(out, "\"providers\":[");
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < i; k++)
            known = known || strcmp(variants[k].provider, variants[i].provider) == 0;
        if (known)
            continue;
        jtext_put_string(out, variants[i].provider);
        jtext_puts(out, ",");
    }
    put_end(out, "],");
}

static bool convert_model(struct cpt *cpt, struct arena *scratch, struct jtext from, struct cpt_model *to)
{
    struct jtext_out out = {0};
    struct variant *variants = NULL;
    to->name = text_of(scratch, from, "model_name");
    const char *vendor = text_of(scratch, from, "vendor");
    if (is_blank(to->name) || is_blank(vendor) || is_blank(text_of(scratch, from, "slug")))
        return false;
    to->variants = list_variants(cpt, scratch, from, &variants);
    if (to->variants == 0)
        return false;
    size_t top = 0;
    while (top < to->variants && !variants[top].official)
        top++;
    to->official = top < to->variants;
    top = to->official ? top : 0;
    to->vendor_known = strcmp(vendor, "other") != 0;
    jtext_puts(&out, "{");
    put_metadata(cpt, scratch, from, &out);
    put_text(&out, "litellm_provider", variants[top].provider);
    if (to->official)
        put_text(&out, "official_pricing_provider", variants[top].key);
    jtext_puts(&out, variants[top].fields);
    put_pricing(variants, to->variants, &out);
    put_end(&out, "}");
    to->name = arena_strdup(cpt->job->arena, to->name);
    to->data = (struct jtext){arena_strndup(cpt->job->arena, out.text, out.size), out.size};
    to->aliases = jtext_member(from, "aliases");
    free(out.text);
    return true;
}

/* ---- All models -------------------------------------------------------------------------------------------------- */

/* By name; of the same name the one that counts is first. */
static int by_name_and_worth(const void *a, const void *b)
{
    const struct cpt_model *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    if (order == 0)
        order = (int)other->official - (int)one->official;
    if (order == 0)
        order = (int)other->vendor_known - (int)one->vendor_known;
    if (order == 0)
        order = (one->variants < other->variants) - (one->variants > other->variants);
    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

static void keep_best(struct cpt *cpt)
{
    size_t kept = 0;
    if (cpt->count > 0)
        qsort(cpt->models, cpt->count, sizeof *cpt->models, by_name_and_worth);
    for (size_t i = 0; i < cpt->count; i++)
        if (i == 0 || strcmp(cpt->models[kept - 1].name, cpt->models[i].name) != 0)
            cpt->models[kept++] = cpt->models[i];
    cpt->count = kept;
}

struct alias {
    const char *name;
    const struct cpt_model *model;
    size_t place;
};

static int by_alias(const void *a, const void *b)
{
    const struct alias *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

static int by_model_name(const void *a, const void *b)
{
    return strcmp(((const struct cpt_model *)a)->name, ((const struct cpt_model *)b)->name);
}

/* An alias that is a model's name, or that an earlier model has, is taken. */
static void add_aliases(struct cpt *cpt, struct price_table *table)
{
    const struct price_job *job = cpt->job;
    struct alias *aliases = NULL;
    size_t count = 0;
    for (size_t i = 0; i < cpt->count; i++) {
        struct jtext_walk walk = jtext_enter(cpt->models[i].aliases);
        struct jtext key, value;
        for (size_t own = 0; own < ALIASES_MAX && jtext_next(&walk, &key, &value); own++) {
            struct cpt_model wanted = {.name = jtext_string(job->arena, value, NULL)};
            if (is_blank(wanted.name)
                || bsearch(&wanted, cpt->models, cpt->count, sizeof wanted, by_model_name) != NULL)
                continue;
            struct alias *one = arena_push(job->arena, &aliases, count++, sizeof *one);
            *one = (struct alias){wanted.name, &cpt->models[i], cpt->models[i].place};
        }
    }
    if (count > 0)
        qsort(aliases, count, sizeof *aliases, by_alias);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(aliases[i - 1].name, aliases[i].name) != 0)
            price_table_add(job, table, aliases[i].name, strlen(aliases[i].name), aliases[i].model->data);
}

static void convert_all(struct cpt *cpt, struct jtext models)
{
    struct jtext_walk walk = jtext_enter(models);
    struct jtext key, value;
    for (size_t place = 0; jtext_next(&walk, &key, &value); place++) {
        struct arena *scratch = arena_new();
        struct cpt_model model = {.place = place};
        if (convert_model(cpt, scratch, value, &model))
            *(struct cpt_model *)arena_push(cpt->job->arena, &cpt->models, cpt->count++, sizeof model) = model;
        arena_free(scratch);
    }
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

bool cpt_is(const struct price_job *job, struct jtext root)
{
    /* Most tables are none: then their members need not be walked through. */
    if (memmem(root.at, root.size, "\"schema\"", strlen("\"schema\"")) == NULL)
        return false;
    struct jtext schema = jtext_member(root, "schema");
    const char *text = jtext_string(job->arena, schema, NULL);
    return jtext_kind(schema) == JTEXT_STRING
           && (strncmp(text, "cchp.", 5) == 0 || jtext_kind(jtext_member(root, "models")) == JTEXT_ARRAY);
}

static const char *said(const struct price_job *job, struct jtext root, const char *member)
{
    struct jtext value = jtext_member(root, member);
    return jtext_kind(value) == JTEXT_STRING ? jtext_string(job->arena, value, NULL) : NULL;
}

bool cpt_read(const struct price_job *job, struct jtext root, struct price_table *table, struct err *err)
{
    struct jtext models = jtext_member(root, "models");
    struct cpt cpt = {.job = job, .providers = jtext_member(root, "providers")};
    const char *schema = said(job, root, "schema");
    if (strcmp(schema, CPT_SCHEMA) != 0) {
        err_set(err, ERR_PRICE_TABLE_SCHEMA, "the schema is %s", schema);
        return err_args(err, schema, NULL);
    }
    if (jtext_kind(models) != JTEXT_ARRAY)
        return err_set(err, ERR_PRICE_TABLE_NO_MODEL_LIST, "\"models\" is no array");
    if (jtext_kind(cpt.providers) != JTEXT_OBJECT)
        return err_set(err, ERR_PRICE_TABLE_NO_PROVIDERS, "\"providers\" is no object");
    struct jtext_walk walk = jtext_enter(models);
    struct jtext key, value;
    if (!jtext_next(&walk, &key, &value))
        return err_set(err, ERR_PRICE_TABLE_MODELS_EMPTY, "\"models\" is empty");
    table->format = PRICE_CPT;
    table->version = said(job, root, "version");
    table->currency = said(job, root, "currency");
    table->refreshed_at = said(job, root, "refreshed_at");
    table->providers = cpt.providers;
    cpt.currency = table->currency == NULL ? "USD" : table->currency;
    convert_all(&cpt, models);
    keep_best(&cpt);
    for (size_t i = 0; i < cpt.count; i++)
        price_table_add(job, table, cpt.models[i].name, strlen(cpt.models[i].name), cpt.models[i].data);
    add_aliases(&cpt, table);
    return true;
}
