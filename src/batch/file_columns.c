#include "batch/file_columns.h"

#include "base/jtext.h"

#include <stdlib.h>
#include <string.h>

size_t file_columns(const struct kind *kind, const char *names[FILE_COLUMNS_MAX])
{
    static const char *const more[KIND_COUNT] = {[KIND_KEYS] = "userName", [KIND_PROVIDERS] = "providerType"};
    size_t count = 0;
    names[count++] = "id";
    names[count++] = "name";
    if (more[kind->id] != NULL)
        names[count++] = more[kind->id];
    for (size_t i = 0; i < kind->field_count; i++)
        names[count++] = kind->fields[i].name;
    names[count++] = "updatedAt";
    return count;
}

/* Can the list be written with commas, and read back? */
static bool is_plain(json_t *list)
{
    json_t *one;
    size_t index;
    json_array_foreach(list, index, one)
    {
        const char *text = json_string_value(one);
        if (text == NULL || text[0] == '\0' || text[0] == ' ' || text[strlen(text) - 1] == ' '
            || strchr(text, ',') != NULL || (index == 0 && text[0] == '['))
            return false;
    }
    return true;
}

static const char *join(struct arena *arena, json_t *list)
{
    struct jtext_out out = {0};
    json_t *one;
    size_t index;
    json_array_foreach(list, index, one)
    {
        jtext_puts(&out, index == 0 ? "" : ", ");
        jtext_puts(&out, json_string_value(one));
    }
    const char *cell = arena_strndup(arena, out.text == NULL ? "" : out.text, out.size);
    free(out.text);
    return cell;
}

const char *file_cell(struct arena *arena, json_t *value)
{
    if (value == NULL || json_is_null(value))
        return "";
    if (json_is_string(value))
        return json_string_value(value);
    if (!json_is_array(value) || !is_plain(value)) {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        const char *kept = arena_strdup(arena, text);
        free(text);
        return kept;
    }
    return join(arena, value);
}
