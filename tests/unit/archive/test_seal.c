#include "archive/maker.h"

#include "archive/seal.h"

#include <ctype.h>
#include <setjmp.h>
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

static const char text_of_small[] = "hubport-seal 2\n"
                                    "pieces 0\n"
                                    "table 12 2 17 3b4cdb7dfd030d5f08a94f4a2e2ae13e54934ce73233c2de76ebeca4df6c6e07\n"
                                    "table 9 0 5 912db542cbceae6c486480c89555c926655bb7300575c7f46b4e4b3a181e16ba\n"
                                    "sha256 ";

static void a_seal_is_a_data_block_of_text_with_a_line_for_each_table(void **state)
{
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    size_t position = maker.size;
    make_seal(&maker);
    const unsigned char *block = maker.bytes + position;
    size_t length = maker.size - position - 11 - 5;
    assert_memory_equal(block, "\x01\0\x53\x50\x42\x48\0", 7);
    assert_int_equal(block[7] | block[8] << 8, length);
    char *text = arena_strndup(arena, (const char *)block + 11, length);
    assert_int_equal(strlen(text), length);
    assert_memory_equal(maker.bytes + maker.size - 5, "\0\0\0\0\0", 5);
    assert_string_equal(strstr(text, " at "), arena_printf(arena, " at %016zx\n", position));
    text[sizeof text_of_small - 1] = '\0';
    assert_string_equal(text, text_of_small);
}

static void the_digest_of_large_objects_holds_their_ids_and_lengths(void **state)
{
    unsigned char both[SHA256_SIZE], one[SHA256_SIZE];
    struct sha256 sha;
    (void)state;
    sha256_open(&sha);
    sha256_add(&sha, "ab", 2);
    seal_add_object(&sha, 3000000000, 2);
    sha256_now(&sha, both);
    sha256_restart(&sha);
    sha256_add(&sha, "ab\x00\x5e\xd0\xb2\x02\0\0\0\0\0\0\0", 14);
    sha256_now(&sha, one);
    sha256_close(&sha);
    assert_memory_equal(both, one, SHA256_SIZE);
}

/* What the seal says of a table is compared with the table, whatever the digest of the file says. */
static void a_seal_that_says_something_else_of_a_table_is_damage(void **state)
{
    static const struct {
        const char *is, *becomes;
    } cases[] = {{"table 12 2 17 ", "table 12 3 17 "},
                 {"table 12 2 17 ", "table 12 2 18 "},
                 {"table 12 2 17 ", "table 13 2 17 "},
                 {"table 12 2 17 3", "table 12 2 17 0"},
                 {"table 9 0", "table 7 0"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make_small(&maker, 14, ARCHIVE_GZIP);
        make_seal(&maker);
        char *at = memmem(maker.bytes, maker.size, cases[i].is, strlen(cases[i].is));
        assert_non_null(at);
        memcpy(at, cases[i].becomes, strlen(cases[i].becomes));
        assert_damaged("the seal says otherwise");
        maker_end(&maker);
    }
    maker = (struct maker){0};
}

static void a_seal_that_names_more_or_fewer_tables_is_damage(void **state)
{
    (void)state;
    struct maker one;
    for (int more = 0; more < 2; more++) {
        maker_start(&one, 14, ARCHIVE_NONE);
        make_header(&one, 1);
        make_entry(&one,
                   &(struct made_entry){.id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t", .copy = "COPY"});
        if (more == 1)
            make_data(&one, 2, "\\.\n\n\n");
        struct seal_line line = {.dump_id = 2, .bytes = 5};
        struct seal seal = {.lines = &line, .count = more == 0, .position = one.size};
        size_t size;
        const unsigned char *block = seal_write(&seal, arena, &size);
        make_bytes(&one, block, size);
        assert_int_equal(check_made(&one, arena, NULL, &err), ERR_ARCHIVE_DAMAGED);
        maker_end(&one);
    }
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
    assert_damaged("TABLE DATA public.users: its data is not what was exported");
    value[1] = 'b';
    unsigned char *name = memmem(maker.bytes, maker.size, "users (id", 9);
    name[0] = 'U';
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
    for (size_t i = maker.size - 5 - 21 - 64; i < maker.size - 5 - 21; i++)
        maker.bytes[i] = (unsigned char)toupper(maker.bytes[i]);
    assert_damaged("a seal that is damaged");
}

/* The last bytes of a large object look like a seal: no block begins there, so nothing is sealed and nothing is wrong.
 */
static void bytes_in_the_data_that_look_like_a_seal_are_data(void **state)
{
    struct archive *archive;
    size_t size;
    (void)state;
    unsigned char *seal = seal_write(&(struct seal){0}, arena, &size);
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
        TEST(a_seal_is_a_data_block_of_text_with_a_line_for_each_table),
        TEST(the_digest_of_large_objects_holds_their_ids_and_lengths),
        TEST(a_seal_that_says_something_else_of_a_table_is_damage),
        TEST(a_seal_that_names_more_or_fewer_tables_is_damage),
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
