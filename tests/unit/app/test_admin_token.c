#include "app/admin_token.h"

#include "support/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
    struct fake *fake;
    struct config *config;
    const char *path;
};

static int open_place(void **state)
{
    static struct place place;
    void *fake = NULL;
    struct err err;
    if (fake_open(&fake) != 0)
        return -1;
    place = (struct place){.fake = fake, .config = config_new()};
    place.path = arena_printf(place.fake->arena, "%s/data/admin_token", place.fake->directory);
    *state = &place;
    unsetenv("ADMIN_TOKEN");
    return config_set_flag(place.config, "data-dir", arena_printf(place.fake->arena, "%s/data", place.fake->directory))
                   && config_load(place.config, &err)
               ? 0
               : -1;
}

static int close_place(void **state)
{
    struct place *place = *state;
    void *fake = place->fake;
    config_free(place->config);
    return fake_close(&fake);
}

static void put(const struct place *place, const char *text)
{
    FILE *file = fopen(place->path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void finding_fails(const struct place *place, const char *word)
{
    struct err err = ERR_NONE_YET;
    assert_null(admin_token_find(place->config, place->fake->arena, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_non_null(strstr(err.words, place->path));
    assert_non_null(strstr(err.words, word));
}

static void one_is_made_that_only_its_owner_reads_and_it_stays(void **state)
{
    struct place *place = *state;
    struct stat status;
    struct err err;
    const char *token = admin_token_find(place->config, place->fake->arena, &err);
    assert_non_null(token);
    assert_int_equal(strlen(token), 40);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_nlink, 1); /* nothing else is left of it */
    assert_string_equal(admin_token_find(place->config, place->fake->arena, &err), token);
}

/* In a container every start has the same process id. */
static void what_a_killed_start_left_does_not_stop_the_next(void **state)
{
    struct place *place = *state;
    struct err err;
    char left[256];
    assert_non_null(admin_token_find(place->config, place->fake->arena, &err));
    snprintf(left, sizeof left, "%s.%d", place->path, (int)getpid());
    assert_int_equal(rename(place->path, left), 0);
    if (admin_token_find(place->config, place->fake->arena, &err) == NULL)
        fail_msg("%s", err.words);
}

static void a_damaged_file_is_refused_with_what_to_do(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_non_null(admin_token_find(place->config, place->fake->arena, &err));
    put(place, "");
    finding_fails(place, "remove it");
    put(place, "too short\n");
    finding_fails(place, "remove it");
    assert_int_equal(unlink(place->path), 0);
    assert_non_null(admin_token_find(place->config, place->fake->arena, &err));
}

static void a_link_in_its_place_is_not_followed(void **state)
{
    struct place *place = *state;
    struct err err;
    assert_non_null(admin_token_find(place->config, place->fake->arena, &err));
    const char *elsewhere = arena_printf(place->fake->arena, "%s/elsewhere", place->fake->directory);
    assert_int_equal(rename(place->path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, place->path), 0);
    finding_fails(place, "reading");
    assert_int_equal(unlink(elsewhere), 0); /* now it leads nowhere */
    finding_fails(place, "reading");
}

static void a_data_directory_that_cannot_be_is_an_error(void **state)
{
    struct place *place = *state;
    struct err err;
    fake_program(place->fake, "data", "");
    assert_null(admin_token_find(place->config, place->fake->arena, &err));
    assert_non_null(strstr(err.words, place->fake->directory));
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)
    const struct CMUnitTest tests[] = {
        IN_PLACE(one_is_made_that_only_its_owner_reads_and_it_stays),
        IN_PLACE(what_a_killed_start_left_does_not_stop_the_next),
        IN_PLACE(a_damaged_file_is_refused_with_what_to_do),
        IN_PLACE(a_link_in_its_place_is_not_followed),
        IN_PLACE(a_data_directory_that_cannot_be_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
