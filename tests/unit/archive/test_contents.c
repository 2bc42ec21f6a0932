#include "archive/maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static struct arena *arena;
static struct err err;

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    err = ERR_NONE_YET;
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct archive *open_made(const struct maker *maker)
{
    int fd = made_file(maker);
    err = ERR_NONE_YET;
    struct archive *archive = archive_open(fd, arena, &err);
    close(fd);
    return archive;
}

/* Opening fails with this code, and the words hold these. */
static void assert_refused(const struct maker *maker, enum err_code code, const char *words)
{
    assert_null(open_made(maker));
    assert_string_equal(err_name(err.code), err_name(code));
    if (strstr(err.words, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.words);
}

static void every_version_and_compression_is_read(void **state)
{
    (void)state;
    for (int minor = 12; minor <= 16; minor++)
        for (int packed = ARCHIVE_NONE; packed <= (minor < 15 ? ARCHIVE_GZIP : ARCHIVE_ZSTD); packed++) {
            struct maker maker;
            make_small(&maker, minor, (enum archive_compression)packed);
            struct archive *archive = open_made(&maker);
            assert_non_null(archive);
            assert_int_equal(archive->minor, minor);
            assert_int_equal(archive->compression, packed);
            assert_string_equal(archive->database, "hub");
            assert_string_equal(archive->server_version, "15.20");
            assert_string_equal(archive->dump_version, "15.20 (Debian)");
            assert_int_equal(archive->created_ms, 1738146600000);
            assert_int_equal(archive->size, maker.size);
            assert_int_equal(archive->entry_count, 3);
            const struct archive_entry *entry = &archive->entries[1];
            assert_int_equal(entry->dump_id, 12);
            assert_true(entry->has_data);
            assert_string_equal(entry->tag, "users");
            assert_string_equal(entry->desc, "TABLE DATA");
            assert_string_equal(entry->schema, "public");
            assert_string_equal(entry->owner, "postgres");
            assert_string_equal(entry->definition, "");
            assert_string_equal(entry->copy, "COPY public.users (id, name) FROM stdin;\n");
            assert_int_equal(entry->section, ARCHIVE_DATA);
            assert_int_equal(entry->position, 0);
            maker_end(&maker);
        }
}

static void entries_are_found_by_name_and_by_dump_id(void **state)
{
    struct maker maker;
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    struct archive *archive = open_made(&maker);
    assert_ptr_equal(archive_find(archive, "TABLE DATA", "public", "keys"), &archive->entries[2]);
    assert_ptr_equal(archive_find(archive, "TABLE", "public", "users"), &archive->entries[0]);
    assert_null(archive_find(archive, "TABLE", "public", "keys"));
    assert_null(archive_find(archive, "TABLE", "hub", "users"));
    assert_ptr_equal(archive_entry_by_id(archive, 7), &archive->entries[0]);
    assert_ptr_equal(archive_entry_by_id(archive, 9), &archive->entries[2]);
    assert_ptr_equal(archive_entry_by_id(archive, 12), &archive->entries[1]);
    assert_null(archive_entry_by_id(archive, 8));
    assert_null(archive_entry_by_id(archive, INT32_MIN));
    maker_end(&maker);
}

static void another_file_is_named_for_what_it_is(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } cases[] = {
#define CASE(bytes, words) {bytes, sizeof bytes - 1, words}
        CASE("", "empty"),
        CASE("PGDMP\x01\x0e", "7 bytes are too few"),
        CASE("--\n-- PostgreSQL database dump\n--\n", "plain SQL script"),
        CASE("\xef\xbb\xbf-- dump of the hub", "plain SQL script"),
        CASE("\x1f\x8b\x08\0\0\0\0\0\0\x03\xb4\xbd", "gzip"),
        CASE("\x28\xb5\x2f\xfd\x04\x58\x01\x02\x03\x04\x05", "zstd"),
        CASE("PK\x03\x04\x14\0\0\0\x08\0\0\0", "zip"),
        CASE("toc.dat\0\0\0\0\0\0\0", "tar archive of pg_dump"),
        CASE("PGDMP\x01\x0e\0\x04\x08\x03 and so on", "directory format"),
        CASE("PGDMP\x01\x0e\0\x04\x08\x05 and so on", "directory format"),
        CASE("PGDMP\x01\x0e\0\x04\x08\x07 and so on", "unknown format"),
        CASE("SQLite format 3\0", "SQLite"),
        CASE("<!DOCTYPE html><html>", "HTML"),
        CASE("PGDUMP and something", "PGDMP"),
        CASE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "PGDMP"),
#undef CASE
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct maker maker;
        maker_start(&maker, 14, ARCHIVE_NONE);
        make_bytes(&maker, cases[i].bytes, cases[i].size);
        assert_refused(&maker, ERR_FILE_NOT_ARCHIVE, cases[i].words);
        assert_false(archive_check_magic(maker.bytes, MIN(maker.size, (size_t)ARCHIVE_MAGIC_SIZE), &err));
        assert_int_equal(err.code, ERR_FILE_NOT_ARCHIVE);
        maker_end(&maker);
    }
}

