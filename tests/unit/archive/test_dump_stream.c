/* From pg_dump's uncompressed stream to an archive of ours. */
#include "archive/maker.h"

#include "archive/dump_stream.h"
#include "archive/lane.h"
#include "support/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <zstd.h>
#include <cmocka.h>

static struct arena *arena;
static struct err err;
static struct maker dump, ours; /* what pg_dump says; what we make of it */
static size_t given, most;      /* bytes of the dump read so far; most bytes a read gives */

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    err = ERR_NONE_YET;
    dump = ours = (struct maker){0};
    given = 0;
    most = SIZE_MAX;
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    maker_end(&dump);
    maker_end(&ours);
    return 0;
}

static ssize_t give(void *context, void *buffer, size_t size, struct err *ignored)
{
    (void)context;
    (void)ignored;
    size_t part = MIN(MIN(size, most), dump.size - given);
    memcpy(buffer, dump.bytes + given, part);
    given += part;
    return (ssize_t)part;
}

static bool take(void *context, const unsigned char *bytes, size_t size, struct err *ignored)
{
    (void)context;
    (void)ignored;
    assert_in_range(size, 1, 64 * KIB);
    make_bytes(&ours, bytes, size);
    return true;
}

static struct writer_spec spec_of(enum writer_method method)
{
    return (struct writer_spec){.method = method, .threads = 2, .sink = take};
}

/* The whole way; ERR_OK or what failed. */
static enum err_code recompress(enum writer_method method)
{
    struct arena *own = arena_new();
    struct writer_spec spec = spec_of(method);
    struct writer *writer = writer_new(&spec);
    size_t size;
    err = ERR_NONE_YET;
    given = 0;
    ours.size = 0;
    struct dump_stream *stream = dump_stream_open(give, NULL, own, &err);
    if (stream != NULL) {
        const unsigned char *head = dump_stream_head(stream, method, &size);
        bool ok = writer_write(writer, head, size, &err) && dump_stream_copy(stream, writer, NULL, NULL, &err)
                  && dump_stream_complete(stream, &err) && writer_seal(writer, &err);
        assert_int_equal(ok, err.code == ERR_OK);
    }
    dump_stream_close(stream);
    writer_free(writer);
    arena_free(own);
    return err.code;
}

static struct archive *must_recompress(enum writer_method method)
{
    struct archive *archive;
    if (recompress(method) != ERR_OK)
        fail_msg("%s", err.words);
    if (check_made(&ours, arena, &archive, &err) != ERR_OK)
        fail_msg("what was written: %s", err.words);
    assert_true(archive->sealed);
    return archive;
}

/* A table's COPY text of about so many bytes; its rows. */
static uint64_t rows_text(size_t size, char **text)
{
    uint64_t rows = 0;
    char *at = *text = malloc(size + 200);
    assert_non_null(at);
    for (uint32_t random = 1; (size_t)(at - *text) < size; rows++) {
        random = random * 1664525 + 1013904223;
        at += snprintf(at, 150, "%llu\t%08x\\n\\\\.\t%.*s\n", (unsigned long long)rows, random, (int)(random >> 26),
                       "the quick brown fox jumps over the lazy dog, again and again");
    }
    memcpy(at, "\\.\n\n\n", 6);
    return rows;
}

