/* Deflate data that others compressed, looked at bit by bit without inflating it: where its last block begins and ends.
 * Inside archive/ only.
 *
 * libdeflate always ends with a final block. To make its output a piece in the middle of a longer stream, that block's
 * first bit must be cleared and an empty stored block appended at the very bit where it ends; neither place is known
 * to the caller. Reading only the symbols' lengths costs a tenth of an inflate by zlib.
 */
#ifndef ARCHIVE_DEFLATE_SCAN_H
#define ARCHIVE_DEFLATE_SCAN_H

#include "base/macros.h"

struct deflate_scan {
    size_t last_bit; /* where the last block begins: its BFINAL */
    size_t end_bit;  /* behind it */
    size_t plain;    /* bytes that the data inflates to */
};

/* False when it is no deflate data that ends within `size` bytes. */
bool deflate_scan(const unsigned char *data, size_t size, struct deflate_scan *scan) MUST_CHECK;

/* Scan, and turn data that inflates to `plain` bytes into a piece (seal.h); `data` has room for DEFLATE_PIECE_MORE
 * bytes behind `size`. Returns the piece's size; 0, with the data unchanged, when the scan says something else. */
#define DEFLATE_PIECE_MORE 5
size_t deflate_make_piece(unsigned char *data, size_t size, size_t plain);

#endif
