#include "batch/records.h"

#include "base/log.h"
#include "base/text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PREVIEW_LIFE "1 hour"
#define SWEEP_MS 600000

#define ISO(time) "to_char((" time ") AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
#define EXPIRES ISO("expires_at")
#define APPLIED ISO("applied_at")
#define UNDONE ISO("undone_at")
#define UNTIL ISO("undo_until")
#define NOW ISO("now()")
#define WINDOW_END "now() + $13::interval"
#define WINDOW_END_ISO ISO(WINDOW_END)

#define PREVIEW_SQL                                                                                                    \
    "INSERT INTO hubport.batch_operations (id, kind, action, state, preview_token, revision, user_id, user_name,"      \
    " fields, row_count, rows, fingerprint, expires_at) VALUES ($1, $2, 'patch', 'previewed', $3, $4, $5::bigint,"     \
    " $6, '{}', $7::int, $8::json, $9, now() + interval '" PREVIEW_LIFE "') RETURNING " EXPIRES

#define APPLY_SQL                                                                                                      \
    "INSERT INTO hubport.batch_operations (id, kind, action, state, undo_token, idempotency_key, fingerprint,"         \
    " user_id, user_name, fields, row_count, rows, endpoints, applied_at, undo_until, expires_at, result)"             \
    " SELECT $1, $2, $3, 'applied', $4, $5, $6, $7::bigint, $8, ARRAY(SELECT jsonb_array_elements_text($9::jsonb)),"   \
    " $10::int, $11::json, $12::jsonb, now(), " WINDOW_END ", " WINDOW_END ", jsonb_build_object('operationId',"       \
    " $1::text, 'appliedAt', " NOW ", 'updatedCount', $10::int, 'undoToken', $4::text, 'undoExpiresAt',"               \
    " " WINDOW_END_ISO ") ON CONFLICT (id) DO UPDATE SET (state, undo_token, idempotency_key, fingerprint, user_id,"   \
    " user_name, fields, row_count, rows, applied_at, undo_until, expires_at, result) = (excluded.state,"              \
    " excluded.undo_token, excluded.idempotency_key, excluded.fingerprint, excluded.user_id, excluded.user_name,"      \
    " excluded.fields, excluded.row_count, excluded.rows, excluded.applied_at, excluded.undo_until,"                   \
    " excluded.expires_at, excluded.result) RETURNING result"

#define LIST_SQL                                                                                                       \
    "WITH fits AS (SELECT * FROM hubport.batch_operations WHERE state <> 'previewed' AND ($1::text IS NULL OR kind ="  \
    " $1)), page AS (SELECT * FROM fits ORDER BY applied_at DESC, id OFFSET $2::bigint LIMIT $3::bigint)"              \
    " SELECT (SELECT count(*) FROM fits), coalesce(jsonb_agg(jsonb_build_object('operationId', id, 'kind', kind,"      \
    " 'action', action, 'userId', user_id, 'userName', user_name, 'fields', fields, 'rowCount', row_count,"            \
    " 'undoToken', undo_token, 'undoable', state = 'applied' AND undo_until > now(), 'appliedAt', " APPLIED ","        \
    " 'undoneAt', " UNDONE ", 'undoExpiresAt', " UNTIL ") ORDER BY applied_at DESC, id), '[]') FROM page"

static bool query(struct pg_conn *conn, struct arena *arena, struct pg_result *rows, struct err *err, const char *sql,
                  const char *const *args, int count)
{
    if (pg_query(conn, arena, rows, err, sql, args, count))
        return true;
    if (strcmp(pg_sqlstate(conn), "42P01") != 0)
        return false;
    err_set(err, ERR_FEATURE_UNAVAILABLE, "the table hubport.batch_operations is missing; run hubport migrate");
    return err_args(err, "hubport.batch_operations", NULL);
}

/* As the hub's: provider_patch_undo_<uuid>. */
static const char *make_token(struct arena *arena, const struct kind *kind, const char *use)
{
    unsigned char random[16];
    char hex[2 * sizeof random + 1];
    randombytes_buf(random, sizeof random);
    random[6] = (unsigned char)(0x40 | (random[6] & 0x0f));
    random[8] = (unsigned char)(0x80 | (random[8] & 0x3f));
    text_hex(random, sizeof random, hex);
    return arena_printf(arena, "%s_patch_%s_%.8s-%.4s-%.4s-%.4s-%.12s", kind->category, use, hex, hex + 8, hex + 12,
                        hex + 16, hex + 20);
}

static const char *json_text(struct arena *arena, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    const char *kept = arena_strdup(arena, text);
    free(text);
    return kept;
}

static const char *number(struct arena *arena, int64_t value)
{
    return arena_printf(arena, "%lld", (long long)value);
}

/* ---- Find -------------------------------------------------------------------------------------------------------- */

