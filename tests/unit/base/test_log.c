#include "base/log.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static int kept_stderr, log_end; /* stderr is a pipe while a test runs */

static int take_stderr(void **state)
{
    int ends[2];
    (void)state;
    kept_stderr = dup(STDERR_FILENO);
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        return -1;
    close(ends[1]);
    log_end = ends[0];
    log_set_level(LOG_INFO);
    return 0;
}

static int give_stderr(void **state)
{
    (void)state;
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    close(log_end);
    return 0;
}

/* All that was logged, which must be one line and an object. */
static json_t *logged(void)
{
    static char text[4096];
    ssize_t got = read(log_end, text, sizeof text - 1);
    assert_true(got > 0);
    text[got] = '\0';
    assert_ptr_equal(strchr(text, '\n'), text + got - 1);
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    return line;
}

static const char *member(json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

static void a_line_has_time_level_event_and_what_is_told(void **state)
{
    (void)state;
    log_event(LOG_WARN, "unit.tested", "{s:s, s:i}", "name", "多\nlines", "count", 3);
    json_t *line = logged();
    assert_string_equal(member(line, "level"), "warn");
    assert_string_equal(member(line, "event"), "unit.tested");
    assert_string_equal(member(line, "name"), "多\nlines");
    assert_int_equal(json_integer_value(json_object_get(line, "count")), 3);
    assert_non_null(member(line, "time"));
    assert_null(json_object_get(line, "request"));
    json_decref(line);
}

static void a_thread_has_its_request_until_it_ends(void **state)
{
    (void)state;
    log_set_request("r-1");
    log_event(LOG_INFO, "unit.tested", NULL);
    json_t *line = logged();
    assert_string_equal(member(line, "request"), "r-1");
    json_decref(line);
    log_set_request(NULL);
    log_event(LOG_INFO, "unit.tested", NULL);
    line = logged();
    assert_null(json_object_get(line, "request"));
    json_decref(line);
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    log_event(LOG_DEBUG, "unit.quiet", NULL);
    log_set_level(LOG_OFF);
    log_event(LOG_ERROR, "unit.quiet", NULL);
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "unit.tested", NULL);
    json_t *line = logged();
    assert_string_equal(member(line, "event"), "unit.tested");
    json_decref(line);
}

static void what_cannot_be_told_still_names_its_event(void **state)
{
    (void)state;
    log_event(LOG_INFO, "unit.tested", "{s:s}", "name", "\xff\xfe");
    json_t *line = logged();
    assert_string_equal(member(line, "event"), "unit.tested");
    assert_true(json_is_true(json_object_get(line, "unloggable")));
    json_decref(line);
}

static void a_log_that_cannot_be_written_stops_nothing(void **state)
{
    (void)state;
    close(STDERR_FILENO);
    log_event(LOG_ERROR, "unit.lost", NULL);
    assert_int_equal(dup2(kept_stderr, STDERR_FILENO), STDERR_FILENO);
}

int main(void)
{
#define WITH_PIPE(test) cmocka_unit_test_setup_teardown(test, take_stderr, give_stderr)
    const struct CMUnitTest tests[] = {
        WITH_PIPE(a_line_has_time_level_event_and_what_is_told),
        WITH_PIPE(a_thread_has_its_request_until_it_ends),
        WITH_PIPE(lines_below_the_level_are_dropped),
        WITH_PIPE(what_cannot_be_told_still_names_its_event),
        WITH_PIPE(a_log_that_cannot_be_written_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
