#include "os/tempfile.h"

#include "base/clock.h"
#include "base/text.h"
#include "os/write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUR_NAMES "database_*_*_hp??????????.dump"

struct tempfile {
    int fd;
    char path[PATH_MAX];
};

static bool disk_err(struct err *err, const char *action, const char *path)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    return err_errno(err, full ? ERR_DISK_FULL : ERR_SYSTEM, "%s %s", action, path);
}

/* A sweep of another process may win the lock between our open and our flock; the file is unlinked then. */
static bool is_linked(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

struct tempfile *tempfile_create(const char *directory, const char *purpose, struct err *err)
{
    struct tempfile *file = calloc(1, sizeof *file);
    if (file == NULL)
        abort();
    for (int tries = 0; tries < 10; tries++) {
        char random[11];
        text_random(random, 10);
        snprintf(file->path, sizeof file->path, "%s/database_%s_%lld_hp%s.dump", directory, purpose,
                 (long long)clock_wall_ms(), random);
        file->fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file->fd < 0 && errno == EEXIST)
            continue;
        if (file->fd < 0)
            break;
        if (flock(file->fd, LOCK_EX) == 0 && is_linked(file->fd))
            return file;
        close(file->fd);
    }
    disk_err(err, "creating", file->path);
    free(file);
    return NULL;
}

const char *tempfile_path(const struct tempfile *file)
{
    return file->path;
}

int tempfile_fd(const struct tempfile *file)
{
    return file->fd;
}

void tempfile_remove(struct tempfile *file)
{
    if (file == NULL)
        return;
    unlink(file->path);
    close(file->fd);
    free(file);
}

bool tempfile_write(struct tempfile *file, const void *bytes, size_t size, struct err *err)
{
    return write_all(file->fd, bytes, size) || write_err(err, file->path);
}

/* Whether it was ours, dead and old enough, and is gone now. */
static bool sweep_one(int directory, const char *name, int64_t min_age_ms)
{
    struct stat status;
    int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool dead = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid()
                && clock_wall_ms() - (int64_t)status.st_mtim.tv_sec * 1000 >= min_age_ms
                && flock(fd, LOCK_EX | LOCK_NB) == 0;
    bool removed = dead && unlinkat(directory, name, 0) == 0;
    close(fd);
    return removed;
}

int tempfile_sweep(const char *directory, int64_t min_age_ms)
{
    int removed = 0;
    DIR *entries = opendir(directory);
    if (entries == NULL)
        return 0;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        if (fnmatch(OUR_NAMES, entry->d_name, 0) == 0 && sweep_one(dirfd(entries), entry->d_name, min_age_ms))
            removed++;
    closedir(entries);
    return removed;
}

uint64_t tempfile_bytes(const char *directory)
{
    uint64_t sum = 0;
    struct stat status;
    DIR *entries = opendir(directory);
    if (entries == NULL)
        return 0;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
        if (fnmatch(OUR_NAMES, entry->d_name, 0) == 0
            && fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
            sum += (uint64_t)status.st_size;
    closedir(entries);
    return sum;
}
