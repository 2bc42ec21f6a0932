/* Text: UTF-8 that is safe to send, sizes and durations as people write them, hex and random names. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"

/* A copy in which bytes that are not UTF-8 (RFC 3629) stand as U+FFFD. jansson refuses such text. NULL gives "". */
const char *text_utf8(struct arena *arena, const char *text);
bool text_is_utf8(const char *text, size_t length);

/* Drop an incomplete character from the end (after a cut at a fixed size). */
void text_cut_utf8(char *text);

/* "500MB", "64KB", "2GB", "1048576" -> bytes (1 KB = 1024). False when it is not such a text or too large. */
bool text_parse_bytes(const char *text, uint64_t *bytes) MUST_CHECK;
/* "5m", "1h", "90s", "250ms", "1d", "0" -> milliseconds. A bare number other than 0 is refused: it has no unit. */
bool text_parse_duration(const char *text, int64_t *ms) MUST_CHECK;
bool text_parse_integer(const char *text, int64_t min, int64_t max, int64_t *value) MUST_CHECK;

/* 524288000 -> "500MB", else two decimals: "12.35MB" (the hub's form). */
const char *text_bytes(struct arena *arena, uint64_t bytes);

bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);

/* Lower-case hex of `size` bytes into `out`, which holds 2 * size + 1. */
void text_hex(const unsigned char *bytes, size_t size, char *out);

/* `length` random characters of a-z0-9 and the final zero; from the kernel's generator. */
void text_random(char *out, size_t length);

#endif
