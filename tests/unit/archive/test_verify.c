#include "archive/maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

static struct arena *arena;
static struct err err;
static struct maker maker;

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    err = ERR_NONE_YET;
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

/* An archive of one table, its block still to be made. */
static void make_table(enum archive_compression compression, const char *copy)
{
    maker_start(&maker, 16, compression);
    make_header(&maker, 2);
    make_entry(&maker, &(struct made_entry){.id = 1, .desc = "TABLE", .schema = "public", .tag = "t"});
    make_entry(&maker,
               &(struct made_entry){
                   .id = 2, .has_data = true, .desc = "TABLE DATA", .schema = "public", .tag = "t", .copy = copy});
}

#define COPY "COPY public.t (a) FROM stdin;\n"

static void assert_refused(enum err_code code, const char *words)
{
    assert_string_equal(err_name(check_made(&maker, arena, NULL, &err)), err_name(code));
    if (strstr(err.words, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.words);
}

static void assert_rows(const char *text, uint64_t rows)
{
    static const size_t chunks[] = {1, 2, 3, 4096};
    struct archive *archive;
    for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_ZSTD; packed++)
        for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
            make_table((enum archive_compression)packed, COPY);
            maker.chunk = chunks[i];
            make_data(&maker, 2, text);
            if (check_made(&maker, arena, &archive, &err) != ERR_OK)
                fail_msg("%s", err.words);
            assert_int_equal(archive->entries[1].rows, rows);
            assert_int_equal(archive->entries[1].bytes, strlen(text));
            assert_true(archive->entries[1].rows_known);
            assert_true(archive->entries[1].has_block);
            assert_int_equal(archive->rows, rows);
            assert_int_equal(archive->bytes, strlen(text));
            assert_false(archive->sealed);
            maker_end(&maker);
            maker = (struct maker){0};
        }
}

static void every_version_is_verified(void **state)
{
    struct archive *archive;
    (void)state;
    for (int minor = 12; minor <= 16; minor++)
        for (int packed = ARCHIVE_NONE; packed <= (minor >= 15 ? ARCHIVE_ZSTD : ARCHIVE_GZIP); packed++) {
            make_small(&maker, minor, (enum archive_compression)packed);
            assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
            assert_int_equal(archive->entries[1].rows, 2);
            assert_int_equal(archive->entries[2].rows, 0);
            assert_int_equal(archive->rows, 2);
            assert_int_equal(archive->bytes, 17 + 5);
            assert_false(archive->entries[0].rows_known);
            maker_end(&maker);
            maker = (struct maker){0};
        }
}

static void rows_are_lines_before_the_end(void **state)
{
    (void)state;
    assert_rows("\\.\n\n\n", 0);
    assert_rows("1\n\\.\n\n\n", 1);
    assert_rows("1\n2\n\\.\n", 2);
    assert_rows("\n\n\n\\.\n\n\n", 3);                              /* a table without columns, or empty texts */
    assert_rows("\\.x\nx\\.\n\\\\.\n\\N\n\\\n.\n\\.\n\n\n", 6);     /* only a whole line is the end */
    assert_rows("a\\nb\\tc\\\\.\\n\\\\.\n\\\\\\\\.\n\\.\n\n\n", 2); /* escaped newlines are no ends of rows */
}

static void rows_across_the_buffers_borders_are_counted(void **state)
{
    enum { ROWS = 30000 };
    char *text = arena_alloc(arena, ROWS * 32 + 16), *at = text;
    (void)state;
    for (int i = 0; i < ROWS; i++)
        at += snprintf(at, 32, "%0*d\n", 1 + i * 7 % 23, i % 2);
    memcpy(at, "\\.\n\n\n", 6);
    assert_true(strlen(text) > 300000);
    assert_rows(text, ROWS);
}

static void rows_without_an_end_are_damage(void **state)
{
    static const char *const texts[] = {"1\n2\n", "", "1\n\\.", "\\", "1\t\\.\n\n\n"};
    (void)state;
    for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_ZSTD; packed++)
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            make_table((enum archive_compression)packed, COPY);
            make_data(&maker, 2, texts[i]);
            assert_refused(ERR_ARCHIVE_DAMAGED, "TABLE DATA public.t: before byte ");
            assert_non_null(strstr(err.words, "the rows have no end"));
            maker_end(&maker);
            maker = (struct maker){0};
        }
}

