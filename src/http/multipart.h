/* multipart/form-data (RFC 7578), pulled part by part from a streaming request.
 *
 *     struct multipart *form = multipart_open(request, err);
 *     struct part part;
 *     while (multipart_next(form, &part, err) > 0) ...
 *
 * Limits: 64 parts, names and file names of 1 KB, nested multiparts refused. Broken forms fail with MALFORMED_BODY,
 * and so does a body that ends before its closing boundary.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "http/http.h"

struct multipart;

struct part {
    const char *name;     /* in the request's arena */
    const char *filename; /* NULL for a plain field */
};

/* UNSUPPORTED_MEDIA_TYPE when the request is no multipart/form-data. Lives in the request's arena; nothing to close. */
struct multipart *multipart_open(struct request *request, struct err *err) MUST_CHECK;

/* The next part (what is left of the current one is skipped): 1, 0 after the last, -1 failed. */
int multipart_next(struct multipart *form, struct part *part, struct err *err) MUST_CHECK;

/* Bytes of the current part: 0 at its end, -1 failed. */
ssize_t multipart_read(struct multipart *form, void *buffer, size_t size, struct err *err) MUST_CHECK;

/* The whole of a small field, at most 1 KB; NULL failed (VALIDATION_FAILED when longer). */
const char *multipart_text(struct multipart *form, struct err *err) MUST_CHECK;

#endif
