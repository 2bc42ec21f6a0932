/* hubport generate: the man page, the completions and the reference pages, from the tables of commands and settings.
 * Hidden: it is for `make deb` and `make docs`.
 */
#include "cli/command.h"

#include "base/text.h"

static bool is_shown(const struct command *command)
{
    return !command->hidden;
}

static const char *letter_of(struct arena *arena, const struct option_row *option)
{
    return option->letter == 0 ? "" : arena_printf(arena, "-%c, ", option->letter);
}

/* ---- hubport(1) -------------------------------------------------------------------------------------------------- */

/* A line of roff: what would be a request or an escape is text. */
static void roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

static void roff_term(const char *term)
{
    fputs(".TP\n.B ", stdout);
    roff(term);
    putchar('\n');
}

static void man_command(struct arena *arena, const struct command *command)
{
    roff_term(arena_printf(arena, "hubport %s %s", command->name, command->operand == NULL ? "" : command->operand));
    roff(command->help[LANG_EN]);
    puts(".");
    if (command->options == NULL)
        return;
    puts(".RS");
    for (const struct option_row *option = command->options; option->name != NULL; option++) {
        roff_term(arena_printf(arena, "%s--%s %s", letter_of(arena, option), option->name,
                               option->value == NULL ? "" : option->value));
        roff(option->help[LANG_EN]);
        putchar('\n');
    }
    puts(".RE");
}

static void write_man(struct invocation *invocation)
{
    struct arena *arena = invocation->arena;
    puts(".TH HUBPORT 1 \"\" \"hubport " HUBPORT_VERSION "\" \"User Commands\"\n"
         ".SH NAME\nhubport \\- back up, restore and maintain the data of a Claude Code Hub\n"
         ".SH SYNOPSIS\n.B hubport\n.I COMMAND\n[\\fIOPTIONS\\fR]\n"
         ".SH COMMANDS\nEvery command takes \\-\\-json, \\-\\-help and the settings as options.");
    for (size_t i = 0; i < command_count; i++)
        if (is_shown(&commands[i]) && commands[i].run != NULL)
            man_command(arena, &commands[i]);
    puts(".SH ENVIRONMENT\nEach is an option too, whose name follows it.");
    for (int i = 0; i < SETTING_COUNT; i++) {
        struct setting_row row = config_row(invocation->config, arena, (enum setting)i, LANG_EN);
        roff_term(arena_printf(arena, "%s, --%s", row.env, row.flag));
        roff(row.help);
        puts(".");
        if (row.fallback[0] != '\0') {
            roff(arena_printf(arena, "Default: %s", row.fallback));
            putchar('\n');
        }
    }
    puts(
        ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong use, 3 settings, 4 database or a tool not available, 5 busy, "
        "6 file refused, 7 cancelled, 8 not allowed.\n"
        ".SH FILES\n.TP\n.I /etc/hubport/hubport.conf\nThe settings of the service, as an EnvironmentFile of systemd.\n"
        ".TP\n.I /var/lib/hubport\nIts data directory.");
}

/* ---- Completion -------------------------------------------------------------------------------------------------- */

/* Both shells: one case a command, with the words that may follow it. */
static void write_cases(struct invocation *invocation)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &commands[i];
        if (!is_shown(command))
            continue;
        struct arena *arena = invocation->arena;
        const char *words = "";
        for (size_t j = 0; command->run == NULL && j < command_count; j++) {
            size_t length = strlen(command->name);
            if (text_starts(commands[j].name, command->name) && commands[j].name[length] == ' ')
                words = arena_printf(arena, "%s%s ", words, commands[j].name + length + 1);
        }
        for (const struct option_row *option = command->options; option != NULL && option->name != NULL; option++)
            words = arena_printf(arena, "%s--%s ", words, option->name);
        printf("    '%s') after='%s' ;;\n", command->name, words);
    }
}

static void write_words(struct invocation *invocation)
{
    fputs("  local all='", stdout);
    for (size_t i = 0; i < command_count; i++)
        if (is_shown(&commands[i]) && strchr(commands[i].name, ' ') == NULL)
            printf("%s ", commands[i].name);
    fputs("--help --version'\n  local common='--json --help ", stdout);
    for (int i = 0; i < SETTING_COUNT; i++)
        printf("--%s ", config_row(invocation->config, invocation->arena, (enum setting)i, LANG_EN).flag);
    puts("'");
}

