#include "prices/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_json(const char *toml, const char *json)
{
    struct toml_fault fault;
    char *got = toml_to_json(toml, strlen(toml), &fault);
    if (got == NULL)
        fail_msg("%s: %zu:%zu %s", toml, fault.line, fault.column, fault.what);
    assert_string_equal(got, json);
    free(got);
}

static void floats_keep_the_digits_of_the_text(void **state)
{
    (void)state;
    assert_json("a = 1e-06\nb = 0.10", "{\"a\":1e-06,\"b\":0.10}");
    assert_json("a = 1_000.000_1 # text", "{\"a\":1000.0001}");
    assert_json("a = +2.50\nb = -0.0", "{\"a\":2.50,\"b\":-0.0}");
    assert_json("a = 0.12345678901234567890123456789", "{\"a\":0.12345678901234567890123456789}");
    assert_json("\"\xe6\xa8\xa1\" = { x = [ 1.10, 2.20 ] }\r\n", "{\"\xe6\xa8\xa1\":{\"x\":[1.10,2.20]}}");
    assert_json("k\t=\t\"\xe6\xa8\xa1\xf0\x9f\x98\x80\"\nz = [\"\xe6\xa8\xa1\", 3.30]",
                "{\"k\":\"\xe6\xa8\xa1\xf0\x9f\x98\x80\",\"z\":[\"\xe6\xa8\xa1\",3.30]}");
}

static void what_is_not_finite_is_a_number_that_no_price_can_be(void **state)
{
    (void)state;
    assert_json("a = nan\nb = -inf", "{\"a\":1e999,\"b\":1e999}");
}

static void other_values_have_their_counterparts(void **state)
{
    (void)state;
    assert_json("i = 0x10\nl = 9223372036854775807\nt = true\ns = \"a\\\"b\\n\"\nd = 2026-01-02\n",
                "{\"d\":\"2026-01-02\",\"i\":16,\"l\":9223372036854775807,\"s\":\"a\\\"b\\u000a\",\"t\":true}");
    assert_json("[models.\"a.b\"]\nmode = 'chat'\n[models.\"a.b\".pricing.x]\n",
                "{\"models\":{\"a.b\":{\"mode\":\"chat\",\"pricing\":{\"x\":{}}}}}");
}

static void a_byte_order_mark_moves_no_float(void **state)
{
    (void)state;
    assert_json("\xef\xbb\xbf"
                "a = 1.50\nb = 2.50",
                "{\"a\":1.50,\"b\":2.50}");
}

static void floats_are_found_in_a_long_line(void **state)
{
    (void)state;
    char toml[8192] = "m = [", json[8192] = "{\"m\":[";
    for (int i = 0; i < 300; i++) {
        snprintf(toml + strlen(toml), sizeof toml - strlen(toml), "%s%d.50, '\xe6\xa8\xa1'", i == 0 ? "" : ", ", i);
        snprintf(json + strlen(json), sizeof json - strlen(json), "%s%d.50,\"\xe6\xa8\xa1\"", i == 0 ? "" : ",", i);
    }
    snprintf(toml + strlen(toml), sizeof toml - strlen(toml), "]\n");
    snprintf(json + strlen(json), sizeof json - strlen(json), "]}");
    assert_json(toml, json);
}

static void a_fault_has_its_place(void **state)
{
    (void)state;
    struct toml_fault fault;
    assert_null(toml_to_json("a = 1\nb = = 2", 13, &fault));
    assert_int_equal(fault.line, 2);
    assert_in_range(fault.column, 5, 6);
    assert_null(toml_to_json("a = 1\na = 2", 11, &fault));
    assert_non_null(strstr(fault.what, "a"));
    assert_null(toml_to_json("a = \"\xff\"", 7, &fault));
    assert_null(toml_to_json("a = 1\0", 6, &fault));
    assert_null(toml_to_json("a = 99999999999999999999", 24, &fault));
}

static size_t put(char *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length);
    return length;
}

static char *repeated(const char *head, const char *part, int count, const char *tail)
{
    char *text = calloc(1, strlen(head) + strlen(part) * (size_t)count + strlen(tail) + 1), *at = text;
    at += put(at, head);
    for (int i = 0; i < count; i++)
        at += put(at, part);
    put(at, tail);
    return text;
}

/* What would be a million tables inside each other is refused before it is built. */
static void deep_nesting_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *head, *part, *tail;
    } shapes[] = {{"[", "a.", "a]"},
                  {"[", "\"=\" . ", "a]"},
                  {"", "a.", "a = 1"},
                  {"x = [", "[", "1"},
                  {"x = ", "{a=", "1"},
                  {"x = { ", "'.'\t.", "a = 1 }"},
                  {"s = \"\"\"\n\"\"\"\"\"\n[", "a.", "a]"},
                  {"# \"\n[", "a.", "a]"},
                  {"t = ''\n[", "a.", "a]"},
                  {"s = \"\\\"\"\n[", "a.", "a]"}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct toml_fault fault;
        char *text = repeated(shapes[i].head, shapes[i].part, 100000, shapes[i].tail);
        char *got = toml_to_json(text, strlen(text), &fault);
        if (got != NULL)
            fail_msg("%s is taken", shapes[i].head);
        free(text);
    }
}

static void dots_that_are_no_key_are_no_fault(void **state)
{
    (void)state;
    const char *json =
        "{\"a\":\"................................\",\"b\":\"x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x\\u000a\"}";
    assert_json("a = '................................' # . . . . . . . . . . . . . . . . . . . .\n"
                "b = \"\"\"\nx.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x\n\"\"\"",
                json);
    assert_json("[a.b.c.d.e.f.g.h]", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_keep_the_digits_of_the_text),
        cmocka_unit_test(what_is_not_finite_is_a_number_that_no_price_can_be),
        cmocka_unit_test(other_values_have_their_counterparts),
        cmocka_unit_test(a_byte_order_mark_moves_no_float),
        cmocka_unit_test(floats_are_found_in_a_long_line),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(dots_that_are_no_key_are_no_fault),
        cmocka_unit_test(a_fault_has_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
