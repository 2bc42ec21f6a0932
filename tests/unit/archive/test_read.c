#include "archive/maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static struct arena *arena;
static struct err err;
static struct maker maker, taken;

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    err = ERR_NONE_YET;
    maker = taken = (struct maker){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    maker_end(&maker);
    maker_end(&taken);
    return 0;
}

static bool take(void *context, const unsigned char *bytes, size_t size, struct err *failure)
{
    (void)failure;
    make_bytes(context, bytes, size);
    return true;
}

static bool stop(void *context, const unsigned char *bytes, size_t size, struct err *failure)
{
    (void)context;
    (void)bytes;
    (void)size;
    return err_set(failure, ERR_VALIDATION_FAILED, "enough");
}

static int opened(struct archive **archive)
{
    int fd = made_file(&maker);
    *archive = archive_open(fd, arena, &err);
    assert_non_null(*archive);
    if (!archive_verify(*archive, fd, NULL, NULL, NULL, &err))
        fail_msg("%s", err.words);
    return fd;
}

static void assert_reads(const struct archive *archive, int fd, size_t entry, const void *bytes, size_t size)
{
    taken.size = 0;
    if (!archive_read(archive, fd, &archive->entries[entry], take, &taken, NULL, &err))
        fail_msg("%s", err.words);
    assert_int_equal(taken.size, size);
    assert_memory_equal(taken.bytes, bytes, size);
}

static void each_entry_is_read_in_any_order(void **state)
{
    struct archive *archive;
    (void)state;
    for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_ZSTD; packed++)
        for (int sealed = 0; sealed <= 1; sealed++) {
            make_small(&maker, 16, (enum archive_compression)packed);
            if (sealed)
                make_seal(&maker);
            int fd = opened(&archive);
            assert_int_equal(archive->entries[1].position, 0); /* as from a pipe */
            assert_true(archive->entries[1].start >= archive->data_position);
            for (int i = 0; i < 2; i++) {
                assert_reads(archive, fd, 2, "\\.\n\n\n", 5);
                assert_int_equal(archive->entries[1].bytes, 17);
                assert_reads(archive, fd, 1, "1\tann\n2\tbob\n\\.\n\n\n", 17);
            }
            close(fd);
            maker_end(&maker);
        }
    maker = (struct maker){0};
}

static void large_objects_come_one_after_the_other(void **state)
{
    struct archive *archive;
    (void)state;
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, 1);
    make_entry(&maker, &(struct made_entry){.id = 5, .has_data = true, .desc = "BLOBS", .tag = "BLOBS"});
    make_byte(&maker, 3);
    make_int(&maker, 5);
    make_int(&maker, 16400);
    make_chunks(&maker, "one", 3);
    make_int(&maker, 16401);
    make_chunks(&maker, "two", 3);
    make_int(&maker, 0);
    int fd = opened(&archive);
    assert_reads(archive, fd, 0, "onetwo", 6);
    close(fd);
}

static void what_cannot_be_read_says_why(void **state)
{
    struct archive *archive;
    struct cancel *cancel = cancel_new();
    (void)state;
    make_small(&maker, 14, ARCHIVE_GZIP);
    int fd = opened(&archive);
    struct archive_entry *users = &archive->entries[1];

    assert_false(archive_read(archive, fd, users, stop, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_VALIDATION_FAILED);
    assert_false(archive_read(archive, fd, &archive->entries[0], take, &taken, NULL, &err));
    assert_non_null(strstr(err.words, "TABLE public.users: no data of it was verified"));
    archive->max_bytes = 16;
    assert_false(archive_read(archive, fd, users, take, &taken, NULL, &err));
    assert_int_equal(err.code, ERR_FILE_TOO_LARGE);
    archive->max_bytes = 17;
    assert_true(archive_read(archive, fd, users, take, &taken, NULL, &err));
    cancel_fire(cancel, ERR_LOCK_LOST);
    assert_false(archive_read(archive, fd, users, take, &taken, cancel, &err));
    assert_int_equal(err.code, ERR_LOCK_LOST);
    cancel_free(cancel);

    assert_int_equal(pwrite(fd, "\x03", 1, (off_t)users->start), 1);
    assert_false(archive_read(archive, fd, users, take, &taken, NULL, &err));
    assert_int_equal(err.code, ERR_ARCHIVE_DAMAGED);
    assert_non_null(strstr(err.words, "changed after it was verified"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(each_entry_is_read_in_any_order),
        TEST(large_objects_come_one_after_the_other),
        TEST(what_cannot_be_read_says_why),
    };
    return cmocka_run_group_tests_name("archive/read", tests, NULL, NULL);
}