bool records_find(struct pg_conn *conn, struct arena *arena, const struct kind *kind, enum record_by by,
                  const char *value, bool lock, struct record *record, struct err *err)
{
    static const char *const columns[] = {"preview_token", "idempotency_key", "undo_token"};
    struct pg_result rows;
    const char *sql = arena_printf(arena,
                                   "SELECT id, action, state, revision, idempotency_key, fingerprint, applied_at, "
                                   "rows, endpoints, result, CASE state WHEN 'previewed' THEN expires_at ELSE "
                                   "undo_until END < now() FROM hubport.batch_operations WHERE kind = $1 AND %s = $2%s",
                                   columns[by], lock ? " FOR UPDATE" : "");
    *record = (struct record){0};
    if (!query(conn, arena, &rows, err, sql, PG_ARGS(kind->name, value)))
        return false;
    if (rows.count == 0)
        return true;
    const char **row = rows.values;
    *record = (struct record){.id = row[0],
                              .action = row[1],
                              .state = row[2],
                              .revision = row[3],
                              .idempotency_key = row[4],
                              .fingerprint = row[5],
                              .applied_at = row[6],
                              .rows = row[7],
                              .endpoints = row[8],
                              .result = row[9],
                              .over = pg_bool(&rows, 0, 10)};
    return true;
}

/* ---- Write ------------------------------------------------------------------------------------------------------- */

bool records_add_preview(const struct batch_job *job, const struct kind *kind, const struct record_preview *preview,
                         json_t **answer, struct err *err)
{
    struct arena *arena = job->arena;
    struct pg_result rows;
    const char *token = make_token(arena, kind, "preview");
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL
              && query(conn, arena, &rows, err, PREVIEW_SQL,
                       PG_ARGS(make_token(arena, kind, "apply"), kind->name, token, preview->revision,
                               number(arena, job->actor.user_id), job->actor.user_name,
                               number(arena, (int64_t)json_array_size(preview->rows)), json_text(arena, preview->rows),
                               preview->fingerprint));
    pg_pool_give(job->app->pool, conn);
    if (ok)
        *answer = json_pack("{s:s, s:s, s:s}", "previewToken", token, "previewRevision", preview->revision,
                            "previewExpiresAt", pg_text(&rows, 0, 0));
    return ok;
}

/* The hub keeps what was applied to providers under the same claims, so that one idempotency key has one effect on both
 * sides. Taking it back is ours: to the hub its time is over. */
static bool claim_at_hub(const struct batch_job *job, struct pg_conn *conn, const struct record_applied *applied,
                         const char *id, const char *result, struct err *err)
{
    struct arena *arena = job->arena;
    struct pg_result rows;
    const char *claim = applied->idempotency_key == NULL
                            ? arena_printf(arena, "preview:%s", applied->preview_token)
                            : arena_printf(arena, "idempotency:%s", applied->idempotency_key);
    if (!pg_query(conn, arena, &rows, err,
                  "SELECT count(*) = 9 FROM pg_attribute WHERE attrelid ="
                  " to_regclass('public.provider_batch_apply_operations') AND NOT attisdropped AND attname IN"
                  " ('claim_key', 'preview_token', 'payload_fingerprint', 'operation_id', 'undo_token', "
                  "'undo_expires_at', 'status', 'result', 'expires_at')",
                  PG_NO_ARGS))
        return false;
    if (!pg_bool(&rows, 0, 0))
        return true;
    if (!pg_query(conn, arena, NULL, err,
                  "DELETE FROM public.provider_batch_apply_operations WHERE claim_key = $1 AND expires_at < now()",
                  PG_ARGS(claim))
        || !pg_query(conn, arena, &rows, err,
                     "INSERT INTO public.provider_batch_apply_operations (claim_key, preview_token, "
                     "payload_fingerprint, operation_id, undo_token, undo_expires_at, status, result, expires_at)"
                     " VALUES ($1, $2, $3, $4, $5::jsonb ->> 'undoToken', now(), 'applied', "
                     "jsonb_build_object('applyResult', $5::jsonb), now() + interval '24 hours')"
                     " ON CONFLICT (claim_key) DO NOTHING RETURNING 1",
                     PG_ARGS(claim, applied->preview_token, applied->fingerprint, id, result)))
        return false;
    return rows.count == 1 || err_set(err, ERR_IDEMPOTENCY_CONFLICT, "the hub knows this key");
}

json_t *records_state(const struct kind *kind, json_t *state, json_t *changes)
{
    json_t *own = json_object();
    for (size_t i = 0; i < kind->field_count; i++)
        if (json_object_get(changes, kind->fields[i].column) != NULL)
            json_object_set(own, kind->fields[i].name, json_object_get(state, kind->fields[i].name));
    return own;
}

