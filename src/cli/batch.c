/* hubport users|keys|providers: what their commands share, and list */
#include "cli/batch.h"

#include "base/text.h"
#include "cli/table.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELD_WIDTH 30

/* ---- Begin and end ----------------------------------------------------------------------------------------------- */

bool work_open(struct work *work, struct invocation *invocation, int *status)
{
    *work = (struct work){.invocation = invocation};
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (text_starts(invocation->command->name, batch_kinds[i].name))
            work->kind = &batch_kinds[i];
    work->app = command_open(invocation, status);
    if (work->app == NULL)
        return false;
    work->job = (struct batch_job){.app = work->app,
                                   .arena = invocation->arena,
                                   .cancel = invocation->cancel,
                                   .lang = invocation->lang,
                                   .actor = command_job(invocation, work->app).actor};
    work->problems = (struct batch_problems){.arena = invocation->arena, .list = json_array()};
    return true;
}

/* Everything that is wrong with what was given, each on a line of its own. */
static int fail_problems(struct work *work)
{
    struct invocation *invocation = work->invocation;
    json_t *problem, *first = json_array_get(work->problems.list, 0);
    size_t index;
    const char *path = json_string_value(json_object_get(first, "path"));
    err_set(&work->err, ERR_VALIDATION_FAILED, "%s %s", path, json_string_value(json_object_get(first, "message")));
    err_args(&work->err, path, NULL);
    if (invocation->json) {
        json_t *answer = command_error(invocation, &work->err);
        json_object_set(answer, "invalidParams", work->problems.list);
        command_print_json(answer);
    } else {
        json_array_foreach(work->problems.list, index, problem)
            fprintf(stderr, "hubport: %s %s\n", work_shown(work, json_object_get(problem, "path")),
                    work_shown(work, json_object_get(problem, "message")));
    }
    return err_exit_status(ERR_VALIDATION_FAILED);
}

int work_close(struct work *work, int status)
{
    json_decref(work->problems.list);
    batch_result_free(&work->result);
    app_close(work->app);
    return status;
}

/* Whom a refusal is about: users who would have no key left, values that somebody else changed. */
static void print_refusal(const struct work *work, json_t *users, json_t *changed)
{
    json_t *one;
    size_t index;
    json_array_foreach(users, index, one) fprintf(stderr, "  %s %s\n", work_shown(work, json_object_get(one, "id")),
                                                  work_shown(work, json_object_get(one, "name")));
    json_array_foreach(changed, index, one)
        fprintf(stderr, "  %s %s: %s %s -> %s\n", work_shown(work, json_object_get(one, "id")),
                work_shown(work, json_object_get(one, "name")), work_shown(work, json_object_get(one, "field")),
                work_shown(work, json_object_get(one, "expected")), work_shown(work, json_object_get(one, "current")));
}

/* What was done before a chunk failed, and why that did. */
static void print_chunks(const struct work *work, json_t *chunks)
{
    json_t *chunk;
    size_t index;
    json_array_foreach(chunks, index, chunk)
    {
        json_t *refusal = json_object_get(chunk, "errorParams");
        if (json_array_size(chunks) > 1)
            fprintf(stderr, "  %s - %s: %s\n", json_string_value(json_object_get(chunk, "from")),
                    json_string_value(json_object_get(chunk, "to")),
                    json_string_value(json_object_get(chunk, "status")));
        print_refusal(work, json_object_get(refusal, "users"), json_object_get(refusal, "changed"));
    }
}

int work_fail(struct work *work)
{
    if (json_array_size(work->problems.list) > 0)
        return work_close(work, fail_problems(work));
    if (!work->invocation->json) {
        int status = command_fail(work->invocation, &work->err, NULL);
        print_refusal(work, work->result.users, work->result.changed);
        print_chunks(work, work->done);
        return work_close(work, status);
    }
    json_t *answer = command_error(work->invocation, &work->err), *refusal = batch_refusal(&work->result);
    if (refusal != NULL)
        json_object_update(answer, refusal);
    if (work->done != NULL)
        json_object_set(answer, "chunks", work->done);
    json_decref(refusal);
    command_print_json(answer);
    return work_close(work, err_exit_status(work->err.code));
}

/* ---- What changes, for people ------------------------------------------------------------------------------------ */

