/* hubport providers delete, reset-circuits */
#include "cli/batch.h"

#include "batch/circuits.h"
#include "batch/delete.h"

/* What will be deleted, shown: all must be there. */
static bool look(struct work *work, const struct batch_row *rows, size_t count)
{
    struct batch_request request = {.kind = work->kind, .rows = rows, .count = count, .dry_run = true};
    json_t *none = json_object();
    struct batch_row *own = arena_alloc(work->invocation->arena, (count + 1) * sizeof *own);
    for (size_t i = 0; i < count; i++)
        own[i] = (struct batch_row){.id = rows[i].id, .changes = none};
    request.rows = own;
    bool ok = batch_run(&work->job, &request, &work->result, &work->err);
    json_decref(none);
    if (ok && !work->invocation->json)
        work_print_rows(work, work->result.rows);
    return ok;
}

static json_t *names_of(json_t *rows)
{
    json_t *names = json_array(), *row;
    size_t index;
    json_array_foreach(rows, index, row) json_array_append_new(
        names, json_pack("{s:O, s:O}", "id", json_object_get(row, "id"), "name", json_object_get(row, "name")));
    return names;
}

static void report(struct work *work, json_t *names, json_t *answer)
{
    const struct invocation *invocation = work->invocation;
    size_t count = json_array_size(names);
    if (invocation->json) {
        json_t *told = json_pack("{s:b, s:b, s:I, s:O, s:O}", "ok", 1, "dryRun", work_is_preview(work), "deletedCount",
                                 (json_int_t)count, "rows", names, "warnings", work->result.warnings);
        if (answer != NULL)
            json_object_update_missing(told, answer);
        command_print_json(told);
        return;
    }
    work_print_tail(work, count, work->result.warnings);
    if (!work_is_preview(work))
        puts(command_say(invocation, "可在网页上撤销", "The page can take it back"));
}

int command_providers_delete(struct invocation *invocation)
{
    struct work work;
    size_t count;
    json_t *answer = NULL, *names = NULL;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct batch_row *rows = work_rows(&work, invocation->operand, &count);
    bool ok = rows != NULL && look(&work, rows, count);
    if (ok && !work_is_preview(&work)) {
        names = names_of(work.result.rows);
        batch_result_free(&work.result);
        ok = work_confirm(&work, count) && providers_delete(&work.job, rows, count, &work.result, &answer, &work.err);
    } else if (ok) {
        names = names_of(work.result.rows);
    }
    if (ok)
        report(&work, names, answer);
    json_decref(names);
    json_decref(answer);
    return ok ? work_close(&work, 0) : work_fail(&work);
}

int command_providers_reset_circuits(struct invocation *invocation)
{
    struct work work;
    size_t count;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct batch_row *rows = work_rows(&work, invocation->operand, &count);
    if (rows == NULL || !circuits_reset(&work.job, rows, count, &work.result, &work.err))
        return work_fail(&work);
    if (invocation->json)
        command_print_json(json_pack("{s:b, s:I}", "ok", 1, "resetCount", (json_int_t)count));
    else
        printf("%s: %zu\n", command_say(invocation, "已重置熔断器", "Circuits closed"), count);
    return work_close(&work, 0);
}
