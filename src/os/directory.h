/* Directories of ours. */
#ifndef OS_DIRECTORY_H
#define OS_DIRECTORY_H

#include "base/err.h"

#include <sys/types.h>

/* Make it with its parents; an existing one stays as it is. */
bool directory_make(const char *path, mode_t mode, struct err *err) MUST_CHECK;

/* Make it 0700 for `user` (NULL: us); an existing one must be a directory of that user that nobody else can enter (no
 * link). */
bool directory_make_private(const char *path, const char *user, struct err *err) MUST_CHECK;

/* Free bytes for an unprivileged user on the file system of `path`; false when it cannot be known. */
bool directory_free_bytes(const char *path, uint64_t *bytes) MUST_CHECK;

#endif
