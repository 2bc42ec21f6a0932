#include "app/admin_token.h"

#include "base/text.h"
#include "os/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define TOKEN_LENGTH 40

const char *admin_token_path(const struct config *config, struct arena *arena)
{
    return arena_printf(arena, "%s/admin_token", config_text(config, SETTING_DATA_DIR));
}

static const char *read_token(const char *path, struct arena *arena, struct err *err)
{
    char *token = arena_alloc(arena, 256);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd < 0 ? -1 : read(fd, token, 255);
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        err_errno(err, ERR_SYSTEM, "reading %s", path);
        return NULL;
    }
    token[strcspn(token, "\r\n")] = '\0';
    if (strlen(token) < 16) {
        err_set(err, ERR_SYSTEM, "%s is damaged: remove it, and a new token is made", path);
        return NULL;
    }
    return token;
}

/* Whole or not at all: written beside, then linked, which fails when another process was first. */
static bool write_token(const char *path, struct arena *arena, struct err *err)
{
    char token[TOKEN_LENGTH + 2], suffix[9];
    text_random(token, TOKEN_LENGTH);
    token[TOKEN_LENGTH] = '\n';
    text_random(suffix, 8); /* no process id: in a container every start has the same one */
    const char *fresh = arena_printf(arena, "%s.%s", path, suffix);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_SYSTEM, "creating %s", fresh);
    bool ok = write(fd, token, TOKEN_LENGTH + 1) == TOKEN_LENGTH + 1 && fsync(fd) == 0;
    close(fd);
    ok = ok && (link(fresh, path) == 0 || errno == EEXIST);
    if (!ok)
        err_errno(err, ERR_SYSTEM, "creating %s", path);
    unlink(fresh);
    return ok;
}

const char *admin_token_find(const struct config *config, struct arena *arena, struct err *err)
{
    const char *given = config_text(config, SETTING_ADMIN_TOKEN);
    const char *path = admin_token_path(config, arena);
    if (given[0] != '\0' && strcmp(given, "change-me") != 0)
        return given;
    if (!directory_make(config_text(config, SETTING_DATA_DIR), 0711, err))
        return NULL;
    if (access(path, F_OK) != 0 && !write_token(path, arena, err))
        return NULL;
    return read_token(path, arena, err);
}
