#include "base/log.h"

#include "base/clock.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic enum log_level lowest = LOG_INFO;
static _Thread_local char request_id[64];

void log_set_level(enum log_level level)
{
    lowest = level;
}

void log_set_request(const char *id)
{
    snprintf(request_id, sizeof request_id, "%s", id == NULL ? "" : id);
}

static void write_line(const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written <= 0)
            return; /* a log that cannot be written must not stop the work */
        text += written;
        length -= (size_t)written;
    }
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < lowest || level >= LOG_OFF)
        return;

    char time[CLOCK_TEXT_SIZE];
    clock_iso(clock_wall_ms(), time);
    json_t *line = json_pack("{s:s, s:s, s:s}", "time", time, "level", names[level], "event", event);
    if (line == NULL)
        return;
    if (request_id[0] != '\0')
        json_object_set_new(line, "request", json_string(request_id));
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        json_t *fields = json_vpack_ex(NULL, 0, format, args);
        va_end(args);
        if (fields != NULL)
            json_object_update(line, fields);
        else /* not UTF-8, for example: the event still counts */
            json_object_set_new(line, "unloggable", json_true());
        json_decref(fields);
    }
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL)
        return;
    size_t length = strlen(text);
    char *whole = realloc(text, length + 2);
    if (whole != NULL) {
        whole[length] = '\n';
        whole[length + 1] = '\0';
        write_line(whole);
        text = whole;
    }
    free(text);
}
