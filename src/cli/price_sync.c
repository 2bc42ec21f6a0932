/* hubport prices sync */
#include "cli/prices.h"

#include "prices/sync.h"

#define SHOWN 20 /* names of a list that is not asked for as JSON */

static void print_names(const char *what, json_t *names)
{
    size_t index, count = json_is_integer(names) ? (size_t)json_integer_value(names) : json_array_size(names);
    json_t *name;
    printf("%s: %zu\n", what, count);
    json_array_foreach(names, index, name)
    {
        if (index == SHOWN)
            printf("  ...\n");
        if (index >= SHOWN)
            break;
        printf("  %s\n",
               json_is_string(name) ? json_string_value(name) : json_string_value(json_object_get(name, "model")));
    }
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "-" : text;
}

static void print_held(struct invocation *invocation, json_t *held)
{
    size_t index;
    json_t *one;
    printf("%s: %zu\n",
           command_say(invocation, "已搁置（--confirm 名称 以确认，整表用 --confirm '*'）",
                       "Held back (confirm by --confirm NAME, or '*' for the whole table)"),
           json_array_size(held));
    json_array_foreach(held, index, one)
        printf("  %s  %s  %s %s -> %s\n", text_of(one, "model"), text_of(one, "reason"), text_of(one, "field"),
               text_of(one, "old"), text_of(one, "new"));
}

static void print_result(struct invocation *invocation, json_t *result, const char *version)
{
    printf("%s: %s\n", command_say(invocation, "版本", "Version"), version);
    print_names(command_say(invocation, "新增", "Added"), json_object_get(result, "added"));
    print_names(command_say(invocation, "更新", "Updated"), json_object_get(result, "updated"));
    printf("%s: %zu\n", command_say(invocation, "未变", "Unchanged"),
           json_array_size(json_object_get(result, "unchanged")));
    print_names(command_say(invocation, "保留的手动价格", "Set by hand, kept"),
                json_object_get(result, "skippedConflicts"));
    print_names(command_say(invocation, "云端没有的模型", "Not in the cloud's table"),
                json_object_get(result, "missing"));
    print_names(command_say(invocation, "失败", "Failed"), json_object_get(result, "failed"));
    if (json_array_size(json_object_get(result, "heldBack")) > 0)
        print_held(invocation, json_object_get(result, "heldBack"));
}

static int check(struct invocation *invocation, const struct price_job *job)
{
    struct err err;
    const char *answer;
    if (!price_sync_check(job, &answer, &err))
        return command_fail(invocation, &err, NULL);
    if (invocation->json) {
        printf("%s\n", answer);
        return 0;
    }
    json_t *all = json_loads(answer, 0, NULL);
    printf("%s\n", command_say(invocation, "（仅检查，未作任何更改）", "(A look only: nothing was changed)"));
    print_result(invocation, json_object_get(all, "preview"), json_string_value(json_object_get(all, "version")));
    json_decref(all);
    return 0;
}

int command_prices_sync(struct invocation *invocation)
{
    struct price_job job;
    struct err err;
    json_t *answer;
    int status;
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    const struct price_sync_options options = {.overwrite_manual = prices_names(invocation, invocation->values[1]),
                                               .confirm = prices_names(invocation, invocation->values[2])};
    if (invocation->values[0] != NULL) {
        status = check(invocation, &job);
    } else if (!price_sync_run(&job, &options, &answer, &err)) {
        status = command_fail(invocation, &err, NULL);
    } else {
        if (invocation->json)
            command_print_json(json_incref(answer));
        else
            print_result(invocation, answer, json_string_value(json_object_get(answer, "version")));
        json_decref(answer);
    }
    app_close(app);
    return status;
}
