#include "os/directory.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool directory_make(const char *path, mode_t mode, struct err *err)
{
    char part[PATH_MAX];
    size_t length = (size_t)snprintf(part, sizeof part, "%s", path);
    if (length == 0 || length >= sizeof part)
        return err_set(err, ERR_SYSTEM, "not a usable directory name: %s", path);
    for (char *at = part + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return err_errno(err, ERR_SYSTEM, "creating the directory %s", part);
        *at = kept;
        if (kept == '\0')
            return true;
    }
}

bool directory_make_private(const char *path, const char *user, struct err *err)
{
    struct stat status;
    struct passwd entry, *found = NULL;
    char buffer[4096];
    uid_t uid = geteuid();
    if (user != NULL) {
        if (getpwnam_r(user, &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
            return err_set(err, ERR_SYSTEM, "there is no user %s on this machine", user);
        uid = found->pw_uid;
    }
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return err_errno(err, ERR_SYSTEM, "creating the directory %s", path);
    if (made && user != NULL && chown(path, uid, found->pw_gid) != 0)
        return err_errno(err, ERR_SYSTEM, "chown %s", path);
    if (lstat(path, &status) != 0)
        return err_errno(err, ERR_SYSTEM, "%s", path);
    if (!S_ISDIR(status.st_mode) || status.st_uid != uid || (status.st_mode & 077) != 0)
        return err_set(err, ERR_SYSTEM, "%s exists and is not a private directory of its user (0700)", path);
    return true;
}

bool directory_free_bytes(const char *path, uint64_t *bytes)
{
    struct statvfs status;
    if (statvfs(path, &status) != 0)
        return false;
    *bytes = (uint64_t)status.f_bavail * status.f_frsize;
    return true;
}
