#include "net/address.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* As the resolver reads it: every spelling becomes the one binary form. */
static bool is_public(const char *text)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(text, "443", &hints, &found) != 0)
        fail_msg("%s is no address", text);
    bool public = address_is_public(found->ai_addr);
    freeaddrinfo(found);
    return public;
}

static void addresses_of_the_internet_are_public(void **state)
{
    static const char *const addresses[] = {
        "1.1.1.1",         "8.8.8.8",         "9.255.255.255",  "11.0.0.0",       "100.63.255.255",
        "100.128.0.0",     "126.255.255.255", "128.0.0.0",      "172.15.255.255", "172.32.0.0",
        "192.167.255.255", "192.169.0.0",     "198.17.255.255", "198.20.0.0",     "223.255.255.255",
        "2606:4700::1111", "2a00:1450::1",    "2001:200::1",    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        if (!is_public(addresses[i]))
            fail_msg("%s counts as private", addresses[i]);
}

static void all_others_are_not_in_whatever_spelling(void **state)
{
    static const char *const addresses[] = {
        /* IPv4 by its blocks */
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        /* decimal, octal, hexadecimal, short */
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "127.1",
        "017700000001",
        "0",
        "2852039166",
        "10.1",
        /* IPv6 */
        "::",
        "::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "100::1",
        "4000::1",
        "::7f00:1",
        "3fff::1",
        /* IPv4 in IPv6: mapped, NAT64 (well-known and local), 6to4, Teredo */
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2001::1",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        if (is_public(addresses[i]))
            fail_msg("%s counts as public", addresses[i]);
}

static void what_is_no_ip_address_is_not_public(void **state)
{
    char text[ADDRESS_TEXT_SIZE];
    const struct sockaddr local = {.sa_family = AF_UNIX};
    (void)state;
    assert_false(address_is_public(&local));
    address_text(&local, text);
    assert_string_equal(text, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_internet_are_public),
        cmocka_unit_test(all_others_are_not_in_whatever_spelling),
        cmocka_unit_test(what_is_no_ip_address_is_not_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
