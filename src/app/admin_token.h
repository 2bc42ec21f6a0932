/* ADMIN_TOKEN: as set, else made once and kept in the data directory (admin_token, 0600). */
#ifndef APP_ADMIN_TOKEN_H
#define APP_ADMIN_TOKEN_H

#include "config/config.h"

/* NULL when it can be neither read nor written. "change-me" counts as not set, as in the hub. */
const char *admin_token_find(const struct config *config, struct arena *arena, struct err *err) MUST_CHECK;

/* Where the made one is. */
const char *admin_token_path(const struct config *config, struct arena *arena);

#endif
