/* Bulk changes: POST /api/v1/{users,keys,providers}:batchUpdate and the old actions (hub-contract section 5). */
#include "api/batch.h"

#include "base/text.h"
#include "batch/input.h"

#include <string.h>

struct batch_job api_batch_job(struct request *request)
{
    return (struct batch_job){.app = api_of(request)->app,
                              .arena = request_arena(request),
                              .cancel = request_cancel(request),
                              .lang = request_lang(request),
                              .actor = api_actor(request, api_user(request))};
}

json_t *api_batch_body(struct request *request, struct batch_problems *problems)
{
    struct err err;
    size_t size;
    json_t *body = request_json(request, &err);
    if (body == NULL) {
        reply_err(request, &err, NULL);
        return NULL;
    }
    *problems = (struct batch_problems){.arena = request_arena(request), .list = json_array()};
    const char *text = request_body(request, &size);
    input_numbers(text, size, problems);
    return body;
}

void api_batch_reply_refusal(struct request *request, const struct err *err, json_t *more, const struct kind *kind,
                             const char *type)
{
    struct batch_job job = api_batch_job(request);
    if (type != NULL)
        batch_audit(&job, kind, type, NULL, NULL, err);
    reply_err(request, err, more);
}

bool api_batch_problems(struct request *request, struct batch_problems *problems, const struct kind *kind,
                        const char *type)
{
    struct err err;
    if (json_array_size(problems->list) == 0) {
        json_decref(problems->list);
        return false;
    }
    json_t *first = json_array_get(problems->list, 0);
    const char *path = json_string_value(json_object_get(first, "path"));
    enum err_code code = !problems->too_many          ? ERR_VALIDATION_FAILED
                         : kind->id == KIND_PROVIDERS ? ERR_TOO_MANY_PROVIDERS
                                                      : ERR_INVALID_FORMAT;
    err_set(&err, code, "%s %s", path, json_string_value(json_object_get(first, "message")));
    err_args(&err, problems->too_many ? arena_printf(problems->arena, "%d", BATCH_MAX) : path, NULL);
    api_batch_reply_refusal(request, &err, json_pack("{s:o}", "invalidParams", problems->list), kind, type);
    return true;
}

void api_batch_refuse(struct request *request, enum err_code code, const char *argument, const struct kind *kind,
                      const char *type)
{
    struct err err;
    err_set(&err, code, "%s", "");
    err_args(&err, argument, NULL);
    api_batch_reply_refusal(request, &err, NULL, kind, type);
}

/* What an update asks for; replies and is false when there is nothing to do or something is wrong. */
static bool read_update(struct request *request, json_t *body, struct batch_problems *problems,
                        struct batch_request *asked, json_t **changes)
{
    const struct kind *kind = asked->kind;
    const char *const known[] = {kind->ids_member, "updates", "dryRun"};
    json_t *dry = json_object_get(body, "dryRun");
    input_strict(body, known, ARRAY_LEN(known), problems);
    if (dry != NULL && !json_is_boolean(dry))
        problem_add(problems, "dryRun", "must be true or false");
    asked->dry_run = json_is_true(dry);
    struct batch_row *rows = input_ids(kind, body, problems, &asked->count);
    *changes = input_updates(kind, json_object_get(body, "updates"), problems);
    const char *audited = asked->dry_run ? NULL : asked->audit_type;
    if (api_batch_problems(request, problems, kind, audited))
        return false;
    bool providers = kind->id == KIND_PROVIDERS;
    if (asked->count == 0 || json_object_size(*changes) == 0) {
        enum err_code code = asked->count == 0 ? (providers ? ERR_NO_PROVIDERS_TO_UPDATE : ERR_REQUIRED_FIELD)
                                               : (providers ? ERR_NO_FIELDS_TO_UPDATE : ERR_EMPTY_UPDATE);
        api_batch_refuse(request, code, kind->ids_member, kind, audited);
        return false;
    }
    for (size_t i = 0; i < asked->count; i++)
        rows[i].changes = *changes;
    asked->rows = rows;
    return true;
}

