/* Uploads of backup files: received into a temporary file, and perhaps kept for a while.
 *
 * An upload that was inspected is kept, so that an import can take it without sending it again: for
 * HUBPORT_KEEP_UPLOADS, at most UPLOADS_MAX files of together HUBPORT_KEEP_UPLOADS_SIZE (the oldest give way). It
 * belongs to the user who sent it; its id cannot be guessed. Its file is locked by the process like any temporary file,
 * and gone when the server stops.
 */
#ifndef API_UPLOAD_H
#define API_UPLOAD_H

#include "http/multipart.h"
#include "os/tempfile.h"

#define UPLOADS_MAX 8
#define UPLOAD_ID_LENGTH 32

struct upload_file {
    struct tempfile *file; /* NULL: none */
    const char *name;      /* as the client calls it, UTF-8 */
    uint64_t size;
    char sha256[2 * 32 + 1]; /* lower-case hex */
};

/* The part's bytes into a new temporary file, its first bytes looked at before anything is stored. `upload` must be
 * empty. Removed by the caller, also after a failure: FILE_NOT_DUMP, FILE_NOT_ARCHIVE, ARCHIVE_UNSUPPORTED,
 * FILE_TOO_LARGE, DISK_FULL, VALIDATION_FAILED (a second file). */
bool upload_receive(struct request *request, struct multipart *form, const struct part *part,
                    struct upload_file *upload, struct err *err) MUST_CHECK;

void upload_remove(struct upload_file *upload);

struct uploads; /* a server's; thread-safe */

struct uploads *uploads_new(int64_t keep_ms, uint64_t max_bytes);
void uploads_free(struct uploads *uploads); /* after http_stop(). NULL is ignored */

/* Keep it; `upload` is empty then, and `id` how it is called. False, and left as it was, when nothing may be kept or
 * it is too large. */
bool uploads_keep(struct uploads *uploads, struct upload_file *upload, int64_t user_id, char id[UPLOAD_ID_LENGTH + 1]);
int64_t uploads_keep_ms(const struct uploads *uploads);

/* Take it back: it is nobody else's then. ERR_UPLOAD_GONE when `user_id` has no such upload (any more). */
bool uploads_take(struct uploads *uploads, const char *id, int64_t user_id, struct arena *arena,
                  struct upload_file *upload, struct err *err) MUST_CHECK;

/* Put back under the same id, for as long as when it was kept first, what was taken. */
void uploads_return(struct uploads *uploads, const char *id, struct upload_file *upload, int64_t user_id);

#endif
