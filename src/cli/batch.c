/* hubport users|keys|providers list, update, export, import; providers delete, reset-circuits */
#include "cli/output.h"
#include "cli/command.h"
#include "cli/source.h"
#include "cli/table.h"

#include "base/text.h"
#include "batch/circuits.h"
#include "batch/delete.h"
#include "batch/file.h"
#include "batch/values.h"

#define FILE_MAX (64 * MIB)
#define FIELD_WIDTH 30

/* ---- Shared ------------------------------------------------------------------------------------------------------ */

struct work {
    struct invocation *invocation;
    struct app *app;
    const struct kind *kind; /* by the command's first word */
    struct batch_job job;
    struct batch_problems problems;
    struct batch_result result;
    struct err err;
};

static bool work_open(struct work *work, struct invocation *invocation, int *status)
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
    int status = err_exit_status(ERR_VALIDATION_FAILED);
    if (invocation->json) {
        char text[ERR_TEXT_SIZE];
        err_text(&work->err, invocation->lang, text);
        command_print_json(json_pack("{s:b, s:s, s:s, s:O}", "ok", 0, "error", text_utf8(invocation->arena, text),
                                     "code", err_name(work->err.code), "invalidParams", work->problems.list));
        return status;
    }
    json_array_foreach(work->problems.list, index, problem)
        fprintf(stderr, "hubport: %s %s\n", json_string_value(json_object_get(problem, "path")),
                json_string_value(json_object_get(problem, "message")));
    return status;
}

static int work_close(struct work *work, int status)
{
    json_decref(work->problems.list);
    batch_result_free(&work->result);
    app_close(work->app);
    return status;
}

/* Ends a command that went wrong, with what is known about it. */
static int work_fail(struct work *work)
{
    json_t *user;
    size_t index;
    if (json_array_size(work->problems.list) > 0)
        return work_close(work, fail_problems(work));
    int status = command_fail(work->invocation, &work->err, NULL);
    if (!work->invocation->json)
        json_array_foreach(work->result.users, index, user)
            fprintf(stderr, "  %lld %s\n", (long long)json_integer_value(json_object_get(user, "id")),
                    table_plain(work->invocation->arena, json_string_value(json_object_get(user, "name"))));
    return work_close(work, status);
}

static void print_warnings(json_t *warnings)
{
    json_t *warning;
    size_t index;
    json_array_foreach(warnings, index, warning) fprintf(stderr, "hubport: %s\n", json_string_value(warning));
}

/* ---- Which rows -------------------------------------------------------------------------------------------------- */

/* Options that choose rows are named as the API's filters are. */
static const char *option_value(void *context, const char *name)
{
    const struct invocation *invocation = context;
    const struct option_row *options = invocation->command->options;
    for (size_t i = 0; options[i].name != NULL; i++)
        if (strcmp(options[i].name, name) == 0)
            return invocation->values[i];
    return NULL;
}

static struct list_query query_of(struct invocation *invocation, int64_t limit)
{
    return (struct list_query){.value = option_value, .context = invocation, .limit = limit};
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
        struct list_query query = query_of(work->invocation, BATCH_MAX + 1);
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

static struct batch_row *choose_rows(struct work *work, const char *text, size_t *count)
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

static const char *shown(struct arena *arena, json_t *value)
{
    if (value == NULL || json_is_null(value))
        return "-";
    if (json_is_string(value))
        return table_plain(arena, json_string_value(value));
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *kept = arena_strdup(arena, text);
    free(text);
    return table_plain(arena, kept);
}

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
        table_cell(shown(work->invocation->arena, json_object_get(item, "id")), 8);
        for (size_t i = 0; columns[i].member != NULL; i++)
            table_cell(shown(work->invocation->arena, json_object_get(item, columns[i].member)), columns[i].width);
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
    struct list_query query = query_of(invocation, INT32_MAX);
    if (!list_items(&work.job, work.kind, &query, &items, &total, &work.err))
        return work_fail(&work);
    if (invocation->json)
        printf("{\"items\":%s,\"total\":%lld}\n", items, (long long)total);
    else
        print_list(&work, items, total);
    return work_close(&work, 0);
}

/* ---- update ------------------------------------------------------------------------------------------------------ */

