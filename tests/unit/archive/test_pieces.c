/* Archives as an export writes them, whose tables are decoded in pieces by several threads; and damage in archives that
 * are large enough for threads. */
#include "archive/maker.h"

#include "archive/seal.h"
#include "archive/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <cmocka.h>

#define COPY "COPY public.t (a) FROM stdin;\n"
#define ROWS 60000

static struct arena *arena;
static struct err err;
static struct maker maker;
static char *text; /* of a table: 3.5 MB that compress by about a half */
static size_t text_size;

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static int start_all(void **state)
{
    uint64_t seed = 3;
    (void)state;
    text = malloc(ROWS * 64 + 8);
    for (int i = 0; i < ROWS; i++)
        text_size += (size_t)snprintf(text + text_size, 65, "%d\tsome name that comes again\t%08x%08x\n", i,
                                      next_random(&seed), next_random(&seed));
    memcpy(text + text_size, "\\.\n\n\n", 6);
    text_size += 5;
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    free(text);
    return 0;
}

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

/* ---- Making ------------------------------------------------------------------------------------------------------ */

static void make_head(struct maker *to, int minor, enum archive_compression compression, int tables)
{
    maker_start(to, minor, compression);
    make_header(to, tables);
    for (int i = 1; i <= tables; i++)
        make_entry(to,
                   &(struct made_entry){
                       .id = i, .has_data = true, .desc = "TABLE DATA", .schema = "public", .tag = "t", .copy = COPY});
}

static bool take(void *context, const unsigned char *bytes, size_t size, struct err *failure)
{
    (void)failure;
    make_bytes(context, bytes, size);
    return true;
}

/* Two large tables and an empty one, by the exporter's own writer. */
static void make_export(enum writer_method method)
{
    struct maker head;
    struct writer_spec spec = {.method = method, .threads = 2, .sink = take, .context = &maker};
    maker_start(&maker, 16, ARCHIVE_GZIP);
    make_head(&head, 16, method == METHOD_NONE ? ARCHIVE_NONE : method == METHOD_ZSTD ? ARCHIVE_ZSTD : ARCHIVE_GZIP, 3);
    struct writer *writer = writer_new(&spec);
    assert_true(writer_write(writer, head.bytes, head.size, &err));
    for (int id = 1; id <= 3; id++) {
        size_t skip = id == 2 ? text_size - 5 : 0;
        assert_true(writer_begin(writer, SEAL_TABLE, id, &err));
        assert_true(writer_add(writer, (const unsigned char *)text + skip, text_size - skip, &err));
        assert_true(writer_end(writer, &err));
    }
    assert_true(writer_seal(writer, &err));
    writer_free(writer);
    maker_end(&head);
}

/* What stands in an export's blocks, written by hand: `pieces` as chunks of table 1, and a seal that promises pieces.
 */
struct chunk {
    const void *bytes;
    size_t size;
};

static void make_promise(const struct chunk *pieces, size_t count, const char *plain)
{
    struct sha256 sha;
    struct seal_line line = {.kind = SEAL_TABLE, .dump_id = 1, .bytes = strlen(plain)};
    struct seal seal = {.piece = SEAL_PIECE, .lines = &line, .count = 1};
    size_t size;
    for (const char *at = plain; strncmp(at, "\\.\n", 3) != 0; at = strchr(at, '\n') + 1)
        line.rows++;
    make_head(&maker, 16, ARCHIVE_GZIP, 1);
    make_byte(&maker, 1);
    make_int(&maker, 1);
    for (size_t i = 0; i < count; i++) {
        make_int(&maker, (int64_t)pieces[i].size);
        make_bytes(&maker, pieces[i].bytes, pieces[i].size);
    }
    make_int(&maker, 0);
    sha256_open(&sha);
    sha256_add(&sha, plain, strlen(plain));
    sha256_now(&sha, line.sha256);
    sha256_restart(&sha);
    sha256_add(&sha, maker.bytes, maker.size);
    sha256_now(&sha, seal.sha256);
    sha256_close(&sha);
    seal.position = maker.size;
    unsigned char *block = seal_write(&seal, arena, &size);
    make_bytes(&maker, block, size);
}

