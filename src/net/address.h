/* Which addresses belong to the public Internet: what a server fetches for somebody must not reach its own networks.
 *
 * Judged by the binary address that is really connected to, so that spellings (decimal, octal, short forms) and names
 * that resolve to something else than they did before make no difference.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "base/macros.h"

#include <sys/socket.h>

/* False for loopback, private, link-local, shared (CGNAT), documentation, multicast and reserved addresses, for those
 * of clouds' metadata services, for IPv6 that stands for such an IPv4 (mapped, NAT64), for tunnels whose end cannot be
 * known (6to4, Teredo) and for anything that is neither IPv4 nor IPv6. */
bool address_is_public(const struct sockaddr *address);

#define ADDRESS_TEXT_SIZE 64

/* For people: "127.0.0.1", "::1", "?" for anything else. */
void address_text(const struct sockaddr *address, char text[ADDRESS_TEXT_SIZE]);

#endif
