#include "batch/input.h"

#include "base/text.h"
#include "batch/lists.h"
#include "batch/values.h"
#include "batch/wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_full(const struct batch_problems *problems)
{
    return json_array_size(problems->list) >= PROBLEMS_MAX;
}

void problem_add(struct batch_problems *problems, const char *path, const char *message)
{
    char start[PROBLEM_PATH_MAX + 1];
    if (is_full(problems))
        return;
    snprintf(start, sizeof start, "%s", path);
    text_cut_utf8(start);
    json_array_append_new(problems->list, json_pack("{s:s, s:s, s:s}", "path", text_utf8(problems->arena, start),
                                                    "code", "invalid", "message", text_utf8(problems->arena, message)));
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

struct batch_row *input_id_list(json_t *body, const char *member, struct batch_problems *problems, size_t *count)
{
    json_t *list = json_object_get(body, member), *one;
    size_t index;
    *count = 0;
    if (!json_is_array(list)) {
        problem_add(problems, member, "must be a list of ids");
        return NULL;
    }
    if (json_array_size(list) > BATCH_MAX) {
        problem_add(problems, member, arena_printf(problems->arena, "has more than %d ids", BATCH_MAX));
        problems->too_many = true;
        return NULL;
    }
    int64_t *ids = arena_alloc(problems->arena, (json_array_size(list) + 1) * sizeof *ids);
    json_array_foreach(list, index, one)
    {
        if (!json_is_integer(one) || json_integer_value(one) < 1 || json_integer_value(one) > INT32_MAX)
            problem_add(problems, arena_printf(problems->arena, "%s.%zu", member, index),
                        "must be a whole number above 0");
        else
            ids[(*count)++] = json_integer_value(one);
    }
    qsort(ids, *count, sizeof *ids, by_number);
    struct batch_row *rows = arena_alloc(problems->arena, (*count + 1) * sizeof *rows);
    for (size_t i = 0; i < *count; i++) {
        if (i > 0 && ids[i] == ids[i - 1])
            problem_add(problems, member, arena_printf(problems->arena, "has %lld twice", (long long)ids[i]));
        rows[i] = (struct batch_row){.id = ids[i]};
    }
    return rows;
}

struct batch_row *input_ids(const struct kind *kind, json_t *body, struct batch_problems *problems, size_t *count)
{
    return input_id_list(body, kind->ids_member, problems, count);
}

static void take(json_t *changes, const struct field *field, json_t *value, const char *path,
                 struct batch_problems *problems)
{
    const char *problem = NULL;
    json_t *checked = value_check(field, value, problems->arena, &problem);
    if (checked == NULL)
        problem_add(problems, path, problem);
    else if (json_object_get(changes, field->column) != NULL) {
        json_decref(checked);
        problem_add(problems, path, "stands there twice, by two names");
    } else {
        json_object_set_new(changes, field->column, checked);
    }
}

json_t *input_updates(const struct kind *kind, json_t *updates, struct batch_problems *problems)
{
    json_t *changes = json_object(), *value;
    const char *name;
    if (!json_is_object(updates))
        problem_add(problems, "updates", "must be an object");
    json_object_foreach(updates, name, value)
    {
        const struct field *field = kind_field(kind, name);
        const char *path = arena_printf(problems->arena, "updates.%s", name);
        if (field == NULL || field->patch_only)
            problem_add(problems, path, "is no field that can be updated");
        else
            take(changes, field, value, path, problems);
    }
    return changes;
}

/* {"add": value} with the value checked. */
static void take_list_change(json_t *changes, const struct field *field, const char *mode, json_t *value,
                             const char *path, struct batch_problems *problems)
{
    json_t *checked = json_object();
    take(checked, field, value, path, problems);
    if (json_object_size(checked) > 0)
        json_object_set_new(changes, field->column, json_pack("{s:O}", mode, json_object_get(checked, field->column)));
    json_decref(checked);
}

static const char *mode_of(json_t *change)
{
    static const char *const modes[] = {"set", "clear", "no_change", "add", "remove"};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        json_t *value = json_object_get(change, modes[i]);
        bool flag = i == 1 || i == 2;
        if (json_object_size(change) == 1 && value != NULL && (!flag || json_is_true(value)))
            return modes[i];
    }
    return NULL;
}