/* Raw deflate data that begins and ends at a byte's border. `flush` Z_SYNC_FLUSH keeps what was seen before. */
static struct chunk deflated(z_stream *zip, const char *plain, int flush)
{
    size_t room = compressBound(strlen(plain)) + 64;
    unsigned char *out = arena_alloc(arena, room);
    zip->next_in = (unsigned char *)(uintptr_t)plain;
    zip->avail_in = (uInt)strlen(plain);
    zip->next_out = out;
    zip->avail_out = (uInt)room;
    int result = deflate(zip, flush);
    assert_true(result == Z_OK || result == Z_STREAM_END);
    return (struct chunk){out, room - zip->avail_out};
}

/* ---- Tests ------------------------------------------------------------------------------------------------------- */

static enum err_code verify_by(int fd, int threads, struct archive **archive)
{
    *archive = archive_open(fd, arena, &err);
    if (*archive == NULL)
        return err.code;
    (*archive)->threads = threads;
    return archive_verify(*archive, fd, NULL, NULL, NULL, &err) ? ERR_OK : err.code;
}

static void an_export_is_verified_whatever_its_compression_and_the_threads(void **state)
{
    struct archive *archive;
    (void)state;
    for (enum writer_method method = METHOD_BALANCED; method <= METHOD_ZSTD; method++) {
        make_export(method);
        int fd = made_file(&maker);
        for (int threads = 0; threads <= 8; threads += 2) {
            if (verify_by(fd, threads, &archive) != ERR_OK)
                fail_msg("method %d, %d threads: %s", method, threads, err.words);
            assert_true(archive->sealed);
            assert_int_equal(archive->rows, 2 * ROWS);
            assert_int_equal(archive->entries[0].rows, ROWS);
            assert_int_equal(archive->entries[1].rows, 0);
            assert_int_equal(archive->entries[2].bytes, text_size);
            assert_memory_equal(archive->entries[0].sha256, archive->entries[2].sha256, 32);
        }
        struct maker taken = {0};
        maker_start(&taken, 16, ARCHIVE_NONE);
        assert_true(archive_read(archive, fd, &archive->entries[2], take, &taken, NULL, &err));
        assert_int_equal(taken.size, text_size);
        assert_memory_equal(taken.bytes, text, text_size);
        maker_end(&taken);
        close(fd);
        maker_end(&maker);
    }
    maker = (struct maker){0};
}

static void the_digest_of_the_file_is_that_of_its_bytes(void **state)
{
    struct archive *archive;
    struct sha256 sha;
    unsigned char digest[SHA256_SIZE];
    (void)state;
    make_export(METHOD_FAST);
    int fd = made_file(&maker);
    assert_int_equal(verify_by(fd, 2, &archive), ERR_OK);
    sha256_open(&sha);
    sha256_add(&sha, maker.bytes, maker.size);
    sha256_now(&sha, digest);
    sha256_close(&sha);
    assert_memory_equal(archive->sha256, digest, SHA256_SIZE);
    close(fd);
}

/* 256 bits, the same in every run. `from`: where damage can be seen at all. */
static void assert_bits_are_seen(size_t from)
{
    struct archive *archive;
    uint64_t seed = 11;
    int fd = made_file(&maker);
    assert_int_equal(verify_by(fd, 2, &archive), ERR_OK);
    for (int i = 0; i < 256; i++) {
        size_t at = from + (((uint64_t)next_random(&seed) << 31 | next_random(&seed)) % (maker.size - from));
        unsigned char byte = maker.bytes[at] ^ (unsigned char)(1u << next_random(&seed) % 8);
        struct arena *outer = arena;
        arena = arena_new();
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        if (verify_by(fd, i % 4, &archive) == ERR_OK)
            fail_msg("a bit of byte %zu of %zu", at, maker.size);
        assert_int_equal(pwrite(fd, &maker.bytes[at], 1, (off_t)at), 1);
        arena_free(arena);
        arena = outer;
    }
    close(fd);
}

static void flipped_bits_of_an_export_are_found(void **state)
{
    (void)state;
    make_export(METHOD_BALANCED);
    assert_bits_are_seen(0);
}

static void flipped_bits_in_the_data_of_a_foreign_archive_are_found(void **state)
{
    (void)state;
    make_head(&maker, 14, ARCHIVE_GZIP, 2);
    size_t from = maker.size;
    make_data(&maker, 1, text);
    make_data(&maker, 2, text);
    assert_bits_are_seen(from);
}

