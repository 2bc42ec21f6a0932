/* hubport import, hubport rollback */
#include "cli/command.h"
#include "cli/figures.h"
#include "cli/progress.h"

#include "backup/import.h"
#include "backup/rollback.h"
#include "base/clock.h"
#include "base/text.h"

#include <fcntl.h>
#include <unistd.h>

enum {
    OPTION_OVERWRITE,
    OPTION_SKIP_LOGS,
    OPTION_DROP_OTHERS,
    OPTION_ALLOW_FOREIGN,
    OPTION_MERGE,
    OPTION_ON_CONFLICT,
    OPTION_ACCEPT_FOREIGN_PARENTS,
    OPTION_DRY_RUN
};

static void print_json_result(struct invocation *invocation, const struct import_result *result, const char *until)
{
    bool preview = invocation->values[OPTION_DRY_RUN] != NULL;
    json_t *object =
        json_pack("{s:b, s:I, s:I, s:i, s:b, s:s?, s:s, s:b, s:I, s:b}", "ok", 1, "rows", (json_int_t)result->rows,
                  "tables", (json_int_t)result->tables, "warnings", result->warnings, "sealed", result->sealed,
                  "previous", result->previous, "previousUntil", until, "restartHub", result->restart_hub, "ms",
                  (json_int_t)result->ms, "dryRun", preview);
    if (result->figures != NULL)
        json_object_update_new(object, figures_json(result->figures));
    command_print_json(object);
}

/* A merge or a preview. */
static void print_report(struct invocation *invocation, const struct import_result *result)
{
    print_figures(invocation, result->figures);
    if (invocation->values[OPTION_DRY_RUN] != NULL)
        printf("%s\n", MESSAGE(invocation->arena, invocation->lang, MSG_PREVIEW_COMPLETE));
    else
        printf("%s %llu, %.1f s\n", command_say(invocation, "已合并，行：", "Merged, rows:"),
               (unsigned long long)result->rows, (double)result->ms / 1000);
}

static void print_result(struct invocation *invocation, const struct import_result *result)
{
    char until[CLOCK_TEXT_SIZE] = "";
    bool pinned = result->previous_until_ms == 0;
    if (result->previous != NULL && !pinned)
        clock_iso(result->previous_until_ms, until);
    if (invocation->json) {
        print_json_result(invocation, result, until);
        return;
    }
    if (result->figures != NULL) {
        print_report(invocation, result);
        return;
    }
    printf("%s %llu / %llu, %.1f s\n", command_say(invocation, "已导入，表 / 行：", "Imported, tables / rows:"),
           (unsigned long long)result->tables, (unsigned long long)result->rows, (double)result->ms / 1000);
    if (result->warnings > 0)
        printf("%s: %d\n", command_say(invocation, "跳过的已存在对象", "Objects that existed and were passed over"),
               result->warnings);
    if (result->previous != NULL)
        printf("%s\n", pinned
                           ? MESSAGE(invocation->arena, invocation->lang, MSG_PREVIOUS_PINNED, result->previous)
                           : MESSAGE(invocation->arena, invocation->lang, MSG_PREVIOUS_KEPT, result->previous, until));
    if (result->restart_hub)
        printf("%s\n", MESSAGE(invocation->arena, invocation->lang, MSG_RESTART_HUB));
}

/* A definition's lines, indented; what a terminal would take for a command is not sent to it. */
static void print_definition(const char *text)
{
    fputs("        ", stderr);
    for (; *text != '\0'; text++) {
        if (*text == '\n' && text[1] != '\0')
            fputs("\n        ", stderr);
        else
            fputc((unsigned char)*text >= 0x20 && *text != 0x7f ? *text : ' ', stderr);
    }
    fputc('\n', stderr);
}

static void print_refusal(struct invocation *invocation, const struct import_refusal *refusal, const struct err *err)
{
    if (invocation->json)
        return;
    for (size_t i = 0; i < refusal->other_count && err->code == ERR_OTHERS_WOULD_BE_LOST; i++)
        fprintf(stderr, "    %s\n", refusal->others[i]);
    for (size_t i = 0; i < refusal->foreign_count; i++) {
        const struct allow_finding *item = &refusal->foreign[i];
        fprintf(stderr, "    %s: %s\n", allow_name(item, invocation->arena), item->reason);
        if (item->entry != NULL && item->entry->definition[0] != '\0')
            print_definition(text_utf8(invocation->arena, item->entry->definition));
    }
}

static bool take_options(const struct invocation *invocation, struct import_options *options, struct err *err)
{
    const char *const *values = invocation->values;
    const char *conflict = values[OPTION_ON_CONFLICT] == NULL ? "skip" : values[OPTION_ON_CONFLICT];
    *options = (struct import_options){.clean_first = values[OPTION_OVERWRITE] != NULL,
                                       .dry_run = values[OPTION_DRY_RUN] != NULL,
                                       .update = strcmp(conflict, "update") == 0,
                                       .accept_foreign_parents = values[OPTION_ACCEPT_FOREIGN_PARENTS] != NULL,
                                       .skip_logs = values[OPTION_SKIP_LOGS] != NULL,
                                       .drop_others = values[OPTION_DROP_OTHERS] != NULL,
                                       .allow_foreign = values[OPTION_ALLOW_FOREIGN] != NULL,
                                       .file_name = invocation->operand};
    if (options->clean_first && values[OPTION_MERGE] != NULL)
        return err_set(err, ERR_WRONG_USE, "--merge and --overwrite exclude each other");
    if (!options->update && strcmp(conflict, "skip") != 0)
        return err_set(err, ERR_WRONG_USE, "--on-conflict is skip or update, not %s", conflict);
    return true;
}

int command_import(struct invocation *invocation)
{
    struct err err;
    struct import_result result;
    struct progress_line line;
    struct import_refusal refusal = {0};
    int status;
    struct import_options options;
    if (!take_options(invocation, &options, &err))
        return command_fail(invocation, &err, NULL);
    int fd = open(invocation->operand, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(&err, ERR_FILE_MISSING, "%s", invocation->operand);
        return command_fail(invocation, &err, NULL);
    }
    struct app *app = command_open(invocation, &status);
    if (app == NULL) {
        close(fd);
        return status;
    }
    struct job job = command_job(invocation, app);
    progress_begin(&line, &job, invocation->json);
    struct import *import = import_begin(&job, fd, invocation->operand, &options, &refusal, &err);
    bool ok = import != NULL && import_run(import, &result, &err);
    if (import != NULL)
        import_end(import, ok ? NULL : &err);
    progress_end(&line);
    if (ok) {
        print_result(invocation, &result);
    } else {
        status = command_fail(invocation, &err, &job.holder);
        print_refusal(invocation, &refusal, &err);
    }
    app_close(app);
    close(fd);
    return status;
}

int command_rollback(struct invocation *invocation)
{
    struct err err;
    struct previous kept;
    const char *restored;
    int status;
    struct app *app = command_open(invocation, &status);
    if (app == NULL)
        return status;
    struct job job = command_job(invocation, app);
    if (!rollback_run(&job, invocation->values[0], &restored, &kept, &err))
        status = command_fail(invocation, &err, &job.holder);
    else if (invocation->json)
        command_print_json(json_pack("{s:b, s:s, s:s}", "ok", 1, "restored", restored, "previous", kept.name));
    else
        printf("%s: %s\n", MESSAGE(invocation->arena, invocation->lang, MSG_ROLLED_BACK), restored);
    app_close(app);
    return status;
}
