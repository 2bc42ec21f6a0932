#include "config/config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const names[] = {
#define NAME(id, env, kind, value, secret, zh, en) env,
    SETTINGS(NAME)
#undef NAME
};

static int clean_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
    unsetenv("DSN_FILE");
    unsetenv("ADMIN_TOKEN_FILE");
    return 0;
}

static struct config *load(void)
{
    struct err err;
    struct config *config = config_new();
    if (!config_load(config, &err))
        fail_msg("%s", err.words);
    return config;
}

static void defaults_are_the_issues(void **state)
{
    (void)state;
    struct config *config = load();
    assert_string_equal(config_text(config, SETTING_LISTEN), "127.0.0.1:8450");
    assert_int_equal(config_bytes(config, SETTING_MAX_UPLOAD), 524288000);
    assert_string_equal(config_text(config, SETTING_TMP_DIR), "/tmp");
    assert_int_equal(config_ms(config, SETTING_LOCK_TTL), 300000);
    assert_int_equal(config_ms(config, SETTING_TMP_SWEEP_INTERVAL), 3600000);
    assert_int_equal(config_ms(config, SETTING_TMP_MAX_AGE), 6 * 3600000);
    assert_int_equal(config_ms(config, SETTING_KEEP_PREVIOUS), 86400000);
    assert_true(config_bool(config, SETTING_AUTO_MIGRATE));
    assert_string_equal(config_text(config, SETTING_SECURE_COOKIES), "auto");
    config_free(config);
}

static void a_flag_wins_over_the_variable(void **state)
{
    struct err err;
    (void)state;
    setenv("HUBPORT_MAX_UPLOAD", "1MB", 1);
    struct config *config = config_new();
    assert_true(config_set_flag(config, "max-upload", "2MB"));
    assert_false(config_set_flag(config, "no-such-setting", "x"));
    assert_true(config_load(config, &err));
    assert_int_equal(config_bytes(config, SETTING_MAX_UPLOAD), 2097152);
    config_free(config);
}

static void secrets_come_from_files(void **state)
{
    (void)state;
    char path[] = "/tmp/hubport-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "top secret\n", 11), 11);
    close(fd);
    setenv("ADMIN_TOKEN_FILE", path, 1);
    struct config *config = load();
    assert_string_equal(config_text(config, SETTING_ADMIN_TOKEN), "top secret");
    config_free(config);
    unlink(path);
}

static void a_bad_value_is_refused_with_its_name(void **state)
{
    static const struct {
        const char *name, *value;
    } bad[] = {{"HUBPORT_MAX_UPLOAD", "lots"}, {"HUBPORT_MAX_UPLOAD", "0"},     {"HUBPORT_LOCK_TTL", "5"},
               {"HUBPORT_LOCK_TTL", "10ms"},   {"HUBPORT_LISTEN", "8450"},      {"HUBPORT_LISTEN", "host:99999"},
               {"AUTO_MIGRATE", "perhaps"},    {"HUBPORT_RESTORE_JOBS", "0"},   {"HUBPORT_RESTORE_JOBS", "33"},
               {"ENABLE_SECURE_COOKIES", "a"}, {"HUBPORT_LOG_LEVEL", "info|d"}, {"AUTH_SESSION_TTL_SECONDS", "59"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err;
        struct config *config = config_new();
        setenv(bad[i].name, bad[i].value, 1);
        if (config_load(config, &err))
            fail_msg("%s=%s was taken", bad[i].name, bad[i].value);
        assert_int_equal(err.code, ERR_CONFIG_INVALID);
        assert_string_equal(err.args[0], bad[i].name);
        unsetenv(bad[i].name);
        config_free(config);
    }
}

static void the_hubs_ways_to_say_no_are_understood(void **state)
{
    static const char *const no[] = {"false", "0", "no", "off", "FALSE"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        setenv("AUTO_MIGRATE", no[i], 1);
        struct config *config = load();
        assert_false(config_bool(config, SETTING_AUTO_MIGRATE));
        config_free(config);
    }
}

static void secrets_are_masked(void **state)
{
    static const struct {
        enum setting setting;
        const char *name, *value, *shown;
    } cases[] = {{SETTING_DSN, "DSN", "postgresql://hub:p%40ss@db:5432/hub", "postgresql://hub:***@db:5432/hub"},
                 {SETTING_DSN, "DSN", "postgresql://hub:p@ss@db/hub", "postgresql://hub:***@db/hub"},
                 {SETTING_DSN, "DSN", "postgresql://db/hub?password=x", "***"},
                 {SETTING_DSN, "DSN", "postgresql://db/hub", "postgresql://db/hub"},
                 {SETTING_DSN, "DSN", "host=db password=x", "***"},
                 {SETTING_REDIS_URL, "REDIS_URL", "redis://:x@h:1", "redis://:***@h:1"},
                 {SETTING_ADMIN_TOKEN, "ADMIN_TOKEN", "token", "***"},
                 {SETTING_ADMIN_TOKEN, "ADMIN_TOKEN", "http?token", "***"},
                 {SETTING_PRICE_TABLE_URL, "PRICE_TABLE_URL", "https://host/x?key=y", "https://host/x?***"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new();
        clean_environment(NULL);
        setenv(cases[i].name, cases[i].value, 1);
        struct config *config = load();
        assert_string_equal(config_row(config, arena, cases[i].setting, LANG_EN).value, cases[i].shown);
        config_free(config);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_are_the_issues, clean_environment),
        cmocka_unit_test_setup(a_flag_wins_over_the_variable, clean_environment),
        cmocka_unit_test_setup(secrets_come_from_files, clean_environment),
        cmocka_unit_test_setup(a_bad_value_is_refused_with_its_name, clean_environment),
        cmocka_unit_test_setup(the_hubs_ways_to_say_no_are_understood, clean_environment),
        cmocka_unit_test_setup(secrets_are_masked, clean_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
