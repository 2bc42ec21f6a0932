/* hubport verify */
#include "cli/command.h"

#include "backup/inspect.h"
#include "backup/log_tables.h"
#include "base/clock.h"
#include "base/text.h"

#include <fcntl.h>
#include <unistd.h>

#define LISTED 20

/* What a file says must not reach the terminal as commands. */
static const char *clean(struct invocation *invocation, const char *text)
{
    char *copy = arena_strdup(invocation->arena, text_utf8(invocation->arena, text));
    for (char *at = copy; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return copy;
}

static void print_pair(struct invocation *invocation, const char *zh, const char *en, const char *value)
{
    printf("%s%s %s\n", command_say(invocation, zh, en), command_say(invocation, "：", ":"), clean(invocation, value));
}

static void print_made(struct invocation *invocation, const struct inspection *inspection)
{
    static const char *const compressions[] = {"none", "gzip", "lz4", "zstd"};
    struct arena *arena = invocation->arena;
    const struct archive *archive = inspection->archive;
    char created[CLOCK_TEXT_SIZE] = "?";
    if (archive->created_ms != 0)
        clock_iso(archive->created_ms, created);
    created[strcspn(created, ".Z")] = '\0';
    print_pair(invocation, "数据库", "Database", archive->database);
    print_pair(invocation, "生成时间（当地）", "Made (local time)", created);
    print_pair(invocation, "版本", "Versions",
               arena_printf(arena, "PostgreSQL %s, pg_dump %s, format 1.%d", archive->server_version,
                            archive->dump_version, archive->minor));
    print_pair(invocation, "大小", "Size",
               arena_printf(arena, "%s, %s, %s %s", text_bytes(arena, archive->size),
                            compressions[archive->compression], command_say(invocation, "解压后", "unpacked"),
                            text_bytes(arena, archive->bytes)));
    print_pair(invocation, "SHA-256", "SHA-256", inspection->sha256);
    print_pair(invocation, "完整性", "Integrity",
               archive->sealed           ? command_say(invocation, "由 hubport 导出，校验和全部一致",
                                                       "exported by hubport, all checksums agree")
               : inspection->checksummed ? command_say(invocation, "数据的校验和一致；目录没有校验和",
                                                       "the data's checksums agree; the table of contents has none")
                                         : command_say(invocation, "没有校验和：个别字节的改动无法发现",
                                                       "not checksummed: a changed byte cannot be seen"));
}

static void print_tables(struct invocation *invocation, const struct inspection *inspection)
{
    const struct archive *archive = inspection->archive;
    printf("\n%-44s %12s %12s\n", command_say(invocation, "表", "Table"), command_say(invocation, "行", "rows"),
           command_say(invocation, "字节", "bytes"));
    for (size_t i = 0; i < archive->entry_count; i++) {
        const struct archive_entry *entry = &archive->entries[i];
        if (strcmp(entry->desc, "TABLE DATA") != 0)
            continue;
        char rows[32] = "?";
        if (entry->rows_known)
            snprintf(rows, sizeof rows, "%llu", (unsigned long long)entry->rows);
        printf("%-44s %12s %12llu%s\n",
               clean(invocation, arena_printf(invocation->arena, "%s.%s", entry->schema, entry->tag)), rows,
               (unsigned long long)entry->bytes,
               is_log_table(entry->schema, entry->tag) ? command_say(invocation, "  日志", "  log") : "");
    }
    printf("%-44s %12llu %12llu\n\n", "", (unsigned long long)archive->rows, (unsigned long long)archive->bytes);
}

static void print_names(struct invocation *invocation, const char *zh, const char *en, const char *const *names)
{
    for (; *names != NULL; names++)
        print_pair(invocation, zh, en, *names);
}

static void print_unusual(struct invocation *invocation, const struct inspection *inspection)
{
    struct arena *arena = invocation->arena;
    if (!inspection->is_hub)
        printf("%s\n",
               command_say(invocation, "备份中没有 Claude Code Hub 的数据表。", "It has not the hub's tables."));
    print_names(invocation, "其他 schema", "Another schema", inspection->schemas);
    print_names(invocation, "扩展", "Extension", inspection->extensions);
    print_names(invocation, "事件触发器", "Event trigger", inspection->event_triggers);
    if (inspection->large_objects > 0)
        print_pair(invocation, "大对象", "Large objects",
                   arena_printf(arena, "%llu", (unsigned long long)inspection->large_objects));
    if (inspection->finding_count > 0)
        printf("%s\n", command_say(invocation, "会运行代码的内容（除非当前数据库中有相同的定义，否则导入前会询问）：",
                                   "What can run code (an import asks, unless the live database has the same):"));
    for (size_t i = 0; i < MIN(inspection->finding_count, (size_t)LISTED); i++)
        printf("    %s: %s\n", allow_name(&inspection->findings[i], arena),
               clean(invocation, inspection->findings[i].reason));
    if (inspection->finding_count > LISTED)
        printf("    ... %zu\n", inspection->finding_count - LISTED);
}

static void print_report(struct invocation *invocation, const struct inspection *inspection)
{
    char last[CLOCK_TEXT_SIZE] = "-";
    print_made(invocation, inspection);
    if (inspection->last_migration_ms != 0)
        clock_iso(inspection->last_migration_ms, last);
    if (inspection->has_ledger)
        print_pair(invocation, "hub 的迁移", "The hub's migrations",
                   arena_printf(invocation->arena, "%llu, %s", (unsigned long long)inspection->migrations, last));
    print_pair(invocation, "请求日志", "Rows of logs",
               inspection->has_logs ? command_say(invocation, "有", "inside") : command_say(invocation, "无", "none"));
    print_tables(invocation, inspection);
    print_unusual(invocation, inspection);
    printf("%s %.1f s\n", command_say(invocation, "完好。", "Whole."), (double)inspection->ms / 1000);
}

int command_verify(struct invocation *invocation)
{
    struct inspection inspection;
    struct err err;
    struct inspect_spec spec = {.config = invocation->config, .arena = invocation->arena, .cancel = invocation->cancel};
    int fd = open(invocation->operand, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(&err, ERR_FILE_MISSING, "%s", invocation->operand);
        return command_fail(invocation, &err, NULL);
    }
    bool ok = inspect_run(&spec, fd, &inspection, &err);
    close(fd);
    if (!ok)
        return command_fail(invocation, &err, NULL);
    if (invocation->json)
        command_print_json(inspect_json(&inspection, invocation->arena));
    else
        print_report(invocation, &inspection);
    return 0;
}
