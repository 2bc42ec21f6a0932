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

/* ---- Members ----------------------------------------------------------------------------------------------------- */

struct member {
    const char *name;
    struct jtext value;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

/* By name. An array's elements have the array's name, and come as they are. */
static bool list_members(struct rule_check *check, struct arena *arena, const char *name, struct jtext container,
                         struct member **members, size_t *count)
{
    struct jtext key, value;
    struct jtext_walk walk = jtext_enter(container);
    *members = NULL;
    for (*count = 0; jtext_next(&walk, &key, &value); (*count)++) {
        if (walk.object && *count == MEMBERS_MAX)
            return wrong(check, MSG_PRICE_TOO_MANY_MEMBERS, NULL);
        struct member *one = arena_push(arena, members, *count, sizeof *one);
        *one = (struct member){walk.object ? jtext_string(arena, key, NULL) : name, value};
    }
    if (walk.object && *count > 0)
        qsort(*members, *count, sizeof **members, by_name);
    for (size_t i = 0; walk.object && i < *count; i++) {
        if (price_is_forbidden_name((*members)[i].name))
            return wrong(check, MSG_PRICE_FORBIDDEN_NAME, (*members)[i].name);
        if (i > 0 && strcmp((*members)[i - 1].name, (*members)[i].name) == 0)
            return wrong(check, MSG_PRICE_REPEATED_NAME, (*members)[i].name);
    }
    return true;
}

static struct jtext find_member(const struct member *members, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].value;
    return (struct jtext){0};
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

static bool check_members(struct rule_check *check, struct arena *arena, const struct member *members, size_t count,
                          bool object, enum place place)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = members[i].name;
        enum place own = object ? place_of(place, name) : place;
        enum jtext_kind kind = jtext_kind(members[i].value);
        struct member *inner;
        size_t inner_count;
        if (kind != JTEXT_OBJECT && kind != JTEXT_ARRAY) {
            if (!check_scalar(check, name, members[i].value, own))
                return false;
        } else if (!list_members(check, arena, name, members[i].value, &inner, &inner_count)
                   || !check_members(check, arena, inner, inner_count, kind == JTEXT_OBJECT, own)) {
            return false;
        }
    }
    return true;
}

const char *price_fault(const struct price_job *job, struct jtext data)
{
    struct rule_check check = {.job = job,
                               .token_max = atof(config_text(job->app->config, SETTING_PRICE_MAX_PER_TOKEN))};
    struct arena *scratch = arena_new();
    struct member *members;
    size_t count;
    if (jtext_kind(data) != JTEXT_OBJECT)
        wrong(&check, MSG_PRICE_NOT_OBJECT, NULL);
    else if (!jtext_storable(data))
        wrong(&check, MSG_PRICE_NOT_STORABLE, NULL);
    else if (list_members(&check, scratch, "", data, &members, &count)
             && check_members(&check, scratch, members, count, true, PLACE_ANY)) {
        if (find_member(members, count, "mode").at == NULL)
            wrong(&check, MSG_PRICE_NO_MODE, NULL);
        else if (find_member(members, count, "vendor").size > INDEXED_TEXT_MAX)
            wrong(&check, MSG_PRICE_TOO_LONG, "vendor");
    }
    arena_free(scratch);
    return check.fault;
}
