/* The seal's two sides. Inside archive/ only. */
#ifndef ARCHIVE_SEAL_H
#define ARCHIVE_SEAL_H

#include "archive/archive.h"

size_t seal_size(void);

/* Whether these seal_size() bytes are a seal, and of which digest. */
bool seal_parse(const unsigned char *bytes, unsigned char sha256[32]);

#endif
