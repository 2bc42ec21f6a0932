#include "pg/conn.h"

#include "base/clock.h"
#include "pg/internal.h"

#include <poll.h>

#define CONNECT_TIMEOUT_MS 10000
#define CONNECT_TIMEOUT_MAX_S 3600
/* An answer that libpq found no memory for is, to it, one that has not come whole: it is there when asked again. */
#define LOOK_AGAIN_MS 2000

/* libpq ends its messages with a newline; errors are one line. */
static void copy_message(const char *message, char *out, size_t size)
{
    snprintf(out, size, "%s", message == NULL ? "no message" : message);
    for (size_t length = strlen(out); length > 0 && out[length - 1] == '\n'; length--)
        out[length - 1] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (*at == '\n')
            *at = ' ';
}

bool pg_fail(struct pg_conn *conn, struct err *err)
{
    char message[1024];
    copy_message(PQerrorMessage(conn->raw), message, sizeof message);
    if (PQstatus(conn->raw) != CONNECTION_OK)
        return err_set(err, ERR_DATABASE_UNAVAILABLE, "%s", message);
    return err_set(err, ERR_DATABASE_ERROR, "%s", message);
}

/* The address's connect_timeout, which PQconnectPoll() leaves to its caller. */
static int connect_timeout_ms(PGconn *raw)
{
    long seconds = 0;
    PQconninfoOption *options = PQconninfo(raw);
    for (PQconninfoOption *at = options; at != NULL && at->keyword != NULL; at++)
        if (at->val != NULL && strcmp(at->keyword, "connect_timeout") == 0)
            seconds = strtol(at->val, NULL, 10);
    PQconninfoFree(options);
    return seconds <= 0 ? CONNECT_TIMEOUT_MS : (int)MIN(seconds, CONNECT_TIMEOUT_MAX_S) * 1000;
}

bool pg_finish_connect(struct pg_conn *conn, struct err *err)
{
    int timeout = connect_timeout_ms(conn->raw);
    int64_t deadline = clock_mono_ms() + timeout;
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    while (step != PGRES_POLLING_OK) {
        if (step == PGRES_POLLING_FAILED)
            return pg_fail(conn, err) || err_wrap(err, "connecting");
        int64_t left = deadline - clock_mono_ms();
        short events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        int ready = left <= 0 ? 0 : cancel_poll(conn->cancel, PQsocket(conn->raw), events, (int)left, err);
        if (ready < 0)
            return false;
        if (ready == 0)
            return err_set(err, ERR_DATABASE_UNAVAILABLE, "connecting: no answer within %d s", timeout / 1000);
        step = PQconnectPoll(conn->raw);
    }
    return true;
}

static void drop_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

