#include "prices/single.h"

#include "base/text.h"
#include "base/jtext.h"
#include "prices/rules.h"
#include "prices/table.h"

/* In the order in which they are stored. */
static const struct field {
    const char *member, *stored;
    enum jtext_kind kind;
    const char *label[2]; /* of prices, by enum lang */
} fields[] = {
    {"displayName", "display_name", JTEXT_STRING, {0}},
    {"litellmProvider", "litellm_provider", JTEXT_STRING, {0}},
    {"supportsPromptCaching", "supports_prompt_caching", JTEXT_BOOL, {0}},
    {"inputCostPerToken", "input_cost_per_token", JTEXT_NUMBER, {"输入价格", "inputCostPerToken"}},
    {"outputCostPerToken", "output_cost_per_token", JTEXT_NUMBER, {"输出价格", "outputCostPerToken"}},
    {"outputCostPerImage", "output_cost_per_image", JTEXT_NUMBER, {"图片价格", "outputCostPerImage"}},
    {"inputCostPerRequest", "input_cost_per_request", JTEXT_NUMBER, {"按次调用价格", "inputCostPerRequest"}},
    {"cacheReadInputTokenCost",
     "cache_read_input_token_cost",
     JTEXT_NUMBER,
     {"缓存读取价格", "cacheReadInputTokenCost"}},
    {"cacheCreationInputTokenCost",
     "cache_creation_input_token_cost",
     JTEXT_NUMBER,
     {"缓存创建价格", "cacheCreationInputTokenCost"}},
    {"cacheCreationInputTokenCostAbove1hr",
     "cache_creation_input_token_cost_above_1hr",
     JTEXT_NUMBER,
     {"缓存创建(1h)价格", "cacheCreationInputTokenCostAbove1hr"}},
};

struct reader {
    const struct price_job *job;
    struct jtext values[ARRAY_LEN(fields)];
    struct jtext model, mode, extra;
    struct jtext_out out;
};

static bool invalid(struct err *err, const char *member, const char *why)
{
    err_set(err, ERR_VALIDATION_FAILED, "%s %s", member, why);
    return err_args(err, member, NULL);
}

/* ---- The body's members ------------------------------------------------------------------------------------------ */

/* Where a member's value is kept; NULL for one that is not known. */
static struct jtext *place_of(struct reader *reader, const char *member)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(fields[i].member, member) == 0)
            return &reader->values[i];
    return strcmp(member, "modelName") == 0         ? &reader->model
           : strcmp(member, "mode") == 0            ? &reader->mode
           : strcmp(member, "extraFieldsJson") == 0 ? &reader->extra
                                                    : NULL;
}

static bool take_members(struct reader *reader, struct jtext root, struct err *err)
{
    struct jtext_walk walk = jtext_enter(root);
    struct jtext key, value;
    while (jtext_next(&walk, &key, &value)) {
        const char *member = text_utf8(reader->job->arena, jtext_string(reader->job->arena, key, NULL));
        struct jtext *place = place_of(reader, member);
        if (place == NULL)
            return invalid(err, member, "is not known here");
        if (place->at != NULL)
            return invalid(err, member, "stands there twice");
        if (!jtext_storable(value))
            return invalid(err, member, "holds characters that cannot be stored");
        *place = value;
    }
    return true;
}

static bool check_field(struct reader *reader, const struct field *field, struct jtext value, struct err *err)
{
    if (value.at == NULL)
        return true;
    if (field->kind == JTEXT_NUMBER) {
        if (jtext_kind(value) == JTEXT_NUMBER && value.at[0] != '-')
            return true;
        err_set(err, ERR_PRICE_NOT_POSITIVE, "%s must be a number that is not negative", field->member);
        return err_args(err, field->label[reader->job->lang], NULL);
    }
    return jtext_kind(value) == field->kind
           || invalid(err, field->member, field->kind == JTEXT_BOOL ? "must be true or false" : "must be a text");
}

static bool check_mode(struct reader *reader, struct err *err)
{
    static const char *const modes[] = {"chat", "image_generation", "completion"};
    const char *mode = reader->mode.at == NULL ? "" : jtext_string(reader->job->arena, reader->mode, NULL);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++)
        if (strcmp(mode, modes[i]) == 0)
            return true;
    return invalid(err, "mode", "must be chat, image_generation or completion");
}

/* ---- extraFieldsJson --------------------------------------------------------------------------------------------- */

