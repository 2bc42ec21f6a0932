#include "archive/seal.h"

#include "archive/entry.h"
#include "base/text.h"

#include <inttypes.h>

#define HEX_SIZE (2 * SHA256_SIZE)
#define HEAD_SIZE ((size_t)11) /* type, dump id, the chunk's length */
#define END_SIZE ((size_t)5)   /* the chunk of length 0 */
#define FIRST_LINE "hubport-seal 2\n"
#define FIRST_SIZE (sizeof FIRST_LINE - 1 + 9) /* "pieces 0\n" at least */
#define LAST_SIZE (7 + HEX_SIZE + 4 + 16 + 1)  /* "sha256 ... at ...\n" */
#define LINE_SIZE ((size_t)8 + 11 + 21 + 21 + HEX_SIZE + 1)

static const char *const kinds[] = {[SEAL_TABLE] = "table", [SEAL_DATA] = "data", [SEAL_OBJECTS] = "objects"};

void seal_add_object(struct sha256 *sha, uint32_t oid, uint64_t bytes)
{
    unsigned char end[12];
    for (int i = 0; i < 4; i++)
        end[i] = (unsigned char)(oid >> 8 * i);
    for (int i = 0; i < 8; i++)
        end[4 + i] = (unsigned char)(bytes >> 8 * i);
    sha256_add(sha, end, sizeof end);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static unsigned char *put_int(unsigned char *at, uint32_t value)
{
    *at++ = 0; /* not negative */
    for (int shift = 0; shift < 32; shift += 8)
        *at++ = (unsigned char)(value >> shift);
    return at;
}

static size_t write_text(const struct seal *seal, char *text, size_t room)
{
    char hex[HEX_SIZE + 1];
    size_t used = (size_t)snprintf(text, room, FIRST_LINE "pieces %" PRIu32 "\n", seal->piece);
    for (size_t i = 0; i < seal->count; i++) {
        const struct seal_line *line = &seal->lines[i];
        text_hex(line->sha256, SHA256_SIZE, hex);
        used += (size_t)snprintf(text + used, room - used, "%s %" PRId32 " %" PRIu64 " %" PRIu64 " %s\n",
                                 kinds[line->kind], line->dump_id, line->rows, line->bytes, hex);
    }
    text_hex(seal->sha256, SHA256_SIZE, hex);
    return used + (size_t)snprintf(text + used, room - used, "sha256 %s at %016" PRIx64 "\n", hex, seal->position);
}

unsigned char *seal_write(const struct seal *seal, struct arena *arena, size_t *size)
{
    size_t room = FIRST_SIZE + 16 + seal->count * LINE_SIZE + LAST_SIZE + 1;
    unsigned char *block = arena_alloc(arena, HEAD_SIZE + room + END_SIZE);
    size_t length = write_text(seal, (char *)block + HEAD_SIZE, room);
    block[0] = BLOCK_DATA;
    put_int(put_int(block + 1, ARCHIVE_SEAL_ID), (uint32_t)length);
    put_int(block + HEAD_SIZE + length, 0);
    *size = HEAD_SIZE + length + END_SIZE;
    return block;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* What is read here loosely is compared with what it must have been, to the letter, by its reader. */
static bool take_word(char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return false;
    *at += length;
    return true;
}

static uint64_t take_number(char **at, int base)
{
    uint64_t value = strtoull(*at, at, base);
    *at += **at == ' ' || **at == '\n';
    return value;
}

static bool take_digest(char **at, unsigned char digest[SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HEX_SIZE; i++, ++*at) {
        const char *digit = **at == '\0' ? NULL : strchr(digits, **at);
        if (digit == NULL)
            return false;
        digest[i / 2] = (unsigned char)(digest[i / 2] << 4 | (digit - digits));
    }
    return true;
}

static bool take_line(char **at, struct seal_line *line)
{
    *line = (struct seal_line){.kind = SEAL_TABLE};
    while (!take_word(at, kinds[line->kind]))
        if (++line->kind > SEAL_OBJECTS)
            return false;
    *at += **at == ' ';
    line->dump_id = (int32_t)take_number(at, 10);
    line->rows = take_number(at, 10);
    line->bytes = take_number(at, 10);
    return take_digest(at, line->sha256) && take_word(at, "\n");
}

static bool take_last(char *text, struct seal *seal)
{
    return take_word(&text, "sha256 ") && take_digest(&text, seal->sha256) && take_word(&text, " at ")
           && ((seal->position = take_number(&text, 16)), true);
}

static bool parse(char *text, struct arena *arena, struct seal *seal)
{
    if (!take_word(&text, FIRST_LINE) || !take_word(&text, "pieces "))
        return false;
    seal->piece = (uint32_t)take_number(&text, 10);
    if (seal->piece != 0 && seal->piece != SEAL_PIECE)
        return false;
    while (strncmp(text, "sha256 ", 7) != 0)
        if (!take_line(&text, arena_push(arena, &seal->lines, seal->count++, sizeof *seal->lines)))
            return false;
    return take_last(text, seal);
}

bool seal_find(const struct reader *reader, uint64_t first, struct arena *arena, struct seal **seal, struct err *err)
{
    char last[LAST_SIZE + 1] = "";
    struct seal found = {0};
    *seal = NULL;
    if (reader->size - first < HEAD_SIZE + FIRST_SIZE + LAST_SIZE + END_SIZE)
        return true;
    if (!reader_look(reader, reader->size - LAST_SIZE - END_SIZE, last, LAST_SIZE, err))
        return false;
    if (!take_last(last, &found) || found.position < first || found.position >= reader->size
        || reader->size - found.position > SEAL_MAX)
        return true;

    size_t size = (size_t)(reader->size - found.position), again_size;
    char *block = arena_alloc(arena, size + 1);
    if (!reader_look(reader, found.position, block, size, err))
        return false;
    found = (struct seal){0};
    if (size < HEAD_SIZE || !parse(block + HEAD_SIZE, arena, &found))
        return true;
    unsigned char *again = seal_write(&found, arena, &again_size);
    if (again_size == size && memcmp(again, block, size) == 0 && found.position == reader->size - size) {
        *seal = arena_alloc(arena, sizeof found);
        **seal = found;
    }
    return true;
}
