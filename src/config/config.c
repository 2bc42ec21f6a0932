#include "config/config.h"

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <strings.h>
#include <unistd.h>

enum kind { KIND_TEXT, KIND_LISTEN, KIND_BYTES, KIND_DURATION, KIND_INTEGER, KIND_BOOL, KIND_CHOICE };
enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAG };

struct row {
    const char *env;
    enum kind kind;
    const char *fallback; /* of a choice: all values, the default first */
    bool secret;
    const char *help[2];
};

static const struct row rows[SETTING_COUNT] = {
#define SETTING_ROW(id, env, kind, value, secret, zh, en) [SETTING_##id] = {env, KIND_##kind, value, secret, {zh, en}},
    SETTINGS(SETTING_ROW)
#undef SETTING_ROW
};

/* Bounds of integers. */
static const struct {
    enum setting setting;
    int64_t min, max;
} bounds[] = {
    {SETTING_EXPORT_THREADS, 0, 8},      {SETTING_MAX_UNPACK_RATIO, 1, 100000}, {SETTING_RESTORE_JOBS, 1, 32},
    {SETTING_SESSION_TTL, 60, 31536000}, {SETTING_MAX_CONNECTIONS, 10, 10000},
};

struct value {
    const char *text;
    enum source source;
    uint64_t bytes;
    int64_t number; /* milliseconds, integer or boolean */
};

struct config {
    struct arena *arena;
    struct value values[SETTING_COUNT];
};

struct config *config_new(void)
{
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof *config);
    config->arena = arena;
    return config;
}

void config_free(struct config *config)
{
    if (config != NULL)
        arena_free(config->arena);
}

/* HUBPORT_MAX_UPLOAD -> max-upload */
static void flag_name(enum setting setting, char name[64])
{
    const char *env = rows[setting].env;
    size_t used = 0;
    if (text_starts(env, "HUBPORT_"))
        env += strlen("HUBPORT_");
    for (; *env != '\0' && used < 63; env++)
        name[used++] = *env == '_' ? '-' : (char)tolower((unsigned char)*env);
    name[used] = '\0';
}

static int find_flag(const char *wanted)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        char name[64];
        flag_name((enum setting)i, name);
        if (strcmp(name, wanted) == 0)
            return i;
    }
    return -1;
}

bool config_is_flag(const char *name)
{
    return find_flag(name) >= 0;
}

bool config_set_flag(struct config *config, const char *name, const char *value)
{
    int setting = find_flag(name);
    if (setting < 0)
        return false;
    config->values[setting] = (struct value){.text = arena_strdup(config->arena, value), .source = SOURCE_FLAG};
    return true;
}

static bool invalid(struct err *err, enum setting setting, const char *why)
{
    const struct row *row = &rows[setting];
    err_set(err, ERR_CONFIG_INVALID, "%s: %s", row->env, why);
    return err_args(err, row->env, NULL);
}

/* The first line of a secret's file. */
static bool read_secret(struct config *config, enum setting setting, const char *path, struct err *err)
{
    char line[8192];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return invalid(err, setting, arena_printf(config->arena, "%s: %s", path, strerror(errno)));
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    config->values[setting] = (struct value){.text = arena_strdup(config->arena, line), .source = SOURCE_FILE};
    return true;
}

static bool find_value(struct config *config, enum setting setting, struct err *err)
{
    struct value *value = &config->values[setting];
    const struct row *row = &rows[setting];
    if (value->source == SOURCE_FLAG)
        return true;
    const char *text = getenv(row->env);
    if (text != NULL && text[0] != '\0') {
        *value = (struct value){.text = arena_strdup(config->arena, text), .source = SOURCE_ENVIRONMENT};
        return true;
    }
    if (row->secret) {
        const char *path = getenv(arena_printf(config->arena, "%s_FILE", row->env));
        if (path != NULL && path[0] != '\0')
            return read_secret(config, setting, path, err);
    }
    size_t length = row->kind == KIND_CHOICE ? strcspn(row->fallback, "|") : strlen(row->fallback);
    *value = (struct value){.text = arena_strndup(config->arena, row->fallback, length)};
    return true;
}

static bool check_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = choices; *at != '\0'; at += strcspn(at, "|"), at += *at == '|')
        if (strcspn(at, "|") == length && strncmp(at, text, length) == 0)
            return true;
    return false;
}

static bool check_bool(const char *text, int64_t *number)
{
    static const char *const yes[] = {"true", "1", "yes", "on"}, *const no[] = {"false", "0", "no", "off"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return *number = 1, true;
        if (strcasecmp(text, no[i]) == 0)
            return *number = 0, true;
    }
    return false;
}

static bool check_integer(enum setting setting, const char *text, int64_t *number)
{
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        if (bounds[i].setting == setting)
            return text_parse_integer(text, bounds[i].min, bounds[i].max, number);
    return text_parse_integer(text, 0, INT32_MAX, number);
}

static bool check_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    return colon != NULL && colon != text && text_parse_integer(colon + 1, 0, 65535, &port);
}

