/* loopback.h - does an address, or the name of a host, mean this machine? Pure.
 *
 * The short and odd spellings of addresses that resolvers take (127.1, 2130706433) do not count.
 */
#ifndef POSTERN_ACCESS_LOOPBACK_H
#define POSTERN_ACCESS_LOOPBACK_H

#include <stdbool.h>

#include "base/span.h"

/* 127.0.0.0/8, also as a mapped IPv6 address ("::ffff:127.0.0.1"), or ::1. */
bool loopback_is_address(struct span address);

/* "localhost", a name below .localhost (RFC 6761, 6.3), or a loopback address, "[…]" where it is
 * IPv6. Without a port. */
bool loopback_is_host(struct span host);

#endif
