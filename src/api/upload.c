#include "api/upload.h"

#include "api/api.h"
#include "archive/archive.h"
#include "base/clock.h"
#include "base/messages.h"
#include "base/sha256.h"
#include "base/text.h"
#include "os/directory.h"

#include <pthread.h>

#define PIECE ((size_t)256 * 1024)

/* ---- Receiving --------------------------------------------------------------------------------------------------- */

struct receiver {
    struct request *request;
    struct upload_file *upload;
    struct sha256 sha;
};

static bool check_size(const struct receiver *receiver, struct err *err)
{
    struct arena *arena = request_arena(receiver->request);
    uint64_t limit = config_bytes(api_of(receiver->request)->app->config, SETTING_MAX_UPLOAD);
    if (receiver->upload->size <= limit)
        return true;
    err_set(err, ERR_FILE_TOO_LARGE, "%s",
            MESSAGE(arena, request_lang(receiver->request), MSG_TOO_LARGE_DETAILS,
                    text_bytes(arena, receiver->upload->size), text_bytes(arena, limit)));
    return err_args(err, text_bytes(arena, limit), NULL);
}

static bool check_room(struct request *request, const char *directory, struct err *err)
{
    uint64_t room;
    int64_t length = request_length(request);
    if (length < 0 || !directory_free_bytes(directory, &room) || room > (uint64_t)length)
        return true;
    return err_set(err, ERR_DISK_FULL, "%s has %s free", directory, text_bytes(request_arena(request), room));
}

static bool store_piece(struct receiver *receiver, const unsigned char *piece, size_t size, struct err *err)
{
    sha256_add(&receiver->sha, piece, size);
    receiver->upload->size += size;
    return check_size(receiver, err) && tempfile_write(receiver->upload->file, piece, size, err);
}

/* The first bytes are looked at before anything is stored: a file that is no archive is refused at once. */
static bool store_file(struct receiver *receiver, struct multipart *form, struct err *err)
{
    unsigned char *piece = arena_alloc(request_arena(receiver->request), PIECE);
    size_t first = 0;
    ssize_t got = 1;
    while (first < ARCHIVE_MAGIC_SIZE && got > 0) {
        got = multipart_read(form, piece + first, PIECE - first, err);
        first += got > 0 ? (size_t)got : 0;
    }
    if (got < 0 || !archive_check_magic(piece, first, err) || !store_piece(receiver, piece, first, err))
        return false;
    while ((got = multipart_read(form, piece, PIECE, err)) > 0)
        if (!store_piece(receiver, piece, (size_t)got, err))
            return false;
    return got == 0;
}

bool upload_receive(struct request *request, struct multipart *form, const struct part *part,
                    struct upload_file *upload, struct err *err)
{
    const char *directory = config_text(api_of(request)->app->config, SETTING_TMP_DIR);
    struct receiver receiver = {.request = request, .upload = upload};
    unsigned char digest[SHA256_SIZE];
    if (upload->file != NULL) {
        err_set(err, ERR_VALIDATION_FAILED, "more than one file");
        return err_args(err, "file", NULL);
    }
    if (part->filename == NULL)
        return err_set(err, ERR_FILE_MISSING, "the part \"file\" is no file");
    upload->name = text_utf8(request_arena(request), part->filename);
    if (!text_ends(part->filename, ".dump"))
        return err_set(err, ERR_FILE_NOT_DUMP, "the file is named %s", upload->name);
    if (!check_room(request, directory, err) || (upload->file = tempfile_create(directory, "import", err)) == NULL)
        return false;
    sha256_open(&receiver.sha);
    bool ok = store_file(&receiver, form, err);
    sha256_now(&receiver.sha, digest);
    sha256_close(&receiver.sha);
    text_hex(digest, sizeof digest, upload->sha256);
    return ok;
}

void upload_remove(struct upload_file *upload)
{
    tempfile_remove(upload->file);
    upload->file = NULL;
}

/* ---- Keeping ----------------------------------------------------------------------------------------------------- */

struct kept {
    struct upload_file upload; /* its name is the heap's; no file: an empty place */
    int64_t user_id;
    int64_t until_ms; /* clock_mono_ms() */
    char id[UPLOAD_ID_LENGTH + 1];
};

struct uploads {
    int64_t keep_ms;
    uint64_t max_bytes;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t sweeper;
    bool sweeping, stop;
    struct kept kept[UPLOADS_MAX];
};

/* The mutex is held for all of these. */
static void forget(struct kept *kept)
{
    upload_remove(&kept->upload);
    free((char *)(uintptr_t)kept->upload.name);
    *kept = (struct kept){0};
}

static struct kept *oldest_of(struct uploads *uploads)
{
    struct kept *oldest = NULL;
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        struct kept *kept = &uploads->kept[i];
        if (kept->upload.file != NULL && (oldest == NULL || kept->until_ms < oldest->until_ms))
            oldest = kept;
    }
    return oldest;
}

