#include "pg/copy.h"

#include "pg/internal.h"

#include <poll.h>

/* Send the statement; true when the server is in `expected`, one of PGRES_COPY_IN and PGRES_COPY_OUT. */
static bool start(struct pg_conn *conn, const char *sql, ExecStatusType expected, struct err *err)
{
    conn->sqlstate[0] = '\0';
    if (!PQsendQuery(conn->raw, sql))
        return pg_fail(conn, err);
    if (!pg_wait_result(conn, err))
        return false;
    PGresult *result = PQgetResult(conn->raw);
    bool ok = PQresultStatus(result) == expected;
    if (!ok) {
        struct err ignored;
        pg_note_failure(conn, result, err);
        (void)!pg_take_results(conn, NULL, NULL, &ignored);
    }
    PQclear(result);
    return ok;
}

/* Until all that was put has left; the server's answers are taken in meanwhile, or both sides would wait. */
static bool flush(struct pg_conn *conn, struct err *err)
{
    int left;
    while ((left = PQflush(conn->raw)) == 1) {
        if (cancel_poll(conn->cancel, PQsocket(conn->raw), POLLIN | POLLOUT, -1, err) < 0)
            return false;
        if (PQconsumeInput(conn->raw) == 0)
            return pg_fail(conn, err);
    }
    return left == 0 || pg_fail(conn, err);
}

bool pg_copy_in(struct pg_conn *conn, const char *sql, struct err *err)
{
    if (!start(conn, sql, PGRES_COPY_IN, err))
        return false;
    return PQsetnonblocking(conn->raw, 1) == 0 || pg_fail(conn, err);
}

bool pg_copy_put(struct pg_conn *conn, const void *bytes, size_t size, struct err *err)
{
    for (const char *at = bytes; size > 0;) {
        size_t piece = MIN(size, 64 * KIB); /* libpq keeps a copy until it has left */
        if (PQputCopyData(conn->raw, at, (int)piece) != 1)
            return pg_fail(conn, err);
        at += piece;
        size -= piece;
        if (!flush(conn, err))
            return false;
    }
    return true;
}

bool pg_copy_end(struct pg_conn *conn, uint64_t *rows, struct err *err)
{
    if (PQputCopyEnd(conn->raw, NULL) != 1)
        return pg_fail(conn, err);
    if (!flush(conn, err))
        return false;
    struct arena *arena = arena_new();
    struct pg_result result = {0};
    bool ok = PQsetnonblocking(conn->raw, 0) == 0 || pg_fail(conn, err);
    ok = ok && pg_take_results(conn, arena, &result, err);
    *rows = (uint64_t)result.affected;
    arena_free(arena);
    return ok;
}

bool pg_copy_out(struct pg_conn *conn, const char *sql,
                 bool (*take)(void *context, const char *line, size_t size, struct err *err), void *context,
                 struct err *err)
{
    if (!start(conn, sql, PGRES_COPY_OUT, err))
        return false;
    for (;;) {
        char *line = NULL;
        int size = PQgetCopyData(conn->raw, &line, 1);
        if (size > 0) {
            bool taken = take(context, line, (size_t)size, err);
            PQfreemem(line);
            if (!taken)
                return false;
        } else if (size == 0) {
            if (cancel_poll(conn->cancel, PQsocket(conn->raw), POLLIN, -1, err) < 0)
                return false;
            if (PQconsumeInput(conn->raw) == 0)
                return pg_fail(conn, err);
        } else {
            return size == -1 ? pg_take_results(conn, NULL, NULL, err) : pg_fail(conn, err);
        }
    }
}
