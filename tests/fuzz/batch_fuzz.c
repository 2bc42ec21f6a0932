/* Any JSON object as the body of a bulk change, and any text as a cell of a file, through the tables of fields: what is
 * accepted stays what it is when it is sent again; what is refused has a reason; the report is of bounded size. */
#include "fuzz/must.h"
#include "base/text.h"
#include "batch/input.h"
#include "batch/values.h"

#include <string.h>

#define REPORT_MAX ((size_t)1024 * 1024)

static void must_be_bounded(const struct batch_problems *problems)
{
    char *text = json_dumps(problems->list, JSON_COMPACT);
    must(text != NULL && strlen(text) <= REPORT_MAX);
    free(text);
}

/* What is stored, sent again, is accepted and the same. */
static void must_be_stable(const struct kind *kind, json_t *changes, struct arena *arena)
{
    const char *column;
    json_t *value;
    json_object_foreach(changes, column, value)
    {
        const char *problem = NULL;
        const struct field *field = kind_field(kind, column);
        must(field != NULL);
        json_t *again = value_check(field, value, arena, &problem);
        must(again != NULL && json_equal(again, value));
        json_decref(again);
        json_decref(value_shown(field, value, arena));
    }
}

static void try_body(json_t *body, const char *text, size_t size, struct arena *arena)
{
    static const char *const known[] = {"userIds", "updates", "patch"};
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct kind *kind = &batch_kinds[i];
        struct batch_problems problems = {arena, json_array()};
        size_t count = 0;
        input_numbers(text, size, &problems);
        input_strict(body, known, ARRAY_LEN(known), &problems);
        struct batch_row *rows = input_ids(kind, body, &problems, &count);
        must(count <= BATCH_MAX);
        for (size_t j = 0; rows != NULL && j < count; j++)
            must(rows[j].id > 0);
        (void)input_text(body, "idempotencyKey", 200, false, &problems);
        json_t *updates = input_updates(kind, json_object_get(body, "updates"), &problems);
        json_t *patch = input_patch(kind, json_object_get(body, "patch"), &problems);
        must_be_stable(kind, updates, arena);
        must_be_stable(kind, patch, arena);
        must_be_bounded(&problems);
        json_decref(updates);
        json_decref(patch);
        json_decref(problems.list);
    }
}

static void try_cell(const char *text, struct arena *arena)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        for (size_t j = 0; j < batch_kinds[i].field_count; j++) {
            const char *problem = NULL;
            json_t *value = value_parse(&batch_kinds[i].fields[j], text, arena, &problem);
            must(value != NULL || problem != NULL);
            json_decref(value);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, size == 0 ? "" : (const char *)bytes, size);
    json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body))
        try_body(body, text, size, arena);
    try_cell(text, arena);
    json_decref(body);
    arena_free(arena);
    return 0;
}
