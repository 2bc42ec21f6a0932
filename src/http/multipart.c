/* A parser of our own instead of MHD_PostProcessor: that one pushes pieces into a callback (a pulling reader would need
 * a queue and a bound for it), belongs to the connection's thread, and unfolds nested multiparts instead of refusing
 * them.
 *
 * The body passes through one window. A delimiter is CRLF "--" boundary; the window starts with a CRLF that the body
 * does not have, so that the first delimiter is like the others.
 */
#include "http/multipart.h"

#include "base/text.h"

#include <strings.h>

#define WINDOW_SIZE (128 * KIB)
#define PARTS_MAX 64
#define NAME_MAX_SIZE KIB
#define TEXT_MAX KIB
#define HEADER_MAX (8 * KIB)  /* of one part, all lines */
#define AROUND_MAX (64 * KIB) /* before the first and after the last delimiter */
#define BOUNDARY_MAX ((size_t)70)

enum place { BEFORE_PARTS, IN_PART, AFTER_PART, AFTER_PARTS };

struct multipart {
    struct request *request;
    char delimiter[4 + BOUNDARY_MAX + 1];
    size_t delimiter_length;
    enum place place;
    int parts;
    bool ended;      /* the body has no more bytes */
    size_t at, used; /* what is left in the window */
    size_t clear;    /* no delimiter begins before this index, where it is above `at` */
    bool found;      /* and one begins there */
    char window[WINDOW_SIZE];
};

static bool malformed(struct err *err, const char *words)
{
    return err_set(err, ERR_MALFORMED_BODY, "multipart: %s", words);
}

/* ---- Parameters of a header: `; name=token; name="quoted"` ------------------------------------------------------- */

/* A quoted value. Browsers write %22 for a quote and leave backslashes alone, curl writes \" and \\. Returns its end or
 * NULL. */
static const char *take_quoted(const char *at, char *value, size_t size)
{
    size_t used = 0;
    for (; *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        if (*at == '\0' || used + 1 >= size)
            return NULL;
        value[used++] = *at;
    }
    value[used] = '\0';
    return at + 1;
}

static const char *take_token(const char *at, char *value, size_t size)
{
    size_t length = strcspn(at, "; \t\"");
    if (length == 0 || length >= size)
        return NULL;
    memcpy(value, at, length);
    value[length] = '\0';
    return at + length;
}

/* The parameter's value: 1 found, 0 not there, -1 the header is broken, a value is too long, or the name is there
 * twice. */
static int find_parameter(const char *header, const char *name, char *value, size_t size)
{
    char ignored[2 * NAME_MAX_SIZE];
    size_t name_length = strlen(name);
    int found = 0;
    const char *at = header + strcspn(header, ";");
    while (*at != '\0') {
        at += 1 + strspn(at + 1, " \t");
        if (*at == '\0')
            break; /* a last semicolon */
        size_t length = strcspn(at, "=; \t\"");
        if (length == 0 || at[length] != '=')
            return -1;
        bool wanted = length == name_length && strncasecmp(at, name, length) == 0;
        if (wanted && found == 1)
            return -1;
        found |= wanted;
        char *out = wanted ? value : ignored;
        size_t room = wanted ? size : sizeof ignored;
        at += length + 1;
        at = *at == '"' ? take_quoted(at + 1, out, room) : take_token(at, out, room);
        if (at == NULL)
            return -1;
        at += strspn(at, " \t");
        if (*at != ';' && *at != '\0')
            return -1;
    }
    return found;
}

/* The media type itself is followed by a parameter or nothing. */
static bool has_type(const char *header, const char *type)
{
    size_t length = strlen(type);
    if (strncasecmp(header, type, length) != 0)
        return false;
    header += length;
    header += strspn(header, " \t");
    return *header == '\0' || *header == ';';
}

static bool is_boundary(const char *text)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
    size_t length = strlen(text);
    return length > 0 && length <= BOUNDARY_MAX && strspn(text, allowed) == length && text[length - 1] != ' ';
}

struct multipart *multipart_open(struct request *request, struct err *err)
{
    char boundary[BOUNDARY_MAX + 2];
    const char *type = request_header(request, "Content-Type");
    if (type == NULL || !has_type(type, "multipart/form-data")) {
        err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "%s", "");
        err_args(err, "multipart/form-data", NULL);
        return NULL;
    }
    if (find_parameter(type, "boundary", boundary, sizeof boundary) != 1 || !is_boundary(boundary)) {
        malformed(err, "there is no valid boundary in Content-Type");
        return NULL;
    }
    struct multipart *form = arena_alloc(request_arena(request), sizeof *form);
    form->request = request;
    form->delimiter_length = (size_t)snprintf(form->delimiter, sizeof form->delimiter, "\r\n--%s", boundary);
    memcpy(form->window, "\r\n", 2);
    form->used = 2;
    return form;
}

