#include "cli/command.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/signals.h"
#include "os/core_dump.h"
#include "os/standard_streams.h"
#include "os/write.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Help -------------------------------------------------------------------------------------------------------- */

static const char *say(enum lang lang, const char *zh, const char *en)
{
    return lang == LANG_ZH ? zh : en;
}

/* Is it "<group> <word>"? NULL group: is it of one word? */
static bool is_in_group(const struct command *command, const char *group)
{
    const char *space = strchr(command->name, ' ');
    if (space == NULL || group == NULL)
        return space == NULL && group == NULL && !command->hidden;
    return (size_t)(space - command->name) == strlen(group) && text_starts(command->name, group);
}

static void print_list(const char *group, enum lang lang)
{
    int width = 10;
    for (size_t i = 0; i < command_count; i++)
        if (is_in_group(&commands[i], group))
            width = MAX(width, (int)strlen(commands[i].name) + (commands[i].run == NULL ? 4 : 0));
    for (size_t i = 0; i < command_count; i++)
        if (is_in_group(&commands[i], group))
            printf("  %s%-*s %s\n", commands[i].name, width - (int)strlen(commands[i].name),
                   commands[i].run == NULL ? " ..." : "", commands[i].help[lang]);
}

static void print_group(const struct command *group, enum lang lang)
{
    printf("%s hubport %s %s\n  %s\n\n", say(lang, "用法:", "Usage:"), group->name,
           say(lang, "命令 [选项]", "COMMAND [OPTIONS]"), group->help[lang]);
    print_list(group->name, lang);
}

static void print_commands(enum lang lang)
{
    printf("%s\n\n", say(lang, "hubport: Claude Code Hub 数据的备份、恢复与维护",
                         "hubport: back up, restore and maintain the data of a Claude Code Hub"));
    printf("%s\n", say(lang, "用法: hubport 命令 [选项]", "Usage: hubport COMMAND [OPTIONS]"));
    print_list(NULL, lang);
    printf("\n%s\n", say(lang, "每个命令: --json 输出 JSON，--help 显示选项与全部配置项，--version 显示版本",
                         "Every command: --json for scripts, --help for its options and all settings; --version"));
    printf("%s\n",
           say(lang,
               "退出状态: 0 完成 · 1 失败 · 2 用法错误 · 3 配置错误 · 4 数据库或工具不可用 · 5 锁被占用 · 6 文件被拒绝 "
               "· 7 已取消 · 8 无权限",
               "Exit status: 0 done, 1 failed, 2 wrong use, 3 settings, 4 database or a tool not available, 5 busy,\n"
               "  6 file refused, 7 cancelled, 8 not allowed"));
}

static void print_command(const struct command *command, const struct config *config, enum lang lang)
{
    struct arena *arena = arena_new();
    printf("%s hubport %s%s%s %s\n  %s\n\n", say(lang, "用法:", "Usage:"), command->name,
           command->operand == NULL ? "" : " ", command->operand == NULL ? "" : command->operand,
           say(lang, "[选项]", "[OPTIONS]"), command->help[lang]);
    for (const struct option_row *option = command->options; option != NULL && option->name != NULL; option++)
        printf("  %s--%s%s%s\n      %s\n", option->letter == 0 ? "" : arena_printf(arena, "-%c, ", option->letter),
               option->name, option->value == NULL ? "" : " ", option->value == NULL ? "" : option->value,
               option->help[lang]);
    printf("  --json\n      %s\n\n%s\n", say(lang, "以 JSON 输出结果", "Print the result as JSON"),
           say(lang, "配置项（环境变量 / 选项）:", "Settings (environment variable / flag):"));
    for (int i = 0; i < SETTING_COUNT; i++) {
        struct setting_row row = config_row(config, arena, (enum setting)i, lang);
        printf("  %s / --%s%s%s\n      %s\n", row.env, row.flag, row.fallback[0] == '\0' ? "" : " = ", row.fallback,
               row.help);
    }
    arena_free(arena);
}

/* ---- Parsing ----------------------------------------------------------------------------------------------------- */

/* NULL `second`: the command or group of that one word. */
static const struct command *find_command(const char *first, const char *second)
{
    size_t length = strlen(first);
    for (size_t i = 0; i < command_count; i++) {
        const char *name = commands[i].name;
        if (second == NULL ? strcmp(name, first) == 0
                           : text_starts(name, first) && name[length] == ' ' && strcmp(name + length + 1, second) == 0)
            return &commands[i];
    }
    return NULL;
}

static int find_option(const struct command *command, const char *name, char letter)
{
    for (int i = 0; command->options != NULL && command->options[i].name != NULL; i++)
        if ((name != NULL && strcmp(command->options[i].name, name) == 0)
            || (letter != 0 && command->options[i].letter == letter))
            return i;
    return -1;
}