/* {column: value} of "rpm=60" "note=..." */
static json_t *read_changes(struct work *work)
{
    const struct invocation *invocation = work->invocation;
    json_t *changes = json_object();
    for (size_t i = 1; i < invocation->operand_count; i++) {
        const char *text = invocation->operands[i], *problem = NULL;
        size_t length = strcspn(text, "=");
        const char *name = arena_strndup(invocation->arena, text, length);
        const struct field *field = text[length] == '=' ? kind_field(work->kind, name) : NULL;
        json_t *value = field == NULL ? NULL : value_parse(field, text + length + 1, invocation->arena, &problem);
        if (text[length] != '=')
            problem_add(&work->problems, text, "must be FIELD=VALUE");
        else if (field == NULL)
            problem_add(&work->problems, name, "is no field that can be updated");
        else if (value == NULL)
            problem_add(&work->problems, name, problem);
        else
            json_object_set(changes, field->column, value);
        json_decref(value);
    }
    return changes;
}

static void print_cell_change(struct work *work, const char *name, json_t *before, json_t *after)
{
    printf("    ");
    table_cell(name, FIELD_WIDTH);
    printf("%s -> %s\n", shown(work->invocation->arena, before), shown(work->invocation->arena, after));
}

static void print_row_title(struct work *work, json_t *row)
{
    printf("  %lld %s\n", (long long)json_integer_value(json_object_get(row, "id")),
           shown(work->invocation->arena, json_object_get(row, "name")));
}

static void print_tail(struct work *work, size_t rows, bool dry_run)
{
    if (dry_run)
        printf("%s: %zu\n",
               command_say(work->invocation, "仅为预览，未作任何更改；将更改",
                           "This was a preview, nothing was changed; rows that would change"),
               rows);
    else
        printf("%s: %zu\n", command_say(work->invocation, "已更改", "Rows changed"), rows);
}

static void report_update(struct work *work, bool dry_run)
{
    json_t *row, *after;
    size_t index;
    const char *name;
    if (work->invocation->json) {
        command_print_json(json_pack("{s:b, s:I, s:b, s:O, s:O}", "ok", 1, "updatedCount",
                                     (json_int_t)json_array_size(work->result.rows), "dryRun", dry_run, "rows",
                                     work->result.rows, "warnings", work->result.warnings));
        return;
    }
    json_array_foreach(work->result.rows, index, row)
    {
        json_t *before = json_object_get(row, "before");
        print_row_title(work, row);
        json_object_foreach(json_object_get(row, "after"), name, after)
        {
            const struct field *field = kind_field(work->kind, name);
            json_t *old = value_shown(field, json_object_get(before, name), work->invocation->arena);
            json_t *new = value_shown(field, after, work->invocation->arena);
            if (!json_equal(json_object_get(before, name), after))
                print_cell_change(work, name, old, new);
            json_decref(old);
            json_decref(new);
        }
    }
    print_tail(work, json_array_size(work->result.rows), dry_run);
    print_warnings(work->result.warnings);
}

int command_batch_update(struct invocation *invocation)
{
    struct work work;
    size_t count;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    bool dry_run = option_value(invocation, "dry-run") != NULL;
    json_t *changes = read_changes(&work);
    struct batch_row *rows = choose_rows(&work, invocation->operand, &count);
    for (size_t i = 0; rows != NULL && i < count; i++)
        rows[i].changes = changes;
    struct batch_request request = {.kind = work.kind,
                                    .rows = rows,
                                    .count = count,
                                    .dry_run = dry_run,
                                    .audit_type = arena_printf(invocation->arena, "%s.batch_update", work.kind->name)};
    bool ok = rows != NULL && batch_run(&work.job, &request, &work.result, &work.err);
    json_decref(changes);
    if (!ok)
        return work_fail(&work);
    report_update(&work, dry_run);
    return work_close(&work, 0);
}

/* ---- export, import ---------------------------------------------------------------------------------------------- */

static bool has_json_name(const char *path)
{
    return path != NULL && text_ends(path, ".json");
}

/* By --format, else by the file's name. */
static bool format_of(struct work *work, const char *path, enum file_format *format)
{
    const char *name = option_value(work->invocation, "format");
    return file_format_parse(name == NULL && has_json_name(path) ? "json" : name, format, &work->err);
}

