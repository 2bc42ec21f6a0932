/* Errors: what went wrong, as a stable code and words.
 *
 * A function that can fail returns bool (or NULL) and fills a struct err; each layer adds its words in front; the edge
 * (api/, cli/) logs it once and tells the user in the user's language. The codes, their HTTP status, exit status and
 * texts are one table: base/err_codes.h.
 *
 *     if (read(fd, buffer, size) < 0)
 *         return err_errno(err, ERR_SYSTEM, "reading %s", path);
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/err_codes.h"
#include "base/lang.h"
#include "base/macros.h"

enum err_code {
#define ERR_ENUM(name, status, exit, zh, en) ERR_##name,
    ERR_CODES(ERR_ENUM)
#undef ERR_ENUM
};

#define ERR_WORDS_SIZE 2048
#define ERR_ARGS 2
#define ERR_ARG_SIZE 128

struct err {
    enum err_code code;
    char words[ERR_WORDS_SIZE];        /* technical, English, for the log and "details" */
    char args[ERR_ARGS][ERR_ARG_SIZE]; /* fill {0} and {1} of the text */
};

#define ERR_NONE_YET ((struct err){.code = ERR_OK})

/* All of these return false, so that `return err_set(...)` reads well. */
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
bool err_errno(struct err *err, enum err_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);                                                     /* adds strerror(errno) */
bool err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3); /* "<format>: <words so far>" */
bool err_args(struct err *err, const char *first, const char *second);     /* for {0}, {1}; NULL leaves one empty */

const char *err_name(enum err_code code); /* "BACKUP_BUSY": never changes once published */
int err_http_status(enum err_code code);
int err_exit_status(enum err_code code);

#define ERR_TEXT_SIZE 512

/* The sentence for people, placeholders filled. */
void err_text(const struct err *err, enum lang lang, char text[ERR_TEXT_SIZE]);

#endif