const char *work_shown(const struct work *work, json_t *value)
{
    struct arena *arena = work->invocation->arena;
    if (value == NULL || json_is_null(value))
        return "-";
    if (json_is_string(value))
        return table_plain(arena, json_string_value(value));
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *kept = arena_strdup(arena, text);
    free(text);
    return table_plain(arena, kept);
}

void work_print_rows(const struct work *work, json_t *rows)
{
    json_t *row, *cell;
    size_t index, place;
    json_array_foreach(rows, index, row)
    {
        printf("  %s %s\n", work_shown(work, json_object_get(row, "id")),
               work_shown(work, json_object_get(row, "name")));
        json_array_foreach(json_object_get(row, "changes"), place, cell)
        {
            printf("    ");
            table_cell(json_string_value(json_object_get(cell, "field")), FIELD_WIDTH);
            printf("%s -> %s\n", work_shown(work, json_object_get(cell, "before")),
                   work_shown(work, json_object_get(cell, "after")));
        }
        json_array_foreach(json_object_get(row, "skipped"), place, cell)
        {
            printf("    ");
            table_cell(json_string_value(json_object_get(cell, "field")), FIELD_WIDTH);
            printf("(%s)\n", work_shown(work, json_object_get(cell, "reason")));
        }
    }
}

void work_print_tail(const struct work *work, size_t count, json_t *warnings)
{
    json_t *warning;
    size_t index;
    if (work_is_preview(work))
        printf("%s: %zu\n",
               command_say(work->invocation, "仅为预览，未作任何更改；将更改",
                           "This was a preview, nothing was changed; rows that would change"),
               count);
    else
        printf("%s: %zu\n", command_say(work->invocation, "已更改", "Rows changed"), count);
    json_array_foreach(warnings, index, warning) fprintf(stderr, "hubport: %s\n", json_string_value(warning));
}

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

bool work_is_preview(const struct work *work)
{
    return work_option(work->invocation, "dry-run") != NULL;
}