int command_batch_export(struct invocation *invocation)
{
    struct work work;
    struct output output = OUTPUT_NONE;
    enum file_format format;
    const char *path = option_value(invocation, "output");
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct list_query query = query_of(invocation, 0);
    struct file_export *export = NULL;
    bool ok = format_of(&work, path, &format)
              && (export = file_export_begin(&work.job, work.kind, format, &query, &work.err)) != NULL
              && output_open(invocation->arena, path == NULL ? "-" : path, &output, &work.err)
              && file_export_copy(export, output.fd, &work.err);
    file_export_end(export);
    ok = output_close(&output, ok, &work.err);
    return ok ? work_close(&work, 0) : work_fail(&work);
}

static void print_import(struct work *work, json_t *answer, bool dry_run)
{
    json_t *row, *change;
    size_t index, place;
    json_array_foreach(json_object_get(answer, "rows"), index, row)
    {
        print_row_title(work, row);
        json_array_foreach(json_object_get(row, "changes"), place, change)
            print_cell_change(work, json_string_value(json_object_get(change, "field")),
                              json_object_get(change, "before"), json_object_get(change, "after"));
    }
    print_tail(work, json_array_size(json_object_get(answer, "rows")), dry_run);
    print_warnings(json_object_get(answer, "warnings"));
}

/* What was done before a chunk failed. */
static void print_chunks(json_t *answer)
{
    json_t *chunk;
    size_t index;
    if (json_array_size(json_object_get(answer, "chunks")) > 1)
        json_array_foreach(json_object_get(answer, "chunks"), index, chunk) fprintf(
            stderr, "  %s - %s: %s\n", json_string_value(json_object_get(chunk, "from")),
            json_string_value(json_object_get(chunk, "to")), json_string_value(json_object_get(chunk, "status")));
}

int command_batch_import(struct invocation *invocation)
{
    struct work work;
    struct jtext_out text = {0};
    json_t *answer = NULL;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct file_import file = {.kind = work.kind,
                               .dry_run = option_value(invocation, "dry-run") != NULL,
                               .chunk = option_value(invocation, "chunk") != NULL};
    bool ok = format_of(&work, invocation->operand, &file.format)
              && source_read(invocation->operand, FILE_MAX, &text, &work.err);
    file.text = text.text;
    file.size = text.size;
    ok = ok && file_import(&work.job, &file, &work.problems, &answer, &work.err)
         && json_array_size(work.problems.list) == 0;
    free(text.text);
    if (!ok) {
        status = work_fail(&work);
        if (!invocation->json)
            print_chunks(answer);
        json_decref(answer);
        return status;
    }
    if (invocation->json)
        command_print_json(json_incref(answer));
    else
        print_import(&work, answer, file.dry_run);
    json_decref(answer);
    return work_close(&work, 0);
}

/* ---- providers delete, reset-circuits ---------------------------------------------------------------------------- */

int command_providers_delete(struct invocation *invocation)
{
    struct work work;
    size_t count;
    json_t *answer = NULL;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct batch_row *rows = choose_rows(&work, invocation->operand, &count);
    if (rows == NULL || !providers_delete(&work.job, rows, count, &work.result, &answer, &work.err))
        return work_fail(&work);
    if (invocation->json)
        command_print_json(json_incref(answer));
    else
        printf(
            "%s: %zu\n",
            command_say(invocation, "已删除供应商（可在网页上撤销）", "Providers deleted (the page can take it back)"),
            count);
    print_warnings(work.result.warnings);
    json_decref(answer);
    return work_close(&work, 0);
}

int command_providers_reset_circuits(struct invocation *invocation)
{
    struct work work;
    size_t count;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct batch_row *rows = choose_rows(&work, invocation->operand, &count);
    if (rows == NULL || !circuits_reset(&work.job, rows, count, &work.result, &work.err))
        return work_fail(&work);
    if (invocation->json)
        command_print_json(json_pack("{s:b, s:I}", "ok", 1, "resetCount", (json_int_t)count));
    else
        printf("%s: %zu\n", command_say(invocation, "已重置熔断器", "Circuits closed"), count);
    return work_close(&work, 0);
}
