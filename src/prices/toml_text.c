#include "prices/toml_text.h"

#include "base/text.h"

#include <string.h>

/* JSON's escapes are TOML's, and DEL must be one, too. */
static void put_string(struct jtext_out *out, const char *text)
{
    while (*text != '\0') {
        size_t plain = strcspn(text, "\x7f");
        jtext_put(out, text, plain);
        text += plain;
        if (*text != '\0') {
            jtext_puts(out, "\\u007F");
            text++;
        }
    }
}

static void put_text(struct arena *scratch, struct jtext_out *out, const char *text)
{
    struct jtext_out quoted = {0};
    jtext_put_string(&quoted, text);
    const char *kept = arena_strdup(scratch, quoted.text);
    free(quoted.text);
    put_string(out, kept);
}

static void put_key(struct arena *scratch, struct jtext_out *out, struct jtext key)
{
    const char *text = jtext_string(scratch, key, NULL);
    size_t bare = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    if (bare > 0 && text[bare] == '\0')
        jtext_puts(out, text);
    else
        put_text(scratch, out, text);
}

/* An integer beyond 64 bits is a float of the same value. */
static void put_number(struct arena *scratch, struct jtext_out *out, struct jtext number)
{
    int64_t ignored;
    const char *text = arena_strndup(scratch, number.at, number.size);
    jtext_puts(out, text);
    if (strpbrk(text, ".eE") == NULL && !text_parse_integer(text, INT64_MIN, INT64_MAX, &ignored))
        jtext_puts(out, ".0");
}

static void put_value(struct arena *scratch, struct jtext_out *out, struct jtext value)
{
    struct jtext_walk walk = jtext_enter(value);
    struct jtext key, inner;
    bool first = true;
    switch (jtext_kind(value)) {
    case JTEXT_OBJECT:
    case JTEXT_ARRAY:
        jtext_puts(out, walk.object ? "{" : "[");
        while (jtext_next(&walk, &key, &inner)) {
            if (jtext_kind(inner) == JTEXT_NULL)
                continue;
            jtext_puts(out, first ? "" : ", ");
            first = false;
            if (walk.object) {
                put_key(scratch, out, key);
                jtext_puts(out, " = ");
            }
            put_value(scratch, out, inner);
        }
        jtext_puts(out, walk.object ? "}" : "]");
        break;
    case JTEXT_STRING:
        put_text(scratch, out, jtext_string(scratch, value, NULL));
        break;
    case JTEXT_NUMBER:
        put_number(scratch, out, value);
        break;
    default:
        jtext_put(out, value.at, value.size);
        break;
    }
}

void toml_put_model(struct arena *scratch, struct jtext_out *out, const char *name, struct jtext data)
{
    struct jtext_walk walk = jtext_enter(data);
    struct jtext key, value;
    jtext_puts(out, "[models.");
    put_text(scratch, out, name);
    jtext_puts(out, "]\n");
    while (jtext_next(&walk, &key, &value)) {
        if (jtext_kind(value) == JTEXT_NULL)
            continue;
        put_key(scratch, out, key);
        jtext_puts(out, " = ");
        put_value(scratch, out, value);
        jtext_puts(out, "\n");
    }
    jtext_puts(out, "\n");
}