/* What is in it becomes an object, or nothing. */
static bool read_extra(struct reader *reader, struct err *err)
{
    struct jtext_fault fault;
    if (reader->extra.at == NULL || jtext_kind(reader->extra) == JTEXT_NULL) {
        reader->extra = (struct jtext){0};
        return true;
    }
    if (jtext_kind(reader->extra) == JTEXT_STRING) {
        size_t length;
        const char *text = jtext_string(reader->job->arena, reader->extra, &length);
        if (strspn(text, " \t\r\n") == length) {
            reader->extra = (struct jtext){0};
            return true;
        }
        if (!jtext_check(text, length, &reader->extra, &fault)) {
            err_set(err, ERR_PRICE_EXTRA_UNREADABLE, "extraFieldsJson: line %zu, column %zu: %s", fault.line,
                    fault.column, fault.what);
            return err_args(err, text_utf8(reader->job->arena, fault.what), NULL);
        }
    }
    return jtext_kind(reader->extra) == JTEXT_OBJECT
           || err_set(err, ERR_PRICE_EXTRA_NOT_OBJECT, "extraFieldsJson is no object");
}

/* The number that a text holds; nothing when it holds none. */
static struct jtext number_in(struct reader *reader, struct jtext string)
{
    struct jtext number = {0};
    struct jtext_fault fault;
    size_t length;
    const char *text = jtext_string(reader->job->arena, string, &length);
    if (!jtext_check(text, length, &number, &fault) || jtext_kind(number) != JTEXT_NUMBER)
        return (struct jtext){0};
    return number;
}

/* As it was written, but texts that are numbers, where a price is due, as numbers. */
static void put_value(struct reader *reader, struct jtext value, bool priced)
{
    enum jtext_kind kind = jtext_kind(value);
    struct jtext key, one, number = {0};
    bool first = true;
    if (priced && kind == JTEXT_STRING)
        number = number_in(reader, value);
    if (kind != JTEXT_OBJECT && kind != JTEXT_ARRAY) {
        value = number.at == NULL ? value : number;
        jtext_put(&reader->out, value.at, value.size);
        return;
    }
    struct jtext_walk walk = jtext_enter(value);
    jtext_puts(&reader->out, kind == JTEXT_OBJECT ? "{" : "[");
    for (; jtext_next(&walk, &key, &one); first = false) {
        const char *name = key.at == NULL ? "" : jtext_string(reader->job->arena, key, NULL);
        jtext_puts(&reader->out, first ? "" : ",");
        if (key.at != NULL) {
            jtext_put(&reader->out, key.at, key.size);
            jtext_puts(&reader->out, ":");
        }
        put_value(reader, one, (priced || price_is_price_name(name)) && strcmp(name, "metadata") != 0);
    }
    jtext_puts(&reader->out, kind == JTEXT_OBJECT ? "}" : "]");
}

static bool is_given(struct reader *reader, const char *stored)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (reader->values[i].at != NULL && strcmp(fields[i].stored, stored) == 0)
            return true;
    return strcmp(stored, "mode") == 0;
}

static void put_member(struct reader *reader, const char *name)
{
    jtext_puts(&reader->out, ",");
    jtext_put_string(&reader->out, name);
    jtext_puts(&reader->out, ":");
}

static const char *stored_text(struct reader *reader)
{
    struct jtext_walk walk = jtext_enter(reader->extra);
    struct jtext key, value;
    jtext_puts(&reader->out, "{\"mode\":");
    jtext_put(&reader->out, reader->mode.at, reader->mode.size);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (reader->values[i].at != NULL) {
            put_member(reader, fields[i].stored);
            jtext_put(&reader->out, reader->values[i].at, reader->values[i].size);
        }
    while (reader->extra.at != NULL && jtext_next(&walk, &key, &value)) {
        const char *name = jtext_string(reader->job->arena, key, NULL);
        if (is_given(reader, name))
            continue;
        put_member(reader, name);
        put_value(reader, value, price_is_price_name(name));
    }
    jtext_puts(&reader->out, "}");
    const char *text = arena_strndup(reader->job->arena, reader->out.text, reader->out.size);
    free(reader->out.text);
    return text;
}

bool price_single_read(const struct price_job *job, const char *body, size_t size, struct price_single *single,
                       struct err *err)
{
    struct reader reader = {.job = job};
    struct jtext root;
    struct jtext_fault fault;
    if (!jtext_check(body, size, &root, &fault))
        return err_set(err, ERR_MALFORMED_BODY, "line %zu, column %zu: %s", fault.line, fault.column, fault.what);
    if (jtext_kind(root) != JTEXT_OBJECT)
        return err_set(err, ERR_MALFORMED_BODY, "line 1, column 1: the body must be a JSON object");
    if (!take_members(&reader, root, err))
        return false;
    single->model =
        reader.model.at == NULL ? "" : price_trimmed(job->arena, jtext_string(job->arena, reader.model, NULL));
    if (single->model[0] == '\0')
        return err_set(err, ERR_PRICE_NAME_EMPTY, "modelName is missing or blank");
    if (!check_mode(&reader, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (!check_field(&reader, &fields[i], reader.values[i], err))
            return false;
    if (!read_extra(&reader, err))
        return false;
    single->data = stored_text(&reader);
    return true;
}
