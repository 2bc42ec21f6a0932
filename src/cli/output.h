/* The file that a command writes its result to: under another name first, renamed when it is whole and on the disk. What is no file (a
 * device, a pipe) is written to as it is.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/arena.h"
#include "base/err.h"

struct output {
    const char *path;    /* NULL: standard output */
    const char *partial; /* written first; NULL: none */
    int fd;              /* -1: not open */
};

#define OUTPUT_NONE ((struct output){.fd = -1})

/* `path` "-" is standard output. */
bool output_open(struct arena *arena, const char *path, struct output *output, struct err *err) MUST_CHECK;

/* With `ok` the file is there, as a whole; without, or when this fails, nothing is left of it. Gives `ok`, or false
 * with err. An output that is not open is left alone. */
bool output_close(struct output *output, bool ok, struct err *err) MUST_CHECK;

#endif