static bool check_value(struct config *config, enum setting setting, struct err *err)
{
    struct value *value = &config->values[setting];
    const char *text = value->text;
    switch (rows[setting].kind) {
    case KIND_TEXT:
        return true;
    case KIND_LISTEN:
        return check_listen(text) || invalid(err, setting, "expected host:port");
    case KIND_BYTES:
        return text_parse_bytes(text, &value->bytes) || invalid(err, setting, "expected a size such as 500MB");
    case KIND_DURATION:
        return text_parse_duration(text, &value->number)
               || invalid(err, setting, "expected a time with its unit, such as 90s, 5m, 1h");
    case KIND_INTEGER:
        return check_integer(setting, text, &value->number) || invalid(err, setting, "not a whole number in range");
    case KIND_BOOL:
        return check_bool(text, &value->number) || invalid(err, setting, "expected true or false");
    case KIND_CHOICE:
        return check_choice(rows[setting].fallback, text)
               || invalid(err, setting, arena_printf(config->arena, "expected one of %s", rows[setting].fallback));
    }
    return false;
}

static void default_data_dir(struct config *config)
{
    struct value *value = &config->values[SETTING_DATA_DIR];
    if (value->text[0] != '\0')
        return;
    const char *home = getenv("HOME");
    if (geteuid() == 0)
        value->text = "/var/lib/hubport";
    else
        value->text = arena_printf(config->arena, "%s/.local/share/hubport", home == NULL ? "/nonexistent" : home);
}

/* Durations that would make no sense as 0 or less than a tick. */
static bool check_minimums(struct config *config, struct err *err)
{
    static const struct {
        enum setting setting;
        int64_t min_ms;
    } minimums[] = {{SETTING_LOCK_TTL, 1000},       {SETTING_TMP_SWEEP_INTERVAL, 1000},
                    {SETTING_CLIENT_TIMEOUT, 500},  {SETTING_HEADER_TIMEOUT, 500},
                    {SETTING_DB_LOCK_TIMEOUT, 100}, {SETTING_PRICE_TABLE_TIMEOUT, 100}};
    for (size_t i = 0; i < ARRAY_LEN(minimums); i++)
        if (config_ms(config, minimums[i].setting) < minimums[i].min_ms)
            return invalid(err, minimums[i].setting, "too short");
    int64_t interval = config_ms(config, SETTING_PRICE_SYNC_INTERVAL);
    if (interval != 0 && interval < 1000)
        return invalid(err, SETTING_PRICE_SYNC_INTERVAL, "too short; 0 turns it off");
    if (config_bytes(config, SETTING_MAX_UPLOAD) == 0)
        return invalid(err, SETTING_MAX_UPLOAD, "must be more than 0");
    char *end;
    double price = strtod(config_text(config, SETTING_PRICE_MAX_PER_TOKEN), &end);
    if (!(price > 0 && price < 1e9) || *end != '\0')
        return invalid(err, SETTING_PRICE_MAX_PER_TOKEN, "expected an amount in USD such as 1 or 0.01");
    return true;
}

bool config_load(struct config *config, struct err *err)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (!find_value(config, (enum setting)i, err) || !check_value(config, (enum setting)i, err))
            return false;
    default_data_dir(config);
    return check_minimums(config, err);
}

const char *config_text(const struct config *config, enum setting setting)
{
    return config->values[setting].text;
}

uint64_t config_bytes(const struct config *config, enum setting setting)
{
    return config->values[setting].bytes;
}

int64_t config_ms(const struct config *config, enum setting setting)
{
    return config->values[setting].number;
}

int64_t config_int(const struct config *config, enum setting setting)
{
    return config->values[setting].number;
}

bool config_bool(const struct config *config, enum setting setting)
{
    return config->values[setting].number != 0;
}

/* scheme://user:password@host -> scheme://user:***@host; the query of a web address is a secret, too, and so is what
 * stands alone before a Redis; anything else secret is "***" whole. */
static const char *masked(struct arena *arena, const char *text)
{
    if (text_starts(text, "http") && strchr(text, '?') != NULL)
        text = arena_printf(arena, "%.*s?***", (int)strcspn(text, "?"), text);
    const char *slashes = strstr(text, "://");
    if (text[0] == '\0')
        return "";
    if (slashes == NULL || strstr(text, "password=") != NULL)
        return "***";
    const char *start = slashes + 3, *at = strrchr(start, '@');
    const char *colon = at == NULL ? NULL : memchr(start, ':', (size_t)(at - start));
    if (colon != NULL)
        return arena_printf(arena, "%.*s:***%s", (int)(colon - text), text, at);
    if (at != NULL && text_starts(text, "redis"))
        return arena_printf(arena, "%.*s***%s", (int)(start - text), text, at);
    return text;
}

struct setting_row config_row(const struct config *config, struct arena *arena, enum setting setting, enum lang lang)
{
    static const char *const sources[] = {"default", "file", "environment", "flag"};
    const struct row *row = &rows[setting];
    const struct value *value = &config->values[setting];
    char flag[64];
    flag_name(setting, flag);
    return (struct setting_row){
        .env = row->env,
        .flag = arena_strdup(arena, flag),
        .value = value->text == NULL ? ""
                 : row->secret       ? masked(arena, value->text)
                                     : value->text,
        .fallback = row->fallback,
        .help = row->help[lang],
        .source = sources[value->source],
        .secret = row->secret,
    };
}
