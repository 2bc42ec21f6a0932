#include "base/arena.h"
#include "base/err.h"
#include "base/messages.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const enum err_code all_codes[] = {
#define CODE(name, status, exit, zh, en) ERR_##name,
    ERR_CODES(CODE)
#undef CODE
};

static void every_code_has_a_status_and_both_texts(void **state)
{
    (void)state;
    for (size_t i = 1; i < ARRAY_LEN(all_codes); i++) {
        struct err err;
        char zh[ERR_TEXT_SIZE], en[ERR_TEXT_SIZE];
        err_set(&err, all_codes[i], "words");
        err_text(&err, LANG_ZH, zh);
        err_text(&err, LANG_EN, en);
        assert_true(strlen(zh) > 0 && strlen(en) > 0);
        assert_string_not_equal(zh, en);
        assert_in_range(err_http_status(all_codes[i]), 400, 599);
        assert_in_range(err_exit_status(all_codes[i]), 1, 8);
    }
}

static void the_hubs_texts_are_the_hubs_to_the_letter(void **state)
{
    struct err err;
    char text[ERR_TEXT_SIZE];
    (void)state;
    err_set(&err, ERR_BACKUP_BUSY, "x");
    err_text(&err, LANG_ZH, text);
    assert_string_equal(text, "其他管理员正在执行备份操作，请稍后重试");
    err_set(&err, ERR_FILE_TOO_LARGE, "x");
    err_args(&err, "500MB", NULL);
    err_text(&err, LANG_ZH, text);
    assert_string_equal(text, "文件过大，最大支持 500MB");
    assert_int_equal(err_http_status(ERR_FILE_TOO_LARGE), 413);
}

static void layers_put_their_words_in_front(void **state)
{
    struct err err;
    (void)state;
    errno = ENOENT;
    assert_false(err_errno(&err, ERR_SYSTEM, "opening %s", "x"));
    assert_false(err_wrap(&err, "reading %s", "settings"));
    assert_string_equal(err.words, "reading settings: opening x: No such file or directory");
    assert_int_equal(err.code, ERR_SYSTEM);
}

static void words_that_are_too_long_are_cut_and_end(void **state)
{
    struct err err;
    char longer[2 * ERR_WORDS_SIZE];
    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&err, ERR_SYSTEM, "%s", longer);
    err_wrap(&err, "%s", longer);
    assert_int_equal(strlen(err.words), ERR_WORDS_SIZE - 1);
}

static void messages_fill_their_placeholders(void **state)
{
    struct arena *arena = arena_new();
    (void)state;
    assert_string_equal(MESSAGE(arena, LANG_ZH, MSG_IMPORTED_SKIPPED, "3"), "数据导入完成，跳过了 3 个已存在的对象");
    assert_string_equal(MESSAGE(arena, LANG_EN, MSG_IMPORTED), "The data was imported.");
    assert_string_equal(MESSAGE(arena, LANG_EN, MSG_TOO_LARGE_DETAILS, "1MB"), "This file: 1MB, limit: ");
    arena_free(arena);
}

/* Placeholders of the two languages are the same, so that no reader misses a value. */
static void both_languages_have_the_same_placeholders(void **state)
{
    static const struct {
        const char *zh, *en;
    } texts[] = {
#define PAIR(name, zh, en) {zh, en},
        MESSAGES(PAIR)
#undef PAIR
#define ERR_PAIR(name, status, exit, zh, en) {zh, en},
            ERR_CODES(ERR_PAIR)
#undef ERR_PAIR
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (int digit = 0; digit < 10; digit++) {
            char placeholder[] = {'{', (char)('0' + digit), '}', '\0'};
            assert_int_equal(strstr(texts[i].zh, placeholder) != NULL, strstr(texts[i].en, placeholder) != NULL);
        }
}

static void the_language_is_english_only_when_it_is_preferred(void **state)
{
    (void)state;
    assert_int_equal(lang_from_header(NULL), LANG_ZH);
    assert_int_equal(lang_from_header("en"), LANG_EN);
    assert_int_equal(lang_from_header("en-US,en;q=0.9"), LANG_EN);
    assert_int_equal(lang_from_header("zh-CN,zh;q=0.9,en;q=0.8"), LANG_ZH);
    assert_int_equal(lang_from_header("zh;q=0.3, en;q=0.7"), LANG_EN);
    assert_int_equal(lang_from_header("en;q=0"), LANG_ZH);
    assert_int_equal(lang_from_header("fr"), LANG_ZH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_status_and_both_texts),
        cmocka_unit_test(the_hubs_texts_are_the_hubs_to_the_letter),
        cmocka_unit_test(layers_put_their_words_in_front),
        cmocka_unit_test(words_that_are_too_long_are_cut_and_end),
        cmocka_unit_test(messages_fill_their_placeholders),
        cmocka_unit_test(both_languages_have_the_same_placeholders),
        cmocka_unit_test(the_language_is_english_only_when_it_is_preferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
