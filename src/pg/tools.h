/* PostgreSQL's own programs: where they are and how old. */
#ifndef PG_TOOLS_H
#define PG_TOOLS_H

#include "base/arena.h"
#include "base/err.h"

struct pg_tools {
    const char *directory;                        /* "" when nothing was found */
    const char *dump, *restore, *server, *initdb; /* paths; NULL when missing */
    int dump_version, restore_version;            /* 150020 for 15.20, as server_version_num; 0 when missing */
};

/* Look in `bin_dir`, else below /usr/lib/postgresql (the newest), else along PATH. Never fails: what is missing is
 * NULL. */
void pg_tools_find(const char *bin_dir, struct arena *arena, struct pg_tools *tools);

/* That pg_dump and pg_restore are there and not older than the server (major versions): ERR_TOOLS_MISSING,
 * ERR_TOOLS_TOO_OLD. */
bool pg_tools_check(const struct pg_tools *tools, int server_version, struct err *err) MUST_CHECK;

const char *pg_version_text(struct arena *arena, int version); /* 150020 -> "15.20"; 0 -> "" */

#endif
