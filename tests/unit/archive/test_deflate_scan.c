#include "archive/deflate_scan.h"

#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>
#include <cmocka.h>

#define LARGEST ((size_t)300000)
#define ROOM (LARGEST + 4096)

static unsigned char plain[LARGEST], packed[ROOM], joined[3 * ROOM], again[3 * LARGEST];

/* The kinds of data by which a compressor chooses its kinds of blocks. */
static void fill(int kind, size_t size)
{
    uint32_t random = 2463534242u;
    for (size_t i = 0; i < size; i++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        unsigned char noise = (unsigned char)random;
        switch (kind) {
        case 0:
            plain[i] = 0;
            break;
        case 1:
            plain[i] = noise;
            break;
        case 2:
            plain[i] = (unsigned char)"0123456789\t\n"[random % 12];
            break;
        case 3: /* blocks of all kinds */
            plain[i] = i / 5000 % 2 ? noise : (unsigned char)"the same line again\n"[i % 20];
            break;
        default:
            plain[i] = (unsigned char)"abcdefgh"[(random >> 8) % (1 + i % 8)];
        }
    }
}

/* zlib.h's compressor as a second author of deflate data: other block sizes, other codes. */
static size_t by_zlib(int level, int strategy, size_t size)
{
    z_stream zip = {0};
    assert_int_equal(deflateInit2(&zip, level, Z_DEFLATED, -15, 9, strategy), Z_OK);
    zip.next_in = plain;
    zip.avail_in = (uInt)size;
    zip.next_out = packed;
    zip.avail_out = ROOM;
    assert_int_equal(deflate(&zip, Z_FINISH), Z_STREAM_END);
    size_t written = zip.total_out;
    deflateEnd(&zip);
    return written;
}

/* Three times the same piece, an empty final block: one stream. */
static void assert_joins(size_t packed_size, size_t size)
{
    z_stream zip = {0};
    size_t piece = deflate_make_piece(packed, packed_size, size), used = 0;
    assert_true(piece > 4);
    assert_memory_equal(packed + piece - 4, "\0\0\xff\xff", 4);
    for (int i = 0; i < 3; i++, used += piece)
        memcpy(joined + used, packed, piece);
    memcpy(joined + used, "\x03\0", 2);
    assert_int_equal(inflateInit2(&zip, -15), Z_OK);
    zip.next_in = joined;
    zip.avail_in = (uInt)used + 2;
    zip.next_out = again;
    zip.avail_out = sizeof again;
    assert_int_equal(inflate(&zip, Z_FINISH), Z_STREAM_END);
    assert_int_equal(zip.avail_in, 0);
    assert_int_equal(zip.total_out, 3 * size);
    inflateEnd(&zip);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(again + i * size, plain, size);
}

static const size_t sizes[] = {0, 1, 2, 3, 10, 100, 257, 258, 259, 5000, 65535, 65536, LARGEST};

static void what_libdeflate_writes_becomes_pieces_that_join(void **state)
{
    (void)state;
    for (int level = 0; level <= 12; level += 2) {
        struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(level);
        for (int kind = 0; kind <= 4; kind++)
            for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                fill(kind, sizes[i]);
                assert_joins(libdeflate_deflate_compress(compressor, plain, sizes[i], packed, ROOM - 5), sizes[i]);
            }
        libdeflate_free_compressor(compressor);
    }
}

static void what_zlib_writes_becomes_pieces_that_join(void **state)
{
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE};
    (void)state;
    for (size_t strategy = 0; strategy < ARRAY_LEN(strategies); strategy++)
        for (int kind = 0; kind <= 4; kind++)
            for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                fill(kind, sizes[i]);
                assert_joins(by_zlib(6, strategies[strategy], sizes[i]), sizes[i]);
            }
}

/* Every bit at which a block can end: one byte more or less moves the end. */
static void a_block_may_end_at_any_bit(void **state)
{
    struct deflate_scan scan;
    unsigned seen = 0;
    (void)state;
    for (size_t size = 1; size < 400; size++) {
        fill(2, size);
        size_t packed_size = by_zlib(6, Z_FIXED, size);
        assert_true(deflate_scan(packed, packed_size, &scan));
        seen |= 1u << scan.end_bit % 8;
        assert_joins(packed_size, size);
    }
    assert_int_equal(seen, 0xff);
}

static void data_that_is_cut_off_is_refused(void **state)
{
    struct deflate_scan scan;
    (void)state;
    for (int kind = 0; kind <= 4; kind++) {
        fill(kind, 9000);
        size_t packed_size = by_zlib(6, Z_DEFAULT_STRATEGY, 9000);
        unsigned char *copy = malloc(packed_size); /* so that reading too far is seen */
        assert_non_null(copy);
        for (size_t size = 0; size < packed_size; size++) {
            memcpy(copy + packed_size - size, packed, size);
            assert_false(deflate_scan(copy + packed_size - size, size, &scan));
        }
        free(copy);
    }
}

static void data_of_another_length_is_left_alone(void **state)
{
    static unsigned char before[ROOM];
    (void)state;
    fill(2, 5000);
    size_t packed_size = by_zlib(6, Z_DEFAULT_STRATEGY, 5000);
    memcpy(before, packed, packed_size);
    assert_int_equal(deflate_make_piece(packed, packed_size, 4999), 0);
    packed[packed_size] = 0;
    assert_int_equal(deflate_make_piece(packed, packed_size + 1, 5000), 0); /* a byte behind the end */
    assert_memory_equal(packed, before, packed_size);
}

/* What is no deflate data ends, one way or the other. */
static void rubbish_is_survived(void **state)
{
    struct deflate_scan scan;
    (void)state;
    fill(1, LARGEST);
    for (size_t at = 0; at + 600 < 200000; at += 37)
        if (deflate_scan(plain + at, 600, &scan))
            assert_true(scan.end_bit <= 600 * 8 && scan.last_bit < scan.end_bit);
    fill(2, 9000);
    size_t packed_size = by_zlib(6, Z_DEFAULT_STRATEGY, 9000);
    for (size_t bit = 0; bit < 8 * MIN(packed_size, (size_t)500); bit++) {
        packed[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (deflate_scan(packed, packed_size, &scan))
            assert_true(scan.end_bit <= packed_size * 8);
        packed[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_libdeflate_writes_becomes_pieces_that_join),
        cmocka_unit_test(what_zlib_writes_becomes_pieces_that_join),
        cmocka_unit_test(a_block_may_end_at_any_bit),
        cmocka_unit_test(data_that_is_cut_off_is_refused),
        cmocka_unit_test(data_of_another_length_is_left_alone),
        cmocka_unit_test(rubbish_is_survived),
    };
    return cmocka_run_group_tests_name("archive/deflate_scan", tests, NULL, NULL);
}