/* "t" holds the text, "empty" nothing but its end, then two large objects. */
static void make_dump(int minor, size_t chunk, const char *text)
{
    maker_end(&dump);
    maker_start(&dump, minor, ARCHIVE_NONE);
    dump.chunk = chunk;
    make_header(&dump, 3);
    make_entry(&dump,
               &(struct made_entry){.id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t", .copy = "COPY"});
    make_entry(&dump,
               &(struct made_entry){.id = 3, .has_data = true, .desc = "TABLE DATA", .tag = "empty", .copy = "COPY"});
    make_entry(&dump, &(struct made_entry){.id = 4, .has_data = true, .desc = "BLOBS", .tag = "BLOBS"});
    make_data(&dump, 2, text);
    make_data(&dump, 3, "\\.\n\n\n");
    make_byte(&dump, 3);
    make_int(&dump, 4);
    make_int(&dump, 16400);
    make_chunks(&dump, text, MIN(strlen(text), 1500 * KIB));
    make_int(&dump, -1294967296);
    make_chunks(&dump, "", 0);
    make_int(&dump, 0);
}

static void every_version_is_written_in_every_method(void **state)
{
    char *text;
    uint64_t rows = rows_text(3 * MIB + 12345, &text);
    (void)state;
    for (int minor = 12; minor <= 16; minor++)
        for (int method = METHOD_BALANCED; method <= METHOD_NONE; method++) {
            make_dump(minor, 100 * KIB, text);
            struct archive *archive = must_recompress((enum writer_method)method);
            assert_int_equal(archive->compression, method == METHOD_NONE ? ARCHIVE_NONE : ARCHIVE_GZIP);
            assert_int_equal(archive->entries[0].rows, rows);
            assert_int_equal(archive->entries[0].bytes, strlen(text));
            assert_int_equal(archive->entries[1].rows, 0);
            assert_int_equal(archive->entries[2].objects, 2);
            assert_int_equal(archive->entries[2].bytes, 1500 * KIB);
            assert_true(method == METHOD_NONE || ours.size < dump.size / 2);
        }
    free(text);
}

/* Chunks of a byte, reads of a byte: every number and every row is cut at every place. */
static void the_input_may_be_cut_anywhere(void **state)
{
    static const size_t reads[] = {1, 2, 3, 7, 4096}, chunks[] = {1, 2, 5, 4096};
    char *text;
    uint64_t rows = rows_text(5000, &text);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reads); i++)
        for (size_t j = 0; j < ARRAY_LEN(chunks); j++) {
            make_dump(14, chunks[j], text);
            most = reads[i];
            assert_int_equal(must_recompress(METHOD_BALANCED)->entries[0].rows, rows);
        }
    free(text);
}

/* Around one and two pieces of 1 MiB: a stream of its own, or pieces; the border in the middle of a row, of "\.". */
static void borders_of_pieces_may_be_anywhere(void **state)
{
    (void)state;
    for (int pieces = 1; pieces <= 2; pieces++)
        for (int more = -8; more <= 3; more++) {
            size_t size = (size_t)pieces * MIB + (size_t)(more + 8) - 8;
            char *text = malloc(size + 1);
            assert_non_null(text);
            for (size_t i = 0; i < size; i++)
                text[i] = i % 100 == 99 ? '\n' : "0123456789abcdef"[i * 7 % 16];
            memcpy(text + size - 6, "\n\\.\n\n\n", 7);
            make_dump(14, 60000, text);
            for (int method = METHOD_BALANCED; method <= METHOD_NONE; method++)
                assert_int_equal(must_recompress((enum writer_method)method)->entries[0].bytes, size);
            free(text);
        }
}

static void a_dump_that_ends_early_is_refused_wherever_it_ends(void **state)
{
    char *text;
    (void)rows_text(300, &text);
    (void)state;
    make_dump(14, 50, text);
    size_t whole = dump.size;
    for (dump.size = 0; dump.size < whole; dump.size++)
        if (recompress(METHOD_BALANCED) == ERR_OK)
            fail_msg("cut to %zu of %zu", dump.size, whole);
    assert_int_equal(recompress(METHOD_BALANCED), ERR_OK);
    free(text);
}