static void a_tar_file_is_known_by_its_262_bytes(void **state)
{
    unsigned char tar[512] = "backup/hub.sql";
    (void)state;
    memcpy(tar + 257, "ustar", 5);
    assert_false(archive_check_magic(tar, 262, &err));
    assert_non_null(strstr(err.words, "tar file"));
    assert_false(archive_check_magic(tar, 261, &err));
    assert_null(strstr(err.words, "tar file"));
}

static void eleven_bytes_tell_an_archive(void **state)
{
    (void)state;
    assert_true(archive_check_magic("PGDMP\x01\x0c\0\x04\x08\x01", ARCHIVE_MAGIC_SIZE, &err));
    assert_true(archive_check_magic("PGDMP\x01\x10\x01\x04\x08\x01", ARCHIVE_MAGIC_SIZE, &err));
}

static void other_versions_and_sizes_are_unsupported(void **state)
{
    static const char heads[][ARCHIVE_MAGIC_SIZE + 1] = {
        "PGDMP\x01\x0b\0\x04\x08\x01", "PGDMP\x01\x11\0\x04\x08\x01", "PGDMP\x02\x0e\0\x04\x08\x01",
        "PGDMP\0\x0e\0\x04\x08\x01",   "PGDMP\x01\x0e\0\x08\x08\x01", "PGDMP\x01\x0e\0\x04\x04\x01",
        "PGDMP\x01\x0e\0\x20\x08\x01",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        assert_false(archive_check_magic(heads[i], ARCHIVE_MAGIC_SIZE, &err));
        assert_int_equal(err.code, ERR_ARCHIVE_UNSUPPORTED);
    }
}

static void something_that_is_no_regular_file_is_refused(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_null(archive_open(ends[0], arena, &err));
    assert_int_equal(err.code, ERR_FILE_NOT_ARCHIVE);
    close(ends[0]);
    close(ends[1]);
    assert_null(archive_open(-1, arena, &err));
    assert_int_equal(err.code, ERR_SYSTEM);
}

static void an_impossible_time_is_no_time(void **state)
{
    static const struct {
        size_t index;
        int64_t value;
        bool valid;
    } cases[] = {{0, 60, true}, {0, 61, false}, {1, -1, false}, {2, 24, false},
                 {3, 0, false}, {3, 31, true},  {4, 12, false}, {4, 1, false} /* 29 February 2025 */,
                 {4, 2, true},  {5, 69, false}, {5, 70, true},  {5, INT32_MAX, false},
                 {6, 77, true}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct maker maker, number;
        make_small(&maker, 14, ARCHIVE_NONE);
        maker_start(&number, 14, ARCHIVE_NONE);
        make_int(&number, cases[i].value);
        memcpy(maker.bytes + 11 + 5 + 5 * cases[i].index, number.bytes, 5);
        struct archive *archive = open_made(&maker);
        assert_non_null(archive);
        assert_int_equal(archive->created_ms != 0, cases[i].valid);
        maker_end(&maker);
        maker_end(&number);
    }
}

