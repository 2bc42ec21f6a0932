#include "backup/foreign.h"

#include "backup/sql_text.h"
#include "base/log.h"
#include "base/text.h"
#include "os/lines.h"
#include "os/subprocess.h"
#include "os/tempfile.h"

#include <stdlib.h>

#define LISTED 200
#define LISTED_TEXT ((size_t)16 * 1024)

/* ---- The role ---------------------------------------------------------------------------------------------------- */

bool role_reach(struct job *job, enum role_reach *reach, struct err *err)
{
    struct pg_result rows;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    /* Before PostgreSQL 16 CREATEROLE is enough to be granted any role that is no superuser. */
    bool ok = conn != NULL
              && pg_query(conn, job->arena, &rows, err,
                          "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
                          " EXISTS (SELECT FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')"
                          "  AND (rolsuper OR rolcreaterole OR rolname IN ('pg_read_server_files',"
                          "   'pg_write_server_files', 'pg_execute_server_program')))",
                          PG_NO_ARGS);
    pg_pool_give(job->app->pool, conn);
    if (!ok)
        return err_wrap(err, "asking what the role may do");
    *reach = pg_bool(&rows, 0, 0) ? REACH_SUPERUSER : pg_bool(&rows, 0, 1) ? REACH_SERVER : REACH_DATABASE;
    return true;
}

/* ---- Who vouches ------------------------------------------------------------------------------------------------- */

static bool is_own_export(struct job *job, const char *sha256, bool *own, struct err *err)
{
    struct pg_result rows;
    struct pg_conn *conn = pg_pool_take(job->app->pool, job->cancel, err);
    bool ok = conn != NULL
              && pg_query(conn, job->arena, &rows, err,
                          "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE "
                          "nspname = 'hubport' AND relname = 'exports' AND has_schema_privilege(n.oid, 'USAGE') AND "
                          "has_table_privilege(pg_class.oid, 'SELECT'))",
                          PG_NO_ARGS);
    *own = ok && pg_bool(&rows, 0, 0);
    if (*own) {
        ok = pg_query(conn, job->arena, &rows, err, "SELECT 1 FROM hubport.exports WHERE sha256 = $1", PG_ARGS(sha256));
        *own = ok && rows.count == 1;
    }
    pg_pool_give(job->app->pool, conn);
    return ok || err_wrap(err, "looking for the archive among the exported ones");
}

/* The live database's schema, as an archive. `*done` is false when pg_dump could not (a table that our role may not
 * read, one that is locked): then there is nothing to compare with, and the user is asked. */
static bool dump_live_schema(struct job *job, struct tempfile *file, bool *done, struct err *err)
{
    struct app *app = job->app;
    const char *const argv[] = {app->tools.dump,
                                "--format=custom",
                                "--compress=0",
                                "--schema-only",
                                "--exclude-schema=hubport",
                                "--no-password",
                                arena_printf(job->arena, "--lock-wait-timeout=%lld",
                                             (long long)config_ms(app->config, SETTING_DB_LOCK_TIMEOUT)),
                                pg_target_argument(app->target, job->arena, NULL),
                                NULL};
    struct subprocess_spec spec = {.argv = argv,
                                   .env = pg_target_env(app->target, job->arena, NULL),
                                   .in = SUBPROCESS_NULL,
                                   .out = tempfile_fd(file),
                                   .error = SUBPROCESS_PIPE};
    struct subprocess *dump = subprocess_start(&spec, err);
    struct lines *lines = arena_alloc(job->arena, sizeof *lines);
    const char *last = "";
    char *line;
    int got = -1;
    if (dump == NULL)
        return false;
    lines_init(lines, subprocess_error(dump));
    while ((got = lines_next(lines, job->cancel, -1, &line, err)) == 1)
        last = arena_strdup(job->arena, text_utf8(job->arena, line));
    bool ok = got == 0 && subprocess_wait(dump, job->cancel, -1, err) == 1;
    *done = ok && subprocess_status(dump) == 0;
    if (ok && !*done)
        log_event(LOG_WARN, "import.not_compared", "{s:s}", "error", last);
    subprocess_free(dump);
    return ok;
}

