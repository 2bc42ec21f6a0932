#include "base/messages.h"

#include "base/text.h"

static const char *const texts[][2] = {
#define MESSAGE_ROW(name, zh, en) [MSG_##name] = {zh, en},
    MESSAGES(MESSAGE_ROW)
#undef MESSAGE_ROW
};

void message_fill(const char *text, const char *const *args, size_t count, char *out, size_t size)
{
    size_t used = 0;
    while (*text != '\0' && used + 1 < size) {
        bool placeholder = text[0] == '{' && text[1] >= '0' && text[1] <= '9' && text[2] == '}';
        if (!placeholder) {
            out[used++] = *text++;
            continue;
        }
        size_t index = (size_t)(text[1] - '0');
        const char *value = index < count && args[index] != NULL ? args[index] : "";
        while (*value != '\0' && used + 1 < size)
            out[used++] = *value++;
        text += 3;
    }
    out[used] = '\0';
    text_cut_utf8(out);
}

const char *message_text(struct arena *arena, enum lang lang, enum message message, const char *const *args,
                         size_t count)
{
    char text[4096];
    message_fill(texts[message][lang], args, count, text, sizeof text);
    return arena_strdup(arena, text);
}