static uint64_t bytes_of(const struct uploads *uploads)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < UPLOADS_MAX; i++)
        bytes += uploads->kept[i].upload.file == NULL ? 0 : uploads->kept[i].upload.size;
    return bytes;
}

static struct kept *empty_place(struct uploads *uploads)
{
    for (size_t i = 0; i < UPLOADS_MAX; i++)
        if (uploads->kept[i].upload.file == NULL)
            return &uploads->kept[i];
    return NULL;
}

/* Removes what is too old at the moment when it becomes so. */
static void *sweep(void *context)
{
    struct uploads *uploads = context;
    pthread_mutex_lock(&uploads->mutex);
    while (!uploads->stop) {
        struct kept *oldest = oldest_of(uploads);
        if (oldest == NULL) {
            pthread_cond_wait(&uploads->changed, &uploads->mutex);
        } else if (oldest->until_ms <= clock_mono_ms()) {
            forget(oldest);
        } else {
            struct timespec until = {.tv_sec = oldest->until_ms / 1000, .tv_nsec = oldest->until_ms % 1000 * 1000000};
            pthread_cond_timedwait(&uploads->changed, &uploads->mutex, &until);
        }
    }
    pthread_mutex_unlock(&uploads->mutex);
    return NULL;
}

struct uploads *uploads_new(int64_t keep_ms, uint64_t max_bytes)
{
    struct uploads *uploads = calloc(1, sizeof *uploads);
    pthread_condattr_t attributes;
    if (uploads == NULL)
        abort();
    uploads->keep_ms = keep_ms;
    uploads->max_bytes = max_bytes;
    pthread_mutex_init(&uploads->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&uploads->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    uploads->sweeping = keep_ms > 0 && pthread_create(&uploads->sweeper, NULL, sweep, uploads) == 0;
    return uploads;
}

void uploads_free(struct uploads *uploads)
{
    if (uploads == NULL)
        return;
    pthread_mutex_lock(&uploads->mutex);
    uploads->stop = true;
    pthread_cond_signal(&uploads->changed);
    pthread_mutex_unlock(&uploads->mutex);
    if (uploads->sweeping)
        pthread_join(uploads->sweeper, NULL);
    for (size_t i = 0; i < UPLOADS_MAX; i++)
        forget(&uploads->kept[i]);
    pthread_mutex_destroy(&uploads->mutex);
    pthread_cond_destroy(&uploads->changed);
    free(uploads);
}

int64_t uploads_keep_ms(const struct uploads *uploads)
{
    return uploads->keep_ms;
}

static bool keep(struct uploads *uploads, struct upload_file *upload, int64_t user_id, const char *id)
{
    if (!uploads->sweeping || upload->size > uploads->max_bytes)
        return false;
    pthread_mutex_lock(&uploads->mutex);
    while (empty_place(uploads) == NULL || bytes_of(uploads) + upload->size > uploads->max_bytes)
        forget(oldest_of(uploads));
    struct kept *kept = empty_place(uploads);
    *kept = (struct kept){.upload = *upload, .user_id = user_id, .until_ms = clock_mono_ms() + uploads->keep_ms};
    kept->upload.name = strdup(upload->name);
    if (kept->upload.name == NULL)
        abort();
    memcpy(kept->id, id, UPLOAD_ID_LENGTH);
    upload->file = NULL;
    pthread_cond_signal(&uploads->changed);
    pthread_mutex_unlock(&uploads->mutex);
    return true;
}

bool uploads_keep(struct uploads *uploads, struct upload_file *upload, int64_t user_id, char id[UPLOAD_ID_LENGTH + 1])
{
    text_random(id, UPLOAD_ID_LENGTH);
    return keep(uploads, upload, user_id, id);
}

void uploads_return(struct uploads *uploads, const char *id, struct upload_file *upload, int64_t user_id)
{
    if (upload->file != NULL && !keep(uploads, upload, user_id, id))
        upload_remove(upload);
}

bool uploads_take(struct uploads *uploads, const char *id, int64_t user_id, struct arena *arena,
                  struct upload_file *upload, struct err *err)
{
    bool found = false;
    pthread_mutex_lock(&uploads->mutex);
    for (size_t i = 0; i < UPLOADS_MAX && !found && strlen(id) == UPLOAD_ID_LENGTH; i++) {
        struct kept *kept = &uploads->kept[i];
        found = kept->upload.file != NULL && kept->user_id == user_id && strcmp(kept->id, id) == 0;
        if (!found)
            continue;
        *upload = kept->upload;
        upload->name = arena_strdup(arena, kept->upload.name);
        kept->upload.file = NULL;
        forget(kept);
    }
    pthread_mutex_unlock(&uploads->mutex);
    return found || err_set(err, ERR_UPLOAD_GONE, "no upload of this user is kept under this fileId");
}
