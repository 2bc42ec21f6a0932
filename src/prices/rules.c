#include "prices/rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 1000      /* of one object */
#define NUMBER_SIZE_MAX 100   /* digits, point, exponent */
#define OTHER_UNITS 10000     /* times the bound of a token: for an image, a call, an hour */
#define INDEXED_TEXT_MAX 1000 /* bytes that fit into an entry of the hub's index on `vendor` */

struct rule_check {
    const struct price_job *job;
    double token_max;
    const char *fault;
};

static bool wrong(struct rule_check *check, enum message message, const char *name)
{
    check->fault = MESSAGE(check->job->arena, check->job->lang, message, name);
    return false;
}

bool price_is_price_name(const char *name)
{
    return strstr(name, "cost_per_") != NULL || strstr(name, "token_cost") != NULL;
}

bool price_is_forbidden_name(const char *name)
{
    return strcmp(name, "__proto__") == 0 || strcmp(name, "constructor") == 0 || strcmp(name, "prototype") == 0;
}

/* "per_token", "per_image_token", "token_cost"; not "per_1k_tokens". */
static bool is_for_one_token(const char *name)
{
    return strstr(name, "_1k_") == NULL && (strstr(name, "_token") != NULL);
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* The hub computes with doubles, PostgreSQL with decimals of a limited exponent: a number must be one for both. */
static bool check_number(struct rule_check *check, const char *name, struct jtext number, double *value)
{
    char text[NUMBER_SIZE_MAX + 1];
    if (number.size > NUMBER_SIZE_MAX)
        return wrong(check, MSG_PRICE_NUMBER_LONG, name);
    memcpy(text, number.at, number.size);
    text[number.size] = '\0';
    *value = strtod(text, NULL);
    if (!isfinite(*value))
        return wrong(check, MSG_PRICE_NOT_FINITE, name);
    const char *exponent = strpbrk(text, "eE");
    if (exponent != NULL && labs(strtol(exponent + 1, NULL, 10)) > 400)
        return wrong(check, MSG_PRICE_NUMBER_LONG, name);
    return true;
}

static bool check_price(struct rule_check *check, const char *name, struct jtext value)
{
    double price, max = check->token_max * (is_for_one_token(name) ? 1 : OTHER_UNITS);
    if (jtext_kind(value) != JTEXT_NUMBER)
        return wrong(check, MSG_PRICE_NOT_A_NUMBER, name);
    if (!check_number(check, name, value, &price))
        return false;
    if (price < 0)
        return wrong(check, MSG_PRICE_NEGATIVE, name);
    if (price <= max)
        return true;
    char limit[32];
    snprintf(limit, sizeof limit, "%g", max);
    check->fault = MESSAGE(check->job->arena, check->job->lang, MSG_PRICE_TOO_HIGH, name, limit);
    return false;
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool check_names(struct rule_check *check, const char **names, size_t count)
{
    if (count > 0)
        qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++) {
        if (price_is_forbidden_name(names[i]))
            return wrong(check, MSG_PRICE_FORBIDDEN_NAME, names[i]);
        if (i > 0 && strcmp(names[i - 1], names[i]) == 0)
            return wrong(check, MSG_PRICE_REPEATED_NAME, names[i]);
    }
    return true;
}

/* Names rarely hold escapes: then they need no copy but their end. */
static bool list_names(struct rule_check *check, struct arena *arena, struct jtext object, const char ***names,
                       size_t *count)
{
    struct jtext key, value;
    struct jtext_walk walk = jtext_enter(object);
    for (*count = 0; jtext_next(&walk, &key, &value); (*count)++) {
        if (*count == MEMBERS_MAX)
            return wrong(check, MSG_PRICE_TOO_MANY_MEMBERS, NULL);
        *(const char **)arena_push(arena, names, *count, sizeof **names) = jtext_string(arena, key, NULL);
    }
    return true;
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

enum place { PLACE_ANY, PLACE_PRICE, PLACE_LONG_CONTEXT, PLACE_FREE };

static enum place place_of(enum place outer, const char *name)
{
    if (outer == PLACE_FREE || strcmp(name, "metadata") == 0)
        return PLACE_FREE;
    if (outer == PLACE_PRICE || price_is_price_name(name))
        return PLACE_PRICE;
    return outer == PLACE_LONG_CONTEXT || strcmp(name, "long_context_pricing") == 0 ? PLACE_LONG_CONTEXT : PLACE_ANY;
}

static bool check_scalar(struct rule_check *check, const char *name, struct jtext value, enum place place)
{
    double ignored;
    size_t length = strlen(name);
    bool multiplier = place == PLACE_LONG_CONTEXT && length > 11 && strcmp(name + length - 11, "_multiplier") == 0;
    if (place == PLACE_PRICE || multiplier)
        return check_price(check, name, value);
    return jtext_kind(value) != JTEXT_NUMBER || check_number(check, name, value, &ignored);
}

static bool check_value(struct rule_check *check, struct arena *arena, const char *name, struct jtext value,
                        enum place place)
{
    enum jtext_kind kind = jtext_kind(value);
    struct jtext_walk walk = jtext_enter(value);
    struct jtext key, inner;
    const char **names = NULL;
    size_t count = 0;
    if (kind != JTEXT_OBJECT && kind != JTEXT_ARRAY)
        return check_scalar(check, name, value, place);
    if (kind == JTEXT_OBJECT && !list_names(check, arena, value, &names, &count))
        return false;
    for (size_t i = 0; jtext_next(&walk, &key, &inner); i++) {
        const char *own = kind == JTEXT_OBJECT ? names[i] : name;
        if (!check_value(check, arena, own, inner, kind == JTEXT_OBJECT ? place_of(place, own) : place))
            return false;
    }
    return check_names(check, names, count);
}

const char *price_fault(const struct price_job *job, struct jtext data)
{
    struct rule_check check = {.job = job,
                               .token_max = atof(config_text(job->app->config, SETTING_PRICE_MAX_PER_TOKEN))};
    struct arena *scratch = arena_new();
    if (jtext_kind(data) != JTEXT_OBJECT)
        wrong(&check, MSG_PRICE_NOT_OBJECT, NULL);
    else if (!jtext_storable(data))
        wrong(&check, MSG_PRICE_NOT_STORABLE, NULL);
    else if (check_value(&check, scratch, "", data, PLACE_ANY)) {
        if (jtext_member(data, "mode").at == NULL)
            wrong(&check, MSG_PRICE_NO_MODE, NULL);
        else if (jtext_member(data, "vendor").size > INDEXED_TEXT_MAX)
            wrong(&check, MSG_PRICE_TOO_LONG, "vendor");
    }
    arena_free(scratch);
    return check.fault;
}
