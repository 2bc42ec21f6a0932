#include "archive/maker.h"

#include <ctype.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static struct arena *arena;
static struct err err;
static struct maker maker;

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    maker = (struct maker){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    maker_end(&maker);
    return 0;
}

static void assert_damaged(const char *words)
{
    assert_string_equal(err_name(check_made(&maker, arena, NULL, &err)), "ARCHIVE_DAMAGED");
    if (strstr(err.words, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.words);
}

static void a_seal_is_a_data_block_with_the_digest_as_text(void **state)
{
    unsigned char digest[32], seal[ARCHIVE_SEAL_MAX];
    static const char start_of_text[] = "\x01\0\x53\x50\x42\x48\0\x57\0\0\0hubport-seal 1 sha256=00";
    (void)state;
    for (int i = 0; i < 32; i++)
        digest[i] = (unsigned char)(i * 8);
    size_t size = archive_seal(digest, seal);
    assert_int_equal(size, 11 + 87 + 5);
    assert_memory_equal(seal, start_of_text, sizeof start_of_text - 1);
    assert_memory_equal(seal + size - 12, "e8f0f8\n\0\0\0\0", 12); /* the literal's own zero is the fifth */
}

static void every_version_and_compression_can_be_sealed(void **state)
{
    struct archive *archive;
    (void)state;
    for (int minor = 12; minor <= 16; minor++)
        for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_GZIP; packed++) {
            make_small(&maker, minor, (enum archive_compression)packed);
            make_seal(&maker);
            assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
            assert_true(archive->sealed);
            assert_int_equal(archive->rows, 2);
            assert_int_equal(archive->bytes, 22); /* the seal is no data */
            maker_end(&maker);
        }
    maker = (struct maker){0};
}

static void a_file_of_many_blocks_of_input_can_be_sealed(void **state)
{
    static const size_t sizes[] = {256 * KIB - 300, 256 * KIB, 256 * KIB + 1, 700 * KIB};
    struct archive *archive;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes) * 130; i++) { /* the seal lies before, across and behind a block's border */
        size_t size = sizes[i / 130] + i % 130 * 3;
        char *text = malloc(size + 16);
        assert_non_null(text);
        memset(text, 'x', size);
        memcpy(text + size, "\n\\.\n\n\n", 6 + 1);
        maker_start(&maker, 14, ARCHIVE_NONE);
        make_header(&maker, 1);
        make_entry(&maker,
                   &(struct made_entry){.id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t", .copy = "COPY"});
        make_data(&maker, 2, text);
        free(text);
        make_seal(&maker);
        assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
        assert_true(archive->sealed);
        maker_end(&maker);
    }
    maker = (struct maker){0};
}

static void the_seal_sees_what_the_archive_alone_could_not(void **state)
{
    struct archive *archive;
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    size_t unsealed = maker.size;
    make_seal(&maker);
    unsigned char *value = memmem(maker.bytes, maker.size, "\tbob\n", 5);
    value[1] = 'r';
    assert_damaged("its SHA-256 is not the seal's");
    maker.size = unsealed; /* without the seal it is a good archive with another name in it */
    assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
    assert_false(archive->sealed);
}

static void every_flipped_bit_of_a_sealed_archive_is_refused(void **state)
{
    (void)state;
    for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_GZIP; packed++) {
        make_small(&maker, 14, (enum archive_compression)packed);
        make_seal(&maker);
        int fd = made_file(&maker);
        for (size_t bit = 0; bit < 8 * maker.size; bit++) {
            struct arena *own = arena_new();
            struct archive *archive = NULL;
            unsigned char byte = maker.bytes[bit / 8] ^ (unsigned char)(1u << bit % 8);
            assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
            if (check_file(fd, own, &archive, &err) == ERR_OK)
                fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
            assert_true(archive == NULL || !archive->sealed);
            assert_int_equal(pwrite(fd, &maker.bytes[bit / 8], 1, (off_t)(bit / 8)), 1);
            arena_free(own);
        }
        assert_int_equal(check_file(fd, arena, NULL, &err), ERR_OK);
        close(fd);
        maker_end(&maker);
    }
    maker = (struct maker){0};
}

