#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct block4 {
    uint32_t network;
    int bits;
};

#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* IANA's special-purpose registry, and the one public address that a cloud uses for its metadata (Azure). */
static const struct block4 closed4[] = {
    {V4(0, 0, 0, 0), 8},      {V4(10, 0, 0, 0), 8},     {V4(100, 64, 0, 0), 10}, {V4(127, 0, 0, 0), 8},
    {V4(169, 254, 0, 0), 16}, {V4(172, 16, 0, 0), 12},  {V4(192, 0, 0, 0), 24},  {V4(192, 0, 2, 0), 24},
    {V4(192, 88, 99, 0), 24}, {V4(192, 168, 0, 0), 16}, {V4(198, 18, 0, 0), 15}, {V4(198, 51, 100, 0), 24},
    {V4(203, 0, 113, 0), 24}, {V4(224, 0, 0, 0), 4},    {V4(240, 0, 0, 0), 4},   {V4(168, 63, 129, 16), 32},
};

struct block6 {
    uint8_t network[16];
    int bits;
};

/* Only 2000::/3 is in use for the public Internet; these parts of it are not. */
static const struct block6 closed6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};
static const struct block6 global6 = {{0x20}, 3};
/* The last four bytes are an IPv4 address. */
static const struct block6 mapped = {{[10] = 0xff, [11] = 0xff}, 96}, nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < ARRAY_LEN(closed4); i++)
        if (((address ^ closed4[i].network) >> (32 - closed4[i].bits)) == 0)
            return false;
    return true;
}

static bool in_block6(const uint8_t *address, const struct block6 *block)
{
    int whole = block->bits / 8, rest = block->bits % 8;
    return memcmp(address, block->network, (size_t)whole) == 0
           && (rest == 0 || (address[whole] ^ block->network[whole]) >> (8 - rest) == 0);
}

static bool is_public6(const uint8_t *address)
{
    if (in_block6(address, &mapped) || in_block6(address, &nat64))
        return is_public4(V4(address[12], address[13], address[14], address[15]));
    for (size_t i = 0; i < ARRAY_LEN(closed6); i++)
        if (in_block6(address, &closed6[i]))
            return false;
    return in_block6(address, &global6);
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_public4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return is_public6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    return false;
}

void address_text(const struct sockaddr *address, char text[ADDRESS_TEXT_SIZE])
{
    const void *bytes = NULL;
    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (bytes == NULL || inet_ntop(address->sa_family, bytes, text, ADDRESS_TEXT_SIZE) == NULL)
        snprintf(text, ADDRESS_TEXT_SIZE, "?");
}