static void anything_after_the_rows_is_damage(void **state)
{
    static const char *const texts[] = {"1\n\\.\n\n2\n", "\\.\n\\.\n", "\\.\n\n\nDROP TABLE users;\n", "1\n\\.\n "};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        make_table(ARCHIVE_GZIP, COPY);
        make_data(&maker, 2, texts[i]);
        assert_refused(ERR_ARCHIVE_DAMAGED, "something after the last row");
        maker_end(&maker);
        maker = (struct maker){0};
    }
}

static void inserts_have_no_known_rows(void **state)
{
    struct archive *archive;
    (void)state;
    make_table(ARCHIVE_GZIP, NULL);
    make_data(&maker, 2, "INSERT INTO public.t VALUES (1);\n\n\n");
    assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
    assert_false(archive->entries[1].rows_known);
    assert_int_equal(archive->entries[1].rows, 0);
    assert_int_equal(archive->entries[1].bytes, 35);
}

static void make_large_objects(enum archive_compression compression)
{
    maker_start(&maker, 16, compression);
    make_header(&maker, 1);
    make_entry(&maker, &(struct made_entry){.id = 5, .has_data = true, .desc = "BLOBS", .tag = "BLOBS"});
    make_byte(&maker, 3);
    make_int(&maker, 5);
    make_int(&maker, 16400);
    make_packed(&maker, "a\0b", 3);
    make_int(&maker, -1294967296); /* 3,000,000,000: pg_dump writes object ids as signed numbers */
    make_packed(&maker, "", 0);
    make_int(&maker, INT32_MIN);
    make_packed(&maker, "\\.\nrest", 7);
}

static void large_objects_are_walked(void **state)
{
    struct archive *archive;
    (void)state;
    for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_ZSTD; packed++) {
        make_large_objects((enum archive_compression)packed);
        make_int(&maker, 0);
        assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
        assert_int_equal(archive->entries[0].bytes, 10);
        assert_false(archive->entries[0].rows_known);
        assert_int_equal(archive->rows, 0);
        maker.size -= 5;
        assert_refused(ERR_ARCHIVE_DAMAGED, "BLOBS BLOBS: byte ");
        maker_end(&maker);
        maker = (struct maker){0};
    }
}

static void a_damaged_large_object_is_named(void **state)
{
    (void)state;
    make_large_objects(ARCHIVE_GZIP);
    make_int(&maker, 77);
    make_chunks(&maker, "no stream", 9);
    make_int(&maker, 0);
    assert_refused(ERR_ARCHIVE_DAMAGED, "BLOBS BLOBS: large object 77");
}

static void a_missing_block_is_damage_that_names_the_table(void **state)
{
    (void)state;
    make_table(ARCHIVE_NONE, COPY);
    assert_refused(ERR_ARCHIVE_DAMAGED, "the data of TABLE DATA public.t is missing");
}

static void blocks_out_of_place_are_damage(void **state)
{
    static const char *const words[] = {
        "a second block",    "dump id 3, which no entry has", "an entry that has no data", "a block of type 3",
        "a block of type 0", "at a block's beginning"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        make_table(ARCHIVE_NONE, COPY);
        if (i != 3 && i != 4)
            make_data(&maker, 2, "\\.\n\n\n");
        size_t at = maker.size;
        make_data(&maker, i == 1 ? 3 : i == 2 ? 1 : 2, "\\.\n\n\n");
        if (i == 3 || i == 4)
            maker.bytes[at] = i == 3 ? 3 : 0;
        if (i == 5)
            maker.size = at + 3;
        assert_refused(ERR_ARCHIVE_DAMAGED, words[i]);
        maker_end(&maker);
        maker = (struct maker){0};
    }
}

static void a_block_is_where_the_contents_say(void **state)
{
    struct archive *archive;
    (void)state;
    for (int off = 0; off <= 1; off++) {
        maker_start(&maker, 14, ARCHIVE_NONE);
        make_header(&maker, 1);
        size_t header = maker.size;
        for (int pass = 0; pass < 2; pass++) { /* the position is behind the entry that says it */
            size_t position = maker.size;
            maker.size = header;
            make_entry(&maker, &(struct made_entry){.id = 2,
                                                    .has_data = true,
                                                    .desc = "TABLE DATA",
                                                    .tag = "t",
                                                    .copy = COPY,
                                                    .flag = 2,
                                                    .position = position + (size_t)off});
        }
        size_t block = maker.size;
        make_data(&maker, 2, "\\.\n\n\n");
        if (off == 0) {
            assert_int_equal(check_made(&maker, arena, &archive, &err), ERR_OK);
            assert_int_equal(archive->entries[0].position, block);
            assert_int_equal(archive->data_position, block);
        } else
            assert_refused(ERR_ARCHIVE_DAMAGED, "the table of contents says that this block is at byte");
        maker_end(&maker);
        maker = (struct maker){0};
    }
}

