/* Preloaded into hubport by tests/torture/calls.test.mjs: the Nth call of a function fails, as it does when memory,
 * descriptors or processes run out. FAIL_CALL: malloc|open|fork; FAIL_AT: N, from 1, 0 for none; FAIL_COUNT: a file
 * that gets the number of calls when the process exits; FAIL_MET: a file that is made when the Nth call came. Children
 * (pg_dump, ...) are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static const char *failing;
static long fail_at;
static atomic_long calls;

/* By the kernel: other libraries' constructors open files before ours has run. */
static int real_openat(int directory, const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, directory, path, flags, mode);
}

static bool fails(const char *name, int number)
{
    if (failing == NULL || strcmp(failing, name) != 0 || atomic_fetch_add(&calls, 1) + 1 != fail_at)
        return false;
    const char *met = getenv("FAIL_MET");
    if (met != NULL)
        close(real_openat(AT_FDCWD, met, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    errno = number;
    return true;
}

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAIL_CALL"), *at = getenv("FAIL_AT");
    if (strcmp(program_invocation_short_name, "hubport") != 0 || name == NULL)
        return;
    fail_at = at == NULL ? 0 : atol(at);
    failing = name;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_COUNT");
    if (failing == NULL || path == NULL)
        return;
    failing = NULL;
    int fd = real_openat(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    dprintf(fd, "%ld\n", atomic_load(&calls));
    close(fd);
}

void *malloc(size_t size)
{
    return fails("malloc", ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails("malloc", ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails("malloc", ENOMEM) ? NULL : __libc_realloc(memory, size);
}

static mode_t mode_of(int flags, va_list list)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return fails("open", EMFILE) ? -1 : real_openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int openat(int directory, const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return fails("open", EMFILE) ? -1 : real_openat(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) __attribute__((alias("openat")));

pid_t fork(void)
{
    pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return fails("fork", EAGAIN) ? -1 : real();
}
