/* hubport prices import, hubport prices export */
#include "cli/output.h"
#include "cli/prices.h"
#include "cli/source.h"

#include "base/text.h"
#include "prices/export.h"
#include "prices/import.h"


enum { IMPORT_SOURCE, IMPORT_OVERWRITE_MANUAL, IMPORT_DRY_RUN };
enum { EXPORT_FORMAT, EXPORT_SOURCE, EXPORT_OUTPUT };

#define NAME_WIDTH 48
#define SHOWN 20 /* lines of a list that people are shown */

/* ---- import ------------------------------------------------------------------------------------------------------ */

static bool import_options(struct invocation *invocation, struct price_import_options *options, struct err *err)
{
    const char *source = invocation->values[IMPORT_SOURCE];
    bool preview = invocation->values[IMPORT_DRY_RUN] != NULL;
    *options = (struct price_import_options){.source = source == NULL ? "litellm" : source,
                                             .overwrite_manual =
                                                 prices_names(invocation, invocation->values[IMPORT_OVERWRITE_MANUAL]),
                                             .preview = preview,
                                             .list_missing = preview,
                                             .action = "upload",
                                             .catalogue = source != NULL && strcmp(source, "cloud") == 0,
                                             .audit_type = "model_price.bulk_upload"};
    return strcmp(options->source, "litellm") == 0 || strcmp(options->source, "cloud") == 0
           || strcmp(options->source, "manual") == 0
           || err_set(err, ERR_WRONG_USE, "--source is litellm, cloud or manual");
}

static void print_names(struct invocation *invocation, const char *title, const struct price_names *names)
{
    if (names->count == 0)
        return;
    printf("\n%s (%zu)\n", title, names->count);
    for (size_t i = 0; i < names->count && i < SHOWN; i++)
        printf("  %s\n", table_plain(invocation->arena, names->items[i]));
    if (names->count > SHOWN)
        printf("  ...\n");
}

static void print_failed(struct invocation *invocation, const struct price_failure *failed, size_t count)
{
    if (count == 0)
        return;
    printf("\n%s (%zu)\n", command_say(invocation, "未导入", "Not taken"), count);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        printf("  ");
        table_cell(failed[i].model, NAME_WIDTH);
        printf("%s\n", table_plain(invocation->arena, failed[i].reason));
    }
    if (count > SHOWN)
        printf("  ...\n");
}

static const char *shown(struct invocation *invocation, const char *value)
{
    return value == NULL ? "-" : table_plain(invocation->arena, value);
}

static void print_changes(struct invocation *invocation, const struct price_import_result *result)
{
    const char *model = "";
    for (size_t i = 0; i < result->change_count && i < 5 * SHOWN; i++) {
        const struct price_change *change = &result->changes[i];
        if (strcmp(model, change->model) != 0)
            printf("\n%s\n", table_plain(invocation->arena, change->model));
        model = change->model;
        printf("  ");
        table_cell(change->field, NAME_WIDTH);
        printf("%s -> %s", shown(invocation, change->old_value), shown(invocation, change->new_value));
        if (change->percent != NULL)
            printf("  (%s%%)", change->percent);
        printf("\n");
    }
    if (result->change_count > 5 * SHOWN)
        printf("  ...\n");
}

static void print_import(struct invocation *invocation, const struct price_import_options *options,
                         const struct price_import_result *result)
{
    const struct {
        const char *title;
        size_t count;
    } lines[] = {
        {command_say(invocation, "新增", "Added"), result->added.count},
        {command_say(invocation, "更新", "Updated"), result->updated.count},
        {command_say(invocation, "未变", "Unchanged"), result->unchanged.count},
        {command_say(invocation, "其中保留的手动价格", "  kept, set by hand"), result->skipped_conflicts.count},
        {command_say(invocation, "未导入", "Not taken"), result->failed_count},
        {command_say(invocation, "合计", "Total"), result->total},
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        printf("%6zu  %s\n", lines[i].count, lines[i].title);
    if (options->preview)
        print_changes(invocation, result);
    print_failed(invocation, result->failed, result->failed_count);
    print_names(invocation,
                command_say(invocation, "保留的手动价格，可用 --overwrite-manual 覆盖",
                            "Kept because set by hand; --overwrite-manual names those to overwrite"),
                &result->skipped_conflicts);
    print_names(invocation, command_say(invocation, "表中没有的模型，不会删除", "Not in this table; they stay"),
                &result->missing);
    if (options->preview)
        printf("\n%s\n", command_say(invocation, "仅为预览，未作任何更改", "This was a preview; nothing was changed"));
}

int command_prices_import(struct invocation *invocation)
{
    struct err err;
    struct price_import_options options;
    struct price_import_result result;
    struct price_table table = {0};
    struct jtext_out text = {0};
    struct app *app = NULL;
    int status = 0;
    if (!import_options(invocation, &options, &err)
        || !source_read(invocation->operand, config_bytes(invocation->config, SETTING_PRICE_TABLE_MAX), &text, &err)) {
        status = command_fail(invocation, &err, NULL);
        goto out;
    }
    struct price_job job;
    app = prices_open(invocation, &job, &status);
    if (app == NULL)
        goto out;
    if (!price_table_read(&job, text.text, text.size, &table, &err)
        || !prices_import(&job, &table, &options, &result, &err)) {
        if (!invocation->json)
            print_failed(invocation, table.failed, table.failed_count);
        status = command_fail(invocation, &err, NULL);
    } else if (invocation->json) {
        command_print_json(prices_import_json(&result, &options, false));
    } else {
        print_import(invocation, &options, &result);
    }
out:
    free(text.text);
    app_close(app);
    return status;
}

/* ---- export ------------------------------------------------------------------------------------------------------ */

int command_prices_export(struct invocation *invocation)
{
    struct err err;
    struct price_export_options options;
    struct output output = OUTPUT_NONE;
    const char *const *values = invocation->values;
    const char *path = values[EXPORT_OUTPUT] == NULL ? "-" : values[EXPORT_OUTPUT];
    int status;
    if (!price_export_parse(values[EXPORT_FORMAT], values[EXPORT_SOURCE], &options, &err))
        return command_fail(invocation, &err, NULL);
    struct price_job job;
    struct app *app = prices_open(invocation, &job, &status);
    if (app == NULL)
        return status;
    struct price_export *export = price_export_begin(&job, &options, &err);
    bool ok = export != NULL && output_open(invocation->arena, path, &output, &err)
              && price_export_copy(export, output.fd, &err);
    ok = output_close(&output, ok, &err);
    if (!ok)
        status = command_fail(invocation, &err, NULL);
    else if (output.path != NULL && invocation->json)
        command_print_json(json_pack("{s:b, s:s, s:I}", "ok", 1, "file", text_utf8(invocation->arena, path), "models",
                                     (json_int_t)price_export_count(export)));
    else if (output.path != NULL)
        printf("%s: %s, %zu\n", command_say(invocation, "已导出模型价格", "Exported prices of models"), path,
               price_export_count(export));
    price_export_end(export);
    app_close(app);
    return status;
}