static void a_cut_at_every_64th_and_at_every_blocks_border_is_found(void **state)
{
    struct archive *archive;
    size_t cuts[64 + 8], count = 0;
    (void)state;
    for (int sealed = 0; sealed <= 1; sealed++) {
        if (sealed)
            make_export(METHOD_FAST);
        else {
            make_head(&maker, 14, ARCHIVE_GZIP, 2);
            make_data(&maker, 1, text);
            make_data(&maker, 2, text);
        }
        int fd = made_file(&maker);
        assert_int_equal(verify_by(fd, 2, &archive), ERR_OK);
        for (count = 0; count < 64; count++)
            cuts[count] = maker.size * count / 64;
        for (size_t i = 0; i < archive->entry_count; i++)
            cuts[count++] = archive->entries[i].start;
        cuts[count++] = maker.size - 1;
        for (size_t i = 0; i < count; i++) {
            int cut = file_of(maker.bytes, cuts[i]);
            if (verify_by(cut, (int)i % 4, &archive) == ERR_OK)
                fail_msg("cut to %zu of %zu", cuts[i], maker.size);
            close(cut);
        }
        close(fd);
        maker_end(&maker);
    }
    maker = (struct maker){0};
}

static struct chunk last_of(uint32_t adler)
{
    unsigned char *bytes = arena_alloc(arena, 6);
    bytes[0] = 3;
    for (int i = 0; i < 4; i++)
        bytes[2 + i] = (unsigned char)(adler >> (24 - 8 * i));
    return (struct chunk){bytes, 6};
}

static struct chunk joined(struct chunk one, struct chunk two)
{
    unsigned char *bytes = arena_alloc(arena, one.size + two.size);
    memcpy(bytes, one.bytes, one.size);
    memcpy(bytes + one.size, two.bytes, two.size);
    return (struct chunk){bytes, one.size + two.size};
}