static void a_sealed_archive_cut_anywhere_is_refused_but_just_before_its_seal(void **state)
{
    struct archive *archive;
    (void)state;
    for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_GZIP; packed++) {
        make_small(&maker, 14, (enum archive_compression)packed);
        size_t unsealed = maker.size;
        make_seal(&maker);
        int fd = made_file(&maker);
        for (size_t size = maker.size; size-- > 0;) {
            assert_int_equal(ftruncate(fd, (off_t)size), 0);
            enum err_code code = check_file(fd, arena, &archive, &err);
            if (size == unsealed) {
                assert_int_equal(code, ERR_OK);
                assert_false(archive->sealed);
            } else
                assert_int_not_equal(code, ERR_OK);
        }
        close(fd);
        maker_end(&maker);
    }
    maker = (struct maker){0};
}

static void a_seal_that_is_not_last_is_damage(void **state)
{
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    make_seal(&maker);
    make_byte(&maker, 0);
    assert_damaged("a seal that is damaged or not at the end");
    maker.size--;
    make_seal(&maker); /* of all before it, the first seal included */
    assert_damaged("a seal that is damaged or not at the end");
}

static void a_seal_before_the_data_is_damage(void **state)
{
    (void)state;
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, 1);
    make_entry(&maker,
               &(struct made_entry){.id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t", .copy = "COPY"});
    make_seal(&maker);
    make_data(&maker, 2, "\\.\n\n\n");
    assert_damaged("a seal that is damaged or not at the end");
}

static void a_seal_does_not_replace_missing_data(void **state)
{
    (void)state;
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, 1);
    make_entry(&maker,
               &(struct made_entry){.id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t", .copy = "COPY"});
    make_seal(&maker);
    assert_damaged("the data of TABLE DATA t is missing");
}

static void a_seal_in_capital_letters_is_none_of_ours(void **state)
{
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    make_seal(&maker);
    for (size_t i = maker.size - 6 - 64; i < maker.size - 6; i++)
        maker.bytes[i] = (unsigned char)toupper(maker.bytes[i]);
    assert_damaged("a seal that is damaged");
}

/* The last bytes of a large object look like a seal: no block begins there, so nothing is sealed and nothing is wrong.
 */
static void bytes_in_the_data_that_look_like_a_seal_are_data(void **state)
{
    unsigned char digest[32] = {0}, seal[ARCHIVE_SEAL_MAX];
    struct archive *archive;
    (void)state;
    size_t size = archive_seal(digest, seal);
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, 1);
    make_entry(&maker, &(struct made_entry){.id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t"}); /* INSERTs */
    make_byte(&maker, 1);
    make_int(&maker, 2);
    make_chunks(&maker, seal, size - 5); /* the end of the chunks is the look-alike's end */
    assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
    assert_false(archive->sealed);
    assert_int_equal(archive->bytes, size - 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(a_seal_is_a_data_block_with_the_digest_as_text),
        TEST(every_version_and_compression_can_be_sealed),
        TEST(a_file_of_many_blocks_of_input_can_be_sealed),
        TEST(the_seal_sees_what_the_archive_alone_could_not),
        TEST(every_flipped_bit_of_a_sealed_archive_is_refused),
        TEST(a_sealed_archive_cut_anywhere_is_refused_but_just_before_its_seal),
        TEST(a_seal_that_is_not_last_is_damage),
        TEST(a_seal_before_the_data_is_damage),
        TEST(a_seal_does_not_replace_missing_data),
        TEST(a_seal_in_capital_letters_is_none_of_ours),
        TEST(bytes_in_the_data_that_look_like_a_seal_are_data),
    };
    return cmocka_run_group_tests_name("archive/seal", tests, NULL, NULL);
}
