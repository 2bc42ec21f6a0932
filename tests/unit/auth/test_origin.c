#include "auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct row {
    struct auth_origin headers;
    enum auth_site site;
};

static void all_are(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (auth_site_of(&rows[i].headers) != rows[i].site)
            fail_msg("row %zu is not %d", i, rows[i].site);
}

static void sec_fetch_site_tells(void **state)
{
    static const struct row rows[] = {
        {{.fetch_site = "same-origin", .host = "h"}, SITE_SAME},
        {{.fetch_site = "none", .host = "h"}, SITE_SAME},
        {{.fetch_site = "cross-site", .host = "h"}, SITE_OTHER},
        {{.fetch_site = "same-site", .host = "h"}, SITE_OTHER},
        {{.fetch_site = "something new", .host = "h"}, SITE_OTHER},
    };
    (void)state;
    all_are(rows, ARRAY_LEN(rows));
}

static void origin_or_referer_are_compared_with_host(void **state)
{
    static const struct row rows[] = {
        {{.origin = "http://127.0.0.1:8450", .host = "127.0.0.1:8450"}, SITE_SAME},
        {{.origin = "http://HubPort.Example", .host = "hubport.example"}, SITE_SAME},
        {{.origin = "http://[::1]:8450", .host = "[::1]:8450"}, SITE_SAME},
        {{.referer = "http://h:8450/login?x=1#y", .host = "h:8450"}, SITE_SAME},
        {{.referer = "http://h:8450", .host = "h:8450"}, SITE_SAME},
        {{.origin = "http://h:8451", .host = "h:8450"}, SITE_OTHER},
        {{.origin = "http://evil", .host = "h"}, SITE_OTHER},
        {{.origin = "http://h.evil", .host = "h"}, SITE_OTHER},
        {{.origin = "http://evilh", .host = "h"}, SITE_OTHER},
        {{.origin = "http://h@evil", .host = "h"}, SITE_OTHER},
        {{.referer = "http://h:80@evil/", .host = "h"}, SITE_OTHER},
        {{.referer = "http://evil/http://h/", .host = "h"}, SITE_OTHER},
        {{.referer = "http://evil?http://h", .host = "h"}, SITE_OTHER},
        {{.origin = "null", .host = "h"}, SITE_OTHER},
        {{.origin = "h", .host = "h"}, SITE_OTHER},
        {{.origin = "http://", .host = ""}, SITE_OTHER},
        {{.origin = "file://", .host = "h"}, SITE_OTHER},
        {{.origin = "ftp://h", .host = "h"}, SITE_OTHER},
        {{.origin = "http://h"}, SITE_OTHER},
    };
    (void)state;
    all_are(rows, ARRAY_LEN(rows));
}

static void the_schemes_own_port_may_be_left_out(void **state)
{
    static const struct row rows[] = {
        {{.origin = "http://h", .host = "h:80"}, SITE_SAME},
        {{.origin = "http://h:80", .host = "h"}, SITE_SAME},
        {{.origin = "https://h", .host = "h:443"}, SITE_SAME},
        {{.origin = "https://h", .host = "h"}, SITE_SAME}, /* behind a proxy that ends TLS */
        {{.origin = "https://h", .host = "h:80"}, SITE_OTHER},
        {{.origin = "http://h", .host = "h:443"}, SITE_OTHER},
    };
    (void)state;
    all_are(rows, ARRAY_LEN(rows));
}

static void one_that_says_another_site_is_enough(void **state)
{
    static const struct row rows[] = {
        {{.fetch_site = "same-origin", .origin = "http://evil", .host = "h"}, SITE_OTHER},
        {{.fetch_site = "cross-site", .origin = "http://h", .host = "h"}, SITE_OTHER},
        {{.origin = "http://h", .referer = "http://evil/", .host = "h"}, SITE_OTHER},
        {{.fetch_site = "none", .referer = "http://evil/", .host = "h"}, SITE_OTHER},
        {{.fetch_site = "same-origin", .origin = "http://h", .referer = "http://h/x", .host = "h"}, SITE_SAME},
    };
    (void)state;
    all_are(rows, ARRAY_LEN(rows));
}

static void without_any_of_them_nothing_is_known(void **state)
{
    static const struct row rows[] = {
        {{.host = "h"}, SITE_UNKNOWN},
        {{0}, SITE_UNKNOWN},
        {{.origin = "", .referer = "", .fetch_site = "", .host = "h"}, SITE_UNKNOWN},
    };
    (void)state;
    all_are(rows, ARRAY_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sec_fetch_site_tells),
        cmocka_unit_test(origin_or_referer_are_compared_with_host),
        cmocka_unit_test(the_schemes_own_port_may_be_left_out),
        cmocka_unit_test(one_that_says_another_site_is_enough),
        cmocka_unit_test(without_any_of_them_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