/* Always 0: no argument was used. */
static int wrong(struct err *err, const char *what, const char *argument)
{
    err_set(err, ERR_WRONG_USE, "%s: %s", what, argument);
    return 0;
}

/* How many operands a row's text names; "..." stands for more. */
static size_t most_operands(const char *text)
{
    size_t words = text == NULL ? 0 : 1;
    for (const char *at = text; at != NULL && *at != '\0'; at++)
        words += *at == ' ';
    return text != NULL && strstr(text, "...") != NULL ? SIZE_MAX : words;
}

static size_t least_operands(const char *text)
{
    size_t words = 0;
    for (const char *at = text; at != NULL && *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
        words += *at != '[';
    return words;
}

/* One argument, and the next one when it is its value. Returns how many were used, 0 with err. */
static int take_argument(struct invocation *invocation, char **arguments, struct err *err)
{
    const char *argument = arguments[0], *name = NULL, *value = NULL;
    int option = -1;
    if (argument[0] != '-' || strcmp(argument, "-") == 0) {
        if (invocation->operand_count >= most_operands(invocation->command->operand))
            return wrong(err, "unexpected argument", argument);
        invocation->operands[invocation->operand_count++] = argument;
        invocation->operand = invocation->operands[0];
        return 1;
    }
    if (text_starts(argument, "--")) {
        size_t length = strcspn(argument + 2, "=");
        name = arena_strndup(invocation->arena, argument + 2, length);
        value = argument[2 + length] == '=' ? argument + 3 + length : NULL;
        option = find_option(invocation->command, name, 0);
    } else if (argument[2] == '\0') {
        option = find_option(invocation->command, NULL, argument[1]);
    }
    if (name != NULL && strcmp(name, "json") == 0 && value == NULL) {
        invocation->json = true;
        return 1;
    }
    bool setting = name != NULL && option < 0 && config_is_flag(name);
    if (option < 0 && !setting)
        return wrong(err, "unknown option", argument);
    bool needs = setting || invocation->command->options[option].value != NULL;
    if (!needs && value != NULL)
        return wrong(err, "the option takes no value", argument);
    bool from_next = needs && value == NULL;
    if (from_next && arguments[1] == NULL)
        return wrong(err, "the option needs a value", argument);
    value = from_next ? arguments[1] : value;
    if (setting)
        config_set_flag(invocation->config, name, value);
    else
        invocation->values[option] = needs ? value : "";
    return from_next ? 2 : 1;
}

static bool parse(struct invocation *invocation, char **arguments, bool *help, struct err *err)
{
    *help = false;
    while (*arguments != NULL) {
        if (strcmp(*arguments, "--help") == 0 || strcmp(*arguments, "-h") == 0) {
            *help = true;
            return true;
        }
        int used = take_argument(invocation, arguments, err);
        if (used == 0)
            return false;
        arguments += used;
    }
    if (invocation->operand_count >= least_operands(invocation->command->operand))
        return true;
    return err_set(err, ERR_WRONG_USE, "hubport %s %s: an argument is missing", invocation->command->name,
                   invocation->command->operand);
}

static void set_log_level(struct invocation *invocation)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}};
    bool server = strcmp(invocation->command->name, "serve") == 0;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (strcmp(config_text(invocation->config, SETTING_LOG_LEVEL), levels[i].name) == 0)
            log_set_level(server || levels[i].level > LOG_INFO ? levels[i].level
                          : levels[i].level == LOG_DEBUG       ? LOG_DEBUG
                                                               : LOG_ERROR);
}

/* False when what was printed is cut short in a file: not when nobody reads on (a pipe), or nobody ever did
 * (standard_streams.h). */
static bool printed(struct err *err)
{
    struct stat status;
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return true;
    int reason = errno == 0 ? EIO : errno;
    if (fstat(STDOUT_FILENO, &status) != 0 || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)
        || (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_RDONLY)
        return true;
    errno = reason;
    return write_err(err, "standard output");
}

static int run(struct invocation *invocation, char **arguments)
{
    struct err err;
    bool help;
    if (!parse(invocation, arguments, &help, &err))
        return command_fail(invocation, &err, NULL);
    if (help) {
        print_command(invocation->command, invocation->config, invocation->lang);
        return 0;
    }
    if (!config_load(invocation->config, &err))
        return command_fail(invocation, &err, NULL);
    set_log_level(invocation);
    invocation->cancel = cancel_new();
    signals_watch(invocation->cancel);
    int status = invocation->command->run(invocation);
    signals_unwatch();
    cancel_free(invocation->cancel);
    if (status != 0 || printed(&err))
        return status;
    invocation->json = false; /* that would go to standard output */
    return command_fail(invocation, &err, NULL);
}

