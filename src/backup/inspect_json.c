#include "backup/inspect.h"

#include "backup/foreign.h"
#include "backup/log_tables.h"
#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>

/* The clock of the machine where pg_dump ran: of no zone. */
static json_t *local_time(int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (wall_ms == 0)
        return json_null();
    clock_iso(wall_ms, text);
    text[strcspn(text, ".Z")] = '\0';
    return json_string(text);
}

static json_t *count_json(uint64_t value)
{
    return json_integer((json_int_t)MIN(value, (uint64_t)INT64_MAX));
}

static json_t *table_json(const struct archive_entry *entry, struct arena *arena)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "schema", text_utf8(arena, entry->schema), "name",
                     text_utf8(arena, entry->tag), "rows", entry->rows_known ? count_json(entry->rows) : json_null(),
                     "bytes", count_json(entry->bytes), "log", is_log_table(entry->schema, entry->tag));
}

static json_t *tables_json(const struct archive *archive, struct arena *arena)
{
    json_t *tables = json_array();
    for (size_t i = 0; i < archive->entry_count; i++)
        if (strcmp(archive->entries[i].desc, "TABLE DATA") == 0)
            json_array_append_new(tables, table_json(&archive->entries[i], arena));
    return tables;
}

static json_t *names_json(const char *const *names, struct arena *arena)
{
    json_t *list = json_array();
    for (; *names != NULL; names++)
        json_array_append_new(list, json_string(text_utf8(arena, *names)));
    return list;
}

static json_t *ledger_json(const struct inspection *inspection, struct arena *arena)
{
    char last[CLOCK_TEXT_SIZE] = "";
    if (!inspection->has_ledger)
        return json_null();
    if (inspection->last_migration_ms != 0)
        clock_iso(inspection->last_migration_ms, last);
    return json_pack("{s:o, s:I, s:s, s:s}", "count", count_json(inspection->migrations), "lastCreatedMs",
                     (json_int_t)inspection->last_migration_ms, "lastCreatedAt", last, "lastHash",
                     text_utf8(arena, inspection->last_migration));
}

json_t *inspect_json(const struct inspection *inspection, struct arena *arena)
{
    static const char *const compressions[] = {"none", "gzip", "lz4", "zstd"};
    const struct archive *archive = inspection->archive;
    json_t *report =
        json_pack("{s:b, s:s, s:o, s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:b}", "ok", 1, "format",
                  arena_printf(arena, "1.%d", archive->minor), "createdAt", local_time(archive->created_ms), "database",
                  text_utf8(arena, archive->database), "serverVersion", text_utf8(arena, archive->server_version),
                  "dumpVersion", text_utf8(arena, archive->dump_version), "compression",
                  compressions[archive->compression], "size", count_json(archive->size), "sha256", inspection->sha256,
                  "sealed", archive->sealed, "checksummed", inspection->checksummed);
    json_t *contents = json_pack(
        "{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "hub", inspection->is_hub, "logs", inspection->has_logs,
        "rows", count_json(archive->rows), "bytes", count_json(archive->bytes), "tables", tables_json(archive, arena),
        "migrations", ledger_json(inspection, arena), "schemas", names_json(inspection->schemas, arena), "extensions",
        names_json(inspection->extensions, arena), "eventTriggers", names_json(inspection->event_triggers, arena),
        "largeObjects", count_json(inspection->large_objects));
    json_t *code = json_pack("{s:b, s:o, s:I, s:I}", "compared", inspection->compared, "foreign",
                             foreign_json(inspection->findings, inspection->finding_count, arena), "foreignCount",
                             (json_int_t)inspection->finding_count, "durationMs", (json_int_t)inspection->ms);
    json_object_update_new(report, contents);
    json_object_update_new(report, code);
    return report;
}
