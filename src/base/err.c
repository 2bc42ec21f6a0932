#include "base/err.h"

#include "base/messages.h"

#include <errno.h>
#include <stdarg.h>

struct err_row {
    const char *name;
    int http_status;
    int exit_status;
    const char *text[2]; /* by enum lang */
};

static const struct err_row rows[] = {
#define ERR_ROW(name, status, exit, zh, en) [ERR_##name] = {#name, status, exit, {zh, en}},
    ERR_CODES(ERR_ROW)
#undef ERR_ROW
};

static PRINTF_LIKE(2, 0) void put_words(struct err *err, const char *format, va_list args)
{
    vsnprintf(err->words, sizeof err->words, format, args);
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    *err = (struct err){.code = code};
    va_start(args, format);
    put_words(err, format, args);
    va_end(args);
    return false;
}

bool err_errno(struct err *err, enum err_code code, const char *format, ...)
{
    int reason = errno;
    va_list args;
    *err = (struct err){.code = code};
    va_start(args, format);
    put_words(err, format, args);
    va_end(args);
    size_t used = strlen(err->words);
    snprintf(err->words + used, sizeof err->words - used, ": %s", strerror(reason));
    return false;
}

bool err_wrap(struct err *err, const char *format, ...)
{
    char before[ERR_WORDS_SIZE];
    va_list args;
    memcpy(before, err->words, sizeof before);
    va_start(args, format);
    put_words(err, format, args);
    va_end(args);
    size_t used = strlen(err->words);
    snprintf(err->words + used, sizeof err->words - used, ": %s", before);
    return false;
}

bool err_args(struct err *err, const char *first, const char *second)
{
    const char *given[ERR_ARGS] = {first, second};
    for (size_t i = 0; i < ERR_ARGS; i++)
        snprintf(err->args[i], ERR_ARG_SIZE, "%s", given[i] == NULL ? "" : given[i]);
    return false;
}

const char *err_name(enum err_code code)
{
    return rows[code].name;
}

int err_http_status(enum err_code code)
{
    return rows[code].http_status;
}

int err_exit_status(enum err_code code)
{
    return rows[code].exit_status;
}

void err_text(const struct err *err, enum lang lang, char text[ERR_TEXT_SIZE])
{
    const char *args[ERR_ARGS] = {err->args[0], err->args[1]};
    message_fill(rows[err->code].text[lang], args, ERR_ARGS, text, ERR_TEXT_SIZE);
}