bool work_asks(const struct work *work)
{
    const struct invocation *invocation = work->invocation;
    return !invocation->json && !work_is_preview(work) && work_option(work->invocation, "yes") == NULL
           && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool work_confirm(struct work *work, size_t count)
{
    char answer[16];
    if (!work_asks(work))
        return true;
    fflush(stdout);
    fprintf(stderr, "%s: %zu. %s [y/N] ", command_say(work->invocation, "行数", "Rows"), count,
            command_say(work->invocation, "继续吗？", "Go on?"));
    if (cancel_poll(work->invocation->cancel, STDIN_FILENO, POLLIN, -1, &work->err) < 0)
        return false;
    ssize_t size = read(STDIN_FILENO, answer, sizeof answer);
    if (size > 0 && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    return err_set(&work->err, ERR_CANCELLED, "the question was not answered by y");
}

/* ---- Which rows -------------------------------------------------------------------------------------------------- */

/* Options that choose rows are named as the API's filters are. */
const char *work_option(void *context, const char *name)
{
    const struct invocation *invocation = context;
    const struct option_row *options = invocation->command->options;
    for (size_t i = 0; options[i].name != NULL; i++)
        if (strcmp(options[i].name, name) == 0)
            return invocation->values[i];
    return NULL;
}

struct list_query work_query(const struct work *work, int64_t limit)
{
    return (struct list_query){.value = work_option, .context = work->invocation, .limit = limit};
}

static void add_range(struct work *work, const char *text, json_t *ids)
{
    struct arena *arena = work->invocation->arena;
    size_t length = strcspn(text, "-");
    int64_t first, last;
    bool ok = text_parse_integer(arena_strndup(arena, text, length), 1, INT32_MAX, &first);
    last = first;
    if (ok && text[length] == '-')
        ok = text_parse_integer(text + length + 1, first, INT32_MAX, &last) && last - first < BATCH_MAX;
    if (!ok)
        problem_add(&work->problems, "IDS", arena_printf(arena, "must be as 1,2,5-9 or all, not %s", text));
    for (int64_t id = first; ok && id <= last; id++)
        json_array_append_new(ids, json_integer((json_int_t)id));
}

/* {member: ids} of "1,2,5-9", or of all that the filters fit. NULL with err. */
static json_t *read_ids(struct work *work, const char *text)
{
    json_t *body = json_object(), *ids = json_array();
    if (strcmp(text, "all") == 0) {
        struct list_query query = work_query(work, BATCH_MAX + 1);
        const char *answer;
        if (!list_ids(&work->job, work->kind, &query, &answer, &work->err)) {
            json_decref(body);
            json_decref(ids);
            return NULL;
        }
        json_t *found = json_loads(answer, 0, NULL);
        json_array_extend(ids, json_object_get(found, "ids"));
        json_decref(found);
    } else {
        while (*text != '\0') {
            size_t length = strcspn(text, ",");
            add_range(work, arena_strndup(work->invocation->arena, text, length), ids);
            text += length + (text[length] == ',');
        }
    }
    json_object_set_new(body, work->kind->ids_member, ids);
    return body;
}

struct batch_row *work_rows(struct work *work, const char *text, size_t *count)
{
    json_t *body = read_ids(work, text);
    if (body == NULL)
        return NULL;
    struct batch_row *rows = input_ids(work->kind, body, &work->problems, count);
    json_decref(body);
    if (json_array_size(work->problems.list) > 0)
        return NULL;
    if (*count > 0)
        return rows;
    err_set(&work->err, ERR_REQUIRED_FIELD, "nothing fits");
    err_args(&work->err, "IDS", NULL);
    return NULL;
}

/* ---- list -------------------------------------------------------------------------------------------------------- */

struct list_column {
    const char *member;
    int width;
    const char *title[2]; /* by enum lang */
};

static const struct list_column list_columns[KIND_COUNT][8] = {
    [KIND_USERS] = {{"name", 24, {"名称", "NAME"}},
                    {"isEnabled", 8, {"启用", "ENABLED"}},
                    {"providerGroup", 20, {"分组", "GROUPS"}},
                    {"rpm", 8, {"RPM", "RPM"}},
                    {"dailyQuota", 12, {"每日配额", "DAILY USD"}},
                    {"keyCount", 6, {"密钥数", "KEYS"}}},
    [KIND_KEYS] = {{"name", 24, {"名称", "NAME"}},
                   {"userName", 24, {"用户", "USER"}},
                   {"isEnabled", 8, {"启用", "ENABLED"}},
                   {"providerGroup", 20, {"分组", "GROUPS"}},
                   {"limitDailyUsd", 12, {"日限额", "DAILY USD"}}},
    [KIND_PROVIDERS] = {{"name", 28, {"名称", "NAME"}},
                        {"providerType", 18, {"类型", "TYPE"}},
                        {"isEnabled", 8, {"启用", "ENABLED"}},
                        {"priority", 9, {"优先级", "PRIORITY"}},
                        {"weight", 7, {"权重", "WEIGHT"}},
                        {"costMultiplier", 11, {"成本倍率", "MULTIPLIER"}},
                        {"groupTag", 20, {"分组标签", "GROUPS"}}},
};

static void print_list(struct work *work, const char *text, int64_t total)
{
    const struct list_column *columns = list_columns[work->kind->id];
    json_t *items = json_loads(text, 0, NULL), *item;
    size_t index;
    table_cell("ID", 8);
    for (size_t i = 0; columns[i].member != NULL; i++)
        table_cell(columns[i].title[work->invocation->lang], columns[i].width);
    putchar('\n');
    json_array_foreach(items, index, item)
    {
        table_cell(work_shown(work, json_object_get(item, "id")), 8);
        for (size_t i = 0; columns[i].member != NULL; i++)
            table_cell(work_shown(work, json_object_get(item, columns[i].member)), columns[i].width);
        putchar('\n');
    }
    printf("%s: %lld\n", command_say(work->invocation, "合计", "Total"), (long long)total);
    json_decref(items);
}

int command_batch_list(struct invocation *invocation)
{
    struct work work;
    const char *items;
    int64_t total;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct list_query query = work_query(&work, INT32_MAX);
    if (!list_items(&work.job, work.kind, &query, &items, &total, &work.err))
        return work_fail(&work);
    if (invocation->json)
        printf("{\"items\":%s,\"total\":%lld}\n", items, (long long)total);
    else
        print_list(&work, items, total);
    return work_close(&work, 0);
}
