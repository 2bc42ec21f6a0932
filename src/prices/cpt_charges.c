#include "prices/cpt_charges.h"

#include <string.h>

#define SIGNIFICANT 12

/* A charge of that name and unit is the price field; `shift` takes it to one unit. */
static const struct charge_row {
    const char *charge, *unit, *field;
    int shift;
    bool tiered;       /* has fields above 200k and 272k tokens */
    bool has_priority; /* has a field of its own for priority */
    bool any_currency, billable;
} charge_rows[] = {
    {"prompt", "per_M_tokens", "input_cost_per_token", -6, true, true, false, true},
    {"completion", "per_M_tokens", "output_cost_per_token", -6, true, true, false, true},
    {"cache_read", "per_M_tokens", "cache_read_input_token_cost", -6, true, true, false, true},
    {"cache_write", "per_M_tokens", "cache_creation_input_token_cost", -6, true, false, false, true},
    {"cache_write_1h", "per_M_tokens", "cache_creation_input_token_cost_above_1hr", -6, true, false, false, true},
    {"image_input", "per_M_tokens", "input_cost_per_image_token", -6, false, false, false, true},
    {"image_output", "per_M_tokens", "output_cost_per_image_token", -6, false, false, false, true},
    {"image_input", "per_image", "input_cost_per_image", 0, false, false, false, true},
    {"image_output", "per_image", "output_cost_per_image", 0, false, false, false, true},
    {"request", "per_request", "input_cost_per_request", 0, false, false, false, true},
    {"web_search", "per_k_calls", "search_context_cost_per_query", -3, false, false, true, true},
    {"file_search", "per_k_calls", "file_search_cost_per_1k_calls", 0, false, false, true, false},
    {"file_search_call", "per_k_calls", "file_search_cost_per_1k_calls", 0, false, false, true, false},
};

/* ---- Tracks ------------------------------------------------------------------------------------------------------ */

/* What a track of other prices is for. */
struct track_use {
    bool base, priority;
    int tier; /* 200, 272; 0: none */
    bool supported;
};

static bool is(struct arena *arena, struct jtext value, const char *text)
{
    return jtext_kind(value) == JTEXT_STRING && strcmp(jtext_string(arena, value, NULL), text) == 0;
}

static void take_threshold(struct arena *arena, struct jtext trigger, struct track_use *use)
{
    static const struct {
        int low, tier;
    } tiers[] = {{200000, 200}, {272000, 272}};
    struct jtext value = jtext_member(trigger, "threshold");
    const char *text = jtext_kind(value) == JTEXT_NUMBER ? arena_strndup(arena, value.at, value.size)
                                                         : jtext_string(arena, value, NULL);
    struct decimal threshold;
    int tier = 0;
    for (size_t i = 0; i < ARRAY_LEN(tiers) && decimal_parse(text, strlen(text), &threshold); i++)
        for (int exact = tiers[i].low; exact <= tiers[i].low + 1; exact++) {
            struct decimal wanted = decimal_round((struct decimal){(unsigned)exact, 0}, 18);
            if (threshold.digits == wanted.digits && threshold.exponent == wanted.exponent)
                tier = tiers[i].tier;
        }
    use->supported = use->supported && tier != 0 && (use->tier == 0 || use->tier == tier);
    use->tier = tier;
}

static struct track_use use_of(struct arena *arena, struct jtext track)
{
    struct track_use use = {.base = true, .supported = true};
    struct jtext_walk walk = jtext_enter(jtext_member(track, "triggers"));
    struct jtext key, trigger;
    while (jtext_next(&walk, &key, &trigger)) {
        struct jtext kind = jtext_member(trigger, "kind"), pattern = jtext_member(trigger, "pattern");
        use.base = false;
        if (is(arena, kind, "input_tokens_above"))
            take_threshold(arena, trigger, &use);
        else if (is(arena, kind, "body_matches") && is(arena, jtext_member(trigger, "field"), "service_tier")
                 && strstr(jtext_string(arena, pattern, NULL), "priority") != NULL)
            use.priority = true;
        else if (!is(arena, kind, "header_matches"))
            use.supported = false;
    }
    /* One that headers alone choose is neither the base nor a tier. */
    use.supported = use.supported && (use.base || use.priority || use.tier != 0);
    return use;
}

static bool read_decimal(struct arena *arena, struct jtext value, struct decimal *decimal)
{
    const char *text = jtext_string(arena, value, NULL);
    if (jtext_kind(value) == JTEXT_STRING)
        return decimal_parse(text, strlen(text), decimal);
    return jtext_kind(value) == JTEXT_NUMBER && decimal_parse(value.at, value.size, decimal);
}

