#include "archive/deflate_scan.h"

#define MAX_BITS 15
#define FAST_BITS 10
#define LITERAlength_symbol 288
#define DISTANCES 32
#define END_OF_BLOCK 256

enum { BLOCK_STORED, BLOCK_FIXED, BLOCK_DYNAMIC };

enum kind { KIND_LITERAL, KIND_MATCH, KIND_END, KIND_WRONG };

/* What a code leads to. */
struct symbol {
    uint16_t value;    /* bytes that it stands for, without what the extra bits say; of a code length: itself */
    uint8_t length;    /* of the code; in the table of the short codes 0: a longer one */
    uint8_t extra : 4; /* bits behind the code */
    uint8_t kind : 4;
};

/* Canonical codes: short ones by a table, long ones (rare) by counting. */
struct codes {
    uint16_t count[MAX_BITS + 1];
    uint16_t sorted[LITERAlength_symbol];
    struct symbol fast[1 << FAST_BITS];
};

struct bits {
    const unsigned char *data;
    size_t size, at; /* at: the next byte to be taken into `bits` */
    uint64_t bits;
    unsigned held; /* bits that are there */
};

struct scanner {
    struct bits in;
    size_t plain;
    struct codes literals, distances;
};

/* ---- Bits -------------------------------------------------------------------------------------------------------- */

/* At least 56 bits; behind the data's end they are 0, and `at` tells. */
static inline void refill(struct bits *in)
{
    if (in->at + 8 <= in->size) {
        uint64_t next;
        memcpy(&next, in->data + in->at, sizeof next);
        in->bits |= next << in->held;
        in->at += (63 - in->held) >> 3;
        in->held |= 56;
        return;
    }
    for (; in->held <= 56; in->held += 8, in->at++)
        if (in->at < in->size)
            in->bits |= (uint64_t)in->data[in->at] << in->held;
}

static inline uint32_t take(struct bits *in, unsigned count)
{
    uint32_t value = (uint32_t)(in->bits & ((1ull << count) - 1));
    in->bits >>= count;
    in->held -= count;
    return value;
}

static size_t bit_position(const struct bits *in)
{
    return in->at * 8 - in->held;
}

/* Whether what was taken was really there. */
static bool inside(const struct bits *in)
{
    return bit_position(in) <= in->size * 8;
}

/* ---- Codes ------------------------------------------------------------------------------------------------------- */

static struct symbol literal_symbol(unsigned value)
{
    static const uint8_t extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    if (value < END_OF_BLOCK)
        return (struct symbol){.kind = KIND_LITERAL, .value = 1};
    if (value == END_OF_BLOCK)
        return (struct symbol){.kind = KIND_END};
    if (value - 257 >= ARRAY_LEN(base))
        return (struct symbol){.kind = KIND_WRONG};
    return (struct symbol){.kind = KIND_MATCH, .value = base[value - 257], .extra = extra[value - 257] & 15};
}

static struct symbol distance_symbol(unsigned value)
{
    return (struct symbol){.kind = value < 30 ? KIND_MATCH : KIND_WRONG, .extra = (value < 2 ? 0 : value / 2 - 1) & 15};
}

/* Of the codes that code lengths are written in. */
static struct symbol length_symbol(unsigned value)
{
    static const uint8_t extra[] = {[16] = 2, [17] = 3, [18] = 7};
    return (struct symbol){.value = (uint16_t)value, .extra = value < ARRAY_LEN(extra) ? extra[value] & 15 : 0};
}

static unsigned reversed(unsigned code, unsigned length)
{
    unsigned result = 0;
    for (unsigned i = 0; i < length; i++)
        result |= (code >> i & 1) << (length - 1 - i);
    return result;
}