static json_t *answer_of(const struct kind *kind, const struct batch_result *result, size_t count, bool dry_run)
{
    json_t *answer = json_object(), *ids = json_array(), *row;
    size_t index;
    json_array_foreach(result->rows, index, row) json_array_append(ids, json_object_get(row, "id"));
    json_object_set_new(answer, "updatedCount", json_integer((json_int_t)json_array_size(result->rows)));
    if (kind->id != KIND_PROVIDERS || dry_run) {
        json_object_set_new(answer, "requestedCount", json_integer((json_int_t)count));
        json_object_set(answer, "updatedIds", ids);
    }
    if (dry_run) {
        json_object_set_new(answer, "dryRun", json_true());
        json_object_set(answer, "rows", result->rows);
    }
    if (json_array_size(result->warnings) > 0)
        json_object_set(answer, "warnings", result->warnings);
    json_decref(ids);
    return answer;
}

static void update(struct request *request, enum kind_id id, bool action)
{
    const struct kind *kind = &batch_kinds[id];
    struct batch_job job = api_batch_job(request);
    struct batch_request asked = {.kind = kind, .audit_type = arena_printf(job.arena, "%s.batch_update", kind->name)};
    struct batch_result result = {0};
    struct batch_problems problems;
    struct err err;
    json_t *changes = NULL, *body = api_batch_body(request, &problems);
    if (body == NULL)
        return;
    if (read_update(request, body, &problems, &asked, &changes)) {
        if (!batch_run(&job, &asked, &result, &err))
            reply_err(request, &err, batch_refusal(&result));
        else if (action)
            api_reply_action(request, answer_of(kind, &result, asked.count, asked.dry_run));
        else
            reply_json(request, 200, answer_of(kind, &result, asked.count, asked.dry_run));
    }
    batch_result_free(&result);
    json_decref(changes);
    json_decref(body);
}

void api_users_update(struct request *request)
{
    update(request, KIND_USERS, false);
}

void api_keys_update(struct request *request)
{
    update(request, KIND_KEYS, false);
}

void api_providers_update(struct request *request)
{
    update(request, KIND_PROVIDERS, false);
}

void api_users_update_action(struct request *request)
{
    update(request, KIND_USERS, true);
}

void api_keys_update_action(struct request *request)
{
    update(request, KIND_KEYS, true);
}

void api_providers_update_action(struct request *request)
{
    update(request, KIND_PROVIDERS, true);
}

/* ---- The field tables -------------------------------------------------------------------------------------------- */

static json_t *split_choices(const char *text)
{
    json_t *list = json_array();
    for (const char *at = text; at != NULL && *at != '\0';) {
        size_t length = strcspn(at, "|");
        json_array_append_new(list, json_stringn(at, length));
        at += length + (at[length] == '|');
    }
    return list;
}

static json_t *describe_field(const struct field *field, enum lang lang)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b}", "name", field->name, "column", field->column,
                               "type", field_type_name(field->type), "label", field->label[lang], "nullable",
                               field->nullable, "clearable", field->clear_to != NULL, "patchOnly", field->patch_only);
    if (field->min != NULL)
        json_object_set_new(object, "min", json_string(field->min));
    if (field->max != NULL)
        json_object_set_new(object, "max", json_string(field->max));
    if (field->type == FIELD_DECIMAL)
        json_object_set_new(object, "scale", json_integer(field->scale));
    if (field->max_length > 0)
        json_object_set_new(object, "maxLength", json_integer(field->max_length));
    if (field->max_items > 0)
        json_object_set_new(object, "maxItems", json_integer(field->max_items));
    if (field->choices != NULL)
        json_object_set_new(object, "choices", split_choices(field->choices));
    if (field->only_for != NULL)
        json_object_set_new(object, "onlyFor", split_choices(field->only_for));
    return object;
}

void api_batch_fields(struct request *request)
{
    json_t *answer = json_object();
    for (size_t i = 0; i < KIND_COUNT; i++) {
        json_t *list = json_array();
        for (size_t j = 0; j < batch_kinds[i].field_count; j++)
            json_array_append_new(list, describe_field(&batch_kinds[i].fields[j], request_lang(request)));
        json_object_set_new(answer, batch_kinds[i].name, list);
    }
    reply_json(request, 200, answer);
}