static void write_bash(struct invocation *invocation)
{
    puts("# bash completion for hubport\n_hubport() {\n  local word=${COMP_WORDS[COMP_CWORD]} after=");
    write_words(invocation);
    puts("  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"$all\" -- \"$word\"))\n    return\n  fi\n"
         "  local one=${COMP_WORDS[1]} two=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
         "  case $one in prices|users|keys|providers) [ \"$COMP_CWORD\" -gt 2 ] && one=$two ;; esac\n"
         "  case $one in");
    write_cases(invocation);
    puts("  esac\n"
         "  case $word in\n"
         "    -*) COMPREPLY=($(compgen -W \"$after $common\" -- \"$word\")) ;;\n"
         "    *) COMPREPLY=($(compgen -W \"$after\" -- \"$word\") $(compgen -f -- \"$word\")) ;;\n"
         "  esac\n}\ncomplete -o filenames -F _hubport hubport");
}

static void write_zsh(struct invocation *invocation)
{
    puts("#compdef hubport\n_hubport() {\n  local words_of=(${words[@]}) word=${words[CURRENT]}");
    write_words(invocation);
    puts("  if (( CURRENT == 2 )); then\n    compadd -- ${=all}\n    return\n  fi\n"
         "  local one=${words_of[2]} two=\"${words_of[2]} ${words_of[3]}\"\n"
         "  case $one in prices|users|keys|providers) (( CURRENT > 3 )) && one=$two ;; esac\n"
         "  local after=''\n  case $one in");
    write_cases(invocation);
    puts("  esac\n  compadd -- ${=after}\n"
         "  if [[ $word == -* ]]; then compadd -- ${=common}; else _files; fi\n}\n_hubport \"$@\"");
}

/* ---- Reference pages --------------------------------------------------------------------------------------------- */

/* A cell of a table: a bar would end it. */
static const char *cell(struct arena *arena, const char *text)
{
    char *out = arena_alloc(arena, 2 * strlen(text) + 1), *at = out;
    for (; *text != '\0'; text++) {
        if (*text == '|')
            *at++ = '\\';
        *at++ = *text;
    }
    return out;
}

static void write_settings(struct invocation *invocation)
{
    struct arena *arena = invocation->arena;
    puts("# Settings\n\nMade from src/config/settings.h by `make docs`. A flag wins over the variable, the variable "
         "over the "
         "file that `<VARIABLE>_FILE` names (secrets), all over the default.\nDurations are `500ms`, `10s`, `5m`, "
         "`24h`; "
         "sizes `64KB`, `20MB`, `1GB`.\n\n| variable | flag | default | | |\n|---|---|---|---|---|");
    for (int i = 0; i < SETTING_COUNT; i++) {
        struct setting_row row = config_row(invocation->config, arena, (enum setting)i, LANG_EN);
        const char *zh = config_row(invocation->config, arena, (enum setting)i, LANG_ZH).help;
        printf("| `%s`%s | `--%s` | %s | %s | %s |\n", row.env, row.secret ? " (secret)" : "", row.flag,
               row.fallback[0] == '\0' ? "" : arena_printf(arena, "`%s`", cell(arena, row.fallback)),
               cell(arena, row.help), cell(arena, zh));
    }
}

static void write_commands(struct invocation *invocation)
{
    struct arena *arena = invocation->arena;
    puts("# Commands\n\nMade from src/cli/commands.c by `make docs`. Every command takes `--json`, `--help` and the "
         "[settings](settings.md) as flags.\nExit status: 0 done, 1 failed, 2 wrong use, 3 settings, 4 database or a "
         "tool "
         "not available, 5 busy, 6 file refused, 7 cancelled, 8 not allowed.");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &commands[i];
        if (!is_shown(command) || command->run == NULL)
            continue;
        printf("\n## hubport %s%s%s\n%s. %s。\n", command->name, command->operand == NULL ? "" : " ",
               command->operand == NULL ? "" : command->operand, command->help[LANG_EN], command->help[LANG_ZH]);
        if (command->options != NULL)
            puts("\n| option | | |\n|---|---|---|");
        for (const struct option_row *option = command->options; option != NULL && option->name != NULL; option++)
            printf("| `%s--%s%s%s` | %s | %s |\n", letter_of(arena, option), option->name,
                   option->value == NULL ? "" : " ", option->value == NULL ? "" : cell(arena, option->value),
                   cell(arena, option->help[LANG_EN]), cell(arena, option->help[LANG_ZH]));
    }
}

int command_generate(struct invocation *invocation)
{
    static const struct {
        const char *name;
        void (*write)(struct invocation *invocation);
    } kinds[] = {{"man", write_man},
                 {"bash", write_bash},
                 {"zsh", write_zsh},
                 {"settings", write_settings},
                 {"commands", write_commands}};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(invocation->operand, kinds[i].name) == 0) {
            kinds[i].write(invocation);
            return 0;
        }
    err_set(&err, ERR_WRONG_USE, "generate man, bash, zsh, settings or commands");
    return command_fail(invocation, &err, NULL);
}