/* False when there are more codes than bits allow. Codes that are missing are met as unknown ones. */
static bool make_codes(struct codes *codes, const uint8_t *lengths, unsigned count,
                       struct symbol (*symbol_of)(unsigned value))
{
    unsigned code = 0, at[MAX_BITS + 2] = {0}, next[MAX_BITS + 1] = {0};
    int left = 1;
    memset(codes->count, 0, sizeof codes->count);
    memset(codes->fast, 0, sizeof codes->fast);
    for (unsigned i = 0; i < count; i++)
        codes->count[lengths[i]]++;
    codes->count[0] = 0;
    for (unsigned length = 1; length <= MAX_BITS; length++) {
        left = 2 * left - codes->count[length];
        if (left < 0)
            return false;
        code = (code + codes->count[length - 1]) << 1;
        next[length] = code;
        at[length + 1] = at[length] + codes->count[length];
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned length = lengths[i];
        if (length == 0)
            continue;
        codes->sorted[at[length]++] = (uint16_t)i;
        unsigned pattern = reversed(next[length]++, length);
        struct symbol symbol = symbol_of(i);
        symbol.length = (uint8_t)length;
        for (; length <= FAST_BITS && pattern < 1 << FAST_BITS; pattern += 1u << length)
            codes->fast[pattern] = symbol;
    }
    return true;
}