/* ---- The window -------------------------------------------------------------------------------------------------- */

/* More bytes: 1, 0 when the body is at its end, -1 failed. The caller has left room. */
static int fill(struct multipart *form, struct err *err)
{
    if (form->ended)
        return 0;
    if (form->at > 0) {
        memmove(form->window, form->window + form->at, form->used - form->at);
        form->used -= form->at;
        form->clear -= MIN(form->clear, form->at);
        form->at = 0;
    }
    ssize_t got = request_read(form->request, form->window + form->used, WINDOW_SIZE - form->used, err);
    if (got < 0)
        return -1;
    form->ended = got == 0;
    form->used += (size_t)got;
    return got > 0;
}

/* At least `count` bytes in the window; false with err at the body's end. */
static bool need(struct multipart *form, size_t count, struct err *err)
{
    while (form->used - form->at < count) {
        int filled = fill(form, err);
        if (filled <= 0)
            return filled < 0 ? false : malformed(err, "the body ends before its closing boundary");
    }
    return true;
}

/* Look for the next delimiter: `clear` is the index of it or, when it is not in the window, of what may be its
 * beginning. */
static void search(struct multipart *form)
{
    const char *start = form->window + form->at;
    size_t length = form->used - form->at;
    const char *delimiter = memmem(start, length, form->delimiter, form->delimiter_length);
    form->found = delimiter != NULL;
    if (form->found)
        form->clear = (size_t)(delimiter - form->window);
    else
        form->clear = form->at + length - MIN(length, form->delimiter_length - 1);
}

/* Bytes of the part into buffer (NULL: away): their count, 0 at the delimiter, which is then consumed; -1 failed. */
static ssize_t take(struct multipart *form, char *buffer, size_t size, struct err *err)
{
    for (;;) {
        if (form->clear <= form->at)
            search(form);
        size_t length = MIN(form->clear - form->at, size);
        if (length > 0) {
            if (buffer != NULL)
                memcpy(buffer, form->window + form->at, length);
            form->at += length;
            return (ssize_t)length;
        }
        if (form->found) {
            form->at += form->delimiter_length;
            return 0;
        }
        int filled = fill(form, err);
        if (filled == 0)
            malformed(err, "the body ends before its closing boundary");
        if (filled <= 0)
            return -1;
    }
}

/* ---- A part's headers -------------------------------------------------------------------------------------------- */

/* The next line of the part's headers, cut from the window and ended by a zero; NULL failed. */
static char *take_line(struct multipart *form, size_t *budget, struct err *err)
{
    for (;;) {
        char *start = form->window + form->at;
        char *end = memmem(start, form->used - form->at, "\r\n", 2);
        size_t length = end == NULL ? form->used - form->at : (size_t)(end - start);
        if (length > *budget) {
            malformed(err, "a part's headers are too long");
            return NULL;
        }
        if (end != NULL) {
            *budget -= length;
            form->at += length + 2;
            *end = '\0';
            if (strlen(start) != length || strpbrk(start, "\r\n") != NULL) {
                malformed(err, "a part's header has a control character");
                return NULL;
            }
            return start;
        }
        if (!need(form, form->used - form->at + 1, err))
            return NULL;
    }
}

static bool take_text_parameter(struct multipart *form, const char *header, const char *name, const char **text,
                                struct err *err)
{
    char value[NAME_MAX_SIZE + 1];
    int found = find_parameter(header, name, value, sizeof value);
    if (found < 0)
        return malformed(err, "a Content-Disposition is broken, or a name is over 1 KB");
    if (found == 0)
        return true;
    if (!text_is_utf8(value, strlen(value)))
        return malformed(err, "a name is not UTF-8");
    *text = arena_strdup(request_arena(form->request), value);
    return true;
}

static bool read_disposition(struct multipart *form, const char *header, struct part *part, struct err *err)
{
    if (part->name != NULL)
        return malformed(err, "a part has two Content-Dispositions");
    if (!has_type(header, "form-data"))
        return malformed(err, "a part is no form-data");
    return take_text_parameter(form, header, "name", &part->name, err)
           && take_text_parameter(form, header, "filename", &part->filename, err)
           && (part->name != NULL || malformed(err, "a part has no name"));
}

