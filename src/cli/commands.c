/* The table of commands. */
#include "cli/command.h"

static const struct option_row serve_options[] = {
    {0, "demo", NULL, {"空数据库时填入演示数据", "Fill an empty database with data to try things on"}},
    {0},
};

static const struct option_row export_options[] = {
    {'o',
     "output",
     "FILE",
     {"输出文件，- 表示标准输出；默认 backup_<时间>.dump",
      "Where to write, - is standard output; default backup_<time>.dump"}},
    {0,
     "exclude-logs",
     NULL,
     {"不含请求日志的数据，保留表结构", "Leave out the rows of log tables, keep their structure"}},
    {0, "mode", "MODE", {"full、excludeLogs 或 ledgerOnly", "full, excludeLogs or ledgerOnly"}},
    {0,
     "compression",
     "METHOD",
     {"balanced（体积小）、fast（速度快）、none 或 zstd（要求 PostgreSQL 16 以上）",
      "balanced (small), fast (larger, less work), none, or zstd (PostgreSQL 16 or newer)"}},
    {0,
     "parallel",
     "N",
     {"用 N 个连接读取大表（2 到 8），会增加数据库负载",
      "Read large tables by N connections, 2 to 8: faster, and more load on the database"}},
    {0},
};

static const struct option_row import_options[] = {
    {0,
     "overwrite",
     NULL,
     {"以备份覆盖整个数据库（先前的数据库会保留）",
      "The database becomes what the archive holds; the previous one is kept"}},
    {0, "skip-logs", NULL, {"不导入请求日志的数据", "Leave out the rows of log tables"}},
    {0, "drop-others", NULL, {"允许丢弃备份中没有的对象", "Let objects go that the archive lacks"}},
    {0,
     "allow-foreign",
     NULL,
     {"允许备份带来函数、触发器等会运行代码的内容（先列出，确认来源可信再用）",
      "Take functions, triggers and the like that nobody vouches for; they are listed without it"}},
    {0,
     "merge",
     NULL,
     {"合并：逐行导入当前数据库没有的数据（默认）", "Bring the rows in that are not here, one by one (the default)"}},
    {0,
     "on-conflict",
     "skip|update",
     {"合并时主键相同而内容不同的行：保留（默认）或以备份更新",
      "When merging, rows with the same key and other content: keep (the default) or overwrite"}},
    {0,
     "accept-foreign-parents",
     NULL,
     {"合并时也导入所属用户、供应商等与此处不符的行",
      "When merging, also bring rows in whose user, provider, ... is another one here"}},
    {0, "dry-run", NULL, {"预览：只报告将会发生什么，不作更改", "A preview: tell what would happen, change nothing"}},
    {0},
};

static const struct option_row rollback_options[] = {
    {0,
     "name",
     "DATABASE",
     {"要恢复的先前数据库；默认最近一个", "The previous database to go back to; default the newest"}},
    {0},
};

static const struct option_row prices_import_options[] = {
    {0, "source", "SOURCE", {"litellm（默认）、cloud 或 manual", "litellm (default), cloud or manual"}},
    {0, "overwrite-manual", "A,B", {"允许覆盖的手动价格", "Prices set by hand that may be overwritten"}},
    {0, "dry-run", NULL, {"只显示会有的更改", "Only show what would change"}},
    {0},
};

static const struct option_row prices_export_options[] = {
    {0, "format", "FORMAT", {"json（默认）或 toml", "json (default) or toml"}},
    {0, "source", "SOURCE", {"只导出 litellm、cloud 或 manual", "Only litellm, cloud or manual ones"}},
    {'o', "output", "FILE", {"输出文件；默认标准输出", "Where to write; default standard output"}},
    {0},
};

static const struct option_row prices_sync_options[] = {
    {0, "check", NULL, {"只检查，不作更改", "Only tell what would change"}},
    {0, "overwrite-manual", "A,B", {"允许覆盖的手动价格", "Prices set by hand that may be overwritten"}},
    {0,
     "confirm",
     "A,B",
     {"确认被搁置的模型；* 表示整表", "Take what was held back of these models; * for the whole table"}},
    {0},
};