static int by_name(const void *left, const void *right)
{
    const struct archive_entry *a = *(const struct archive_entry *const *)left;
    const struct archive_entry *b = *(const struct archive_entry *const *)right;
    int order = strcmp(a->desc, b->desc);
    order = order != 0 ? order : strcmp(a->schema, b->schema);
    return order != 0 ? order : strcmp(a->tag, b->tag);
}

static bool same_text(const char *left, const char *right)
{
    struct arena *arena = arena_new();
    struct sql_text a = sql_read(left, arena), b = sql_read(right, arena);
    bool same = strcmp(left, right) == 0 || sql_same(&a, &b);
    arena_free(arena);
    return same;
}

/* Names are unique in the live database, so at most one entry is to be compared with. */
static bool lives(const struct archive_entry **sorted, size_t count, const struct archive_entry *entry)
{
    const struct archive_entry **found = count == 0 ? NULL : bsearch(&entry, sorted, count, sizeof *sorted, by_name);
    return found != NULL && (*found)->has_data == entry->has_data && same_text((*found)->definition, entry->definition)
           && same_text((*found)->drop, entry->drop);
}

static bool leave_out_what_lives(struct job *job, struct foreign *foreign, struct err *err)
{
    struct tempfile *file = tempfile_create(config_text(job->app->config, SETTING_TMP_DIR), "schema", err);
    struct archive *live = NULL;
    bool done = false;
    bool ok = file != NULL && dump_live_schema(job, file, &done, err);
    if (done)
        live = archive_open(tempfile_fd(file), job->arena, err);
    tempfile_remove(file);
    if (live == NULL)
        return ok && !done;
    const struct archive_entry **sorted = arena_alloc(job->arena, live->entry_count * sizeof *sorted);
    for (size_t i = 0; i < live->entry_count; i++)
        sorted[i] = &live->entries[i];
    if (live->entry_count > 1)
        qsort(sorted, live->entry_count, sizeof *sorted, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < foreign->count; i++) {
        const struct allow_finding *item = &foreign->items[i];
        if (item->class == ALLOW_FORGED || item->entry == NULL || !lives(sorted, live->entry_count, item->entry))
            foreign->items[kept++] = *item;
    }
    foreign->count = kept;
    return true;
}

/* ---- What a plain role cannot restore ---------------------------------------------------------------------------- */

static bool names_untrusted_language(const struct archive_entry *entry)
{
    struct arena *arena = arena_new();
    struct sql_text text = sql_read(entry->definition, arena);
    bool untrusted = false;
    for (size_t i = 0; i + 1 < text.count; i++)
        if (sql_is_word(&text.tokens[i], "language"))
            untrusted =
                untrusted
                || (strcmp(text.tokens[i + 1].text, "sql") != 0 && strcmp(text.tokens[i + 1].text, "plpgsql") != 0);
    arena_free(arena);
    return untrusted;
}

static bool needs_superuser(const struct allow_finding *item)
{
    static const char *const plain[] = {"AGGREGATE",    "TRIGGER", "MATERIALIZED VIEW", "POLICY",
                                        "ROW SECURITY", "RULE",    "OPERATOR",          "STATISTICS"};
    if (item->entry == NULL)
        return false;
    const char *desc = item->entry->desc;
    if (strcmp(desc, "FUNCTION") == 0 || strcmp(desc, "PROCEDURE") == 0)
        return names_untrusted_language(item->entry);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (strcmp(desc, plain[i]) == 0)
            return false;
    /* Of the others those that are accepted in their usual form: an owner can make them in any other. */
    static const char *const usual[] = {"VIEW", "TABLE", "DEFAULT", "INDEX", "CONSTRAINT", "TYPE", "DOMAIN"};
    for (size_t i = 0; i < ARRAY_LEN(usual); i++)
        if (strcmp(desc, usual[i]) == 0)
            return false;
    return true;
}