static void a_bad_entry_is_damage(void **state)
{
    static const struct {
        struct made_entry entry;
        const char *words;
    } cases[] = {
        {{.id = 0, .desc = "TABLE"}, "dump id 0"},
        {{.id = -3, .desc = "TABLE"}, "dump id -3"},
        {{.id = 7, .desc = "TABLE"}, "two entries have the dump id 7"},
        {{.id = ARCHIVE_SEAL_ID, .desc = "TABLE"}, "dump id"},
        {{.id = 9, .desc = "TABLE", .has_data = true}, "kind that has no data"},
        {{.id = 9, .desc = "SEQUENCE SET", .has_data = true}, "kind that has no data"},
        {{.id = 9, .desc = "TABLE", .section = 5}, "section 5"},
        {{.id = 9, .desc = "TABLE", .section = -1}, "section -1"},
        {{.id = 9, .desc = "TABLE", .flag = 1}, "offset flag 1 of an entry without data"},
        {{.id = 9, .desc = "TABLE DATA", .has_data = true, .flag = 3}, "offset flag 3 of an entry with data"},
        {{.id = 9, .desc = "TABLE DATA", .has_data = true, .flag = 4}, "offset flag 4"},
        {{.id = 9, .desc = "TABLE DATA", .has_data = true, .flag = 2, .position = 0}, "said to be at byte 0"},
        {{.id = 9, .desc = "TABLE DATA", .has_data = true, .flag = 2, .position = 1 << 20},
         "said to be at byte 1048576"},
        {{.id = 9, .desc = "TABLE", .dependencies = {"7", "123456789012"}}, "a dependency of 12 bytes"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct maker maker;
        maker_start(&maker, 14, ARCHIVE_NONE);
        make_header(&maker, 2);
        make_entry(&maker, &(struct made_entry){.id = 7, .desc = "TABLE", .tag = "users"});
        make_entry(&maker, &cases[i].entry);
        assert_refused(&maker, ERR_ARCHIVE_DAMAGED, cases[i].words);
        assert_non_null(strstr(err.words, "byte "));
        maker_end(&maker);
    }
}

static void lengths_beyond_the_file_are_damage(void **state)
{
    static const int64_t lengths[] = {INT32_MAX, 1000, 64 << 20, -2, INT32_MIN, (int64_t)1 << 31, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct maker maker;
        maker_start(&maker, 14, ARCHIVE_NONE);
        make_header(&maker, 0);
        maker.size -= 5 + 5 + strlen("15.20 (Debian)"); /* in place of pg_dump's version */
        make_int(&maker, lengths[i]);
        make_bytes(&maker, "abc", 3);
        assert_refused(&maker, ERR_ARCHIVE_DAMAGED, lengths[i] > INT32_MAX ? "not a number" : "a string of");
        maker_end(&maker);
    }
}

static void a_string_over_the_limit_is_damage_even_if_it_is_there(void **state)
{
    struct maker maker;
    (void)state;
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, 0);
    maker.size -= 5 + 5 + strlen("15.20 (Debian)");
    make_int(&maker, (int64_t)ARCHIVE_MAX_STRING + 1);
    int fd = made_file(&maker);
    assert_int_equal(ftruncate(fd, 65 * (off_t)MIB), 0);
    assert_null(archive_open(fd, arena, &err));
    assert_int_equal(err.code, ERR_ARCHIVE_DAMAGED);
    assert_non_null(strstr(err.words, "a string of 8388609 bytes"));
    close(fd);
    maker_end(&maker);
}

/* Long strings in holes of a sparse file: four of the largest an entry (object ids, tablespace, access method), which
 * are passed by. */
static void strings_are_limited_in_all(void **state)
{
    struct maker maker;
    off_t at = 0;
    (void)state;
    int fd = file_of("", 0);
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, 2);
    for (int i = 0; i < 2; i++) {
        static const bool long_ones[] = {true,  true,  false, false, false, false, false,
                                         false, false, true,  true,  false, false};
        make_int(&maker, i + 1);
        make_int(&maker, 0);
        for (size_t k = 0; k < ARRAY_LEN(long_ones); k++) {
            make_int(&maker, k == 4 ? 2 : long_ones[k] ? (int64_t)ARCHIVE_MAX_STRING : 0);
            assert_int_equal(pwrite(fd, maker.bytes, maker.size, at), maker.size);
            at += (off_t)maker.size + (long_ones[k] ? (off_t)ARCHIVE_MAX_STRING : 0);
            maker.size = 0;
        }
        make_int(&maker, -1);
        make_bytes(&maker, "\x03\0\0\0\0\0\0\0\0", 9);
    }
    assert_int_equal(pwrite(fd, maker.bytes, maker.size, at), maker.size);
    assert_null(archive_open(fd, arena, &err));
    assert_int_equal(err.code, ERR_ARCHIVE_DAMAGED);
    assert_non_null(strstr(err.words, "entry 2 of 2"));
    assert_non_null(strstr(err.words, "strings of the table of contents are over 67108864 bytes"));
    close(fd);
    maker_end(&maker);
}

static void a_string_with_a_zero_byte_is_damage(void **state)
{
    struct maker maker;
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    unsigned char *at = memmem(maker.bytes, maker.size, "CREATE TABLE", 12);
    at[3] = '\0';
    assert_refused(&maker, ERR_ARCHIVE_DAMAGED, "zero byte");
    maker_end(&maker);
}