/* What a seal promises of the pieces must hold, even where the stream as a whole would decompress. */
static void pieces_that_are_not_what_the_seal_promises_are_damage(void **state)
{
    static const char one[] = "words that come again and again\n", two[] = "words that come again and again\n\\.\n\n\n";
    static const struct chunk header = {"\x78\x9c", 2};
    char *plain = arena_printf(arena, "%s%s", one, two);
    uint32_t adler = (uint32_t)adler32(1, (const unsigned char *)plain, (uInt)strlen(plain));
    z_stream full = {0}, sync = {0};
    (void)state;
    assert_int_equal(deflateInit2(&full, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflateInit2(&sync, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    struct chunk a = joined(header, deflated(&full, one, Z_FULL_FLUSH)), b = deflated(&full, two, Z_FULL_FLUSH);
    struct chunk c = joined(header, deflated(&sync, one, Z_SYNC_FLUSH)), d = deflated(&sync, two, Z_SYNC_FLUSH);
    struct chunk good = last_of(adler), wrong = last_of(adler ^ 1), shorter = {good.bytes, 5};
    struct chunk longer = joined(good, (struct chunk){"x", 1}), unended = {b.bytes, b.size - 1};
    struct chunk bare = {(const char *)a.bytes + 2, a.size - 2};
    const struct {
        struct chunk chunks[4];
        size_t count;
        const char *words; /* NULL: it is good */
    } cases[] = {{{a, b, good}, 3, NULL},
                 {{c, d, good}, 3, "too far back"},
                 {{a, b, wrong}, 3, "incorrect data check"},
                 {{a, b, shorter}, 3, "no end"},
                 {{a, b, longer}, 3, "something after the end"},
                 {{a, b, good, b}, 4, "something after the end"},
                 {{a, b}, 2, "the compressed stream has no end"},
                 {{a, unended, good}, 3, "a piece has no end"},
                 {{bare, b, good}, 3, "incorrect header check"},
                 {{{"x", 1}, b, good}, 3, "no end"},
                 {{b, a, good}, 3, "it does not decompress"},
                 {{a}, 0, "the compressed stream has no end"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int threads = 0; threads <= 2; threads += 2) {
            struct archive *archive;
            make_promise(cases[i].chunks, cases[i].count, plain);
            int fd = made_file(&maker);
            enum err_code code = verify_by(fd, threads, &archive);
            if ((code == ERR_OK) != (cases[i].words == NULL) || (code != ERR_OK && !strstr(err.words, cases[i].words)))
                fail_msg("case %zu, %d threads: %s", i, threads, code == ERR_OK ? "taken" : err.words);
            close(fd);
            maker_end(&maker);
        }
    maker = (struct maker){0};
    deflateEnd(&full);
    deflateEnd(&sync);
}

static void a_piece_of_more_than_its_size_is_damage(void **state)
{
    struct archive *archive;
    char *plain = arena_alloc(arena, SEAL_PIECE + 16);
    uLongf size = compressBound(SEAL_PIECE + 16);
    unsigned char *packed = arena_alloc(arena, size);
    (void)state;
    memset(plain, 'x', SEAL_PIECE);
    memcpy(plain + SEAL_PIECE, "\n\\.\n\n\n", 7);
    assert_int_equal(compress2(packed, &size, (unsigned char *)plain, strlen(plain), 6), Z_OK);
    make_promise(&(struct chunk){packed, size}, 1, plain);
    int fd = made_file(&maker);
    assert_int_equal(verify_by(fd, 2, &archive), ERR_ARCHIVE_DAMAGED);
    assert_non_null(strstr(err.words, "a piece of more than 1048576 bytes"));
    close(fd);
}

static void what_an_export_unpacks_to_is_limited(void **state)
{
    (void)state;
    make_export(METHOD_BALANCED);
    int fd = made_file(&maker);
    struct archive *archive = archive_open(fd, arena, &err);
    for (int threads = 0; threads <= 2; threads += 2) {
        archive->threads = threads;
        archive->max_bytes = 2 * text_size + 5;
        assert_true(archive_verify(archive, fd, NULL, NULL, NULL, &err));
        archive->max_bytes--;
        assert_false(archive_verify(archive, fd, NULL, NULL, NULL, &err));
        assert_int_equal(err.code, ERR_FILE_TOO_LARGE);
        assert_int_equal(archive->rows, 0);
        archive->max_bytes = 0;
        archive->max_ratio = 1; /* under 1 GiB any ratio is taken */
        assert_true(archive_verify(archive, fd, NULL, NULL, NULL, &err));
        archive->max_ratio = 0;
    }
    close(fd);
}

/* 1.1 GB in 100 KB: zstd's bombs are the strongest. */
static void a_ratio_beyond_the_limit_is_refused(void **state)
{
    enum { PIECES = 1100 };
    char *letters = arena_alloc(arena, MIB);
    size_t room = 4 * MIB;
    ZSTD_outBuffer out = {.dst = arena_alloc(arena, room), .size = room};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    (void)state;
    memset(letters, 'x', MIB);
    for (int i = 0; i <= PIECES; i++) {
        ZSTD_inBuffer in = {.src = i < PIECES ? letters : "\n\\.\n\n\n", .size = i < PIECES ? MIB : 6};
        assert_false(ZSTD_isError(ZSTD_compressStream2(context, &out, &in, i < PIECES ? ZSTD_e_continue : ZSTD_e_end)));
    }
    ZSTD_freeCCtx(context);
    make_head(&maker, 16, ARCHIVE_ZSTD, 1);
    make_byte(&maker, 1);
    make_int(&maker, 1);
    make_chunks(&maker, out.dst, out.pos);
    assert_true(maker.size < MIB / 2);
    int fd = made_file(&maker);
    struct archive *archive = archive_open(fd, arena, &err);
    archive->max_ratio = 200;
    assert_false(archive_verify(archive, fd, NULL, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_FILE_TOO_LARGE);
    archive->max_ratio = 100000;
    assert_true(archive_verify(archive, fd, NULL, NULL, NULL, &err));
    assert_int_equal(archive->rows, 1);
    close(fd);
}

static void a_cancel_ends_threads_that_work(void **state)
{
    struct cancel *cancel = cancel_new();
    struct archive *archive;
    (void)state;
    make_export(METHOD_FAST);
    int fd = made_file(&maker);
    archive = archive_open(fd, arena, &err);
    archive->threads = 3;
    cancel_fire(cancel, ERR_SHUTTING_DOWN);
    assert_false(archive_verify(archive, fd, cancel, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_SHUTTING_DOWN);
    cancel_free(cancel);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
        TEST(an_export_is_verified_whatever_its_compression_and_the_threads),
        TEST(the_digest_of_the_file_is_that_of_its_bytes),
        TEST(flipped_bits_of_an_export_are_found),
        TEST(flipped_bits_in_the_data_of_a_foreign_archive_are_found),
        TEST(a_cut_at_every_64th_and_at_every_blocks_border_is_found),
        TEST(pieces_that_are_not_what_the_seal_promises_are_damage),
        TEST(a_piece_of_more_than_its_size_is_damage),
        TEST(what_an_export_unpacks_to_is_limited),
        TEST(a_ratio_beyond_the_limit_is_refused),
        TEST(a_cancel_ends_threads_that_work),
    };
    return cmocka_run_group_tests_name("archive/pieces", tests, start_all, end_all);
}
