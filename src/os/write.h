/* write(2) until everything is written. */
#ifndef OS_WRITE_H
#define OS_WRITE_H

#include "base/err.h"
#include "base/jtext.h"

#include <stddef.h>

/* In pieces of at most 64 KB, as a reply's descriptor takes them. False: errno. */
bool write_all(int fd, const void *bytes, size_t size) MUST_CHECK;

/* Why it failed, by errno: CANCELLED when the reader is gone, DISK_FULL, else SYSTEM. False. */
bool write_err(struct err *err, const char *what);

/* A growing text, which is empty then, in any case. `what` it is, for the error. */
bool write_text(struct jtext_out *out, int fd, const char *what, struct err *err) MUST_CHECK;

#endif
