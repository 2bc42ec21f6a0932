/* Time: wall clock for people and tokens, monotonic clock for deadlines. Both in milliseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/macros.h"

int64_t clock_wall_ms(void); /* Unix time */
int64_t clock_mono_ms(void); /* since an arbitrary start; never goes back */

#define CLOCK_TEXT_SIZE 32

/* UTC as 2025-01-29T10:30:00.123Z (ISO 8601, as the hub's API writes dates). */
void clock_iso(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

/* UTC as 2025-01-29T10-30-00: the form in the names of backup files (requirement). */
void clock_file_stamp(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

#endif
