/* hubport prices list, set, unset, history, revert, unpriced */
#include "cli/prices.h"

#include "base/text.h"
#include "prices/edit.h"
#include "prices/history.h"
#include "prices/list.h"
#include "prices/unpriced.h"

#define NAME_WIDTH 44

/* ---- Shared ------------------------------------------------------------------------------------------------------ */

struct app *prices_open(struct invocation *invocation, struct price_job *job, int *status)
{
    struct app *app = command_open(invocation, status);
    if (app == NULL)
        return NULL;
    struct job caller = command_job(invocation, app);
    *job = (struct price_job){.app = app,
                              .arena = invocation->arena,
                              .cancel = invocation->cancel,
                              .lang = invocation->lang,
                              .actor = caller.actor};
    return app;
}

struct price_names prices_names(struct invocation *invocation, const char *list)
{
    struct price_names names = {0};
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");
        if (length > 0)
            *(const char **)arena_push(invocation->arena, &names.items, names.count++, sizeof *names.items) =
                arena_strndup(invocation->arena, list, length);
        list += length + (list[length] == ',');
    }
    return names;
}

/* For people: USD a million tokens. The exact digits are in the JSON. */
static const char *per_million(struct arena *arena, json_t *data, const char *name)
{
    json_t *price = json_object_get(data, name);
    return json_is_number(price) ? arena_printf(arena, "%.6g", json_number_value(price) * 1e6) : "-";
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "-" : text;
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

static void print_models(struct invocation *invocation, const char *items)
{
    json_t *list = json_loads(items, 0, NULL), *item;
    size_t index;
    table_cell(command_say(invocation, "模型", "MODEL"), NAME_WIDTH);
    table_cell(command_say(invocation, "来源", "SOURCE"), 8);
    table_cell(command_say(invocation, "输入/百万", "INPUT/M"), 12);
    table_cell(command_say(invocation, "输出/百万", "OUTPUT/M"), 12);
    printf("%s\n", command_say(invocation, "更新时间", "UPDATED"));
    json_array_foreach(list, index, item)
    {
        json_t *data = json_object_get(item, "priceData");
        table_cell(text_of(item, "modelName"), NAME_WIDTH);
        table_cell(text_of(item, "source"), 8);
        table_cell(per_million(invocation->arena, data, "input_cost_per_token"), 12);
        table_cell(per_million(invocation->arena, data, "output_cost_per_token"), 12);
        printf("%.10s\n", text_of(item, "updatedAt"));
    }
    json_decref(list);
}

int command_prices_list(struct invocation *invocation)
{
    struct price_job job;
    struct err err;
    const char *items;
    int64_t total;
    int status;
    const struct price_filter filter = {.search = invocation->values[0],
                                        .source = invocation->values[1],
                                        .vendor = invocation->values[2],
                                        .litellm_provider = invocation->values[3],
                                        .limit = INT32_MAX};
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    if (!price_list(&job, &filter, &items, &total, &err))
        status = command_fail(invocation, &err, NULL);
    else if (invocation->json)
        printf("{\"items\":%s,\"total\":%lld}\n", items, (long long)total);
    else
        print_models(invocation, items);
    app_close(app);
    return status;
}

/* ---- set, unset, revert ------------------------------------------------------------------------------------------ */

/* The options of `set` that are prices, in their order, and what they are called in the body. */
static const char *const price_members[] = {"inputCostPerToken",
                                            "outputCostPerToken",
                                            "inputCostPerRequest",
                                            "outputCostPerImage",
                                            "cacheReadInputTokenCost",
                                            "cacheCreationInputTokenCost",
                                            "cacheCreationInputTokenCostAbove1hr"};
static const char *const text_members[] = {"mode", "displayName", "litellmProvider", "extraFieldsJson"};

static void put_member(struct jtext_out *out, const char *name)
{
    jtext_puts(out, ",");
    jtext_put_string(out, name);
    jtext_puts(out, ":");
}

/* "0.000003", or "3/M": USD a million. As a JSON number, digits and all; what is none is refused with the body. */
static const char *price_of(struct invocation *invocation, const char *text)
{
    size_t length = strlen(text);
    bool million = length > 2 && strcmp(text + length - 2, "/M") == 0;
    if (!million || strpbrk(text, "eE") != NULL)
        return text;
    return arena_printf(invocation->arena, "%.*se-6", (int)(length - 2), text);
}

static bool is_number(const char *text)
{
    struct jtext root;
    struct jtext_fault fault;
    return jtext_check(text, strlen(text), &root, &fault) && jtext_kind(root) == JTEXT_NUMBER
           && root.size == strlen(text);
}

/* What the form of the page would send. */
static bool body_of(struct invocation *invocation, struct jtext_out *body, struct err *err)
{
    jtext_puts(body, "{\"modelName\":");
    jtext_put_string(body, text_utf8(invocation->arena, invocation->operand));
    for (size_t i = 0; i < ARRAY_LEN(price_members); i++) {
        if (invocation->values[i] == NULL)
            continue;
        const char *price = price_of(invocation, invocation->values[i]);
        if (!is_number(price))
            return err_set(err, ERR_WRONG_USE, "%s is no price: USD a token as 0.000003, or 3/M for a million",
                           invocation->values[i]);
        put_member(body, price_members[i]);
        jtext_puts(body, price);
    }
    for (size_t i = 0; i < ARRAY_LEN(text_members); i++) {
        const char *text = invocation->values[ARRAY_LEN(price_members) + i];
        text = text == NULL && i == 0 ? "chat" : text;
        if (text != NULL) {
            put_member(body, text_members[i]);
            jtext_put_string(body, text_utf8(invocation->arena, text));
        }
    }
    jtext_puts(body, "}");
    return true;
}

/* The model as it is now. */
static int show_model(struct invocation *invocation, const struct price_job *job, const char *model, bool ok,
                      struct err *err)
{
    const char *item;
    if (!ok || !price_get(job, model, &item, err))
        return command_fail(invocation, err, NULL);
    if (invocation->json)
        printf("%s\n", item);
    else
        print_models(invocation, arena_printf(invocation->arena, "[%s]", item));
    return 0;
}

int command_prices_set(struct invocation *invocation)
{
    struct price_job job;
    struct price_single single = {0};
    struct jtext_out body = {0};
    struct err err;
    int status;
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    bool ok = body_of(invocation, &body, &err) && price_single_read(&job, body.text, body.size, &single, &err)
              && price_set(&job, &single, &err);
    status = show_model(invocation, &job, single.model, ok, &err);
    free(body.text);
    app_close(app);
    return status;
}

static int tell_gone(struct invocation *invocation)
{
    if (invocation->json)
        command_print_json(json_pack("{s:b, s:s, s:n}", "ok", 1, "modelName",
                                     text_utf8(invocation->arena, invocation->operand), "price"));
    else
        printf("%s: %s\n", command_say(invocation, "已删除价格", "The price is gone"), invocation->operand);
    return 0;
}

int command_prices_unset(struct invocation *invocation)
{
    struct price_job job;
    struct err err;
    int status;
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    status =
        price_delete(&job, invocation->operand, &err) ? tell_gone(invocation) : command_fail(invocation, &err, NULL);
    app_close(app);
    return status;
}

int command_prices_revert(struct invocation *invocation)
{
    struct price_job job;
    struct err err;
    bool gone = false;
    int64_t id = 0;
    int status;
    const char *change = invocation->values[0];
    if (change != NULL && !text_parse_integer(change, 1, INT64_MAX, &id)) {
        err_set(&err, ERR_WRONG_USE, "--id: not the number of a change: %s", change);
        return command_fail(invocation, &err, NULL);
    }
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    bool ok = price_revert(&job, invocation->operand, id, &gone, &err);
    status = ok && gone ? tell_gone(invocation) : show_model(invocation, &job, invocation->operand, ok, &err);
    app_close(app);
    return status;
}

/* ---- history, unpriced ------------------------------------------------------------------------------------------- */

static void print_history(struct invocation *invocation, const char *items)
{
    json_t *list = json_loads(items, 0, NULL), *item;
    size_t index;
    json_array_foreach(list, index, item)
    {
        json_t *before = json_object_get(item, "before"), *after = json_object_get(item, "after");
        struct arena *arena = invocation->arena;
        printf("%-8lld %.19s  ", (long long)json_integer_value(json_object_get(item, "id")),
               text_of(item, "changedAt"));
        table_cell(text_of(item, "action"), 10);
        table_cell(text_of(item, "userName"), 24);
        printf("%s %s/%s -> %s %s/%s\n", text_of(item, "sourceBefore"),
               per_million(arena, before, "input_cost_per_token"), per_million(arena, before, "output_cost_per_token"),
               text_of(item, "sourceAfter"), per_million(arena, after, "input_cost_per_token"),
               per_million(arena, after, "output_cost_per_token"));
    }
    if (json_array_size(list) == 0)
        printf("%s\n", command_say(invocation, "没有变更记录", "There are no changes"));
    json_decref(list);
}

int command_prices_history(struct invocation *invocation)
{
    struct price_job job;
    struct err err;
    const char *items;
    int64_t total;
    int status;
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    if (!price_history(&job, invocation->operand, 0, 1000, &items, &total, &err))
        status = command_fail(invocation, &err, NULL);
    else if (invocation->json)
        printf("{\"items\":%s,\"total\":%lld}\n", items, (long long)total);
    else
        print_history(invocation, items);
    app_close(app);
    return status;
}

static void print_unpriced(struct invocation *invocation, json_t *answer)
{
    json_t *items = json_object_get(answer, "items"), *item, *name;
    size_t index, place;
    if (json_array_size(items) == 0) {
        printf("%s\n", command_say(invocation, "所有用到的模型都有价格", "Every model in use has a price"));
        return;
    }
    table_cell(command_say(invocation, "模型", "MODEL"), NAME_WIDTH);
    table_cell(command_say(invocation, "请求数", "REQUESTS"), 10);
    table_cell(command_say(invocation, "原因", "REASON"), 8);
    printf("%s\n", command_say(invocation, "相近的名称", "NEAREST"));
    json_array_foreach(items, index, item)
    {
        table_cell(text_of(item, "model"), NAME_WIDTH);
        printf("%-10lld ", (long long)json_integer_value(json_object_get(item, "requests")));
        table_cell(text_of(item, "reason"), 8);
        json_array_foreach(json_object_get(item, "nearest"), place, name)
            printf("%s%s", place == 0 ? "" : ", ", json_string_value(name));
        putchar('\n');
    }
}

int command_prices_unpriced(struct invocation *invocation)
{
    struct price_job job;
    struct err err;
    json_t *answer;
    int64_t days = 7;
    int status;
    const char *text = invocation->values[0];
    if (text != NULL && !text_parse_integer(text, 1, 365, &days)) {
        err_set(&err, ERR_WRONG_USE, "--days: a number from 1 to 365, not %s", text);
        return command_fail(invocation, &err, NULL);
    }
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    if (!price_unpriced(&job, days, &answer, &err)) {
        status = command_fail(invocation, &err, NULL);
    } else {
        if (!invocation->json)
            print_unpriced(invocation, answer);
        else
            command_print_json(json_incref(answer));
        json_decref(answer);
    }
    app_close(app);
    return status;
}
