#include "prices/cache.h"

#include "base/log.h"
#include "base/text.h"
#include "os/directory.h"
#include "os/write.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "price-table.cache"
#define HEAD_MAX ((size_t)8192)

void price_digest(const char *text, size_t size, char digest[PRICE_DIGEST_SIZE])
{
    unsigned char bytes[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(bytes, (const unsigned char *)text, size);
    text_hex(bytes, sizeof bytes, digest);
}

static const char *cache_path(const struct price_job *job)
{
    return arena_printf(job->arena, "%s/" FILE_NAME, job->app->data_dir);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* The whole file, zero-terminated, for free(); NULL when it cannot be read. */
static char *read_file(const char *path, size_t limit, size_t *size)
{
    struct stat info;
    char *text = NULL;
    *size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (uint64_t)info.st_size <= limit) {
        ssize_t got = 1;
        text = malloc((size_t)info.st_size + 1);
        while (text != NULL && *size < (size_t)info.st_size && got > 0) {
            got = read(fd, text + *size, (size_t)info.st_size - *size);
            *size += got > 0 ? (size_t)got : 0;
        }
        if (text != NULL)
            text[*size] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static const char *text_of(const struct price_job *job, json_t *head, const char *name)
{
    return arena_strdup(job->arena, json_string_value(json_object_get(head, name)));
}

static bool take_head(const struct price_job *job, const char *url, json_t *head, struct price_cache *cache)
{
    char place[PRICE_DIGEST_SIZE], digest[PRICE_DIGEST_SIZE];
    const char *from = text_of(job, head, "url");
    *cache = (struct price_cache){.text = cache->text,
                                  .size = cache->size,
                                  .sha256 = text_of(job, head, "sha256"),
                                  .etag = text_of(job, head, "etag"),
                                  .last_modified = text_of(job, head, "lastModified"),
                                  .fetched_at = text_of(job, head, "fetchedAt")};
    price_digest(url, strlen(url), place);
    price_digest(cache->text, cache->size, digest);
    return from != NULL && strcmp(from, place) == 0 && cache->sha256 != NULL && strcmp(cache->sha256, digest) == 0;
}

bool price_cache_read(const struct price_job *job, const char *url, struct price_cache *cache)
{
    size_t limit = config_bytes(job->app->config, SETTING_PRICE_TABLE_MAX) + HEAD_MAX;
    *cache = (struct price_cache){0};
    char *text = read_file(cache_path(job), limit, &cache->size);
    char *line = text == NULL ? NULL : memchr(text, '\n', MIN(cache->size, HEAD_MAX));
    json_t *head = line == NULL ? NULL : json_loadb(text, (size_t)(line - text), 0, NULL);
    bool ok = head != NULL;
    if (ok) {
        size_t skip = (size_t)(line - text) + 1;
        cache->size -= skip;
        memmove(text, text + skip, cache->size + 1);
        cache->text = text;
        ok = take_head(job, url, head, cache);
    }
    json_decref(head);
    if (!ok) {
        free(text);
        *cache = (struct price_cache){0};
    }
    return ok;
}

void price_cache_free(struct price_cache *cache)
{
    free(cache->text);
    *cache = (struct price_cache){0};
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static bool write_file(const char *path, const char *head, const struct price_cache *cache, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, ERR_SYSTEM, "making %s", path);
    bool ok = write_all(fd, head, strlen(head)) && write_all(fd, "\n", 1) && write_all(fd, cache->text, cache->size)
              && fsync(fd) == 0;
    if (!ok)
        err_errno(err, ERR_SYSTEM, "writing %s", path);
    close(fd);
    return ok;
}

void price_cache_write(const struct price_job *job, const char *url, const struct price_cache *cache)
{
    struct err err = ERR_NONE_YET;
    char place[PRICE_DIGEST_SIZE];
    const char *path = cache_path(job), *beside = arena_printf(job->arena, "%s.new", path);
    price_digest(url, strlen(url), place);
    json_t *about = json_pack("{s:s, s:s, s:s*, s:s*, s:s*}", "url", place, "sha256", cache->sha256, "etag",
                              cache->etag, "lastModified", cache->last_modified, "fetchedAt", cache->fetched_at);
    char *head = json_dumps(about, JSON_COMPACT);
    bool ok = directory_make(job->app->data_dir, 0700, &err) && write_file(beside, head, cache, &err);
    if (ok && rename(beside, path) != 0)
        ok = err_errno(&err, ERR_SYSTEM, "renaming to %s", path);
    if (!ok) {
        unlink(beside);
        log_event(LOG_WARN, "prices.cache_not_written", "{s:s}", "error", text_utf8(job->arena, err.words));
    }
    free(head);
    json_decref(about);
}