struct pg_conn *pg_open(const char *conninfo, const char *name, const struct cancel *cancel, struct err *err)
{
    struct pg_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        abort();
    /* What comes before dbname, DSN may set otherwise: a peer that is silently gone is noticed within a minute. */
    const char *keys[] = {"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                          "dbname",          "application_name",    "client_encoding",  NULL};
    const char *values[] = {"20", "10", "3", "50000", conninfo, name, "UTF8", NULL};
    conn->cancel = cancel;
    conn->raw = PQconnectStartParams(keys, values, 1);
    if (conn->raw == NULL)
        abort();
    if (PQstatus(conn->raw) == CONNECTION_BAD) {
        pg_fail(conn, err);
        err_wrap(err, "connecting");
        goto failed;
    }
    if (!pg_finish_connect(conn, err))
        goto failed;
    PQsetNoticeReceiver(conn->raw, drop_notice, NULL);
    /* Our SQL has backslashes in plain strings, and somebody may have set that for the role or the database. */
    const char *plain = PQparameterStatus(conn->raw, "standard_conforming_strings");
    if (plain != NULL && strcmp(plain, "off") == 0 && !pg_run(conn, err, "SET standard_conforming_strings = on"))
        goto failed;
    return conn;
failed:
    PQfinish(conn->raw);
    free(conn);
    return NULL;
}

static void cancel_statement(struct pg_conn *conn)
{
    char ignored[256];
    PGcancel *request = PQgetCancel(conn->raw);
    if (request != NULL)
        PQcancel(request, ignored, sizeof ignored);
    PQfreeCancel(request);
}

void pg_close(struct pg_conn *conn)
{
    if (conn == NULL)
        return;
    if (PQtransactionStatus(conn->raw) == PQTRANS_ACTIVE)
        cancel_statement(conn);
    PQfinish(conn->raw);
    free(conn);
}

PGconn *pg_raw(struct pg_conn *conn)
{
    return conn->raw;
}

void pg_set_cancel(struct pg_conn *conn, const struct cancel *cancel)
{
    conn->cancel = cancel;
}

const char *pg_sqlstate(const struct pg_conn *conn)
{
    return conn->sqlstate;
}

bool pg_wait_result(struct pg_conn *conn, struct err *err)
{
    bool cancelled = false;
    for (;;) {
        while (PQflush(conn->raw) == 1) {
            struct pollfd fd = {.fd = PQsocket(conn->raw), .events = POLLIN | POLLOUT};
            (void)poll(&fd, 1, 1000);
            if (PQconsumeInput(conn->raw) == 0)
                return pg_fail(conn, err);
        }
        if (!PQisBusy(conn->raw))
            return !cancelled;
        struct err ignored;
        int ready = cancelled ? cancel_poll(NULL, PQsocket(conn->raw), POLLIN, CONNECT_TIMEOUT_MS, &ignored)
                              : cancel_poll(conn->cancel, PQsocket(conn->raw), POLLIN, LOOK_AGAIN_MS, err);
        if (ready < 0 && !cancelled) {
            cancel_statement(conn);
            cancelled = true;
            continue;
        }
        if (ready == 0 && !cancelled)
            continue;
        if (ready <= 0 || (PQconsumeInput(conn->raw) == 0 && PQstatus(conn->raw) != CONNECTION_OK))
            return cancelled ? false : pg_fail(conn, err);
    }
}

static void copy_result(const PGresult *from, struct arena *arena, struct pg_result *to)
{
    to->count = PQntuples(from);
    to->columns = PQnfields(from);
    to->affected = strtol(PQcmdTuples((PGresult *)from), NULL, 10);
    size_t total = (size_t)to->count * (size_t)to->columns;
    to->values = arena_alloc(arena, (total + 1) * sizeof *to->values);
    for (size_t i = 0; i < total; i++) {
        int row = (int)(i / (size_t)to->columns), column = (int)(i % (size_t)to->columns);
        if (!PQgetisnull(from, row, column))
            to->values[i] = arena_strndup(arena, PQgetvalue(from, row, column), (size_t)PQgetlength(from, row, column));
    }
}

bool pg_note_failure(struct pg_conn *conn, const PGresult *result, struct err *err)
{
    char message[1024];
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(conn->sqlstate, sizeof conn->sqlstate, "%s", state == NULL ? "" : state);
    copy_message(PQresultErrorMessage(result), message, sizeof message);
    /* 57P01 to 57P05: the server ends the connection; libpq notices a moment later. */
    bool gone = PQstatus(conn->raw) != CONNECTION_OK || (state != NULL && strncmp(state, "57P0", 4) == 0);
    return err_set(err, gone ? ERR_DATABASE_UNAVAILABLE : ERR_DATABASE_ERROR, "%s%s%s", message,
                   state == NULL ? "" : " SQLSTATE ", state == NULL ? "" : state);
}

bool pg_take_results(struct pg_conn *conn, struct arena *arena, struct pg_result *result, struct err *err)
{
    bool ok = true, waiting = true;
    while (waiting) {
        struct err reason;
        if (!pg_wait_result(conn, &reason)) {
            if (ok)
                *err = reason;
            ok = false;
            if (PQstatus(conn->raw) != CONNECTION_OK || PQisBusy(conn->raw))
                return false;
        }
        PGresult *one = PQgetResult(conn->raw);
        ExecStatusType status = PQresultStatus(one);
        waiting = one != NULL;
        if (ok && one != NULL && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
            ok = pg_note_failure(conn, one, err);
        if (ok && one != NULL && result != NULL)
            copy_result(one, arena, result);
        PQclear(one);
    }
    return ok;
}

bool pg_query(struct pg_conn *conn, struct arena *arena, struct pg_result *result, struct err *err, const char *sql,
              const char *const *args, int arg_count)
{
    conn->sqlstate[0] = '\0';
    if (!PQsendQueryParams(conn->raw, sql, arg_count, NULL, args, NULL, NULL, 0))
        return pg_fail(conn, err);
    return pg_take_results(conn, arena, result, err);
}

bool pg_run(struct pg_conn *conn, struct err *err, const char *sql)
{
    conn->sqlstate[0] = '\0';
    if (!PQsendQuery(conn->raw, sql))
        return pg_fail(conn, err);
    return pg_take_results(conn, NULL, NULL, err);
}

const char *pg_text(const struct pg_result *result, int row, int column)
{
    const char *value = result->values[row * result->columns + column];
    return value == NULL ? "" : value;
}

int64_t pg_int(const struct pg_result *result, int row, int column)
{
    return strtoll(pg_text(result, row, column), NULL, 10);
}

bool pg_bool(const struct pg_result *result, int row, int column)
{
    return pg_text(result, row, column)[0] == 't';
}

const char *pg_ident(struct pg_conn *conn, struct arena *arena, const char *name)
{
    char *quoted = PQescapeIdentifier(conn->raw, name, strlen(name));
    if (quoted == NULL)
        abort(); /* only when the text is not UTF-8, and names come from the catalogue */
    const char *copy = arena_strdup(arena, quoted);
    PQfreemem(quoted);
    return copy;
}

const char *pg_literal(struct pg_conn *conn, struct arena *arena, const char *text)
{
    char *quoted = PQescapeLiteral(conn->raw, text, strlen(text));
    if (quoted == NULL)
        abort();
    const char *copy = arena_strdup(arena, quoted);
    PQfreemem(quoted);
    return copy;
}