static struct symbol slow_symbol(uint64_t bits, const struct codes *codes, struct symbol (*symbol_of)(unsigned value))
{
    int code = 0, first = 0, index = 0;
    for (unsigned length = 1; length <= MAX_BITS; length++) {
        code |= (int)(bits >> (length - 1) & 1);
        int count = codes->count[length];
        if (code - count < first) {
            struct symbol symbol = symbol_of(codes->sorted[index + (code - first)]);
            symbol.length = (uint8_t)length;
            return symbol;
        }
        index += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    return (struct symbol){.kind = KIND_WRONG}; /* no such code */
}

/* The next symbol, its code taken; KIND_WRONG: there is no such code. */
static inline struct symbol next_symbol(struct bits *in, const struct codes *codes,
                                        struct symbol (*symbol_of)(unsigned value))
{
    struct symbol symbol = codes->fast[in->bits & ((1u << FAST_BITS) - 1)];
    if (symbol.length == 0)
        symbol = slow_symbol(in->bits, codes, symbol_of);
    in->bits >>= symbol.length;
    in->held -= symbol.length;
    return symbol;
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

static bool skip_stored(struct scanner *scanner)
{
    size_t start = (bit_position(&scanner->in) + 7) / 8;
    if (start + 4 > scanner->in.size)
        return false;
    const unsigned char *head = scanner->in.data + start;
    size_t length = (size_t)head[0] | (size_t)head[1] << 8;
    if ((length ^ ((size_t)head[2] | (size_t)head[3] << 8)) != 0xffff || scanner->in.size - start - 4 < length)
        return false;
    scanner->plain += length;
    scanner->in.at = start + 4 + length;
    scanner->in.bits = 0;
    scanner->in.held = 0;
    return true;
}

static bool fixed_codes(struct scanner *scanner)
{
    uint8_t lengths[LITERAlength_symbol];
    for (unsigned i = 0; i < LITERAlength_symbol; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    (void)make_codes(&scanner->literals, lengths, LITERAlength_symbol, literal_symbol);
    memset(lengths, 5, DISTANCES);
    return make_codes(&scanner->distances, lengths, DISTANCES, distance_symbol);
}

/* The code lengths of a dynamic block, themselves coded. */
static bool read_lengths(struct scanner *scanner, uint8_t *lengths, unsigned count)
{
    for (unsigned i = 0; i < count;) {
        refill(&scanner->in);
        struct symbol symbol = next_symbol(&scanner->in, &scanner->literals, length_symbol);
        if (symbol.kind == KIND_WRONG || !inside(&scanner->in))
            return false;
        if (symbol.value < 16) {
            lengths[i++] = (uint8_t)symbol.value;
            continue;
        }
        unsigned times = take(&scanner->in, symbol.extra) + (symbol.value == 18 ? 11 : 3);
        if (times > count - i || (symbol.value == 16 && i == 0))
            return false;
        memset(lengths + i, symbol.value == 16 ? lengths[i - 1] : 0, times);
        i += times;
    }
    return true;
}

static bool dynamic_codes(struct scanner *scanner)
{
    static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERAlength_symbol + DISTANCES] = {0};
    refill(&scanner->in);
    unsigned literals = take(&scanner->in, 5) + 257, distances = take(&scanner->in, 5) + 1,
             own = take(&scanner->in, 4) + 4;
    if (literals > LITERAlength_symbol - 2)
        return false;
    for (unsigned i = 0; i < own; i++) {
        refill(&scanner->in);
        lengths[order[i]] = (uint8_t)take(&scanner->in, 3);
    }
    if (!make_codes(&scanner->literals, lengths, ARRAY_LEN(order), length_symbol))
        return false;
    memset(lengths, 0, sizeof lengths);
    return read_lengths(scanner, lengths, literals + distances)
           && make_codes(&scanner->distances, lengths + literals, distances, distance_symbol)
           && make_codes(&scanner->literals, lengths, literals, literal_symbol);
}

/* What a literal or a match with its distance takes at most. */
#define SYMBOL_BITS (MAX_BITS + 5 + MAX_BITS + 13)

/* What changes with every symbol is local: the compiler keeps it in registers. */
static bool skip_symbols(struct scanner *scanner)
{
    struct bits in = scanner->in;
    size_t plain = 0;
    struct symbol symbol;
    for (;;) {
        if (in.held < SYMBOL_BITS) {
            refill(&in);
            if (!inside(&in))
                return false;
        }
        symbol = next_symbol(&in, &scanner->literals, literal_symbol);
        plain += symbol.value;
        if (symbol.kind == KIND_LITERAL)
            continue;
        if (symbol.kind != KIND_MATCH)
            break;
        plain += take(&in, symbol.extra);
        symbol = next_symbol(&in, &scanner->distances, distance_symbol);
        if (symbol.kind == KIND_WRONG)
            break;
        (void)take(&in, symbol.extra);
    }
    scanner->plain += plain;
    scanner->in = in;
    return symbol.kind == KIND_END && inside(&in);
}

static bool skip_block(struct scanner *scanner, bool *last)
{
    refill(&scanner->in);
    *last = take(&scanner->in, 1) == 1;
    switch (take(&scanner->in, 2)) {
    case BLOCK_STORED:
        return inside(&scanner->in) && skip_stored(scanner);
    case BLOCK_FIXED:
        return fixed_codes(scanner) && skip_symbols(scanner);
    case BLOCK_DYNAMIC:
        return dynamic_codes(scanner) && skip_symbols(scanner);
    default:
        return false;
    }
}

bool deflate_scan(const unsigned char *data, size_t size, struct deflate_scan *scan)
{
    struct scanner scanner = {.in = {.data = data, .size = size}};
    for (bool last = false; !last;) {
        scan->last_bit = bit_position(&scanner.in);
        if (!skip_block(&scanner, &last))
            return false;
    }
    scan->end_bit = bit_position(&scanner.in);
    scan->plain = scanner.plain;
    return true;
}

size_t deflate_make_piece(unsigned char *data, size_t size, size_t plain)
{
    static const unsigned char mark[] = {0x00, 0x00, 0xff, 0xff};
    struct deflate_scan scan;
    if (!deflate_scan(data, size, &scan) || scan.plain != plain || (scan.end_bit + 7) / 8 != size)
        return 0;
    data[scan.last_bit / 8] &= (unsigned char)~(1u << scan.last_bit % 8);
    /* The head of the stored block is three bits of 0, and the rest of that byte. */
    if (scan.end_bit % 8 != 0)
        data[size - 1] &= (unsigned char)((1u << scan.end_bit % 8) - 1);
    if ((scan.end_bit + 3 + 7) / 8 > size)
        data[size++] = 0;
    memcpy(data + size, mark, sizeof mark);
    return size + sizeof mark;
}
