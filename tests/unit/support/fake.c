#include "support/fake.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

int fake_open(void **state)
{
    struct fake *fake = calloc(1, sizeof *fake);
    fake->arena = arena_new();
    char *directory = arena_strdup(fake->arena, "/tmp/hubport-unit-fake.XXXXXX");
    *state = fake;
    fake->directory = mkdtemp(directory);
    return fake->directory == NULL ? -1 : chmod(directory, 0755);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

int fake_close(void **state)
{
    struct fake *fake = *state;
    int failed = nftw(fake->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(fake->arena);
    free(fake);
    return failed;
}

const char *fake_program(const struct fake *fake, const char *name, const char *script)
{
    const char *path = arena_printf(fake->arena, "%s/%s", fake->directory, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}