static bool asks_help(const char *argument)
{
    return argument != NULL && (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0);
}

/* The command that the first one or two words name; `arguments` moves behind them. NULL when there is none, or when
 * only help was asked for; that is told then. */
static const struct command *choose(const struct invocation *invocation, char ***arguments, int *status)
{
    char **words = *arguments;
    *status = 0;
    if (asks_help(words[0]) || strcmp(words[0], "help") == 0) {
        print_commands(invocation->lang);
        return NULL;
    }
    const struct command *command = find_command(words[0], NULL);
    bool group = command != NULL && command->run == NULL;
    if (group && asks_help(words[1])) {
        print_group(command, invocation->lang);
        return NULL;
    }
    *arguments = words + (group ? 2 : 1);
    const struct command *found = group && words[1] != NULL ? find_command(words[0], words[1]) : group ? NULL : command;
    if (found != NULL)
        return found;
    *status = 2;
    if (!group || words[1] != NULL)
        fprintf(stderr, "%s: %s%s%s\n\n", say(invocation->lang, "没有这个命令", "there is no such command"), words[0],
                group ? " " : "", group ? words[1] : "");
    if (group)
        print_group(command, invocation->lang);
    else
        print_commands(invocation->lang);
    return NULL;
}

int command_main(int argc, char **argv)
{
    struct invocation invocation = {.lang = lang_from_environment()};
    int status;
    standard_streams_hold();
    core_dump_forbid();
    if (sodium_init() < 0)
        abort();
    if (argc < 2 || strcmp(argv[1], "--version") == 0) {
        if (argc < 2)
            print_commands(invocation.lang);
        else
            printf("hubport %s\n", HUBPORT_VERSION);
        return argc < 2 ? 2 : 0;
    }
    char **arguments = argv + 1;
    invocation.command = choose(&invocation, &arguments, &status);
    if (invocation.command == NULL)
        return status;
    invocation.arena = arena_new();
    invocation.config = config_new();
    invocation.operands = arena_alloc(invocation.arena, (size_t)argc * sizeof *invocation.operands);
    status = run(&invocation, arguments);
    config_free(invocation.config);
    arena_free(invocation.arena);
    return status;
}

/* ---- For the commands -------------------------------------------------------------------------------------------- */

const char *command_say(const struct invocation *invocation, const char *zh, const char *en)
{
    return say(invocation->lang, zh, en);
}

struct app *command_open(struct invocation *invocation, int *status)
{
    struct err err;
    struct app *app = app_open(invocation->config, APP_COMMAND, &err);
    *status = app == NULL ? command_fail(invocation, &err, NULL) : 0;
    return app;
}

struct job command_job(struct invocation *invocation, struct app *app)
{
    struct passwd *entry = getpwuid(geteuid());
    const char *user = entry == NULL ? "?" : arena_strdup(invocation->arena, entry->pw_name);
    return (struct job){
        .app = app,
        .arena = invocation->arena,
        .cancel = invocation->cancel,
        .lang = invocation->lang,
        .actor = {.user_name = arena_printf(invocation->arena, "%s (%s)", user, "command line"),
                  .user_agent = "hubport " HUBPORT_VERSION},
    };
}

void command_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}

json_t *command_error(struct invocation *invocation, const struct err *err)
{
    char text[ERR_TEXT_SIZE];
    err_text(err, invocation->lang, text);
    return json_pack("{s:b, s:s, s:s, s:s}", "ok", 0, "error", text_utf8(invocation->arena, text), "code",
                     err_name(err->code), "details", text_utf8(invocation->arena, err->words));
}

int command_fail(struct invocation *invocation, const struct err *err, const struct lock_holder *holder)
{
    char text[ERR_TEXT_SIZE], since[CLOCK_TEXT_SIZE] = "";
    err_text(err, invocation->lang, text);
    if (holder != NULL && holder->since_ms != 0)
        clock_iso(holder->since_ms, since);
    if (invocation->json) {
        json_t *answer = command_error(invocation, err);
        if (holder != NULL && holder->operation[0] != '\0')
            json_object_set_new(answer, "holder",
                                json_pack("{s:s, s:s, s:s}", "operation", holder->operation, "user",
                                          text_utf8(invocation->arena, holder->user), "since", since));
        command_print_json(answer);
    } else {
        fprintf(stderr, "hubport: %s\n  %s\n  (%s)\n", text, err->words, err_name(err->code));
        if (holder != NULL && holder->operation[0] != '\0')
            fprintf(stderr, "  %s: %s, %s, %s\n", say(invocation->lang, "持有者", "holder"), holder->user,
                    holder->operation, since);
    }
    return err_exit_status(err->code);
}