static void numbers_that_postgresql_does_not_write_are_damage(void **state)
{
    static const char numbers[][6] = {"\x02\x01\0\0\0", "\x01\0\0\0\0", "\xff\x01\0\0\0", "\0\0\0\0\x80",
                                      "\x01\x01\0\0\x80"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct maker maker;
        maker_start(&maker, 14, ARCHIVE_NONE);
        make_header(&maker, 0);
        memcpy(maker.bytes + maker.size - 5, numbers[i], 5); /* the count of entries */
        assert_refused(&maker, ERR_ARCHIVE_DAMAGED, "not a number");
        maker_end(&maker);
    }
}

static void more_entries_than_the_file_can_hold_are_damage(void **state)
{
    static const int64_t counts[] = {1, 5000, INT32_MAX, -1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct maker maker;
        maker_start(&maker, 14, ARCHIVE_NONE);
        make_header(&maker, counts[i]);
        assert_refused(&maker, ERR_ARCHIVE_DAMAGED, "entries, and 0 bytes are left");
        maker_end(&maker);
    }
}

static void more_entries_than_the_limit_are_unsupported(void **state)
{
    struct maker maker;
    (void)state;
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, ARCHIVE_MAX_ENTRIES + 1);
    int fd = made_file(&maker);
    assert_int_equal(ftruncate(fd, 100 * (off_t)MIB), 0);
    assert_null(archive_open(fd, arena, &err));
    assert_int_equal(err.code, ERR_ARCHIVE_UNSUPPORTED);
    close(fd);
    maker_end(&maker);
}

static void a_hundred_thousand_entries_are_read_and_verified(void **state)
{
    enum { COUNT = 100000 };
    struct maker maker;
    struct archive *archive;
    (void)state;
    maker_start(&maker, 16, ARCHIVE_NONE);
    make_header(&maker, COUNT);
    for (int i = 0; i < COUNT; i++) { /* 7 and COUNT have no common divisor: every id once, in disorder */
        int32_t id = (int32_t)((int64_t)i * 7 % COUNT + 1);
        make_entry(&maker, &(struct made_entry){.id = id,
                                                .desc = "TABLE DATA",
                                                .has_data = true,
                                                .schema = "public",
                                                .tag = "t",
                                                .copy = "COPY public.t (a) FROM stdin;\n"});
    }
    for (int i = 0; i < COUNT; i++)
        make_data(&maker, i + 1, "1\n\\.\n\n\n");
    assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
    assert_int_equal(archive->entry_count, COUNT);
    assert_int_equal(archive->rows, COUNT);
    maker_end(&maker);
}

static void words_are_one_line_of_utf8_whatever_the_file_says(void **state)
{
    struct maker maker;
    (void)state;
    maker_start(&maker, 14, ARCHIVE_NONE);
    make_header(&maker, 1);
    make_entry(&maker,
               &(struct made_entry){.id = 1, .desc = "TABLE\n", .schema = "a\xff\x1b[2J", .tag = "b", .section = 9});
    assert_refused(&maker, ERR_ARCHIVE_DAMAGED, "entry 1 of 1");
    for (const char *at = err.words; *at != '\0'; at++)
        assert_in_range(*at, ' ', '~');
    maker_end(&maker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(every_version_and_compression_is_read),
        TEST(entries_are_found_by_name_and_by_dump_id),
        TEST(another_file_is_named_for_what_it_is),
        TEST(a_tar_file_is_known_by_its_262_bytes),
        TEST(eleven_bytes_tell_an_archive),
        TEST(other_versions_and_sizes_are_unsupported),
        TEST(something_that_is_no_regular_file_is_refused),
        TEST(an_impossible_time_is_no_time),
        TEST(a_bad_entry_is_damage),
        TEST(lengths_beyond_the_file_are_damage),
        TEST(a_string_over_the_limit_is_damage_even_if_it_is_there),
        TEST(strings_are_limited_in_all),
        TEST(a_string_with_a_zero_byte_is_damage),
        TEST(numbers_that_postgresql_does_not_write_are_damage),
        TEST(more_entries_than_the_file_can_hold_are_damage),
        TEST(more_entries_than_the_limit_are_unsupported),
        TEST(a_hundred_thousand_entries_are_read_and_verified),
        TEST(words_are_one_line_of_utf8_whatever_the_file_says),
    };
    return cmocka_run_group_tests_name("archive/contents", tests, NULL, NULL);
}
