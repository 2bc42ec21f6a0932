/* The catalogue: every sentence that people read beyond error texts (those are in base/err_codes.h), in both languages.
 *
 * Placeholders are {0} to {9}: a format string that comes from a table could not be checked by the compiler. Chinese
 * texts that the hub already sends are the hub's, to the letter.
 */
#ifndef BASE_MESSAGES_H
#define BASE_MESSAGES_H

#include "base/arena.h"
#include "base/lang.h"

/* clang-format off */
#define MESSAGES(X) \
    X(BUSY_DETAILS, "为确保数据一致性，同一时间只能执行一个备份操作", "To keep the data consistent, one backup operation runs at a time") \
    X(TOO_LARGE_DETAILS, "当前文件: {0}，限制: {1}", "This file: {0}, limit: {1}") \
    X(VERIFYING, "正在校验备份文件...", "Verifying the archive...") \
    X(VERIFY_PERCENT, "已校验 {0}%", "Verified {0}%") \
    X(RESTORE_PERCENT, "已恢复 {0}%", "Restored {0}%") \
    X(VERIFIED, "备份文件完整：{0} 个表，{1} 行", "The archive is complete: {0} tables, {1} rows") \
    X(VERIFIED_SEALED, "备份文件完整，校验和一致：{0} 个表，{1} 行", "The archive is complete and its checksum agrees: {0} tables, {1} rows") \
    X(WAY_SWITCH, "在独立数据库中恢复，完成后切换；期间原数据库照常服务", "Restoring into a separate database, then switching; the live one serves meanwhile") \
    X(WAY_IN_PLACE, "在原数据库中以单一事务恢复（{0}）", "Restoring in place, in one transaction ({0})") \
    X(RESTORING, "正在恢复 {0}", "Restoring {0}") \
    X(IMPORTED, "数据导入成功！", "The data was imported.") \
    X(IMPORTED_SKIPPED, "数据导入完成，跳过了 {0} 个已存在的对象", "The data was imported; {0} objects that existed were passed over") \
    X(MIGRATING, "正在执行数据库迁移以同步 schema...", "Running migrations to bring the schema up to date...") \
    X(MIGRATED, "数据库迁移完成！", "Migrations are done.") \
    X(STAGING, "正在读取备份中的数据...", "Reading the archive's rows...") \
    X(STAGE_PERCENT, "已读取 {0}%", "Read {0}%") \
    X(COMPARING, "正在与当前数据比较...", "Comparing with what is here...") \
    X(COMPARE_PERCENT, "已比较 {0}%", "Compared {0}%") \
    X(MERGING, "正在合并数据...", "Merging...") \
    X(MERGE_PERCENT, "已合并 {0}%", "Merged {0}%") \
    X(MERGED_TABLE, "{0}：新增 {1}，更新 {2}，相同 {3}，冲突 {4}，失败 {5}，上级不符 {6}", "{0}: {1} added, {2} updated, {3} identical, {4} conflicting, {5} failed, {6} of a foreign parent") \
    X(PREVIEW_TABLE, "{0}：现有 {1} 行，备份 {2} 行", "{0}: {1} rows here, {2} in the archive") \
    X(PREVIEW_COMPLETE, "预览完成，未作任何更改", "The preview is complete; nothing was changed") \
    X(NEWER_ARCHIVE, "备份来自更新版本的 Claude Code Hub；当前没有的列已忽略", "The archive comes from a newer hub; columns that are not here were left out") \
    X(CHECKING, "正在核对行数...", "Comparing row counts...") \
    X(SWITCHING, "正在切换数据库...", "Switching databases...") \
    X(PREVIOUS_KEPT, "先前的数据库保留为 {0}，可在 {1} 前恢复", "The previous database is kept as {0}; going back is possible until {1}") \
    X(PREVIOUS_PINNED, "先前的数据库保留为 {0}，其中有备份里没有的对象，不会自动删除", "The previous database is kept as {0}; it holds objects that the archive lacks and is never dropped by itself") \
    X(RESTART_HUB, "备份的 schema 版本低于当前版本，请重启 Claude Code Hub 以完成迁移", "The backup's schema is older than the live one: restart the hub, its start migrates") \
    X(COMPLETE, "数据导入和迁移全部完成！", "Import and migration are complete.") \
    X(ROLLED_BACK, "已恢复到先前的数据库", "The previous database is back") \
    /* Why a model of a price table is not taken */ \
    X(PRICE_NOT_OBJECT, "不是对象", "it is no object") \
    X(PRICE_NO_MODE, "缺少 mode", "it has no mode") \
    X(PRICE_NOT_A_NUMBER, "{0} 不是数字", "{0} is no number") \
    X(PRICE_NEGATIVE, "{0} 为负数", "{0} is negative") \
    X(PRICE_NOT_FINITE, "{0} 不是有限的数", "{0} is not finite") \
    X(PRICE_NUMBER_LONG, "{0} 的位数过多", "{0} has too many digits") \
    X(PRICE_TOO_HIGH, "{0} 高于上限 {1} 美元", "{0} is above the limit of USD {1}") \
    X(PRICE_TOO_LONG, "{0} 过长", "{0} is too long") \
    X(PRICE_TOO_MANY_MEMBERS, "字段过多", "it has too many members") \
    X(PRICE_REPEATED_NAME, "字段 {0} 重复", "the member {0} stands there twice") \
    X(PRICE_REPEATED_MODEL, "模型名称重复", "the model stands there twice") \
    X(PRICE_FORBIDDEN_NAME, "不允许的名称 {0}", "the name {0} is not allowed") \
    X(PRICE_NOT_STORABLE, "含有无法存储的字符", "it holds characters that cannot be stored") \
    X(PRICE_PLACE, "第 {0} 行第 {1} 列：{2}", "line {0}, column {1}: {2}") \
    X(FIELD_NOT_FOR_TYPE, "此类型的供应商没有该字段", "Providers of this type do not have this field") \
    X(CACHES_STALE, "更改已保存，但无法通知 hub：缓存最多 60 秒后失效", "The changes are saved, but the hub could not be told: its caches end within 60 seconds") \
    X(ATTEND_SYNC_FAILED, "价格表同步失败：{0}", "The synchronisation of prices failed: {0}") \
    X(ATTEND_UNPRICED, "最近 7 天用到的 {0} 个模型没有价格", "Models used in the last 7 days without a price: {0}") \
    X(ATTEND_CIRCUITS, "{0} 个供应商的熔断器处于熔断状态", "Providers whose circuit is open: {0}") \
    X(ATTEND_NO_BACKUP, "还没有用 hubport 做过备份", "No backup has been made by hubport yet") \
    X(ATTEND_OLD_BACKUP, "最近一次备份是在 {0} 天前", "The last backup is {0} days old")
/* clang-format on */

enum message {
#define MESSAGE_ENUM(name, zh, en) MSG_##name,
    MESSAGES(MESSAGE_ENUM)
#undef MESSAGE_ENUM
};

/* The sentence in `lang` with its placeholders filled; missing arguments leave nothing. */
const char *message_text(struct arena *arena, enum lang lang, enum message message, const char *const *args,
                         size_t count);
#define MESSAGE(arena, lang, message, ...)                                                                             \
    message_text(arena, lang, message, (const char *const[]){NULL, ##__VA_ARGS__} + 1,                                 \
                 sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(char *) - 1)

/* Fill placeholders of any template into a fixed buffer, cut at a character's border when it does not fit. */
void message_fill(const char *text, const char *const *args, size_t count, char *out, size_t size);

#endif
