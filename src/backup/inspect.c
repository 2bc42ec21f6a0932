#include "backup/inspect.h"

#include "backup/contents.h"
#include "backup/copy_text.h"
#include "backup/foreign.h"
#include "backup/log_tables.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "base/text.h"

#include <errno.h>
#include <unistd.h>

#define DIGEST_PIECE (256 * KIB)
#define LEDGER_LINE (64 * KIB) /* a migration's row is about 100 bytes */
#define MAX_NAMES 100

/* ---- The file's digest, and its limits --------------------------------------------------------------------------- */

static const char *hex_of(struct arena *arena, const unsigned char digest[SHA256_SIZE])
{
    char *hex = arena_alloc(arena, 2 * SHA256_SIZE + 1);
    text_hex(digest, SHA256_SIZE, hex);
    return hex;
}

bool inspect_digest(struct job *job, int fd, const char **sha256, struct err *err)
{
    unsigned char digest[SHA256_SIZE];
    struct sha256 sha;
    off_t at = 0;
    ssize_t got = 0;
    bool ok = true;
    if (*sha256 != NULL)
        return true;
    unsigned char *piece = arena_alloc(job->arena, DIGEST_PIECE);
    sha256_open(&sha);
    while (ok && ((got = pread(fd, piece, DIGEST_PIECE, at)) > 0 || (got < 0 && errno == EINTR))) {
        sha256_add(&sha, piece, got > 0 ? (size_t)got : 0);
        at += got > 0 ? got : 0;
        ok = cancel_check(job->cancel, err);
    }
    if (ok && got < 0)
        ok = err_errno(err, ERR_SYSTEM, "reading the archive");
    sha256_now(&sha, digest);
    sha256_close(&sha);
    if (ok)
        *sha256 = hex_of(job->arena, digest);
    return ok;
}

void inspect_limit(struct archive *archive, const struct config *config, uint64_t room)
{
    archive->max_bytes = config_bytes(config, SETTING_MAX_UNPACKED);
    archive->max_ratio = (unsigned)config_int(config, SETTING_MAX_UNPACK_RATIO);
    if (room != 0)
        archive->max_bytes = MIN(archive->max_bytes, room);
}

/* ---- The hub's ledger -------------------------------------------------------------------------------------------- */

struct ledger {
    struct inspection *inspection;
    struct arena *arena;
    size_t hash, created; /* columns; SIZE_MAX: there is none */
};

static void take_migration(struct ledger *ledger, const char *line, size_t size)
{
    struct inspection *inspection = ledger->inspection;
    const char *field;
    size_t length;
    int64_t created;
    inspection->migrations++;
    if (ledger->created == SIZE_MAX || !copy_text_field(line, size, ledger->created, &field, &length)
        || !copy_text_integer(field, length, &created) || created < inspection->last_migration_ms)
        return;
    inspection->last_migration_ms = created;
    if (ledger->hash != SIZE_MAX && copy_text_field(line, size, ledger->hash, &field, &length))
        inspection->last_migration = arena_strndup(ledger->arena, field, MIN(length, (size_t)128));
}

static bool take_lines(void *context, const char *text, size_t size, bool whole, struct err *err)
{
    (void)err;
    while (whole && size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t length = newline == NULL ? size : (size_t)(newline - text);
        take_migration(context, text, length);
        length += newline != NULL;
        text += length;
        size -= length;
    }
    return true;
}

static bool take_text(void *context, const unsigned char *bytes, size_t size, struct err *err)
{
    return copy_text_add(context, bytes, size, err);
}

static size_t find_column(const struct archive_copy *copy, const char *name)
{
    for (size_t i = 0; i < copy->column_count; i++)
        if (strcmp(copy->columns[i], name) == 0)
            return i;
    return SIZE_MAX;
}

static bool read_ledger(struct inspection *inspection, const struct inspect_spec *spec, int fd, struct err *err)
{
    const struct archive_entry *entry =
        archive_find(inspection->archive, "TABLE DATA", "drizzle", "__drizzle_migrations");
    struct archive_copy copy;
    struct copy_text text;
    struct err ignored;
    inspection->last_migration = "";
    if (entry == NULL || !archive_copy_columns(entry, spec->arena, &copy, &ignored))
        return true;
    inspection->has_ledger = true;
    struct ledger ledger = {.inspection = inspection,
                            .arena = spec->arena,
                            .hash = find_column(&copy, "hash"),
                            .created = find_column(&copy, "created_at")};
    copy_text_begin(&text, LEDGER_LINE, take_lines, &ledger);
    bool ok =
        archive_read(inspection->archive, fd, entry, take_text, &text, spec->cancel, err) && copy_text_end(&text, err);
    copy_text_free(&text);
    return ok;
}

/* ---- What is unusual --------------------------------------------------------------------------------------------- */

static bool is_hubs_schema(const char *name)
{
    return strcmp(name, "public") == 0 || strcmp(name, "drizzle") == 0 || strcmp(name, "hubport") == 0;
}

/* The tags of all entries of a kind, without the hub's schemas. */
static const char **names_of(const struct inspection *inspection, const char *desc, struct arena *arena)
{
    const char **names = arena_alloc(arena, (MAX_NAMES + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < inspection->archive->entry_count && count < MAX_NAMES; i++) {
        const struct archive_entry *entry = &inspection->archive->entries[i];
        bool hubs = strcmp(desc, "SCHEMA") == 0 ? is_hubs_schema(entry->tag) : allow_never_runs(entry);
        if (strcmp(entry->desc, desc) == 0 && !hubs)
            names[count++] = entry->tag;
    }
    return names;
}

static void look_at_entries(struct inspection *inspection)
{
    const struct archive *archive = inspection->archive;
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        inspection->large_objects += entry->objects;
        if (strcmp(entry->desc, "TABLE DATA") == 0 && entry->rows > 0 && is_log_table(entry->schema, entry->tag))
            inspection->has_logs = true;
    }
}

static void find_code(struct inspection *inspection, const struct inspect_spec *spec)
{
    struct foreign foreign;
    struct err ignored;
    if (spec->job != NULL && foreign_find(spec->job, inspection->archive, inspection->sha256, &foreign, &ignored)) {
        inspection->compared = true;
        inspection->findings = foreign.items;
        inspection->finding_count = foreign.count;
    } else {
        allow_list(inspection->archive, spec->arena, &inspection->findings, &inspection->finding_count);
    }
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

bool inspect_run(const struct inspect_spec *spec, int fd, struct inspection *inspection, struct err *err)
{
    int64_t started = clock_mono_ms();
    struct archive *archive = archive_open(fd, spec->arena, err);
    *inspection = (struct inspection){.archive = archive};
    if (archive == NULL)
        return false;
    inspect_limit(archive, spec->config, 0);
    if (!archive_verify(archive, fd, spec->cancel, NULL, NULL, err) || !read_ledger(inspection, spec, fd, err))
        return false;
    inspection->sha256 = hex_of(spec->arena, archive->sha256);
    inspection->is_hub = contents_is_hub(archive);
    inspection->checksummed = archive->sealed || archive->compression == ARCHIVE_GZIP;
    inspection->schemas = names_of(inspection, "SCHEMA", spec->arena);
    inspection->extensions = names_of(inspection, "EXTENSION", spec->arena);
    inspection->event_triggers = names_of(inspection, "EVENT TRIGGER", spec->arena);
    look_at_entries(inspection);
    find_code(inspection, spec);
    inspection->ms = clock_mono_ms() - started;
    return cancel_check(spec->cancel, err);
}
