/* Any bytes as a form: nothing may crash or read beyond; and what is found is the same however the bytes arrive.
 *
 * An input is the Content-Type, a zero byte, and the body. multipart.c's only neighbour, the request, is made here. */
#include "fuzz/must.h"
#include "http/multipart.h"

#include <string.h>

struct request {
    struct arena *arena;
    const char *type;
    const uint8_t *body;
    size_t size, at, piece; /* bytes that one read gives */
};

struct arena *request_arena(struct request *request)
{
    return request->arena;
}

const char *request_header(struct request *request, const char *name)
{
    must(strcmp(name, "Content-Type") == 0);
    return request->type;
}

ssize_t request_read(struct request *request, void *buffer, size_t size, struct err *err)
{
    (void)err;
    must(size > 0);
    size_t length = MIN(MIN(size, request->piece), request->size - request->at);
    memcpy(buffer, request->body + request->at, length);
    request->at += length;
    return (ssize_t)length;
}

static uint64_t mixed(uint64_t sum, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ at[i]) * 1099511628211U;
    return sum;
}

/* A digest of all that the form holds; 0 when it is refused. */
static uint64_t read_form(struct request *request, size_t piece, size_t step, bool texts)
{
    char buffer[4096];
    struct err err = ERR_NONE_YET;
    struct part part;
    uint64_t sum = 14695981039346656037U;
    int more = -1;
    request->at = 0;
    request->piece = piece;
    struct multipart *form = multipart_open(request, &err);
    while (form != NULL && (more = multipart_next(form, &part, &err)) > 0) {
        must(part.name != NULL && strpbrk(part.name, "\r\n") == NULL);
        must(part.filename == NULL || strpbrk(part.filename, "\r\n") == NULL);
        sum = mixed(sum, part.name, strlen(part.name) + 1);
        ssize_t got = 0;
        if (texts) {
            const char *text = multipart_text(form, &err);
            got = text == NULL ? -1 : 0;
            must(text == NULL || strlen(text) <= KIB);
        } else {
            while ((got = multipart_read(form, buffer, step, &err)) > 0)
                sum = mixed(sum, buffer, (size_t)got);
        }
        if (got < 0) {
            more = -1;
            break;
        }
    }
    must(more == 0 || err.code == ERR_MALFORMED_BODY || err.code == ERR_UNSUPPORTED_MEDIA_TYPE
         || (texts && err.code == ERR_VALIDATION_FAILED));
    must(more != 0 || request->at == request->size);
    return more == 0 ? sum : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *zero = size == 0 ? NULL : memchr(bytes, '\0', size);
    size_t head = zero == NULL ? size : (size_t)(zero - bytes);
    struct arena *arena = arena_new();
    struct request request = {.arena = arena,
                              .type = arena_strndup(arena, size == 0 ? "" : (const char *)bytes, head),
                              .body = bytes + MIN(head + 1, size),
                              .size = size - MIN(head + 1, size)};
    uint64_t whole = read_form(&request, SIZE_MAX, 4096, false);
    must(read_form(&request, 7, 5, false) == whole);
    (void)read_form(&request, 1000, 0, true);
    arena_free(arena);
    return 0;
}