static void bad_chunks_are_damage(void **state)
{
    static const int64_t lengths[] = {INT32_MAX, 100, -1, -100};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        make_table(ARCHIVE_NONE, COPY);
        make_byte(&maker, 1);
        make_int(&maker, 2);
        make_int(&maker, lengths[i]);
        make_bytes(&maker, "\\.\n\n\n", 5);
        make_int(&maker, 0);
        assert_refused(ERR_ARCHIVE_DAMAGED, "a chunk of ");
        assert_non_null(strstr(err.words, "10 are left"));
        maker_end(&maker);
        maker = (struct maker){0};
    }
}

/* A block whose chunks hold `size` bytes of `packed`, whatever they are. */
static void make_raw_block(const void *packed, size_t size)
{
    make_byte(&maker, 1);
    make_int(&maker, 2);
    make_chunks(&maker, packed, size);
}

static void a_compressed_entry_is_one_whole_stream(void **state)
{
    static const unsigned char with_dictionary[] = {0x78, 0xbb, 1, 2, 3, 4, 0x03, 0, 0, 0, 0, 1};
    unsigned char packed[256];
    uLongf size = 128;
    (void)state;
    assert_int_equal(compress2(packed, &size, (const unsigned char *)"1\n2\n3\n\\.\n\n\n", 11, 6), Z_OK);
    memcpy(packed + size, packed, size);
    const struct {
        const unsigned char *bytes;
        size_t size;
        const char *words;
    } cases[] = {
        {packed, size - 1, "stream has no end"},
        {packed, size - 4, "stream has no end"},
        {packed, 2, "stream has no end"},
        {packed, 0, "stream has no end"},
        {packed, size + 1, "something after the end of the compressed stream"},
        {packed, 2 * size, "something after the end of the compressed stream"},
        {packed + 1, size, "it does not decompress"},
        {packed + 2, size - 2, "it does not decompress"},
        {with_dictionary, sizeof with_dictionary, "it does not decompress"},
        {(const unsigned char *)"1\n\\.\n\n\n", 7, "it does not decompress"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t chunk = 1; chunk <= 4096; chunk *= 64) {
            make_table(ARCHIVE_GZIP, COPY);
            maker.chunk = chunk;
            make_raw_block(cases[i].bytes, cases[i].size);
            assert_refused(ERR_ARCHIVE_DAMAGED, cases[i].words);
            maker_end(&maker);
            maker = (struct maker){0};
        }
}

/* More than the gathered input: the end of the stream and what follows it come in different fills. */
static void bytes_long_after_a_streams_end_are_seen(void **state)
{
    size_t size = 200 * KIB;
    unsigned char *packed = arena_alloc(arena, size);
    uLongf used = size;
    (void)state;
    assert_int_equal(compress2(packed, &used, (const unsigned char *)"\\.\n\n\n", 5, 6), Z_OK);
    make_table(ARCHIVE_GZIP, COPY);
    make_raw_block(packed, size);
    assert_refused(ERR_ARCHIVE_DAMAGED, "something after the end of the compressed stream");
}

static long peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* A row of 256 MB in 260 KB. */
static void make_bomb(void)
{
    enum { PIECE = 1 << 20 };
    unsigned char *letters = arena_alloc(arena, PIECE), *packed = arena_alloc(arena, 1 << 19);
    z_stream zip = {.next_out = packed, .avail_out = 1 << 19};
    assert_int_equal(deflateInit(&zip, 9), Z_OK);
    memset(letters, 'x', PIECE);
    for (int i = 0; i < 256; i++) {
        zip.next_in = letters;
        zip.avail_in = PIECE;
        assert_int_equal(deflate(&zip, Z_NO_FLUSH), Z_OK);
    }
    zip.next_in = (unsigned char *)"\n\\.\n\n\n";
    zip.avail_in = 6;
    assert_int_equal(deflate(&zip, Z_FINISH), Z_STREAM_END);
    make_table(ARCHIVE_GZIP, COPY);
    make_raw_block(packed, zip.total_out);
    deflateEnd(&zip);
}

static void a_bomb_takes_no_memory_and_stops_at_the_limit(void **state)
{
    (void)state;
    make_bomb();
    assert_true(maker.size < 300000);
    int fd = made_file(&maker);
    struct archive *archive = archive_open(fd, arena, &err);
    assert_non_null(archive);
    archive->max_bytes = 32 * MIB;
    long before = peak_kb();
    assert_false(archive_verify(archive, fd, NULL, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_FILE_TOO_LARGE);
    assert_non_null(strstr(err.words, "decompression bomb"));
    assert_string_equal(err.args[0], "32MB");
    archive->max_bytes = 256 * MIB + 5;
    assert_false(archive_verify(archive, fd, NULL, NULL, NULL, &err));
    archive->max_bytes = 256 * MIB + 6;
    assert_true(archive_verify(archive, fd, NULL, NULL, NULL, &err));
    assert_int_equal(archive->rows, 1);
    assert_true(peak_kb() - before < 8192);
    close(fd);
}

struct seen {
    int calls, fire_at;
    uint64_t done, total, longest_step;
    struct cancel *cancel;
};

static void see(void *context, uint64_t done, uint64_t total)
{
    struct seen *seen = context;
    assert_true(done >= seen->done);
    seen->longest_step = MAX(seen->longest_step, done - seen->done);
    seen->done = done;
    seen->total = total;
    if (++seen->calls == seen->fire_at)
        cancel_fire(seen->cancel, ERR_CANCELLED);
}

/* 32 MB of one table, not compressed. */
static int large_file(void)
{
    char *text = arena_alloc(arena, 32 * MIB + 8);
    memset(text, 'x', 32 * MIB);
    memcpy(text + 32 * MIB, "\n\\.\n\n\n", 6);
    make_table(ARCHIVE_NONE, COPY);
    maker.chunk = 100000;
    make_data(&maker, 2, text);
    return made_file(&maker);
}

static void progress_is_told_every_4_mb_and_at_the_end(void **state)
{
    struct seen seen = {0};
    (void)state;
    int fd = large_file();
    struct archive *archive = archive_open(fd, arena, &err);
    assert_true(archive_verify(archive, fd, NULL, see, &seen, &err));
    assert_int_equal(seen.done, archive->size);
    assert_int_equal(seen.total, archive->size);
    assert_in_range(seen.calls, 7, 9);
    assert_true(seen.longest_step <= 4 * MIB + 256 * KIB);
    assert_int_equal(archive->rows, 1);
    close(fd);
}

static void a_cancel_stops_the_walk(void **state)
{
    struct seen seen = {.fire_at = 2, .cancel = cancel_new()};
    (void)state;
    int fd = large_file();
    struct archive *archive = archive_open(fd, arena, &err);
    assert_false(archive_verify(archive, fd, seen.cancel, see, &seen, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    assert_int_equal(seen.calls, 2);
    cancel_free(seen.cancel);
    close(fd);
}

static void a_cancel_before_the_walk_is_reported_with_its_reason(void **state)
{
    struct cancel *cancel = cancel_new();
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    int fd = made_file(&maker);
    struct archive *archive = archive_open(fd, arena, &err);
    cancel_fire(cancel, ERR_LOCK_LOST);
    assert_false(archive_verify(archive, fd, cancel, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_LOCK_LOST);
    cancel_free(cancel);
    close(fd);
}

static void verifying_again_gives_the_same(void **state)
{
    (void)state;
    make_small(&maker, 14, ARCHIVE_GZIP);
    make_seal(&maker);
    int fd = made_file(&maker);
    struct archive *archive = archive_open(fd, arena, &err);
    for (int i = 0; i < 3; i++) {
        assert_true(archive_verify(archive, fd, NULL, NULL, NULL, &err));
        assert_int_equal(archive->rows, 2);
        assert_int_equal(archive->bytes, 22);
        assert_true(archive->sealed);
    }
    close(fd);
}

static void a_file_that_changes_its_size_meanwhile_is_damage(void **state)
{
    static const int changes[] = {-20, 20};
    (void)state;
    make_small(&maker, 14, ARCHIVE_NONE);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        int fd = made_file(&maker);
        struct archive *archive = archive_open(fd, arena, &err);
        assert_int_equal(ftruncate(fd, (off_t)maker.size + changes[i]), 0);
        assert_false(archive_verify(archive, fd, NULL, NULL, NULL, &err));
        assert_int_equal(err.code, ERR_ARCHIVE_DAMAGED);
        assert_non_null(strstr(err.words, "changed its size"));
        close(fd);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (int packed = ARCHIVE_NONE; packed <= ARCHIVE_ZSTD; packed++) {
        make_small(&maker, 16, (enum archive_compression)packed);
        int fd = made_file(&maker);
        for (size_t size = maker.size; size-- > 0;) {
            assert_int_equal(ftruncate(fd, (off_t)size), 0);
            assert_int_not_equal(check_file(fd, arena, NULL, &err), ERR_OK);
        }
        close(fd);
        maker_end(&maker);
        maker = (struct maker){0};
    }
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* The same 10,000 files in every run: bytes changed, pieces doubled, dropped or moved, ends cut. Nothing may crash, and
 * only what the sanitizers would tell is asserted: without compression, a changed value cannot be seen. */
static void ten_thousand_mutated_files_do_no_harm(void **state)
{
    uint64_t seed = 20250129;
    int refused = 0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct arena *own = arena_new();
        int minor = 12 + i % 5;
        make_small(&maker, minor, (enum archive_compression)(i % (minor >= 15 ? 4 : 2)));
        for (uint32_t changes = next_random(&seed) % 4 + 1; changes > 0; changes--) {
            size_t at = next_random(&seed) % maker.size, to = next_random(&seed) % maker.size;
            size_t size = MIN((size_t)next_random(&seed) % 40, maker.size - MAX(at, to));
            switch (next_random(&seed) % 5) {
            case 0:
                maker.bytes[at] = (unsigned char)next_random(&seed);
                break;
            case 1:
                maker.bytes[at] ^= (unsigned char)(1u << next_random(&seed) % 8);
                break;
            case 2:
                memmove(maker.bytes + to, maker.bytes + at, size);
                break;
            case 3:
                memset(maker.bytes + at, next_random(&seed) % 2 == 0 ? 0xff : 0, size);
                break;
            default:
                maker.size = MAX(at, (size_t)1);
            }
        }
        refused += check_made(&maker, own, NULL, &err) != ERR_OK;
        maker_end(&maker);
        arena_free(own);
    }
    maker = (struct maker){0};
    assert_in_range(refused, 7000, 9999);
}

static void garbage_is_refused(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        maker_start(&maker, 14, ARCHIVE_NONE);
        if (i % 2 == 0) /* behind a good header */
            make_header(&maker, next_random(&seed) % 50);
        for (uint32_t left = next_random(&seed) % 3000 + 1; left > 0; left--)
            make_byte(&maker, (int)next_random(&seed));
        assert_int_not_equal(check_made(&maker, arena, NULL, &err), ERR_OK);
        maker_end(&maker);
    }
    maker = (struct maker){0};
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(every_version_is_verified),
        TEST(rows_are_lines_before_the_end),
        TEST(rows_across_the_buffers_borders_are_counted),
        TEST(rows_without_an_end_are_damage),
        TEST(anything_after_the_rows_is_damage),
        TEST(inserts_have_no_known_rows),
        TEST(large_objects_are_walked),
        TEST(a_damaged_large_object_is_named),
        TEST(a_missing_block_is_damage_that_names_the_table),
        TEST(blocks_out_of_place_are_damage),
        TEST(a_block_is_where_the_contents_say),
        TEST(bad_chunks_are_damage),
        TEST(a_compressed_entry_is_one_whole_stream),
        TEST(bytes_long_after_a_streams_end_are_seen),
        TEST(a_bomb_takes_no_memory_and_stops_at_the_limit),
        TEST(progress_is_told_every_4_mb_and_at_the_end),
        TEST(a_cancel_stops_the_walk),
        TEST(a_cancel_before_the_walk_is_reported_with_its_reason),
        TEST(verifying_again_gives_the_same),
        TEST(a_file_that_changes_its_size_meanwhile_is_damage),
        TEST(every_truncation_is_refused),
        TEST(ten_thousand_mutated_files_do_no_harm),
        TEST(garbage_is_refused),
    };
    return cmocka_run_group_tests_name("archive/verify", tests, NULL, NULL);
}