static const struct option_row prices_list_options[] = {
    {0, "search", "TEXT", {"名称中包含的文字", "Part of the name"}},
    {0, "source", "SOURCE", {"manual、litellm 或 cloud（非手动）", "manual, litellm, or cloud (not set by hand)"}},
    {0, "vendor", "VENDOR", {"厂商", "The vendor"}},
    {0, "provider", "PROVIDER", {"litellm_provider", "The litellm_provider"}},
    {0},
};

/* In the order that cli/price_models.c knows. */
static const struct option_row prices_set_options[] = {
    {0, "input", "USD", {"每个输入 token 的价格；3/M 表示每百万 3 美元", "Of an input token; 3/M is 3 USD a million"}},
    {0, "output", "USD", {"每个输出 token 的价格", "Of an output token"}},
    {0, "request", "USD", {"每次调用的价格", "Of a request"}},
    {0, "image", "USD", {"每张图片的价格", "Of an image made"}},
    {0, "cache-read", "USD", {"缓存读取的 token 价格", "Of a token read from the cache"}},
    {0, "cache-write", "USD", {"缓存创建的 token 价格", "Of a token written to the cache"}},
    {0, "cache-write-1h", "USD", {"缓存创建（1 小时）的 token 价格", "Of a token written to the cache for an hour"}},
    {0,
     "mode",
     "MODE",
     {"chat（默认）、image_generation 或 completion", "chat (default), image_generation or completion"}},
    {0, "display-name", "NAME", {"显示名称", "The name to show"}},
    {0, "provider", "NAME", {"litellm_provider", "The litellm_provider"}},
    {0, "extra", "JSON", {"其他字段（JSON 对象）", "Other fields, a JSON object"}},
    {0},
};

static const struct option_row prices_revert_options[] = {
    {0, "id", "NUMBER", {"恢复到该变更之前；默认最近一次", "To before this change of the history; default the newest"}},
    {0},
};

static const struct option_row prices_unpriced_options[] = {
    {0, "days", "N", {"查看最近几天的请求；默认 7", "How many days of requests to look at; default 7"}},
    {0},
};

/* Which rows; the names are those of the API's filters. */
#define OPTION_SEARCH                                                                                                  \
    {                                                                                                                  \
        0, "search", "TEXT",                                                                                           \
        {                                                                                                              \
            "名称、备注等中包含的文字", "A part of the name, the note, ..."                                            \
        }                                                                                                              \
    }
#define OPTION_ENABLED                                                                                                 \
    {                                                                                                                  \
        0, "enabled", "true|false",                                                                                    \
        {                                                                                                              \
            "是否启用", "Enabled or not"                                                                               \
        }                                                                                                              \
    }
#define OPTION_GROUP                                                                                                   \
    {                                                                                                                  \
        0, "group", "GROUP",                                                                                           \
        {                                                                                                              \
            "所属分组", "In this group"                                                                                \
        }                                                                                                              \
    }
#define OPTION_USER                                                                                                    \
    {                                                                                                                  \
        0, "user", "ID",                                                                                               \
        {                                                                                                              \
            "用户 ID", "The user's id"                                                                                 \
        }                                                                                                              \
    }
#define OPTION_SORT                                                                                                    \
    {                                                                                                                  \
        0, "sort", "MEMBER",                                                                                           \
        {                                                                                                              \
            "排序字段，前加 - 为降序", "Sort by, with - before it for descending"                                      \
        }                                                                                                              \
    }
#define USER_FILTERS                                                                                                   \
    OPTION_SEARCH, OPTION_ENABLED, OPTION_GROUP, {0, "tag", "TAG", {"标签", "With this tag"}},                         \
    {                                                                                                                  \
        0, "role", "ROLE",                                                                                             \
        {                                                                                                              \
            "角色：user 或 admin", "user or admin"                                                                     \
        }                                                                                                              \
    }
