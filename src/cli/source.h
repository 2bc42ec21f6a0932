/* The whole of a file that a command takes. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "base/err.h"
#include "base/jtext.h"

/* `path` "-" is standard input. At most `limit` bytes and some more, which tells that there are too many; the text ends
 * with a zero that does not count. The caller frees text->text in any case. FILE_MISSING. */
bool source_read(const char *path, uint64_t limit, struct jtext_out *text, struct err *err) MUST_CHECK;

#endif