void records_describe(struct record_applied *applied, const struct kind *kind, const struct batch_result *result,
                      const struct batch_row *rows)
{
    json_t *row;
    size_t index;
    applied->fields = json_array();
    applied->rows = json_array();
    for (size_t i = 0; i < kind->field_count; i++) {
        bool changed = false;
        json_array_foreach(result->rows, index, row) changed =
            changed || json_object_get(rows[index].changes, kind->fields[i].column) != NULL;
        if (changed)
            json_array_append_new(applied->fields, json_string(kind->fields[i].name));
    }
    json_array_foreach(result->rows, index, row)
    {
        json_t *changes = rows[index].changes;
        if (json_object_size(changes) > 0)
            json_array_append_new(applied->rows,
                                  json_pack("{s:O, s:O, s:o, s:o}", "id", json_object_get(row, "id"), "name",
                                            json_object_get(row, "name"), "before",
                                            records_state(kind, json_object_get(row, "before"), changes), "after",
                                            records_state(kind, json_object_get(row, "after"), changes)));
    }
}

bool records_apply(const struct batch_job *job, struct pg_conn *conn, const struct kind *kind,
                   const struct record_applied *applied, const char **result, struct err *err)
{
    struct arena *arena = job->arena;
    struct pg_result rows;
    const char *id = applied->id == NULL ? make_token(arena, kind, "apply") : applied->id;
    const char *window = arena_printf(arena, "%lld ms", (long long)config_ms(job->app->config, SETTING_UNDO_WINDOW));
    if (!query(conn, arena, &rows, err, APPLY_SQL,
               PG_ARGS(id, kind->name, applied->action, make_token(arena, kind, "undo"), applied->idempotency_key,
                       applied->fingerprint, number(arena, job->actor.user_id), job->actor.user_name,
                       json_text(arena, applied->fields), number(arena, (int64_t)json_array_size(applied->rows)),
                       json_text(arena, applied->rows), applied->endpoints, window)))
        return false;
    *result = pg_text(&rows, 0, 0);
    return kind->id != KIND_PROVIDERS || applied->preview_token == NULL
           || claim_at_hub(job, conn, applied, id, *result, err);
}

bool records_check_undo(const struct record *record, const char *action, const char *id, struct err *err)
{
    if (record->id == NULL || strcmp(record->state, "previewed") == 0 || strcmp(record->action, action) != 0)
        return err_set(err, ERR_UNDO_EXPIRED, "there is no such operation, or it is forgotten");
    if (strcmp(record->id, id) != 0)
        return err_set(err, ERR_UNDO_CONFLICT, "the token is another operation's");
    if (strcmp(record->state, "undone") == 0)
        return err_set(err, ERR_UNDO_CONFLICT, "it was taken back already");
    return !record->over || err_set(err, ERR_UNDO_EXPIRED, "HUBPORT_UNDO_WINDOW is over");
}

/* What it held is of no more use, and may hold passwords. */
bool records_mark_undone(const struct batch_job *job, struct pg_conn *conn, const char *id, const char **at,
                         struct err *err)
{
    struct pg_result rows;
    if (!query(conn, job->arena, &rows, err,
               "UPDATE hubport.batch_operations SET state = 'undone', undone_at = now(), rows = '[]', endpoints = NULL"
               " WHERE id = $1 RETURNING " UNDONE,
               PG_ARGS(id)))
        return false;
    *at = rows.count == 1 ? pg_text(&rows, 0, 0) : "";
    return true;
}

/* ---- List and sweep ---------------------------------------------------------------------------------------------- */

const char *records_list(const struct batch_job *job, const struct kind *kind, int64_t offset, int64_t limit,
                         int64_t *total, struct err *err)
{
    struct arena *arena = job->arena;
    struct pg_result rows;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL
              && query(conn, arena, &rows, err, LIST_SQL,
                       PG_ARGS(kind == NULL ? NULL : kind->name, number(arena, offset), number(arena, limit)));
    pg_pool_give(job->app->pool, conn);
    if (ok)
        *total = pg_int(&rows, 0, 0);
    return ok ? pg_text(&rows, 0, 1) : NULL;
}

int64_t records_sweep(struct app *app, const struct cancel *cancel)
{
    struct err err;
    struct pg_conn *conn = pg_pool_take(app->pool, cancel, &err);
    bool ok = conn != NULL
              && pg_run(conn, &err,
                        "DO $$ BEGIN IF to_regclass('hubport.batch_operations') IS NOT NULL THEN"
                        " DELETE FROM hubport.batch_operations WHERE expires_at < now(); END IF; END $$");
    pg_pool_give(app->pool, conn);
    if (!ok && !cancel_fired(cancel))
        log_event(LOG_WARN, "batch.sweep_failed", "{s:s}", "words", err.words);
    return SWEEP_MS;
}