/* ---- For an import ----------------------------------------------------------------------------------------------- */

bool foreign_find(struct job *job, const struct archive *archive, const char *sha256, struct foreign *foreign,
                  struct err *err)
{
    bool own = false;
    *foreign = (struct foreign){0};
    allow_list(archive, job->arena, &foreign->items, &foreign->count);
    if (!role_reach(job, &foreign->reach, err))
        return false;
    if (foreign->count == 0)
        return true;
    for (size_t i = 0; i < foreign->count; i++)
        foreign->needs_superuser = foreign->needs_superuser || needs_superuser(&foreign->items[i]);
    if (!is_own_export(job, sha256, &own, err))
        return false;
    if (own)
        foreign->count = 0;
    else if (!leave_out_what_lives(job, foreign, err))
        return false;
    log_event(LOG_INFO, "import.contents", "{s:b, s:i}", "ownExport", own, "foreign", (int)foreign->count);
    return true;
}

/* The first names for the one sentence of the error; the answer carries the whole list. */
static bool refuse(struct job *job, const struct foreign *foreign, enum err_code code, const char *why, struct err *err)
{
    const char *names = "";
    size_t shown = 0, all = 0;
    for (size_t i = 0; i < foreign->count; i++) {
        const struct allow_finding *item = &foreign->items[i];
        if (code == ERR_ARCHIVE_FORGED && item->class != ALLOW_FORGED)
            continue;
        if (all++ < 3)
            names = arena_printf(job->arena, "%s%s%s", names, shown++ == 0 ? "" : ", ", allow_name(item, job->arena));
    }
    if (all > shown)
        names = arena_printf(job->arena, "%s, ... (%zu)", names, all);
    err_set(err, code, "%s: %s %s", why, allow_name(&foreign->items[0], job->arena), foreign->items[0].reason);
    return err_args(err, names, NULL);
}

bool foreign_refuse(struct job *job, const struct foreign *foreign, const char *why, struct err *err)
{
    return refuse(job, foreign, ERR_ARCHIVE_FOREIGN_REFUSED, why, err);
}

bool foreign_check(struct job *job, const struct foreign *foreign, enum overwrite_way way, bool confirmed,
                   struct err *err)
{
    for (size_t i = 0; i < foreign->count; i++)
        if (foreign->items[i].class == ALLOW_FORGED)
            return refuse(job, foreign, ERR_ARCHIVE_FORGED, "no pg_dump writes this", err);
    if (foreign->count == 0)
        return true;
    if (foreign->reach == REACH_SERVER)
        return foreign_refuse(job, foreign, "DSN's role can reach the server's files or other roles", err);
    if (foreign->reach == REACH_SUPERUSER && way == WAY_IN_PLACE)
        return foreign_refuse(job, foreign, "DSN's role is a superuser, and the import works in place", err);
    return confirmed
           || refuse(job, foreign, ERR_ARCHIVE_FOREIGN_CONTENT, "the live database has none of the same text", err);
}

bool foreign_has(const struct foreign *foreign, const struct archive_entry *entry)
{
    for (size_t i = 0; i < foreign->count; i++)
        if (foreign->items[i].entry == entry)
            return true;
    return false;
}

json_t *foreign_json(const struct allow_finding *items, size_t count, struct arena *arena)
{
    json_t *list = json_array();
    for (size_t i = 0; i < MIN(count, (size_t)LISTED); i++) {
        const struct archive_entry *entry = items[i].entry;
        const char *sql = entry == NULL ? "" : entry->definition[0] != '\0' ? entry->definition : entry->copy;
        char *text = arena_strndup(arena, sql, MIN(strlen(sql), LISTED_TEXT));
        text_cut_utf8(text);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "name", allow_name(&items[i], arena), "reason",
                                              text_utf8(arena, items[i].reason), "text", text_utf8(arena, text),
                                              "forged", items[i].class == ALLOW_FORGED));
    }
    return list;
}
