#include "base/failpoint.h"

#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLEEP_S 1

#ifdef HUBPORT_COVERAGE /* a process that is killed would lose its counts */
void __gcov_dump(void); /* of gcc */

static void dump_counts(int number)
{
    (void)number;
    __gcov_dump();
}

/* tests/integration/support/hubport.mjs sends it before it kills a server. */
__attribute__((constructor)) static void take_signal(void)
{
    signal(SIGUSR2, dump_counts);
}
#else
#define __gcov_dump() (void)0
#endif

static const struct {
    const char *text, *meaning;
} points[] = {
#define FAIL_POINT_ROW(name, text, meaning) [FAIL_POINT_##name] = {text, meaning},
    FAIL_POINT_TABLE(FAIL_POINT_ROW)
#undef FAIL_POINT_ROW
};

/* "name:action", without the newline that ends a file. */
static const char *wanted(char *line, size_t size)
{
    const char *setting = getenv("HUBPORT_FAIL");
    if (setting == NULL || setting[0] != '@')
        return setting == NULL ? "" : setting;
    FILE *file = fopen(setting + 1, "re");
    if (file == NULL || fgets(line, (int)size, file) == NULL)
        line[0] = '\0';
    if (file != NULL)
        fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

bool fail_point(enum fail_point point, struct err *err)
{
    char line[128];
    const char *text = points[point].text, *found = wanted(line, sizeof line);
    size_t length = strlen(text);
    if (strncmp(found, text, length) != 0 || found[length] != ':')
        return true;
    const char *action = found + length + 1;
    log_event(LOG_ERROR, "fail_point", "{s:s, s:s}", "name", text, "action", action);
    if (strcmp(action, "kill") == 0) {
        __gcov_dump();
        kill(getpid(), SIGKILL);
    } else if (strcmp(action, "sleep") == 0) {
        nanosleep(&(struct timespec){.tv_sec = SLEEP_S}, NULL);
    } else if (strcmp(action, "error") == 0 && err != NULL) {
        return err_set(err, ERR_SYSTEM, "fail point %s", text);
    }
    return true;
}

bool fail_points_list(void)
{
    const char *setting = getenv("HUBPORT_FAIL");
    if (setting == NULL || strcmp(setting, "list") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        printf("%s %s\n", points[i].text, points[i].meaning);
    return true;
}