/* The track's factor for a charge; false when it is none, so that the price is not known. */
static bool factor_of(struct arena *arena, struct jtext track, const char *charge, struct decimal *factor)
{
    struct jtext own = jtext_member(jtext_member(track, "charge_factors"), charge);
    struct jtext all = jtext_member(track, "factor");
    *factor = (struct decimal){1, 0};
    if (own.at != NULL)
        return read_decimal(arena, own, factor);
    return all.at == NULL || read_decimal(arena, all, factor);
}

/* ---- Charges ----------------------------------------------------------------------------------------------------- */

static void put_field(struct arena *arena, struct jtext_out *out, const char *field, const char *suffix,
                      struct decimal price)
{
    const char *text = decimal_text(arena, decimal_round(price, SIGNIFICANT));
    bool search = strcmp(field, "search_context_cost_per_query") == 0;
    jtext_puts(out, search ? arena_printf(arena,
                                          "\"%s\":{\"search_context_size_low\":%s,\"search_context_size_medium\":%s,"
                                          "\"search_context_size_high\":%s},",
                                          field, text, text, text)
                           : arena_printf(arena, "\"%s%s\":%s,", field, suffix, text));
}

static bool base_price(struct arena *arena, struct jtext variant, const char *charge, struct decimal *price)
{
    struct jtext_walk walk = jtext_enter(jtext_member(variant, "tracks"));
    struct jtext key, track;
    struct decimal factor;
    while (jtext_next(&walk, &key, &track)) {
        if (!use_of(arena, track).base)
            continue;
        if (!factor_of(arena, track, charge, &factor))
            return false;
        *price = decimal_round(decimal_times(*price, factor), 18);
        break;
    }
    return true;
}

/* A second track for the same use changes nothing: the first counts. */
static void put_tracks(struct arena *arena, struct jtext variant, const struct charge_row *row, struct decimal price,
                       struct jtext_out *out)
{
    struct jtext_walk walk = jtext_enter(jtext_member(variant, "tracks"));
    struct jtext key, track;
    struct decimal factor;
    bool seen[6] = {false};
    while (jtext_next(&walk, &key, &track)) {
        struct track_use use = use_of(arena, track);
        bool *once = &seen[(use.tier == 0 ? 0 : use.tier == 200 ? 2 : 4) + use.priority];
        if (!use.supported || use.base || *once || (use.tier == 0 && !row->has_priority)
            || !factor_of(arena, track, row->charge, &factor))
            continue;
        *once = true;
        const char *tier = use.tier == 0 ? "" : use.tier == 200 ? "_above_200k_tokens" : "_above_272k_tokens";
        put_field(arena, out, row->field, arena_printf(arena, "%s%s", tier, use.priority ? "_priority" : ""),
                  decimal_times(price, factor));
    }
}

static const struct charge_row *find_row(struct arena *arena, struct jtext name, struct jtext charge)
{
    struct jtext unit = jtext_member(charge, "unit");
    for (size_t i = 0; i < ARRAY_LEN(charge_rows); i++)
        if (is(arena, name, charge_rows[i].charge) && is(arena, unit, charge_rows[i].unit))
            return &charge_rows[i];
    return NULL;
}

bool cpt_put_charges(struct arena *arena, struct jtext variant, const char *currency, struct jtext_out *out)
{
    struct jtext_walk walk = jtext_enter(jtext_member(variant, "charges"));
    struct jtext name, charge;
    bool billable = false, file_search = false;
    while (jtext_next(&walk, &name, &charge)) {
        const struct charge_row *row = find_row(arena, name, charge);
        struct jtext own = jtext_member(charge, "currency");
        struct decimal price;
        bool dollars = jtext_kind(own) == JTEXT_STRING ? is(arena, own, "USD") : strcmp(currency, "USD") == 0;
        if (row == NULL || !(row->any_currency || dollars)
            || !read_decimal(arena, jtext_member(charge, "price"), &price)
            || !base_price(arena, variant, row->charge, &price) || (!row->billable && file_search))
            continue;
        file_search = file_search || !row->billable;
        billable = billable || row->billable;
        price = decimal_shift(price, row->shift);
        put_field(arena, out, row->field, "", price);
        if (row->tiered)
            put_tracks(arena, variant, row, price, out);
    }
    return billable;
}
