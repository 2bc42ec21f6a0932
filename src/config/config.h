/* Settings: read once from flags, the environment and secret files; checked; then only read.
 *
 * A flag wins over the variable, a variable over its _FILE, all over the default. A bad value fails with
 * ERR_CONFIG_INVALID, the setting's name in args[0].
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "config/settings.h"

enum setting {
#define SETTING_ENUM(id, env, kind, value, secret, zh, en) SETTING_##id,
    SETTINGS(SETTING_ENUM)
#undef SETTING_ENUM
        SETTING_COUNT
};

struct config;

struct config *config_new(void);
void config_free(struct config *config);

/* Take a flag's value, before config_load(). `name` is without dashes; false when there is no such setting. */
bool config_set_flag(struct config *config, const char *name, const char *value);
bool config_is_flag(const char *name);

bool config_load(struct config *config, struct err *err) MUST_CHECK;

const char *config_text(const struct config *config, enum setting setting); /* never NULL */
uint64_t config_bytes(const struct config *config, enum setting setting);
int64_t config_ms(const struct config *config, enum setting setting);
int64_t config_int(const struct config *config, enum setting setting);
bool config_bool(const struct config *config, enum setting setting);

/* For `hubport config`, --help and docs: one row of the table. The value is masked when secret: passwords of URLs
 * become "***". */
struct setting_row {
    const char *env;
    const char *flag;
    const char *value;
    const char *fallback; /* the default */
    const char *help;
    const char *source; /* "default", "environment", "file", "flag" */
    bool secret;
};
struct setting_row config_row(const struct config *config, struct arena *arena, enum setting setting, enum lang lang);

#endif
