/* Temporary files that never leak: /tmp/database_<purpose>_<ms>_<random>.dump (the requirement's form).
 *
 * The owner holds a flock(2) on the file for as long as it lives: that is the test of life that a sweep uses. A file
 * that nobody locks belonged to a process that is gone. The random part begins with "hp", so that a hub's own files in
 * the same directory are never taken for ours.
 */
#ifndef OS_TEMPFILE_H
#define OS_TEMPFILE_H

#include "base/err.h"

struct tempfile;

/* Created O_EXCL, 0600, locked. `purpose` is a short word: "import", "list". ERR_DISK_FULL or ERR_SYSTEM. */
struct tempfile *tempfile_create(const char *directory, const char *purpose, struct err *err) MUST_CHECK;
const char *tempfile_path(const struct tempfile *file);
int tempfile_fd(const struct tempfile *file);
void tempfile_remove(struct tempfile *file); /* unlinks, closes, frees; NULL is ignored */

/* Write all; ERR_DISK_FULL when there is no room. */
bool tempfile_write(struct tempfile *file, const void *bytes, size_t size, struct err *err) MUST_CHECK;

/* Remove our dead files older than `min_age_ms` (0: of any age). Returns how many. Symbolic links are never followed.
 */
int tempfile_sweep(const char *directory, int64_t min_age_ms);

/* Bytes of the files with names as ours in `directory`, alive or dead. */
uint64_t tempfile_bytes(const char *directory);

#endif