static void assert_refused(const char *words)
{
    assert_int_equal(recompress(METHOD_BALANCED), ERR_EXPORT_FAILED);
    if (strstr(err.words, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.words);
    maker_end(&dump);
    dump = (struct maker){0};
}

static void make_head(void)
{
    maker_start(&dump, 14, ARCHIVE_NONE);
    make_header(&dump, 1);
    make_entry(&dump,
               &(struct made_entry){.id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t", .copy = "COPY"});
}

static void make_block(int type, int id, int64_t length)
{
    make_head();
    make_byte(&dump, type);
    make_int(&dump, id);
    make_int(&dump, length);
}

static void wrong_chunks_and_blocks_are_refused(void **state)
{
    (void)state;
    make_block(1, 2, -5);
    assert_refused("a chunk of an impossible length");
    make_block(1, 2, 1000000);
    assert_refused("ended early");
    make_block(1, 7, 3);
    assert_refused("data that no entry asks for");
    make_block(3, 2, 3);
    assert_refused("a block of an unknown type");
    make_head();
    assert_refused("without the data of TABLE DATA t");
    make_head();
    make_data(&dump, 2, "\\.\n\n\n");
    make_data(&dump, 2, "\\.\n\n\n");
    assert_refused("data that no entry asks for");
    make_head();
    make_data(&dump, 2, "1\n2\n");
    assert_refused("rows have no end");
    make_head();
    make_data(&dump, 2, "1\n\\.\n\n\n2\n");
    assert_refused("something after a table's last row");
    make_head();
    dump.bytes[6 + 5] = 1; /* the level's sign: -0 */
    dump.bytes[6 + 6] = 1;
    assert_refused("is compressed");
}

static void a_dump_that_is_none_is_refused(void **state)
{
    (void)state;
    maker_start(&dump, 14, ARCHIVE_NONE);
    make_bytes(&dump, "--\n-- PostgreSQL database dump\n", 31);
    assert_int_equal(recompress(METHOD_FAST), ERR_FILE_NOT_ARCHIVE);
    maker_end(&dump);
    maker_start(&dump, 14, ARCHIVE_NONE);
    make_header(&dump, -1);
    assert_refused("an impossible number of entries");
}

/* Positions of a file that the archive was once in. */
static void positions_are_taken_out(void **state)
{
    (void)state;
    maker_start(&dump, 14, ARCHIVE_NONE);
    make_header(&dump, 1);
    make_entry(
        &dump,
        &(struct made_entry){
            .id = 2, .has_data = true, .desc = "TABLE DATA", .tag = "t", .copy = "COPY", .flag = 2, .position = 100});
    make_data(&dump, 2, "1\n\\.\n\n\n");
    assert_int_equal(must_recompress(METHOD_BALANCED)->entries[0].position, 0);
}

/* One frame for a table, however many chunks: pg_restore stops at a frame's end. */
static void zstd_is_one_frame_for_each_table(void **state)
{
    char *text;
    size_t at, size = 0;
    (void)rows_text(2 * MIB, &text);
    (void)state;
    make_dump(15, 4096, text);
    struct archive *archive = must_recompress(METHOD_ZSTD);
    assert_int_equal(archive->compression, ARCHIVE_ZSTD);
    unsigned char *frame = arena_alloc(arena, ours.size), *out = arena_alloc(arena, strlen(text));
    for (at = archive->data_position + 6;;) {
        size_t length;
        memcpy(&length, ours.bytes + at + 1, 4);
        length &= UINT32_MAX;
        at += 5;
        if (length == 0)
            break;
        memcpy(frame + size, ours.bytes + at, length);
        size += length;
        at += length;
    }
    assert_int_equal(ZSTD_findFrameCompressedSize(frame, size), size);
    assert_int_equal(ZSTD_decompress(out, strlen(text), frame, size), strlen(text));
    assert_memory_equal(out, text, strlen(text));
    assert_non_null(memmem(ours.bytes + at, ours.size - at, "pieces 0\n", 9));
    free(text);
}

/* ---- Lanes ------------------------------------------------------------------------------------------------------- */

#define LANES 3
#define LANE_ROWS 40000

static struct writer *shared;

static void *fill_lane(void *context)
{
    struct err own;
    char row[200];
    struct lane *lane = lane_new(shared);
    (void)context;
    bool ok = true;
    for (int i = 0; ok && i < LANE_ROWS; i++) {
        int size = snprintf(row, sizeof row, "%d\tsome text that is the same in every row\n", i);
        ok = lane_add_rows(lane, (unsigned char *)row, (size_t)size, &own);
    }
    size_t long_size = 2 * MIB + 77; /* a row of more than two pieces */
    unsigned char *long_row = malloc(long_size);
    memset(long_row, 'y', long_size - 1);
    long_row[long_size - 1] = '\n';
    ok = ok && lane_add_rows(lane, long_row, long_size, &own) && lane_flush(lane, &own);
    free(long_row);
    lane_free(lane);
    return ok ? NULL : (void *)1;
}

static bool whole_rows(void *context, const unsigned char *bytes, size_t size, struct err *ignored)
{
    (void)ignored;
    make_bytes(context, bytes, size);
    return true;
}

static void lanes_mix_rows_and_cut_none(void **state)
{
    (void)state;
    for (int method = METHOD_BALANCED; method <= METHOD_NONE; method++) {
        struct writer_spec spec = spec_of((enum writer_method)method);
        struct maker text = {0};
        struct archive *archive;
        size_t size;
        make_head();
        given = ours.size = 0;
        shared = writer_new(&spec);
        struct dump_stream *stream = dump_stream_open(give, NULL, arena, &err);
        const unsigned char *head = dump_stream_head(stream, (enum writer_method)method, &size);
        assert_true(writer_write(shared, head, size, &err) && writer_begin(shared, SEAL_TABLE, 2, &err)
                    && writer_begin_lanes(shared, &err));
        run_threads(LANES, fill_lane, NULL);
        assert_true(writer_add(shared, (const unsigned char *)"\\.\n\n\n", 5, &err) && writer_end(shared, &err)
                    && writer_seal(shared, &err));
        writer_free(shared);
        dump_stream_close(stream);
        assert_int_equal(check_made(&ours, arena, &archive, &err), ERR_OK);
        assert_true(archive->sealed);
        assert_int_equal(archive->rows, LANES * (LANE_ROWS + 1));
        int fd = made_file(&ours);
        assert_true(archive_read(archive, fd, &archive->entries[0], whole_rows, &text, NULL, &err));
        close(fd);
        size_t longest = 0, lines = 0;
        for (const unsigned char *at = text.bytes, *next; at < text.bytes + text.size; at = next + 1, lines++) {
            next = memchr(at, '\n', (size_t)(text.bytes + text.size - at));
            assert_non_null(next);
            longest += (size_t)(next - at) == 2 * MIB + 76 && at[0] == 'y' && next[-1] == 'y';
        }
        assert_int_equal(longest, LANES);
        assert_int_equal(lines, LANES * (LANE_ROWS + 1) + 3);
        maker_end(&text);
        maker_end(&dump);
        dump = (struct maker){0};
    }
}

static void a_lane_that_fails_stops_the_others(void **state)
{
    struct writer_spec spec = spec_of(METHOD_FAST);
    (void)state;
    shared = writer_new(&spec);
    assert_true(writer_begin(shared, SEAL_TABLE, 2, &err) && writer_begin_lanes(shared, &err));
    struct lane *one = lane_new(shared), *other = lane_new(shared);
    assert_true(lane_add_rows(one, (const unsigned char *)"1\n", 2, &err));
    lane_fail(other);
    assert_false(lane_flush(one, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
    lane_free(one);
    lane_free(other);
    writer_free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(every_version_is_written_in_every_method),
        TEST(the_input_may_be_cut_anywhere),
        TEST(borders_of_pieces_may_be_anywhere),
        TEST(a_dump_that_ends_early_is_refused_wherever_it_ends),
        TEST(wrong_chunks_and_blocks_are_refused),
        TEST(a_dump_that_is_none_is_refused),
        TEST(positions_are_taken_out),
        TEST(zstd_is_one_frame_for_each_table),
        TEST(lanes_mix_rows_and_cut_none),
        TEST(a_lane_that_fails_stops_the_others),
    };
    return cmocka_run_group_tests_name("archive/dump_stream", tests, NULL, NULL);
}
