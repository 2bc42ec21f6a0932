/* Not covered: a machine without /usr/lib/postgresql, where the tools are looked for along PATH. */
#include "pg/tools.h"

#include "os/subprocess.h"

#include <dirent.h>
#include <unistd.h>

#define DEBIAN_ROOT "/usr/lib/postgresql"

static const char *executable(struct arena *arena, const char *directory, const char *name)
{
    const char *path = arena_printf(arena, "%s/%s", directory, name);
    return access(path, X_OK) == 0 ? path : NULL;
}

/* "pg_dump (PostgreSQL) 15.20 (Debian ...)" -> 150020; "pg_dump (PostgreSQL) 17beta1" -> 170000 */
static int parse_version(const char *text)
{
    int major = 0, minor = 0;
    const char *paren = strchr(text, ')');
    if (paren == NULL || sscanf(paren + 1, " %d.%d", &major, &minor) < 1)
        return 0;
    return major * 10000 + minor;
}

static int version_of(struct arena *arena, const char *path)
{
    const char *output;
    struct err ignored;
    if (path == NULL || !subprocess_output((const char *const[]){path, "--version", NULL}, arena, &output, &ignored))
        return 0;
    return parse_version(output);
}

/* The directory of the newest major version in Debian's layout that has pg_dump. */
static const char *newest_in_debian(struct arena *arena)
{
    const char *best = NULL;
    int best_major = 0;
    DIR *versions = opendir(DEBIAN_ROOT);
    if (versions == NULL)
        return NULL;
    for (struct dirent *entry = readdir(versions); entry != NULL; entry = readdir(versions)) {
        int major = atoi(entry->d_name);
        const char *directory = arena_printf(arena, DEBIAN_ROOT "/%s/bin", entry->d_name);
        if (major > best_major && executable(arena, directory, "pg_dump") != NULL) {
            best_major = major;
            best = directory;
        }
    }
    closedir(versions);
    return best;
}

static const char *first_on_path(struct arena *arena)
{
    const char *path = getenv("PATH");
    char *rest = arena_strdup(arena, path == NULL ? "" : path), *state = NULL;
    for (char *at = strtok_r(rest, ":", &state); at != NULL; at = strtok_r(NULL, ":", &state))
        if (at[0] == '/' && executable(arena, at, "pg_dump") != NULL)
            return at;
    return NULL;
}

void pg_tools_find(const char *bin_dir, struct arena *arena, struct pg_tools *tools)
{
    const char *directory = bin_dir;
    *tools = (struct pg_tools){.directory = ""};
    if (directory[0] == '\0')
        directory = newest_in_debian(arena);
    if (directory == NULL)
        directory = first_on_path(arena);
    if (directory == NULL)
        return;
    tools->directory = directory;
    tools->dump = executable(arena, directory, "pg_dump");
    tools->restore = executable(arena, directory, "pg_restore");
    tools->server = executable(arena, directory, "postgres");
    tools->initdb = executable(arena, directory, "initdb");
    tools->dump_version = version_of(arena, tools->dump);
    tools->restore_version = version_of(arena, tools->restore);
}

bool pg_tools_check(const struct pg_tools *tools, int server_version, struct err *err)
{
    const struct {
        const char *name, *path;
        int version;
    } needed[] = {{"pg_dump", tools->dump, tools->dump_version},
                  {"pg_restore", tools->restore, tools->restore_version}};

    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (needed[i].path == NULL || needed[i].version == 0) {
            err_set(err, ERR_TOOLS_MISSING, "looked in %s",
                    tools->directory[0] == '\0' ? DEBIAN_ROOT " and PATH" : tools->directory);
            return err_args(err, needed[i].name, NULL);
        }
        if (needed[i].version / 10000 < server_version / 10000) {
            err_set(err, ERR_TOOLS_TOO_OLD, "%s is version %d, the server is %d; install postgresql-client-%d",
                    needed[i].path, needed[i].version / 10000, server_version / 10000, server_version / 10000);
            return err_args(err, needed[i].name, NULL);
        }
    }
    return true;
}

const char *pg_version_text(struct arena *arena, int version)
{
    return version == 0 ? "" : arena_printf(arena, "%d.%d", version / 10000, version % 10000);
}
