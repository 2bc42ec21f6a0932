/* hubport users|keys|providers update: previewed, shown, asked for, applied; the page can take it back */
#include "cli/batch.h"

#include "base/text.h"
#include "batch/patch.h"
#include "batch/values.h"

#include <string.h>

/* ---- What is asked ----------------------------------------------------------------------------------------------- */

static const char *field_names(const struct work *work)
{
    const char *names = "";
    for (size_t i = 0; i < work->kind->field_count; i++)
        names = arena_printf(work->invocation->arena, "%s%s%s", names, i == 0 ? "" : ", ", work->kind->fields[i].name);
    return names;
}

static void read_change(struct work *work, const char *text, json_t *changes)
{
    struct arena *arena = work->invocation->arena;
    size_t length = strcspn(text, "=");
    const char *name = arena_strndup(arena, text, length), *problem = NULL;
    const struct field *field = kind_field(work->kind, name);
    if (text[length] != '=' || field == NULL) {
        problem_add(&work->problems, name,
                    text[length] != '='
                        ? "must be FIELD=VALUE"
                        : arena_printf(arena, "is no field that can be updated; there are %s", field_names(work)));
        return;
    }
    json_t *value = value_parse(field, text + length + 1, arena, &problem);
    if (value == NULL)
        problem_add(&work->problems, name, problem);
    else if (json_object_get(changes, field->column) != NULL)
        problem_add(&work->problems, name, "stands there twice");
    else
        json_object_set(changes, field->column, value);
    json_decref(value);
}

/* {column: value} of "rpm=60" "note=..." */
static json_t *read_changes(struct work *work)
{
    json_t *changes = json_object();
    for (size_t i = 1; i < work->invocation->operand_count; i++)
        read_change(work, work->invocation->operands[i], changes);
    return changes;
}

/* ---- What it will do --------------------------------------------------------------------------------------------- */

/* The preview's lines, a row and a field each, as rows with their cells; rows where nothing changes are left out of
 * the rows and, unless they have skipped fields, of the answer: `excluded` gets their ids. */
struct outlook {
    json_t *rows;
    struct batch_row *excluded;
    size_t excluded_count, changing, unchanged;
};

static void add_cell(json_t *row, const char *list, json_t *cell)
{
    if (json_object_get(row, list) == NULL)
        json_object_set_new(row, list, json_array());
    json_array_append_new(json_object_get(row, list), cell);
}

static void end_row(struct outlook *outlook, json_t *row, size_t changes)
{
    if (row == NULL)
        return;
    if (changes > 0)
        outlook->changing++;
    else
        outlook->excluded[outlook->excluded_count++] =
            (struct batch_row){.id = json_integer_value(json_object_get(row, "id"))};
    if (changes > 0 || json_object_get(row, "skipped") != NULL)
        json_array_append(outlook->rows, row);
    json_decref(row);
}

static void look(const struct work *work, json_t *lines, size_t row_count, struct outlook *outlook)
{
    const char *name = arena_printf(work->invocation->arena, "%sName", work->kind->category);
    json_t *line, *row = NULL;
    size_t index, changes = 0;
    *outlook =
        (struct outlook){.rows = json_array(),
                         .excluded = arena_alloc(work->invocation->arena, (row_count + 1) * sizeof *outlook->excluded)};
    json_array_foreach(lines, index, line)
    {
        const char *status = json_string_value(json_object_get(line, "status"));
        json_t *id = json_object_get(line, work->kind->id_member);
        const char *field = kind_field(work->kind, json_string_value(json_object_get(line, "field")))->name;
        if (row == NULL || !json_equal(json_object_get(row, "id"), id)) {
            end_row(outlook, row, changes);
            row = json_pack("{s:O, s:O, s:[]}", "id", id, "name", json_object_get(line, name), "changes");
            changes = 0;
        }
        if (strcmp(status, "skipped") == 0) {
            add_cell(row, "skipped",
                     json_pack("{s:s, s:O}", "field", field, "reason", json_object_get(line, "skipReason")));
        } else if (strcmp(status, "changed") == 0) {
            changes++;
            add_cell(row, "changes",
                     json_pack("{s:s, s:O, s:O}", "field", field, "before", json_object_get(line, "before"), "after",
                               json_object_get(line, "after")));
        } else {
            outlook->unchanged++;
        }
    }
    end_row(outlook, row, changes);
}

/* ---- And does it ------------------------------------------------------------------------------------------------- */

static void report(struct work *work, const struct outlook *outlook, json_t *applied)
{
    if (!work->invocation->json) {
        work_print_tail(work, outlook->changing, work->result.warnings);
        return;
    }
    json_t *answer = json_pack("{s:b, s:b, s:I, s:O}", "ok", 1, "dryRun", work_is_preview(work), "updatedCount",
                               (json_int_t)outlook->changing, "rows", outlook->rows);
    if (applied != NULL)
        json_object_update_missing(answer, applied);
    json_object_set_new(answer, "warnings",
                        work->result.warnings == NULL ? json_array() : json_incref(work->result.warnings));
    command_print_json(answer);
}

/* Only what was seen is applied: a row that somebody changes meanwhile refuses it all. */
static bool apply(struct work *work, struct patch_request *request, const struct outlook *outlook, json_t *preview,
                  json_t **applied)
{
    request->token = json_string_value(json_object_get(preview, "previewToken"));
    request->revision = json_string_value(json_object_get(preview, "previewRevision"));
    request->excluded = outlook->excluded;
    request->excluded_count = outlook->excluded_count;
    batch_result_free(&work->result);
    return patch_apply(&work->job, request, &work->result, applied, &work->err);
}

static bool update(struct work *work, struct patch_request *request)
{
    json_t *preview = NULL, *applied = NULL;
    struct outlook outlook;
    if (!patch_preview(&work->job, request, &work->result, &preview, &work->err)) {
        json_decref(preview);
        return false;
    }
    look(work, json_object_get(preview, "rows"), request->count, &outlook);
    if (!work->invocation->json)
        work_print_rows(work, outlook.rows);
    bool ok = true;
    if (!work_is_preview(work) && (outlook.changing > 0 || outlook.unchanged == 0))
        ok = (outlook.changing == 0 || work_confirm(work, outlook.changing))
             && apply(work, request, &outlook, preview, &applied);
    if (ok)
        report(work, &outlook, applied);
    json_decref(outlook.rows);
    json_decref(preview);
    json_decref(applied);
    return ok;
}

int command_batch_update(struct invocation *invocation)
{
    struct work work;
    int status;
    if (!work_open(&work, invocation, &status))
        return status;
    struct patch_request request = {.kind = work.kind, .changes = read_changes(&work)};
    request.rows = work_rows(&work, invocation->operand, &request.count);
    bool ok = request.rows != NULL && update(&work, &request);
    json_decref(request.changes);
    return ok ? work_close(&work, 0) : work_fail(&work);
}