static bool is_plain_encoding(const char *value)
{
    return has_type(value, "binary") || has_type(value, "8bit") || has_type(value, "7bit");
}

static bool read_header(struct multipart *form, char *line, struct part *part, struct err *err)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line || line[0] == ' ' || line[0] == '\t')
        return malformed(err, "a part's header is broken");
    *colon = '\0';
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcasecmp(line, "Content-Disposition") == 0)
        return read_disposition(form, value, part, err);
    if (strcasecmp(line, "Content-Type") == 0 && strncasecmp(value, "multipart/", 10) == 0)
        return malformed(err, "a multipart inside a part");
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0 && !is_plain_encoding(value))
        return malformed(err, "a part's transfer encoding is not supported");
    return true;
}

static bool read_headers(struct multipart *form, struct part *part, struct err *err)
{
    size_t budget = HEADER_MAX;
    for (;;) {
        char *line = take_line(form, &budget, err);
        if (line == NULL)
            return false;
        if (*line == '\0')
            return part->name != NULL || malformed(err, "a part has no Content-Disposition");
        if (!read_header(form, line, part, err))
            return false;
    }
}

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

/* Pass over what is left before the next delimiter. */
static bool skip(struct multipart *form, size_t limit, struct err *err)
{
    size_t skipped = 0;
    for (;;) {
        ssize_t got = take(form, NULL, WINDOW_SIZE, err);
        if (got <= 0)
            return got == 0;
        skipped += (size_t)got;
        if (skipped > limit)
            return malformed(err, "too much before the first part");
    }
}

/* After the closing delimiter nothing counts, but it is read, so that the request is complete. */
static bool skip_epilogue(struct multipart *form, struct err *err)
{
    size_t skipped = 0;
    for (;;) {
        skipped += form->used - form->at;
        form->at = form->used;
        if (skipped > AROUND_MAX)
            return malformed(err, "too much after the last part");
        int filled = fill(form, err);
        if (filled <= 0)
            return filled == 0;
    }
}

/* What follows a delimiter: 1 another part, 0 the end of the form, -1 failed. */
static int after_delimiter(struct multipart *form, struct err *err)
{
    if (!need(form, 2, err))
        return -1;
    if (memcmp(form->window + form->at, "--", 2) == 0) {
        form->at += 2;
        form->place = AFTER_PARTS;
        return skip_epilogue(form, err) ? 0 : -1;
    }
    size_t budget = KIB;
    const char *padding = take_line(form, &budget, err);
    if (padding == NULL)
        return -1;
    if (padding[strspn(padding, " \t")] != '\0') {
        malformed(err, "the boundary occurs inside a part");
        return -1;
    }
    return 1;
}

int multipart_next(struct multipart *form, struct part *part, struct err *err)
{
    *part = (struct part){0};
    if (form->place == AFTER_PARTS)
        return 0;
    if (form->place != AFTER_PART && !skip(form, form->place == BEFORE_PARTS ? AROUND_MAX : SIZE_MAX, err))
        return -1;
    int more = after_delimiter(form, err);
    if (more <= 0)
        return more;
    if (++form->parts > PARTS_MAX) {
        malformed(err, "more than 64 parts");
        return -1;
    }
    form->place = IN_PART;
    return read_headers(form, part, err) ? 1 : -1;
}

ssize_t multipart_read(struct multipart *form, void *buffer, size_t size, struct err *err)
{
    if (form->place != IN_PART || size == 0)
        return 0;
    ssize_t got = take(form, buffer, size, err);
    if (got == 0)
        form->place = AFTER_PART;
    return got;
}

const char *multipart_text(struct multipart *form, struct err *err)
{
    char text[TEXT_MAX + 1];
    size_t used = 0;
    ssize_t got;
    do {
        got = multipart_read(form, text + used, sizeof text - used, err);
        used += (size_t)MAX(got, 0);
    } while (got > 0 && used < sizeof text);
    if (got < 0)
        return NULL;
    if (used > TEXT_MAX || memchr(text, '\0', used) != NULL || !text_is_utf8(text, used)) {
        err_set(err, ERR_VALIDATION_FAILED, "a field is over 1 KB, or no UTF-8 text");
        err_args(err, "form", NULL);
        return NULL;
    }
    return arena_strndup(request_arena(form->request), text, used);
}
