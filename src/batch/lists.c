#include "batch/lists.h"

#include "batch/values.h"

#include <string.h>

bool list_field(const struct field *field)
{
    return field->type == FIELD_TEXTS || field->type == FIELD_GROUPS;
}

bool list_is_change(const json_t *value)
{
    return json_object_get(value, "add") != NULL || json_object_get(value, "remove") != NULL;
}

/* As an array of texts: groups are one text with commas. */
static json_t *items_of(json_t *value)
{
    json_t *items = json_array();
    json_array_extend(items, value); /* nothing unless it is one */
    for (const char *text = json_string_value(value); text != NULL && *text != '\0';) {
        size_t length = strcspn(text, ",");
        json_array_append_new(items, json_stringn(text, length));
        text += length + (text[length] == ',');
    }
    return items;
}

static bool has(const json_t *items, const json_t *one)
{
    const json_t *other;
    size_t index;
    json_array_foreach(items, index, other) if (json_equal(other, one)) return true;
    return false;
}

static json_t *text_of(json_t *items, struct arena *arena)
{
    const char *text = "";
    json_t *one;
    size_t index;
    json_array_foreach(items, index, one) text =
        arena_printf(arena, "%s%s%s", text, index == 0 ? "" : ",", json_string_value(one));
    return json_string(text);
}

json_t *list_change(const struct field *field, const json_t *change, json_t *current, struct arena *arena,
                    const char **problem)
{
    json_t *add = json_object_get(change, "add"), *one;
    json_t *old = items_of(current), *given = items_of(add != NULL ? add : json_object_get(change, "remove"));
    json_t *items = json_array();
    size_t index;
    json_array_foreach(old, index, one) if (add != NULL || !has(given, one)) json_array_append(items, one);
    json_array_foreach(given, index, one) if (add != NULL && !has(items, one)) json_array_append(items, one);
    json_t *value = field->type == FIELD_GROUPS ? text_of(items, arena) : json_incref(items);
    json_t *checked = value_check(field, value, arena, problem);
    json_decref(old);
    json_decref(given);
    json_decref(items);
    json_decref(value);
    return checked;
}