static void take_mode(json_t *changes, const struct field *field, json_t *change, const char *path,
                      struct batch_problems *problems)
{
    const char *mode = mode_of(change);
    json_t *value = mode == NULL ? NULL : json_object_get(change, mode);
    if (mode == NULL) {
        problem_add(
            problems, path,
            "must be {\"set\": value}, {\"clear\": true}, {\"no_change\": true}, or of a list {\"add\": [...]}, "
            "{\"remove\": [...]}");
    } else if (strcmp(mode, "set") == 0) {
        take(changes, field, value, path, problems);
    } else if (strcmp(mode, "add") == 0 || strcmp(mode, "remove") == 0) {
        if (list_field(field))
            take_list_change(changes, field, mode, value, path, problems);
        else
            problem_add(problems, path, "is no list");
    } else if (strcmp(mode, "clear") == 0 && field->clear_to == NULL) {
        problem_add(problems, path, "cannot be cleared");
    } else if (strcmp(mode, "clear") == 0) {
        json_t *empty = json_loads(field->clear_to, JSON_DECODE_ANY, NULL);
        take(changes, field, empty, path, problems);
        json_decref(empty);
    }
}

json_t *input_patch(const struct kind *kind, json_t *patch, struct batch_problems *problems)
{
    json_t *changes = json_object(), *change;
    const char *name;
    if (!json_is_object(patch))
        problem_add(problems, "patch", "must be an object");
    json_object_foreach(patch, name, change)
    {
        const struct field *field = kind_field(kind, name);
        const char *path = arena_printf(problems->arena, "patch.%s", name);
        if (field == NULL)
            problem_add(problems, path, "is no field that can be changed");
        else
            take_mode(changes, field, change, path, problems);
    }
    return changes;
}

void input_strict(json_t *body, const char *const *known, size_t count, struct batch_problems *problems)
{
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < count && !found; i++)
            found = strcmp(known[i], name) == 0;
        if (!found)
            problem_add(problems, name, "is not known here");
    }
}

const char *input_text(json_t *body, const char *member, size_t max_length, bool needed,
                       struct batch_problems *problems)
{
    json_t *value = json_object_get(body, member);
    if (value == NULL && !needed)
        return NULL;
    size_t length = json_string_length(value);
    if (json_is_string(value) && length > 0 && length <= max_length && strlen(json_string_value(value)) == length)
        return json_string_value(value);
    problem_add(problems, member, arena_printf(problems->arena, "must be a text of 1 to %zu bytes", max_length));
    return NULL;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

#define DOUBLE_DIGITS 15 /* decimal digits that a double keeps */

/* Would the number come back as it was written? Whole numbers are read as such, up to 64 bits. */
static bool keeps_value(struct arena *arena, struct jtext number)
{
    size_t digits = 0, zeros = 0;
    bool whole = memchr(number.at, '.', number.size) == NULL && memchr(number.at, 'e', number.size) == NULL
                 && memchr(number.at, 'E', number.size) == NULL;
    for (const char *at = number.at; at < number.at + number.size && *at != 'e' && *at != 'E'; at++) {
        if (*at == '0' && digits > 0) {
            zeros++; /* counts only when another digit follows */
        } else if (*at >= '1' && *at <= '9') {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    if (digits == 0)
        return true;
    if (whole)
        return !wide_is_beyond(number.at, number.size);
    return digits <= DOUBLE_DIGITS && strtod(arena_strndup(arena, number.at, number.size), NULL) != 0.0;
}

/* Where a value is: told only when there is something to tell, because names may be long and values many. */
struct place {
    const struct place *outer; /* NULL: the body itself, or the value at `path` */
    const char *path;
    struct jtext name; /* nothing in an array */
    size_t index;
};

static const char *place_path(struct arena *arena, const struct place *place)
{
    char name[PROBLEM_PATH_MAX + 1];
    if (place->outer == NULL)
        return place->path;
    const char *outer = place_path(arena, place->outer);
    if (place->name.at == NULL)
        snprintf(name, sizeof name, "%zu", place->index);
    else
        snprintf(name, sizeof name, "%s", jtext_string(arena, place->name, NULL));
    return arena_printf(arena, "%s%s%s", outer, *outer == '\0' ? "" : ".", name);
}

static void check_numbers(struct jtext value, const struct place *place, struct batch_problems *problems)
{
    struct jtext_walk walk = jtext_enter(value);
    struct place inner_place = {.outer = place};
    struct jtext inner;
    if (jtext_kind(value) == JTEXT_NUMBER && !keeps_value(problems->arena, value))
        problem_add(problems, place_path(problems->arena, place),
                    "has more digits than a number keeps; send it as a text");
    for (; !is_full(problems) && jtext_next(&walk, &inner_place.name, &inner); inner_place.index++)
        check_numbers(inner, &inner_place, problems);
}

void input_numbers_of(struct jtext value, const char *path, struct batch_problems *problems)
{
    check_numbers(value, &(struct place){.path = path}, problems);
}

void input_numbers(const char *text, size_t size, struct batch_problems *problems)
{
    struct jtext root;
    struct jtext_fault fault;
    if (jtext_check(text, size, &root, &fault))
        input_numbers_of(root, "", problems);
}