#define KEY_FILTERS OPTION_SEARCH, OPTION_ENABLED, OPTION_GROUP, OPTION_USER
#define PROVIDER_FILTERS                                                                                               \
    OPTION_SEARCH, OPTION_ENABLED, OPTION_GROUP, {0, "type", "TYPE", {"供应商类型", "The provider's type"}},           \
    {                                                                                                                  \
        0, "vendor", "VENDOR",                                                                                         \
        {                                                                                                              \
            "厂商", "The vendor"                                                                                       \
        }                                                                                                              \
    }
#define OPTION_IDS                                                                                                     \
    {                                                                                                                  \
        0, "ids", "IDS",                                                                                               \
        {                                                                                                              \
            "只要这些 ID，以逗号分隔", "Only these ids, separated by commas"                                           \
        }                                                                                                              \
    }
#define OPTION_DRY_RUN                                                                                                 \
    {                                                                                                                  \
        0, "dry-run", NULL,                                                                                            \
        {                                                                                                              \
            "预览：只报告将会发生什么", "A preview: tell what would change, change nothing"                            \
        }                                                                                                              \
    }
#define OPTION_YES                                                                                                     \
    {                                                                                                                  \
        0, "yes", NULL,                                                                                                \
        {                                                                                                              \
            "不询问，直接执行（脚本从不询问）", "Do not ask at the terminal; scripts are never asked"                  \
        }                                                                                                              \
    }
#define OPTION_FORMAT                                                                                                  \
    {                                                                                                                  \
        0, "format", "FORMAT",                                                                                         \
        {                                                                                                              \
            "csv（默认）或 json", "csv (default) or json"                                                              \
        }                                                                                                              \
    }
#define OPTION_OUTPUT                                                                                                  \
    {                                                                                                                  \
        'o', "output", "FILE",                                                                                         \
        {                                                                                                              \
            "输出文件；默认标准输出", "Where to write; default standard output"                                        \
        }                                                                                                              \
    }

#define BATCH_OPTIONS(kind, FILTERS)                                                                                   \
    static const struct option_row kind##_list_options[] = {FILTERS, OPTION_IDS, OPTION_SORT, {0}};                    \
    static const struct option_row kind##_update_options[] = {FILTERS, OPTION_DRY_RUN, OPTION_YES, {0}};               \
    static const struct option_row kind##_export_options[] = {FILTERS,       OPTION_IDS,    OPTION_SORT,               \
                                                              OPTION_FORMAT, OPTION_OUTPUT, {0}};
BATCH_OPTIONS(users, USER_FILTERS)
BATCH_OPTIONS(keys, KEY_FILTERS)
BATCH_OPTIONS(providers, PROVIDER_FILTERS)

static const struct option_row providers_choose_options[] = {PROVIDER_FILTERS, {0}};
static const struct option_row providers_delete_options[] = {PROVIDER_FILTERS, OPTION_DRY_RUN, OPTION_YES, {0}};

static const struct option_row batch_import_options[] = {
    OPTION_FORMAT, OPTION_DRY_RUN,
    OPTION_YES,    {0, "chunk", NULL, {"超过 500 行时分批处理", "More than 500 rows, in batches one after the other"}},
    {0},
};

