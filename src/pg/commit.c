/* COMMIT with a certain outcome. */
#include "base/clock.h"
#include "base/text.h"
#include "pg/internal.h"

#include <stdlib.h>

#define ASK_FOR_MS 20000 /* a server that crashed recovers meanwhile */
#define ASK_EVERY_MS 200

/* To the server that the lost connection was to, by the same settings. */
static struct pg_conn *reopen(const struct pg_conn *lost, struct err *err)
{
    PQconninfoOption *all = PQconninfo(lost->raw);
    struct pg_conn *again = calloc(1, sizeof *again);
    const char *keys[64], *values[64];
    size_t used = 0;
    if (again == NULL || all == NULL)
        abort();
    for (PQconninfoOption *one = all; one->keyword != NULL && used < ARRAY_LEN(keys) - 1; one++)
        if (one->val != NULL) {
            keys[used] = one->keyword;
            values[used++] = one->val;
        }
    keys[used] = values[used] = NULL;
    again->raw = PQconnectStartParams(keys, values, 0);
    bool ok = pg_finish_connect(again, err);
    PQconninfoFree(all);
    if (ok)
        return again;
    pg_close(again);
    return NULL;
}

/* "committed" or "aborted"; "" while that is not known. */
static const char *ask(const struct pg_conn *lost, struct arena *arena, const char *xid)
{
    struct err err;
    struct pg_result found;
    const char *status = "";
    struct pg_conn *again = reopen(lost, &err);
    if (again != NULL && pg_query(again, arena, &found, &err, "SELECT pg_xact_status($1::xid8)", PG_ARGS(xid))
        && strcmp(pg_text(&found, 0, 0), "in progress") != 0)
        status = pg_text(&found, 0, 0);
    pg_close(again);
    return status;
}

static bool find_outcome(const struct pg_conn *lost, struct arena *arena, const char *xid, struct err *err)
{
    struct err ignored;
    struct err reason = *err;
    for (int64_t end = clock_mono_ms() + ASK_FOR_MS; clock_mono_ms() < end;) {
        const char *status = ask(lost, arena, xid);
        if (status[0] != '\0')
            return strcmp(status, "committed") == 0; /* else what ended the connection is the reason */
        if (!cancel_sleep(NULL, ASK_EVERY_MS, &ignored))
            break;
    }
    return err_set(err, ERR_OUTCOME_UNKNOWN, "committing transaction %s: %s", xid, reason.words);
}

bool pg_commit(struct pg_conn *conn, struct err *err)
{
    const struct cancel *cancel = conn->cancel;
    struct arena *arena = arena_new();
    struct pg_result found;
    bool ok = cancel_check(cancel, err);
    conn->cancel = NULL;
    if (ok && pg_query(conn, arena, &found, err, "SELECT pg_current_xact_id_if_assigned()", PG_NO_ARGS)) {
        const char *xid = arena_strdup(arena, pg_text(&found, 0, 0));
        ok = pg_run(conn, err, "COMMIT");
        if (!ok && err->code == ERR_DATABASE_UNAVAILABLE && xid[0] != '\0')
            ok = find_outcome(conn, arena, xid, err);
    } else {
        ok = false;
    }
    conn->cancel = cancel;
    arena_free(arena);
    return ok;
}
