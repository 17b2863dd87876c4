/* hostname.h - which host a Host header, an Origin or a Referer names. Pure.
 *
 * What cannot be read with certainty names no host.
 */
#ifndef POSTERN_CORE_HOSTNAME_H
#define POSTERN_CORE_HOSTNAME_H

#include <stdbool.h>

#include "base/span.h"

/* May it name a host: letters, digits, "." "-" "_", or "[…]" around an IPv6 address? No port, no
 * pattern. */
bool hostname_is_valid(struct span name);

/* The host of "host" or "host:port"; empty when it is neither. */
struct span hostname_without_port(struct span authority);

/* "host:port" of "http://host:port/…" or the same with https; empty for any other URL and "null".
 */
struct span hostname_of_url(struct span url);

#endif
