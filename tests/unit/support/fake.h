/* Programs that a test writes itself, as shell scripts in a directory of its own that every user can read.
 */
#ifndef UNIT_SUPPORT_FAKE_H
#define UNIT_SUPPORT_FAKE_H

#include "base/arena.h"

struct fake {
    struct arena *arena;
    const char *directory;
};

/* For cmocka; the state is a struct fake. */
int fake_open(void **state);
int fake_close(void **state); /* removes the directory with all in it */

const char *fake_program(const struct fake *fake, const char *name, const char *script); /* its path; replaces one */

#endif