#define BATCH_COMMANDS(kind, zh)                                                                                       \
    {#kind, NULL, {zh, "Lists and bulk changes of " #kind}, NULL, NULL},                                               \
        {#kind " list", NULL, {"列出", "List them"}, kind##_list_options, command_batch_list},                         \
        {#kind " update",                                                                                              \
         "IDS FIELD=VALUE...",                                                                                         \
         {"批量更改，要么全部成功要么都不改；IDS 如 1,2,5-9，或 all（按筛选条件）",                                    \
          "Change up to 500, all or none; IDS as 1,2,5-9, or all that the options fit"},                               \
         kind##_update_options,                                                                                        \
         command_batch_update},                                                                                        \
        {#kind " export",                                                                                              \
         NULL,                                                                                                         \
         {"导出为可编辑的文件", "A file that can be edited and imported"},                                             \
         kind##_export_options,                                                                                        \
         command_batch_export},                                                                                        \
    {                                                                                                                  \
#kind " import", "FILE",                                                                                       \
            {"导入编辑过的文件（- 表示标准输入）", "Take the edited cells of a file (- is standard input)" },          \
             batch_import_options, command_batch_import                                                                \
    }

const struct command commands[] = {
    {"serve", NULL, {"启动 HTTP 服务与网页", "Run the HTTP server and the web page"}, serve_options, command_serve},
    {"export", NULL, {"导出整个数据库", "Export the whole database"}, export_options, command_export},
    {"import", "FILE", {"导入备份文件", "Import a backup file"}, import_options, command_import},
    {"verify",
     "FILE",
     {"检查备份文件是否完好，并列出其内容；不需要数据库",
      "Check that a backup file is whole, and tell what is in it; needs no database"},
     NULL,
     command_verify},
    {"rollback",
     NULL,
     {"恢复到覆盖导入之前的数据库", "Go back to the database from before an overwrite"},
     rollback_options,
     command_rollback},
    {"status",
     NULL,
     {"显示数据库、锁与先前数据库", "Show the database, the lock, previous databases"},
     NULL,
     command_status},
    {"migrate", NULL, {"执行数据库迁移", "Apply migrations"}, NULL, command_migrate},
    {"prices", NULL, {"模型价格表", "The table of model prices"}, NULL, NULL},
    {"prices import",
     "FILE",
     {"导入价格表（JSON 或 TOML，- 表示标准输入）", "Import a price table (JSON or TOML; - is standard input)"},
     prices_import_options,
     command_prices_import},
    {"prices export", NULL, {"导出价格表", "Export the price table"}, prices_export_options, command_prices_export},
    {"prices sync",
     NULL,
     {"与云端价格表同步", "Synchronise with the cloud's table"},
     prices_sync_options,
     command_prices_sync},
    {"prices list", NULL, {"列出价格", "List prices"}, prices_list_options, command_prices_list},
    {"prices set",
     "MODEL",
     {"手动设置一个模型的价格", "Set a model's price by hand"},
     prices_set_options,
     command_prices_set},
    {"prices unset", "MODEL", {"删除一个模型的价格", "Take a model's price away"}, NULL, command_prices_unset},
    {"prices history", "MODEL", {"一个模型的价格变更", "The changes of a model's price"}, NULL, command_prices_history},
    {"prices revert",
     "MODEL",
     {"撤销一次价格变更", "Go back to a model's price from before a change"},
     prices_revert_options,
     command_prices_revert},
    {"prices unpriced",
     NULL,
     {"列出用到却没有价格的模型", "List models that are used and have no price"},
     prices_unpriced_options,
     command_prices_unpriced},
    BATCH_COMMANDS(users, "用户的列表与批量更改"),
    BATCH_COMMANDS(keys, "密钥的列表与批量更改"),
    BATCH_COMMANDS(providers, "供应商的列表与批量更改"),
    {"providers delete",
     "IDS",
     {"批量删除供应商，可在网页上撤销", "Delete providers; the page can take it back"},
     providers_delete_options,
     command_providers_delete},
    {"providers reset-circuits",
     "IDS",
     {"批量重置熔断器", "Close the providers' circuits"},
     providers_choose_options,
     command_providers_reset_circuits},
    {"config", NULL, {"显示全部配置项，密文已隐去", "Show every setting, secrets masked"}, NULL, command_config},
    {"doctor",
     NULL,
     {"检查环境并给出修复建议", "Check everything that hubport needs, and say how to fix it"},
     NULL,
     command_doctor},
    {"generate",
     "man|bash|zsh|settings|commands",
     {"由程序的各表生成手册页、补全与参考文档", "Make the man page, completions or reference pages from the tables"},
     NULL,
     command_generate,
     true},
};
const size_t command_count = sizeof commands / sizeof commands[0];
